//! Address lists.                                   RFC 5322 3.4, 4.4; RFC 9051 7.5.2 (envelope)
//!
//! Broken addresses are read as Dovecot reads them, so that clients see what they are used to. An address without a
//! domain gets `MISSING_DOMAIN`, one without a mailbox `MISSING_MAILBOX`, since NIL in their places would mean a group;
//! what follows an address without a comma ends the list.

use super::lexer::{Broken, Left, Lexer, Read};

/// One member of ENVELOPE's address lists: an address; with a mailbox alone the beginning of a group, with nothing
/// its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub name: Option<Vec<u8>>,
    /// `@a,@b` of `<@a,@b:joe@example.com>`.
    pub route: Option<Vec<u8>>,
    pub mailbox: Option<Vec<u8>>,
    pub host: Option<Vec<u8>>,
}

/// Addresses of one list: no honest one is longer, and each costs up to 40 octets of envelope for 2 of header.
pub(super) const ADDRESSES_MAX: usize = 5000;

/// The addresses of a field's body.
pub fn addresses(body: &[u8]) -> Vec<Address> {
    let mut list = List { lexer: Lexer::new(body), out: Vec::new() };
    if list.lexer.skip_space() == Ok(Left::More) {
        list.read();
    }
    list.out
}

struct List<'a> {
    lexer: Lexer<'a>,
    out: Vec<Address>,
}

