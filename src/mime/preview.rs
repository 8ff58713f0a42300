//! PREVIEW: what a message says first.              RFC 8970 3.3
//!
//! At most 200 characters of the plain text, or of the HTML where there is none, without what is quoted from other
//! messages; the quoted text where there is nothing else. Encrypted mail and mail without text have an empty preview.

use super::excerpt::Excerpt;
use super::html::{self, Quoted};
use super::part::{Message, Part};
use super::text::TextDecoder;

/// Characters of a preview. RFC 8970 3.3
const CHARACTERS_MAX: usize = 200;
/// Characters that a word at the end may lose, so that it is not cut.
const WORD_CHARACTERS_MAX: usize = 30;

const PGP_ENCRYPTED: &str = "-----BEGIN PGP MESSAGE-----";
const PGP_SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";

pub(super) fn preview(message: &Message) -> String {
    let decoded = |excerpt: &Option<Excerpt>| excerpt.as_ref().and_then(|excerpt| decode(message, excerpt));
    let plain = decoded(&message.excerpts.plain).map(|text| plain_preview(&text)).unwrap_or_default();
    if !plain.is_empty() {
        return plain;
    }
    decoded(&message.excerpts.html).map(|text| html_preview(&text)).unwrap_or_default()
}

fn decode(message: &Message, excerpt: &Excerpt) -> Option<String> {
    let part: &Part = message.parts.get(excerpt.part)?;
    let charset = part.charset().map(String::from_utf8_lossy);
    let (mut decoder, mut text) = (TextDecoder::new(part.transfer, charset.as_deref()), String::new());
    decoder.feed(&excerpt.octets, &mut text);
    decoder.finish(&mut text);
    Some(text)
}

fn plain_preview(text: &str) -> String {
    let text = text.trim_start();
    if text.starts_with(PGP_ENCRYPTED) {
        return String::new();
    }
    // What is signed begins behind the armour's headers. RFC 9580 7
    let signed = text.strip_prefix(PGP_SIGNED);
    let armoured = |line: &&str| signed.is_some() && !line.trim().is_empty();
    let lines = || signed.unwrap_or(text).lines().skip(usize::from(signed.is_some())).skip_while(armoured);
    let mut own = Words::new();
    let written = lines().take_while(|line| !is_signature(line) && !line.starts_with("-----BEGIN PGP SIGNATURE"));
    own.lines(written.filter(|line| !line.starts_with('>') && !is_rule(line)));
    if own.text.is_empty() {
        own.lines(lines().map(|line| line.trim_start_matches(['>', ' '])));
    }
    own.finish()
}

/// RFC 3676 4.3
fn is_signature(line: &str) -> bool {
    line.trim_end_matches('\r') == "-- "
}

/// A line drawn across the page.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    let drawn = |c: char| c.is_ascii_punctuation() || matches!(c, '\u{2500}'..='\u{257f}' | '—' | '–' | ' ');
    line.len() >= 3 && line.chars().all(drawn) && line.as_bytes()[1..].iter().all(|b| *b == line.as_bytes()[0])
}

fn html_preview(text: &str) -> String {
    let read = |quoted: Quoted| {
        let mut words = Words::new();
        html::text(text, quoted, &mut |piece| {
            words.add(piece);
            !words.is_full()
        });
        words.finish()
    };
    let own = read(Quoted::Skipped);
    if own.is_empty() { read(Quoted::Read) } else { own }
}

/// Text with a single space for any white space, and nothing that cannot be seen.
#[derive(Default)]
struct Words {
    text: String,
    characters: usize,
    /// White space has come since the last character.
    gap: bool,
    /// There was more than the preview can hold.
    more: bool,
}

impl Words {
    fn new() -> Words {
        Words { text: String::with_capacity(CHARACTERS_MAX), ..Words::default() }
    }

    fn is_full(&self) -> bool {
        self.more
    }

