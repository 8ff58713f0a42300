//! Header fields whose text is kept for SEARCH.     RFC 9051 6.4.4

use memchr::{memchr3, memmem};

use super::fold::fold;
use super::words::{decode_field, is_single_spaced};

/// A header field whose decoded text is kept beside the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Subject,
    From,
    To,
    Cc,
    Bcc,
    ReplyTo,
    Sender,
    MessageId,
    InReplyTo,
    References,
    ListId,
}

/// A field's place here is its number in summaries: add at the end.
const FIELDS: [(Field, &str); 11] = [
    (Field::Subject, "subject"),
    (Field::From, "from"),
    (Field::To, "to"),
    (Field::Cc, "cc"),
    (Field::Bcc, "bcc"),
    (Field::ReplyTo, "reply-to"),
    (Field::Sender, "sender"),
    (Field::MessageId, "message-id"),
    (Field::InReplyTo, "in-reply-to"),
    (Field::References, "references"),
    (Field::ListId, "list-id"),
];

/// Octets of one field's text: what is beyond, in a list of thousands of addresses, is not found.
const TEXT_BYTES_MAX: usize = 64 * 1024;

impl Field {
    /// By its name in any case.
    pub fn from_name(name: &[u8]) -> Option<Field> {
        FIELDS.iter().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name)).map(|(field, _)| *field)
    }

    /// In small letters.
    pub fn name(self) -> &'static str {
        FIELDS.iter().find(|(field, _)| *field == self).map_or("", |(_, name)| name)
    }

    pub const COUNT: usize = FIELDS.len();

    /// Its place among all fields.
    pub fn number(self) -> usize {
        self as usize
    }

    pub(super) fn from_number(number: u8) -> Option<Field> {
        FIELDS.get(usize::from(number)).map(|(field, _)| *field)
    }
}

/// The texts of a header's fields: decoded, folded, several fields of one name by line.
#[derive(Default)]
pub(super) struct Texts([Option<String>; FIELDS.len()]);

impl Texts {
    pub(super) fn take(&mut self, field: Field, body: &[u8]) {
        let text = self.0[field.number()].get_or_insert_default();
        if text.len() < TEXT_BYTES_MAX {
            if !text.is_empty() {
                text.push('\n');
            }
            match std::str::from_utf8(body) {
                Ok(plain) if is_plain(body) => {
                    let from = text.len();
                    text.push_str(plain.trim_ascii());
                    text[from..].make_ascii_lowercase();
                }
                _ => text.push_str(&fold(&decode_field(body))),
            }
            cut(text);
        }
    }

    /// By number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &str)> {
        (0..).zip(&self.0).filter_map(|(number, text)| Some((number, text.as_deref()?)))
    }
}

/// ASCII on one line without encoded words and runs of spaces: most fields are decoded already.
fn is_plain(body: &[u8]) -> bool {
    body.is_ascii()
        && memchr3(b'\r', b'\n', 0, body).is_none()
        && memmem::find(body, b"=?").is_none()
        && is_single_spaced(body.trim_ascii())
}

/// Leaves what is beyond the limit out, in whole characters.
fn cut(text: &mut String) {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_what_decoding_gives() {
        let bodies = [
            " Re: Hello, World \t",
            "",
            " ",
            "a\x0c",
            "\x0b a \x01 \x7f",
            "a =? b",
            "=?utf-8?q?A?=",
            "a\r\n B",
            "a\0",
            "Ä",
            "a=? ",
            "a  b",
            " a\tb ",
        ];
        for body in bodies {
            let mut texts = Texts::default();
            texts.take(Field::Subject, body.as_bytes());
            assert_eq!(texts.iter().next(), Some((0, &*fold(&decode_field(body.as_bytes())))), "{body:?}");
        }
    }
}