impl List<'_> {
    /// `address-list`
    fn read(&mut self) {
        while self.out.len() < ADDRESSES_MAX {
            if self.address() == Ok(Left::Nothing) || !self.lexer.take(b',') {
                return;
            }
            match self.lexer.skip_space() {
                Ok(Left::More) => {}
                Ok(Left::Nothing) => return,
                Err(Broken) => return self.add(Address::default()),
            }
        }
    }

    /// `address`
    fn address(&mut self) -> Read {
        let mut ahead = self.lexer.fork();
        let mut name = Vec::new();
        if ahead.phrase(&mut name) == Ok(Left::More) && ahead.take(b':') {
            self.lexer = ahead;
            return self.group(name);
        }
        self.mailbox()
    }

    /// `group`, its name and the colon read.
    fn group(&mut self, name: Vec<u8>) -> Read {
        self.out.push(Address { mailbox: Some(name), ..Address::default() });
        let mut more = self.lexer.skip_space() == Ok(Left::More);
        if more && self.lexer.peek() != Some(b';') {
            while self.out.len() < ADDRESSES_MAX {
                // A broken member does not end the group.
                let _ = self.mailbox();
                if !self.lexer.take(b',') {
                    break;
                }
                more = self.lexer.skip_space() == Ok(Left::More);
                if !more {
                    break;
                }
            }
        }
        self.out.push(Address::default());
        match more && self.lexer.take(b';') {
            true => self.lexer.skip_space().or(Ok(Left::More)),
            false => Ok(Left::More),
        }
    }

    /// `mailbox`: an address in angle brackets, or alone.
    fn mailbox(&mut self) -> Read {
        let mut ahead = self.lexer.fork();
        let mut name = Vec::new();
        let (address, read) = match ahead.phrase(&mut name) {
            Ok(Left::More) if ahead.peek() == Some(b'<') => {
                self.lexer = ahead;
                self.name_addr(name)
            }
            _ => self.addr_spec(),
        };
        self.add(address);
        read
    }

    fn name_addr(&mut self, name: Vec<u8>) -> (Address, Read) {
        let mut address = Address { name: Some(name).filter(|name| !name.is_empty()), ..Address::default() };
        if self.angle_addr(&mut address) == Err(Broken) {
            address.host = Some(b"SYNTAX_ERROR".to_vec());
        }
        (address, Ok(self.lexer.left()))
    }

    /// `angle-addr`, obsolete route included.
    fn angle_addr(&mut self, address: &mut Address) -> Read {
        self.lexer.octet();
        self.more()?;
        if self.lexer.peek() == Some(b'@') {
            let route = self.route();
            let whole = route.is_ok() && self.lexer.take(b':');
            address.route = Some(route.ok().filter(|_| whole).unwrap_or_else(|| b"INVALID_ROUTE".to_vec()));
            self.more()?;
        }
        if self.lexer.peek() != Some(b'>') {
            let mut ended = self.local_part(&mut address.mailbox)?;
            if ended == Left::More && self.lexer.peek() == Some(b'@') {
                ended = self.host(&mut address.host)?;
            }
            if ended == Left::Nothing {
                return Err(Broken);
            }
        }
        match self.lexer.take(b'>') {
            true => self.lexer.skip_space(),
            false => Err(Broken),
        }
    }

    /// White space, and something behind it.
    fn more(&mut self) -> Result<(), Broken> {
        match self.lexer.skip_space()? {
            Left::More => Ok(()),
            Left::Nothing => Err(Broken),
        }
    }

    /// `obs-domain-list`
    fn route(&mut self) -> Result<Vec<u8>, Broken> {
        let mut route = Vec::new();
        while self.lexer.peek() == Some(b'@') {
            if !route.is_empty() {
                route.push(b',');
            }
            route.push(b'@');
            self.lexer.domain(&mut route)?;
            while self.lexer.skip_space() == Ok(Left::More) && self.lexer.take(b',') {}
        }
        match self.lexer.left() {
            Left::More => Ok(route),
            Left::Nothing => Err(Broken),
        }
    }

    /// Sets `mailbox` where the local part could be read.
    fn local_part(&mut self, mailbox: &mut Option<Vec<u8>>) -> Read {
        let mut text = Vec::new();
        let left = match self.lexer.peek() {
            Some(b'"') => self.lexer.quoted(&mut text),
            _ => self.lexer.dotted(&mut text),
        }?;
        *mailbox = Some(text);
        Ok(left)
    }

    fn host(&mut self, host: &mut Option<Vec<u8>>) -> Read {
        let mut text = Vec::new();
        let left = self.lexer.domain(&mut text)?;
        *host = Some(text);
        Ok(left)
    }

    /// `addr-spec`, with the comment behind it for a name; or one without a domain: a single word is taken for the
    /// mailbox, several for a name.
    fn addr_spec(&mut self) -> (Address, Read) {
        let mut address = Address::default();
        self.lexer.comment.clear();
        let quoted = self.lexer.peek() == Some(b'"');
        let start = self.lexer.fork();
        let mut read = self.local_part(&mut address.mailbox);
        let has_host = read != Ok(Left::Nothing) && self.lexer.peek() == Some(b'@');
        if has_host {
            let host = self.host(&mut address.host);
            if host != Ok(Left::More) {
                read = host;
            }
        }
        if !self.lexer.comment.is_empty() {
            address.name = Some(std::mem::take(&mut self.lexer.comment));
        } else if !has_host {
            self.words_alone(&mut address, &start, quoted);
            read = Err(Broken);
        }
        (address, read)
    }

    /// Decides what words without an `@` are.
    fn words_alone(&mut self, address: &mut Address, start: &Lexer<'_>, quoted: bool) {
        // What the broken local part had read is still the beginning of the name.
        let mut words = address.mailbox.clone().unwrap_or_else(|| {
            let mut words = Vec::new();
            let _ = start.fork().dotted(&mut words);
            words
        });
        let mut more = Vec::new();
        let _ = self.lexer.phrase(&mut more);
        if !more.is_empty() {
            words.push(b' ');
            words.append(&mut more);
            address.mailbox = None;
            address.name = Some(words);
        } else if quoted && address.mailbox.is_some() {
            address.name = address.mailbox.take();
        }
    }

    /// Adds an address, what it lacks filled in.
    fn add(&mut self, mut address: Address) {
        address.mailbox.get_or_insert_with(|| b"MISSING_MAILBOX".to_vec());
        if address.host.as_ref().is_none_or(Vec::is_empty) {
            address.host = Some(b"MISSING_DOMAIN".to_vec());
        }
        self.out.push(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(body: &str) -> String {
        let text =
            |part: &Option<Vec<u8>>| part.as_ref().map_or("-".into(), |p| String::from_utf8_lossy(p).into_owned());
        let one = |a: &Address| [&a.name, &a.route, &a.mailbox, &a.host].map(text).join(",");
        addresses(body.as_bytes()).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Each as Dovecot 2.3.19 gives it.
    #[test]
    fn lists() {
        let cases = [
            ("joe@example.com", "-,-,joe,example.com"),
            ("Joe  Q. <joe@example.com>, b@c", "Joe Q.,-,joe,example.com -,-,b,c"),
            ("\"Joe, \\\"Q\\\"\" <joe@x>", "Joe, \"Q\",-,joe,x"),
            ("joe@x (Joe Q)", "Joe Q,-,joe,x"),
            ("<@a,@b:joe@x>", "-,@a,@b,joe,x"),
            ("A: b@c, d@e;, f@g", "-,-,A,- -,-,b,c -,-,d,e -,-,-,- -,-,f,g"),
            ("undisclosed-recipients:;", "-,-,undisclosed-recipients,- -,-,-,-"),
            ("joe", "-,-,joe,MISSING_DOMAIN"),
            ("Joe Q", "Joe Q,-,MISSING_MAILBOX,MISSING_DOMAIN"),
            ("Joe <>", "Joe,-,MISSING_MAILBOX,MISSING_DOMAIN"),
            ("<joe@[1.2.3.4]>", "-,-,joe,[1.2.3.4]"),
            (",", "-,-,MISSING_MAILBOX,MISSING_DOMAIN"),
            ("", ""),
            ("a <b@c", "a,-,b,SYNTAX_ERROR"),
            ("..a.@b..c", "-,-,..a.,MISSING_DOMAIN"),
            ("a@b c@d", "-,-,a,b"),
            ("a@b (open", "-,-,a,MISSING_DOMAIN"),
            ("\"open <b@c>", "-,-,MISSING_MAILBOX,MISSING_DOMAIN"),
        ];
        for (body, want) in cases {
            assert_eq!(show(body), want, "{body}");
        }
    }

    #[test]
    fn absurd_length() {
        assert!(addresses(&b"a,".repeat(100_000)).len() <= ADDRESSES_MAX);
        assert!(addresses(&b"a:".repeat(100_000)).len() <= ADDRESSES_MAX + 2);
        assert!(addresses(&b"(".repeat(1_000_000)).is_empty());
    }
}
