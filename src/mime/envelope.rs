//! ENVELOPE.                                        RFC 9051 7.5.2
//!
//! Of several fields of one name the last counts, as in Dovecot; several lists of addresses are one.

use super::address::{ADDRESSES_MAX, Address, addresses};
use super::field::Field;
use super::header::{HeaderField, fields, unfold};
use super::wire::{nstring, readable};

/// ENVELOPE of a message without a header.
pub(super) const NOTHING: &[u8] = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";

/// The parenthesised list, ready for the wire.
pub(super) fn envelope(header: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::default();
    for field in fields(header) {
        envelope.take(Field::from_name(field.name), &field);
    }
    envelope.write()
}

/// What has been found of it, field by field.
#[derive(Default)]
pub(super) struct Envelope {
    date: Option<Vec<u8>>,
    subject: Option<Vec<u8>>,
    in_reply_to: Option<Vec<u8>>,
    message_id: Option<Vec<u8>>,
    lists: [Vec<Address>; 6],
}

/// In the order of `Envelope::lists` and on the wire.
const LISTS: [Field; 6] = [Field::From, Field::Sender, Field::ReplyTo, Field::To, Field::Cc, Field::Bcc];

impl Envelope {
    /// A field of the header, and which one it is.
    pub(super) fn take(&mut self, which: Option<Field>, field: &HeaderField<'_>) {
        let text = match which {
            Some(Field::Subject) => &mut self.subject,
            Some(Field::InReplyTo) => &mut self.in_reply_to,
            Some(Field::MessageId) => &mut self.message_id,
            None if field.is("date") => &mut self.date,
            Some(which) => return self.take_list(which, field.body),
            None => return,
        };
        *text = Some(unfold(field.body));
    }

    fn take_list(&mut self, which: Field, body: &[u8]) {
        if let Some(list) = LISTS.iter().position(|known| *known == which) {
            let list = &mut self.lists[list];
            if list.len() < ADDRESSES_MAX {
                list.extend(addresses(&unfold(body)));
            }
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let [from, sender, reply_to, to, cc, bcc] = &self.lists;
        // Sender and Reply-To are From where they are missing. RFC 9051 7.5.2
        let or_from = |list| if Vec::is_empty(list) { from } else { list };
        let mut out = Vec::with_capacity(512);
        out.push(b'(');
        nstring(&mut out, self.date.as_deref());
        out.push(b' ');
        match &self.subject {
            Some(subject) => readable(&mut out, subject),
            None => nstring(&mut out, None),
        }
        for list in [from, or_from(sender), or_from(reply_to), to, cc, bcc] {
            out.push(b' ');
            write_list(&mut out, list);
        }
        for text in [&self.in_reply_to, &self.message_id] {
            out.push(b' ');
            nstring(&mut out, text.as_deref());
        }
        out.push(b')');
        out
    }
}

fn write_list(out: &mut Vec<u8>, list: &[Address]) {
    if list.is_empty() {
        return nstring(out, None);
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        match &address.name {
            Some(name) => readable(out, name),
            None => nstring(out, None),
        }
        for part in [&address.route, &address.mailbox, &address.host] {
            out.push(b' ');
            nstring(out, part.as_deref());
        }
        out.push(b')');
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(header: &str) -> String {
        String::from_utf8(envelope(header.as_bytes())).unwrap()
    }

    #[test]
    fn envelopes() {
        assert_eq!(
            show("Date: d\r\nFrom: A <a@b>\r\nTo: x:;\r\nSubject: no\r\nSubject: s\r\n\t t\r\n\r\n"),
            "(\"d\" \"s t\" ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) \
             ((NIL NIL \"x\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)"
        );
        assert_eq!(show("").as_bytes(), NOTHING);
        assert_eq!(
            show("From: a@b\nSender:\nReply-To: ,\nCc: c@d\nCc: e@f\nMessage-ID: <1>\n <2> \n"),
            "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) \
             ((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) NIL \
             ((NIL NIL \"c\" \"d\")(NIL NIL \"e\" \"f\")) NIL NIL \"<1> <2> \")"
        );
        assert_eq!(show("Subject: J\u{f6}rg\n"), "(NIL {5}\r\nJ\u{f6}rg NIL NIL NIL NIL NIL NIL NIL NIL)");
    }
}
