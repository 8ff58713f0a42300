//! ENVELOPE.                                        RFC 9051 7.5.2

use super::address::{self, Address};
use super::header::{fields, unfold};
use super::structure::{nstring, string};

/// The parenthesised list, ready for the wire.
pub(super) fn envelope(header: &[u8]) -> Vec<u8> {
    let mut found = Found::default();
    for field in fields(header) {
        found.take(field.name, field.body);
    }
    found.write()
}

#[derive(Default)]
struct Found {
    date: Option<Vec<u8>>,
    subject: Option<Vec<u8>>,
    in_reply_to: Option<Vec<u8>>,
    message_id: Option<Vec<u8>>,
    /// From, Sender, Reply-To, To, Cc, Bcc.
    lists: [Vec<Address>; 6],
}

const LISTS: [&[u8]; 6] = [b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"];

impl Found {
    /// The first of several fields counts; address lists are joined.
    fn take(&mut self, name: &[u8], body: &[u8]) {
        let name = name.to_ascii_lowercase();
        let text = match name.as_slice() {
            b"date" => &mut self.date,
            b"subject" => &mut self.subject,
            b"in-reply-to" => &mut self.in_reply_to,
            b"message-id" => &mut self.message_id,
            _ => {
                if let Some(at) = LISTS.iter().position(|list| *list == name) {
                    self.lists[at].extend(address::parse(body));
                }
                return;
            }
        };
        if text.is_none() {
            *text = Some(unfold(body));
        }
    }

    fn write(mut self) -> Vec<u8> {
        // Sender and Reply-To are From where they are missing. RFC 9051 7.5.2
        for at in [1, 2] {
            if self.lists[at].is_empty() {
                self.lists[at] = self.lists[0].clone();
            }
        }
        let mut out = vec![b'('];
        nstring(&mut out, self.date.as_deref());
        out.push(b' ');
        nstring(&mut out, self.subject.as_deref());
        for list in &self.lists {
            out.push(b' ');
            addresses(&mut out, list);
        }
        for text in [&self.in_reply_to, &self.message_id] {
            out.push(b' ');
            nstring(&mut out, text.as_deref());
        }
        out.push(b')');
        out
    }
}

fn addresses(out: &mut Vec<u8>, list: &[Address]) {
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        for (i, part) in [&address.name, &address.route, &address.mailbox, &address.host].into_iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            match part {
                Some(text) => string(out, text),
                None => out.extend_from_slice(b"NIL"),
            }
        }
        out.push(b')');
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        let header = b"Date: d\r\nFrom: A <a@b>\r\nTo: x:;\r\nSubject: s\r\n t\r\nSubject: no\r\n\r\n";
        let want = "(\"d\" \"s t\" ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) \
                    ((NIL NIL \"x\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)";
        assert_eq!(String::from_utf8(envelope(header)).unwrap(), want);
        assert_eq!(envelope(b""), b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    }
}
