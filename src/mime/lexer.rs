//! The words of structured fields.                  RFC 5322 3.2, 4.1; RFC 2045 5.1 (token)
//!
//! Reads with the indulgence that real mail needs: octets above 127 are letters, white space and comments may stand
//! around a dot, line ends are white space. Where a word ends the reader stands behind the white space that follows it.

/// Whether anything is left behind what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    More,
    Nothing,
}

/// What stood there is not what was asked for, or was not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

pub(super) type Read = Result<Left, Broken>;

pub(super) struct Lexer<'a> {
    rest: &'a [u8],
    /// The last comment: it is the name in `joe@example.com (Joe)`.
    pub(super) comment: Vec<u8>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Lexer<'a> {
        Lexer { rest: text, comment: Vec::new() }
    }

    /// A reader at the same place, to look ahead with.
    pub(super) fn fork(&self) -> Lexer<'a> {
        Lexer::new(self.rest)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads one octet, whatever it is.
    pub(super) fn octet(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    pub(super) fn left(&self) -> Left {
        if self.rest.is_empty() { Left::Nothing } else { Left::More }
    }

    /// Goes behind `octet` if that is what comes next.
    pub(super) fn take(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        if found {
            self.octet();
        }
        found
    }

    /// Reads octets up to the first that does not satisfy `wanted`.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|b| !wanted(*b)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// `CFWS`
    pub(super) fn skip_space(&mut self) -> Read {
        loop {
            self.take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
            match self.peek() {
                Some(b'(') => self.skip_comment()?,
                _ => return Ok(self.left()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), Broken> {
        let mut depth = 0u32;
        self.comment.clear();
        while let Some(octet) = self.octet() {
            match octet {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => {
                    let escaped = self.octet().ok_or(Broken)?;
                    self.comment.push(escaped);
                    continue;
                }
                _ => {}
            }
            match (octet, depth) {
                (_, 0) => return Ok(()),
                (b'(', 1) => {}
                _ => self.comment.push(octet),
            }
        }
        self.comment.clear();
        Err(Broken)
    }

    /// `atom`
    pub(super) fn atom(&mut self, out: &mut Vec<u8>) -> Read {
        let atom = self.take_while(is_atext);
        if atom.is_empty() {
            return Err(Broken);
        }
        out.extend_from_slice(atom);
        self.skip_space()
    }

    /// `dot-atom`, with white space around the dots as RFC 822 had it.
    pub(super) fn dot_atom(&mut self, out: &mut Vec<u8>) -> Read {
        loop {
            if self.atom(out)? == Left::Nothing {
                return Ok(Left::Nothing);
            }
            if !self.take(b'.') {
                return Ok(Left::More);
            }
            out.push(b'.');
            if self.skip_space()? == Left::Nothing {
                return Err(Broken);
            }
        }
    }

    /// `local-part` without quotes, its dots wherever they stand.
    pub(super) fn dotted(&mut self, out: &mut Vec<u8>) -> Read {
        if !self.peek().is_some_and(|b| is_atext(b) || b == b'.') {
            return Err(Broken);
        }
        loop {
            while self.take(b'.') {
                out.push(b'.');
                if self.skip_space()? == Left::Nothing {
                    return Ok(Left::Nothing);
                }
            }
            if !self.peek().is_some_and(is_atext) || self.atom(out)? == Left::Nothing {
                return Ok(self.left());
            }
            if self.peek() != Some(b'.') {
                return Ok(Left::More);
            }
        }
    }

    /// `token` of MIME, dots included; may be empty.
    pub(super) fn token(&mut self, out: &mut Vec<u8>) -> Read {
        out.extend_from_slice(self.take_while(|b| is_atext(b) && !matches!(b, b'/' | b'?' | b'=') || b == b'.'));
        self.skip_space()
    }

    /// `quoted-string`; the reader stands before its first quote.
    pub(super) fn quoted(&mut self, out: &mut Vec<u8>) -> Read {
        self.octet();
        while let Some(octet) = self.octet() {
            match octet {
                b'"' => return self.skip_space(),
                b'\\' => match self.octet() {
                    Some(escaped) if !matches!(escaped, b'\r' | b'\n') => out.push(escaped),
                    Some(_) => {}
                    None => return Err(Broken),
                },
                b'\r' | b'\n' => {}
                octet => out.push(octet),
            }
        }
        Err(Broken)
    }

    /// `phrase`, its words with one space between; may be empty.
    pub(super) fn phrase(&mut self, out: &mut Vec<u8>) -> Read {
        match self.peek() {
            None => return Ok(Left::Nothing),
            Some(b'.') => return Err(Broken),
            Some(_) => {}
        }
        loop {
            let left = match self.peek() {
                Some(b'"') => self.quoted(out)?,
                _ => {
                    out.extend_from_slice(self.take_while(|b| is_atext(b) || b == b'.'));
                    self.skip_space()?
                }
            };
            match self.peek() {
                Some(b) if left == Left::More && (is_atext(b) || matches!(b, b'"' | b'.')) => out.push(b' '),
                _ => return Ok(left),
            }
        }
    }

    /// `"@" domain`; the reader stands before the sign.
    pub(super) fn domain(&mut self, out: &mut Vec<u8>) -> Read {
        self.octet();
        if self.skip_space()? == Left::Nothing {
            return Err(Broken);
        }
        match self.peek() {
            Some(b'[') => self.domain_literal(out),
            _ => self.dot_atom(out),
        }
    }

    fn domain_literal(&mut self, out: &mut Vec<u8>) -> Read {
        let start = self.rest;
        while let Some(octet) = self.octet() {
            match octet {
                b'\\' => drop(self.octet()),
                b']' => {
                    let literal = &start[..start.len() - self.rest.len()];
                    out.extend(literal.iter().filter(|b| !matches!(b, b'\r' | b'\n')));
                    return self.skip_space();
                }
                _ => {}
            }
        }
        Err(Broken)
    }
}

fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(text: &'a str, how: impl FnOnce(&mut Lexer<'a>, &mut Vec<u8>) -> Read) -> (Read, String, String) {
        let (mut lexer, mut out) = (Lexer::new(text.as_bytes()), Vec::new());
        let read = how(&mut lexer, &mut out);
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (read, text(&out), text(lexer.rest))
    }

    #[test]
    fn words() {
        let more = |out: &str, rest: &str| (Ok(Left::More), out.to_string(), rest.to_string());
        let done = |out: &str| (Ok(Left::Nothing), out.to_string(), String::new());
        assert_eq!(read("a (c) . b @", Lexer::dot_atom), more("a.b", "@"));
        assert_eq!(read("a.b", Lexer::dot_atom), done("a.b"));
        assert_eq!(read("a.", Lexer::dot_atom).0, Err(Broken));
        assert_eq!(read("a b \"c\\\"\"d. <", Lexer::phrase), more("a b c\" d.", "<"));
        assert_eq!(read("..a . b.@", Lexer::dotted), more("..a.b.", "@"));
        assert_eq!(read("@", Lexer::dotted).0, Err(Broken));
        assert_eq!(read("\"a\r\n b\"", Lexer::quoted), done("a b"));
        assert_eq!(read("\"a", Lexer::quoted).0, Err(Broken));
        assert_eq!(read("a/b", Lexer::token), more("a", "/b"));
        assert_eq!(read("@[1. 2] x", Lexer::domain), more("[1. 2]", "x"));
        assert_eq!(read("a (b", Lexer::atom).0, Err(Broken));
    }

    #[test]
    fn comments() {
        let mut lexer = Lexer::new(b" (a (b\\) c) d)\r\n e");
        assert_eq!(lexer.skip_space(), Ok(Left::More));
        assert_eq!(lexer.comment, b"a (b) c) d");
        assert_eq!(lexer.rest, b"e");
    }
}
