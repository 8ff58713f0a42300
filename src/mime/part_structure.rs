//! The structure of one part, out of that of the message.         RFC 5524 3.2; RFC 9051 7.5.2
//!
//! Reads BODYSTRUCTURE as `structure` has written it.

use memchr::memchr2_iter;

use super::parser::DEPTH_MAX;
use crate::types::PartPath;

const GLOBAL: &[u8] = b"\"global\"";

/// How a part is once its transfer encoding is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone {
    pub octets: u64,
    /// LFs.
    pub lines: u64,
}

/// `body` of the part that the path names, the whole message's for an empty one.
pub fn part_structure<'a>(structure: &'a [u8], path: &PartPath) -> Option<&'a [u8]> {
    let (mut at, mut is_root) = (structure, true);
    for &n in &path.0 {
        if !is_root && let Some(within) = message_within(&elements(at)) {
            (at, is_root) = (within, true);
        }
        let parts = elements(at);
        let children = parts.iter().take_while(|part| part.first() == Some(&b'(')).count() as u64;
        let n = u64::from(n.checked_sub(1)?);
        at = match children {
            0 if is_root && n == 0 => at,
            0 => return None,
            children if n < children => parts[n as usize],
            _ => return None,
        };
        is_root = false;
    }
    Some(at)
}

/// The structure of a part that is given without its transfer encoding.
pub fn undone_structure(structure: &[u8], undone: Undone) -> Vec<u8> {
    let parts = elements(structure);
    // A multipart, or what is none at all, has no encoding.
    if parts.len() < 7 || parts[0].first() == Some(&b'(') {
        return structure.to_vec();
    }
    let is_text = parts[0].eq_ignore_ascii_case(b"\"text\"");
    let mut out = vec![b'('];
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        match i {
            5 => out.extend_from_slice(b"\"BINARY\""),
            6 => out.extend_from_slice(undone.octets.to_string().as_bytes()),
            7 if is_text => out.extend_from_slice(undone.lines.to_string().as_bytes()),
            _ => out.extend_from_slice(part),
        }
    }
    out.push(b')');
    out
}

/// BODY or BODYSTRUCTURE as RFC 3501 9 has it, where only message/rfc822 has an envelope, a body and lines: message/global is
/// `body-type-basic`. `None` where it is so already.
pub fn without_global(structure: &[u8]) -> Option<Vec<u8>> {
    let is_global = |at: usize| {
        let name = at.checked_sub(1).and_then(|start| structure.get(start..start + GLOBAL.len()));
        name.is_some_and(|name| name.eq_ignore_ascii_case(GLOBAL))
    };
    memchr2_iter(b'g', b'G', structure).any(is_global).then(|| {
        let mut out = Vec::with_capacity(structure.len());
        write_basic(structure, DEPTH_MAX, &mut out);
        out
    })
}

fn write_basic(structure: &[u8], depth: usize, out: &mut Vec<u8>) {
    let parts = elements(structure);
    let is_message = depth > 0 && message_within(&parts).is_some();
    let is_global = is_message && parts[1].eq_ignore_ascii_case(GLOBAL);
    let is_multipart = depth > 0 && parts.first().is_some_and(|part| part.first() == Some(&b'('));
    out.push(b'(');
    let (mut parts_left, mut separator) = (is_multipart, "");
    for (i, part) in parts.iter().enumerate() {
        parts_left &= part.first() == Some(&b'(');
        // The envelope, the body and its lines.
        if is_global && (7..10).contains(&i) {
            continue;
        }
        out.extend_from_slice(separator.as_bytes());
        match parts_left || is_message && i == 8 {
            true => write_basic(part, depth - 1, out),
            false => out.extend_from_slice(part),
        }
        separator =
            if parts_left && parts.get(i + 1).is_some_and(|next| next.first() == Some(&b'(')) { "" } else { " " };
    }
    out.push(b')');
}

/// The body of the message that a message/rfc822 part has.
fn message_within<'a>(parts: &[&'a [u8]]) -> Option<&'a [u8]> {
    let is_list = |at: usize| parts.get(at).is_some_and(|part| part.first() == Some(&b'('));
    let is_message = parts.first()?.eq_ignore_ascii_case(b"\"message\"") && is_list(7) && is_list(8);
    is_message.then(|| parts[8])
}

/// What stands in a list, one level deep.
fn elements(list: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let mut rest = list.strip_prefix(b"(").unwrap_or_default();
    loop {
        rest = rest.trim_ascii_start();
        let length = element(rest);
        if length == 0 {
            return out;
        }
        let (head, tail) = rest.split_at(length);
        out.push(head);
        rest = tail;
    }
}

