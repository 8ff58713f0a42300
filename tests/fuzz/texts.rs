//! Texts within commands and messages: URLs, names and patterns, filters, encoded words, dates.

use gatepost::mime::{decode_field, parse_date};
use gatepost::proto::{MessageUrl, criteria, utf7_decode};
use gatepost::types::Pattern;

use super::{fuzz, owned};

const TEXTS: &[&[u8]] = &[
    b"imap://joe;AUTH=*@example.com:143/~x/a%20b;UIDVALIDITY=7/;UID=20/;SECTION=1.2.HEADER.FIELDS%20(A%20%22B%22)/;PARTIAL=1.5;EXPIRE=2026-01-01T00:00:00Z;URLAUTH=submit+joe:INTERNAL:0123456789abcdef0123456789abcdef",
    b"/INBOX/;UID=1/;SECTION=TEXT",
    b"=?utf-8?q?=C3=A4?= =?iso-2022-jp?B?GyRC?= =?x*de?Q?_?=",
    b"&AOQ-&-",
    b"a/*/%b",
    b"~joe/&U,BTFw-/%",
    b"Fri, 21 Nov 1997 09:55:06 -0600 (CST)",
    b"OR SEEN OR NOT (OR SEEN OR FROM x TO y) OR OR 1 2 3 4",
    b"OR (FROM x) NOT FUZZY TEXT {3+}\r\nabc 1:*,$ UNSEEN SINCE 1-Feb-1994",
];

#[test]
fn texts() {
    fuzz("texts", owned(TEXTS), |input| {
        decode_field(input);
        parse_date(input);
        // It may be none.
        let _ = criteria(input);
        let text = String::from_utf8_lossy(input);
        utf7_decode(&text);
        if text.len() < 200 {
            Pattern::new("", &text).matches(&text);
        }
        if let Some(url) = MessageUrl::parse(&text)
            && let Some(verifier) = url.authorization.and_then(|authorization| authorization.verifier)
        {
            assert!(text[..verifier.rump_bytes].len() < text.len() && verifier.token.len() >= 32);
        }
    });
}
