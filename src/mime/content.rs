//! Content-Type, Content-Disposition and their parameters.        RFC 2045 5.1; RFC 2183
//!
//! Read with indulgence: comments are skipped, a value without quotes goes to the next `;`, what has no `=` is passed
//! over.

/// `type/subtype; name=value`, or `disposition; name=value`: the first word and its parameters, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) word: Vec<u8>,
    pub(super) params: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Parameters of one field: more are noise.
const PARAMS_MAX: usize = 100;

pub(super) fn parse(body: &[u8]) -> Value {
    let body = uncommented(body);
    let mut rest = &body[..];
    let word = take_until(&mut rest, b";").trim_ascii().to_vec();
    let mut params = Vec::new();
    while !rest.is_empty() && params.len() < PARAMS_MAX {
        rest = rest.strip_prefix(b";").unwrap_or(rest).trim_ascii_start();
        let name = take_until(&mut rest, b"=;").trim_ascii().to_vec();
        if !rest.starts_with(b"=") {
            continue;
        }
        rest = rest[1..].trim_ascii_start();
        let value = if rest.starts_with(b"\"") { quoted(&mut rest) } else { unquoted(&mut rest) };
        take_until(&mut rest, b";");
        if !name.is_empty() {
            params.push((name, value));
        }
    }
    Value { word, params }
}

impl Value {
    pub(super) fn param(&self, name: &str) -> Option<&[u8]> {
        let found = self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }
}

fn take_until<'a>(rest: &mut &'a [u8], ends: &[u8]) -> &'a [u8] {
    let end = rest.iter().position(|b| ends.contains(b)).unwrap_or(rest.len());
    let (head, tail) = rest.split_at(end);
    *rest = tail;
    head
}

fn unquoted(rest: &mut &[u8]) -> Vec<u8> {
    take_until(rest, b"; \t").to_vec()
}

fn quoted(rest: &mut &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut octets = rest[1..].iter().enumerate();
    let mut end = rest.len();
    while let Some((at, &octet)) = octets.next() {
        match octet {
            b'"' => {
                end = at + 2;
                break;
            }
            b'\\' => value.extend(octets.next().map(|(_, &escaped)| escaped)),
            octet => value.push(octet),
        }
    }
    *rest = &rest[end.min(rest.len())..];
    value
}

/// Without line ends and comments.
fn uncommented(body: &[u8]) -> Vec<u8> {
    let (mut out, mut depth, mut in_quotes, mut escaped) = (Vec::new(), 0u32, false, false);
    for &b in body.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)) {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if depth == 0 => in_quotes = !in_quotes,
            b'(' if !in_quotes => depth += 1,
            _ => {}
        }
        if depth == 0 {
            out.push(b);
        }
        if b == b')' && !in_quotes && !escaped {
            depth = depth.saturating_sub(1);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(body: &str) -> String {
        let value = parse(body.as_bytes());
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let params: Vec<_> = value.params.iter().map(|(n, v)| format!("{}={}", text(n), text(v))).collect();
        format!("{} {}", text(&value.word), params.join("|"))
    }

    #[test]
    fn values() {
        assert_eq!(show(" text/plain; charset=\"a\\\"b;c\" ; x = y (z)"), "text/plain charset=a\"b;c|x=y");
        assert_eq!(show("multipart/mixed;boundary=a b"), "multipart/mixed boundary=a");
        assert_eq!(show("text/plain;; =x; y; z=\"open"), "text/plain z=open");
        assert_eq!(show(""), " ");
        assert_eq!(show("(comment) text/html (x"), "text/html ");
    }
}