/// Octets of the element at the front; 0 at the end of the list.
fn element(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0usize);
    while let Some(&octet) = text.get(at) {
        match octet {
            b'(' => depth += 1,
            b')' if depth == 0 => return at,
            b')' => depth -= 1,
            b' ' if depth == 0 => return at,
            b'"' => at += string_end(&text[at..]),
            b'{' => at += literal_end(&text[at..]),
            _ => {}
        }
        at += 1;
        let ended = depth == 0 && matches!(octet, b')' | b'"' | b'{');
        if ended {
            return at.min(text.len());
        }
    }
    at
}

/// Where the last octet of a quoted string is.
fn string_end(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&octet) = text.get(at) {
        match octet {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len().saturating_sub(1)
}

/// Where the last octet of a literal is.
fn literal_end(text: &[u8]) -> usize {
    let digits: &[u8] = &text[1..text.iter().position(|b| *b == b'}').unwrap_or(text.len())];
    let length: usize = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    (digits.len() + 3 + length).min(text.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let plain =
            r#"("text" "plain" ("charset" "a)\"b") NIL {3}"#.to_string() + "\r\n)(  \"base64\" 8 1 NIL NIL NIL NIL)";
        let image = r#"("image" "png" NIL NIL NIL "base64" 164 NIL NIL NIL NIL)"#;
        let mixed = format!(r#"({plain}{image} "mixed" NIL NIL NIL NIL)"#);
        let message = format!(r#"("message" "rfc822" NIL NIL NIL "7bit" 9 (NIL "x") {mixed} 4 NIL NIL NIL NIL)"#);
        let whole = format!(r#"({message}{image} "mixed" NIL NIL NIL NIL)"#);
        let part = |path: &[u32]| part_structure(whole.as_bytes(), &PartPath(path.to_vec()));
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        assert_eq!(part(&[]).map(text), Some(whole.clone()));
        assert_eq!(part(&[1]).map(text), Some(message.clone()));
        assert_eq!(part(&[2]).map(text), Some(image.to_string()));
        assert_eq!(part(&[1, 1]).map(text), Some(plain.clone()));
        assert_eq!(part(&[1, 2]).map(text), Some(image.to_string()));
        assert_eq!((part(&[3]), part(&[2, 1]), part(&[1, 3]), part(&[0])), (None, None, None, None));
        let alone = part_structure(plain.as_bytes(), &PartPath(vec![1])).map(text);
        assert_eq!(alone, Some(plain.clone()));
        let undone = undone_structure(plain.as_bytes(), Undone { octets: 5, lines: 0 });
        assert_eq!(text(&undone), plain.replace("\"base64\" 8 1", "\"BINARY\" 5 0"));
    }

    #[test]
    fn global_is_basic() {
        let envelope = "(NIL \"global\" NIL NIL NIL NIL NIL NIL NIL NIL)";
        let text = "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 6 1 NIL NIL NIL NIL)";
        let of = |kind: &str, within: &str| {
            format!("(\"message\" \"{kind}\" NIL NIL NIL \"7bit\" 31 {envelope} {within} 4 NIL NIL NIL NIL)")
        };
        let basic = "(\"message\" \"Global\" NIL NIL NIL \"7bit\" 31 NIL NIL NIL NIL)";
        let mixed = |a: &str, b: &str| format!("({a}{b} \"mixed\" (\"boundary\" \"(\") NIL NIL NIL)");
        let cases = [
            (of("Global", text), basic.to_string()),
            (mixed(text, &of("Global", text)), mixed(text, basic)),
            (mixed(&of("Global", &mixed(text, text)), text), mixed(basic, text)),
            (
                of("rfc822", &mixed(&of("rfc822", text), &of("Global", text))),
                of("rfc822", &mixed(&of("rfc822", text), basic)),
            ),
            (of("rfc822", text), of("rfc822", text)),
        ];
        for (structure, want) in cases {
            assert_eq!(without_global(structure.as_bytes()).map(|s| String::from_utf8(s).unwrap()), Some(want));
        }
        assert_eq!(without_global(text.as_bytes()), None);
    }

    #[test]
    fn damaged() {
        for text in ["", "(", "((((", "(\"a", "({99}\r\nx", "({", "(a b", ")", "(\"\\"] {
            let _ = part_structure(text.as_bytes(), &PartPath(vec![1, 2]));
            let _ = undone_structure(text.as_bytes(), Undone { octets: 0, lines: 0 });
            let _ = without_global(&[text.as_bytes(), b"\"global\""].concat());
            let _ = without_global(&[b"(\"message\" \"global\" ", text.as_bytes()].concat());
        }
    }
}
