//! Address lists.                                   RFC 5322 3.4; RFC 9051 7.5.2 (envelope)
//!
//! Read with indulgence, as Dovecot does it: an address without a domain gets `MISSING_DOMAIN`, one without a mailbox
//! `MISSING_MAILBOX`, since NIL in their places would mean a group.

/// One member of ENVELOPE's address lists: an address, or the beginning or end of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) name: Option<Vec<u8>>,
    pub(super) route: Option<Vec<u8>>,
    pub(super) mailbox: Option<Vec<u8>>,
    pub(super) host: Option<Vec<u8>>,
}

/// Addresses of one field: more are noise.
const ADDRESSES_MAX: usize = 2000;

pub(super) fn parse(body: &[u8]) -> Vec<Address> {
    let mut reader = Reader { rest: body, comment: None };
    let (mut out, mut in_group) = (Vec::new(), false);
    while out.len() < ADDRESSES_MAX {
        reader.comment = None;
        let (words, spaced) = reader.phrase();
        match reader.next() {
            Some(b'<') => out.push(reader.angle(spaced)),
            Some(b'@') => out.push(reader.bare(words)),
            Some(b':') if !in_group => {
                out.push(Address { mailbox: Some(spaced), ..Address::default() });
                in_group = true;
            }
            end => {
                if !spaced.is_empty() {
                    out.push(reader.lone(spaced));
                }
                if end == Some(b';') && in_group {
                    out.push(Address::default());
                    in_group = false;
                }
                if end.is_none() {
                    break;
                }
            }
        }
    }
    if in_group {
        out.push(Address::default());
    }
    out
}

struct Reader<'a> {
    rest: &'a [u8],
    /// The last comment, which is the name of an address that has none: `joe@x (Joe)`.
    comment: Option<Vec<u8>>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Words up to a special, run together and with single spaces between.
    fn phrase(&mut self) -> (Vec<u8>, Vec<u8>) {
        let (mut run, mut spaced, mut space) = (Vec::new(), Vec::new(), false);
        while let Some(&octet) = self.rest.first() {
            match octet {
                b'<' | b'@' | b':' | b';' | b',' | b'>' => break,
                b'(' => self.take_comment(),
                b'"' => {
                    let text = self.quoted();
                    join(&mut spaced, &mut space);
                    spaced.extend_from_slice(&text);
                    run.extend(text);
                }
                b' ' | b'\t' | b'\r' | b'\n' | 0 => {
                    self.rest = &self.rest[1..];
                    space = true;
                }
                octet => {
                    self.rest = &self.rest[1..];
                    join(&mut spaced, &mut space);
                    spaced.push(octet);
                    run.push(octet);
                }
            }
        }
        (run, spaced)
    }

    fn quoted(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        self.next();
        while let Some(octet) = self.next() {
            match octet {
                b'"' => break,
                b'\\' => text.extend(self.next()),
                b'\r' | b'\n' | 0 => {}
                octet => text.push(octet),
            }
        }
        text
    }

    fn take_comment(&mut self) {
        let (mut text, mut depth) = (Vec::new(), 0u32);
        while let Some(octet) = self.next() {
            match octet {
                b'(' => {
                    depth += 1;
                    if depth == 1 {
                        continue;
                    }
                }
                b')' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    text.extend(self.next());
                    continue;
                }
                b'\r' | b'\n' | 0 => continue,
                _ => {}
            }
            text.push(octet);
        }
        self.comment = Some(text.trim_ascii().to_vec());
    }

    /// `<route:mailbox@host>`, the `<` read.
    fn angle(&mut self, name: Vec<u8>) -> Address {
        let mut route = None;
        let (mut mailbox, _) = self.phrase();
        // An obsolete route: `@a,@b:`.
        if mailbox.is_empty() && self.rest.first() == Some(&b'@') {
            let end = self.rest.iter().position(|b| matches!(b, b':' | b'>')).unwrap_or(self.rest.len());
            if self.rest.get(end) == Some(&b':') {
                route = Some(self.rest[..end].iter().copied().filter(|b| !b.is_ascii_whitespace()).collect());
                self.rest = &self.rest[end + 1..];
                mailbox = self.phrase().0;
            }
        }
        let mut host = Vec::new();
        if self.rest.first() == Some(&b'@') {
            self.next();
            host = self.phrase().0;
        }
        while self.next().is_some_and(|octet| octet != b'>') {}
        Address {
            name: Some(name).filter(|name| !name.is_empty()),
            route,
            mailbox: Some(or_missing(mailbox, "MISSING_MAILBOX")),
            host: Some(or_missing(host, "MISSING_DOMAIN")),
        }
    }

    /// `mailbox@host (Name)`, the `@` read.
    fn bare(&mut self, mailbox: Vec<u8>) -> Address {
        let (host, _) = self.phrase();
        Address {
            name: self.comment.take().filter(|name| !name.is_empty()),
            route: None,
            mailbox: Some(or_missing(mailbox, "MISSING_MAILBOX")),
            host: Some(or_missing(host, "MISSING_DOMAIN")),
        }
    }

    fn lone(&mut self, mailbox: Vec<u8>) -> Address {
        let name = self.comment.take().filter(|name| !name.is_empty());
        Address { name, route: None, mailbox: Some(mailbox), host: Some(b"MISSING_DOMAIN".to_vec()) }
    }
}

fn join(spaced: &mut Vec<u8>, space: &mut bool) {
    if std::mem::take(space) && !spaced.is_empty() {
        spaced.push(b' ');
    }
}

fn or_missing(text: Vec<u8>, missing: &str) -> Vec<u8> {
    if text.is_empty() { missing.as_bytes().to_vec() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(body: &str) -> String {
        let text =
            |part: &Option<Vec<u8>>| part.as_ref().map_or("-".into(), |p| String::from_utf8_lossy(p).into_owned());
        let one =
            |a: &Address| format!("{},{},{},{}", text(&a.name), text(&a.route), text(&a.mailbox), text(&a.host));
        parse(body.as_bytes()).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lists() {
        let cases = [
            ("joe@example.com", "-,-,joe,example.com"),
            ("Joe  Q <joe@example.com>, b@c", "Joe Q,-,joe,example.com -,-,b,c"),
            ("\"Joe, \\\"Q\\\"\" <joe@x>", "Joe, \"Q\",-,joe,x"),
            ("joe@x (Joe Q)", "Joe Q,-,joe,x"),
            ("<@a,@b:joe@x>", "-,@a,@b,joe,x"),
            ("A: b@c, d@e;, f@g", "-,-,A,- -,-,b,c -,-,d,e -,-,-,- -,-,f,g"),
            ("undisclosed-recipients:;", "-,-,undisclosed-recipients,- -,-,-,-"),
            ("joe", "-,-,joe,MISSING_DOMAIN"),
            ("Joe <>", "Joe,-,MISSING_MAILBOX,MISSING_DOMAIN"),
            ("<joe@[1.2.3.4]>", "-,-,joe,[1.2.3.4]"),
            ("joe . q @ x . y", "-,-,joe.q,x.y"),
            (",, ,", ""),
            ("a <b@c", "a,-,b,c"),
            ("\"open <b@c>", "-,-,open <b@c>,MISSING_DOMAIN"),
        ];
        for (body, want) in cases {
            assert_eq!(show(body), want, "{body}");
        }
    }
}
