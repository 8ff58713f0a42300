//! The text of HTML, as a person would read its beginning.
//!
//! Nothing is built: tags are passed over, characters decoded, and the reader may stop at any piece. Takes time in
//! proportion to the text, whatever is in it.

use memchr::memmem::Finder;
use memchr::{memchr, memchr2};

/// What stands in BLOCKQUOTE: in mail, what is quoted from other messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoted {
    Skipped,
    Read,
}

/// Elements whose content is no text, up to their end tags.
const OPAQUE: [&str; 8] = ["style", "script", "title", "textarea", "noembed", "xmp", "iframe", "template"];

/// Elements that do not divide what stands around them.
const INLINE: [&str; 26] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark",
    "q", "s", "small", "span", "strong", "sub", "sup", "tt", "u", "wbr",
];

/// Gives the text to `take`, piece by piece, until that says `false`.
pub(super) fn text(html: &str, quoted: Quoted, take: &mut dyn FnMut(&str) -> bool) {
    let (mut rest, mut quotes) = (html, 0usize);
    while !rest.is_empty() {
        let end = memchr2(b'<', b'&', rest.as_bytes()).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let shown = quoted == Quoted::Read || quotes == 0;
        if shown && !piece.is_empty() && !take(piece) {
            return;
        }
        rest = match after.as_bytes() {
            [] => return,
            [b'&', ..] => {
                let (c, rest) = reference(after);
                if shown && !take(c.encode_utf8(&mut [0; 4])) {
                    return;
                }
                rest
            }
            [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'/', ..] => {
                let Some((name, closes, behind)) = tag(after) else { return };
                if name == "blockquote" {
                    quotes = if closes { quotes.saturating_sub(1) } else { quotes + 1 };
                }
                if !INLINE.contains(&name.as_str()) && !take(" ") {
                    return;
                }
                match !closes && OPAQUE.contains(&name.as_str()) {
                    true => behind_end_tag(behind, &name),
                    false => behind,
                }
            }
            [b'<', b'!', b'-', b'-', ..] => behind(&after[4..], "-->"),
            [b'<', b'!' | b'?', ..] => behind(after, ">"),
            _ => {
                if shown && !take("<") {
                    return;
                }
                &after[1..]
            }
        };
    }
}

/// What follows the first `mark`; nothing where there is none.
fn behind<'a>(text: &'a str, mark: &str) -> &'a str {
    text.find(mark).map_or("", |at| &text[at + mark.len()..])
}

/// Behind `</name`, in any case; nothing where the element does not end.
fn behind_end_tag<'a>(text: &'a str, name: &str) -> &'a str {
    let finder = Finder::new(b"</");
    let mut rest = text;
    while let Some(at) = finder.find(rest.as_bytes()) {
        rest = &rest[at + 2..];
        if rest.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name)) {
            return behind(rest, ">");
        }
    }
    ""
}

/// A tag's name in small letters, whether it closes, and what is behind it; `None` where it does not end.
fn tag(text: &str) -> Option<(String, bool, &str)> {
    let inner = &text[1..];
    let closes = inner.starts_with('/');
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    let end = inner.bytes().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(inner.len());
    // No name of an element is longer than ten letters.
    let name = inner[..end.min(20)].to_ascii_lowercase();
    let octets = inner.as_bytes();
    let mut at = end;
    while let Some(&octet) = octets.get(at) {
        match octet {
            b'>' => return Some((name, closes, &inner[at + 1..])),
            // An attribute's value may have any character.
            b'"' | b'\'' if at > 0 && matches!(octets[at - 1], b'=' | b' ' | b'\t' | b'\r' | b'\n') => {
                at += 1 + memchr(octet, &octets[at + 1..])?;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The character that `&...;` stands for, and what is behind it; `&` where it stands for itself.
fn reference(text: &str) -> (char, &str) {
    let literally = ('&', &text[1..]);
    let length = text.bytes().skip(1).take(32).take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
    let (name, rest) = (&text[1..=length], &text[1 + length..]);
    let c = match name.strip_prefix('#') {
        Some(number) => numbered(number),
        None => named(name),
    };
    c.map_or(literally, |c| (c, rest.strip_prefix(';').unwrap_or(rest)))
}

fn numbered(number: &str) -> Option<char> {
    let n = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    match n {
        // What is meant is windows-1252.
        0x80..=0x9f => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[n as u8]).0.chars().next(),
        _ => char::from_u32(n).filter(|c| *c != '\0'),
    }
}

fn named(name: &str) -> Option<char> {
    if let Some((_, c)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(*c);
    }
    let latin = LATIN.split(' ').position(|known| known == name)?;
    char::from_u32(0xa0 + latin as u32)
}

const NAMED: [(&str, char); 32] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("bull", '•'),
    ("hellip", '…'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("euro", '€'),
    ("trade", '™'),
    ("rarr", '→'),
    ("larr", '←'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
];

/// U+00A0 to U+00FF, in order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 \
    acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig \
    Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash \
    Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc \
    euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml \
    yacute thorn yuml";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str, quoted: Quoted) -> String {
        let mut out = String::new();
        text(html, quoted, &mut |piece| {
            out.push_str(piece);
            true
        });
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_read() {
        let cases = [
            ("<p>Hello, <b>wor</b>ld</p>", "Hello, world"),
            ("<html><head><title>No</title><STYLE>p > a {}</Style ></head><body>Yes", "Yes"),
            ("a<br>b<td>c</td>d<!-- no > -- <b> -->e<!DOCTYPE x>f<?xml no?>g", "a b c defg"),
            ("<a href=\"x>y\" title='<b>'>link</a>", "link"),
            (
                "&lt;&amp;&gt; &eacute;&szlig;&yuml; &#228;&#xE4;&#x1F600; &#150; &nope; & &#0; &ampx",
                "<&> éßÿ ää😀 – &nope; & &#0; &ampx",
            ),
            ("1 < 2 <3", "1 < 2 <3"),
            ("mine<blockquote>old<blockquote>older</blockquote></blockquote>again", "mine again"),
            ("<script>if (a</b) x()</script>y", "y"),
            ("it's <b title=it's>x</b>", "it's x"),
            ("<", "<"),
            ("x<a", "x"),
            ("x<!--", "x"),
            ("x<style>y", "x"),
        ];
        for (html, want) in cases {
            assert_eq!(read(html, Quoted::Skipped), want, "{html}");
        }
        assert_eq!(read("<blockquote>old</blockquote>", Quoted::Read), "old");
    }

    #[test]
    fn hostile_length() {
        for bomb in
            ["<a", "<a \"", "<!--", "<style></", "&#", "&amp", "<blockquote>", "</", "<a '>", "</\"", "<x><style>"]
        {
            let _ = read(&bomb.repeat(200_000), Quoted::Skipped);
        }
    }
}