    /// As many of the lines as there is room for.
    fn lines<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            self.add(line);
            if self.more {
                return;
            }
            self.gap = true;
        }
    }

    fn add(&mut self, piece: &str) {
        for c in piece.chars() {
            match c {
                '!'..='~' => self.character(c),
                c if c.is_whitespace() || is_blank(c) => self.gap = true,
                c if is_invisible(c) => {}
                c => self.character(c),
            }
            if self.more {
                return;
            }
        }
    }

    fn character(&mut self, c: char) {
        let gap = std::mem::take(&mut self.gap) && !self.text.is_empty();
        if self.characters + usize::from(gap) + 1 > CHARACTERS_MAX {
            // A character behind white space leaves the last word whole.
            (self.gap, self.more) = (gap, true);
            return;
        }
        if gap {
            self.text.push(' ');
        }
        self.text.push(c);
        self.characters += usize::from(gap) + 1;
    }

    fn finish(mut self) -> String {
        if self.more && !self.gap {
            let tail: usize = self.text.chars().rev().take_while(|c| *c != ' ').count();
            if tail < WORD_CHARACTERS_MAX
                && let Some(at) = self.text.rfind(' ')
            {
                self.text.truncate(at);
            }
        }
        self.text
    }
}

/// Characters without a picture that are no white space: fillers of newsletters, and Hangul's.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{3164}' | '\u{115f}' | '\u{1160}')
}

/// Controls, and what only tells others how to look; marks of direction could turn what stands around a preview.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::super::Parser;
    use super::*;

    fn of(message: &str) -> String {
        let message = message.replace('\n', "\r\n");
        let read = |size: usize| {
            let mut parser = Parser::new();
            message.as_bytes().chunks(size).for_each(|piece| parser.feed(piece));
            preview(&parser.finish())
        };
        assert_eq!(read(1), read(100_000));
        read(7)
    }

    #[test]
    fn plain_text() {
        let cases = [
            ("Subject: x\n\nHello,\n\n\tworld \u{a0} !\n", "Hello, world !"),
            ("Subject: x\n\n", ""),
            ("Subject: x\n\n> quoted\nmine\n-- \nJoe\n", "mine"),
            ("Subject: x\n\n> only\n> quoted\n", "only quoted"),
            ("Subject: x\n\n=====\n-----\nText\n", "Text"),
            ("Subject: x\n\na\u{202e}b\u{200b}c\u{7}d\u{2800}e\n", "abcd e"),
            ("Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ18XU\n", "Привет"),
            (
                "Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n\ncaf=C3=A9=\n s\n",
                "café s",
            ),
            ("Subject: x\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n", ""),
            (
                "Subject: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHi\n-----BEGIN PGP SIGNATURE-----\nxx\n",
                "Hi",
            ),
            ("Content-Type: application/pkcs7-mime\n\nMIIB\n", ""),
            ("Content-Type: image/png\n\nxxx\n", ""),
        ];
        for (message, want) in cases {
            assert_eq!(of(message), want, "{message}");
        }
    }

    #[test]
    fn parts() {
        let part = |header: &str, body: &str| format!("--B\n{header}\n\n{body}\n");
        let of = |kind: &str, parts: &[String]| {
            of(&format!("Content-Type: multipart/{kind}; boundary=B\n\npreamble\n{}--B--\n", parts.concat()))
        };
        let html = part("Content-Type: text/html", "<p>from html</p>");
        let plain = part("Content-Type: text/plain", "from plain");
        assert_eq!(of("alternative", &[html.clone(), plain.clone()]), "from plain");
        assert_eq!(of("mixed", std::slice::from_ref(&html)), "from html");
        assert_eq!(of("alternative", &[part("Content-Type: text/plain", " "), html.clone()]), "from html");
        assert_eq!(of("mixed", &[part("Content-Type: text/plain", ""), plain.clone()]), "from plain");
        let attached = part("Content-Type: text/plain\nContent-Disposition: attachment; filename=x", "attached");
        assert_eq!(of("mixed", &[attached.clone(), html]), "from html");
        assert_eq!(of("mixed", &[attached]), "");
        assert_eq!(of("encrypted", &[plain]), "");
        assert_eq!(of("mixed", &[part("Content-Type: message/rfc822", "Subject: y\n\nwithin")]), "");
    }

    #[test]
    fn length() {
        let words = "word ".repeat(100);
        assert_eq!(of(&format!("A: b\n\n{words}")), "word ".repeat(40).trim_end());
        let long = of(&format!("A: b\n\n{}", "ä".repeat(5000)));
        assert_eq!(long.chars().count(), 200);
        let cut = of(&format!("A: b\n\n{}", "abcdefg ".repeat(1000)));
        assert_eq!(cut.len(), "abcdefg ".len() * 25 - 1);
        let cut = of(&format!("A: b\n\nxy{}", "abcdefg ".repeat(1000)));
        assert!(cut.ends_with(" abcdefg") && cut.len() < 200, "{cut}");
    }
}
