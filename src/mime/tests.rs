//! The room at its door: messages in, wire text and octet ranges out.
//!
//! `tests/data/mime` holds hand-made messages (`.eml`) and what ENVELOPE, BODY and BODYSTRUCTURE must say of them
//! (`.wire`). Dovecot 2.3.19 says the same of all but those named `own-`, each of which cites the RFC that it follows
//! instead. Strings are quoted here where Dovecot, for some, takes literals. Real mail is read too if the environment
//! variable GATEPOST_MAIL names a mbox file.

use std::path::PathBuf;

use super::field_names::mark_of_omitted;
use super::*;
use crate::types::{PartPath, Section, SectionText};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/mime").join(name)
}

fn hand_made() -> Vec<(String, Vec<u8>)> {
    let names = std::fs::read_dir(data("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".eml")?.to_string())).collect();
    names.sort();
    assert!(names.len() >= 16);
    names.into_iter().map(|name| (name.clone(), std::fs::read(data(&format!("{name}.eml"))).unwrap())).collect()
}

fn real_mail() -> Vec<Vec<u8>> {
    let Ok(path) = std::env::var("GATEPOST_MAIL") else { return Vec::new() };
    let mbox = std::fs::read(path).unwrap();
    let starts: Vec<usize> = memchr::memmem::find_iter(&mbox, b"\n\nFrom ").map(|at| at + 2).collect();
    let ends = starts.iter().skip(1).copied().chain([mbox.len()]);
    starts.iter().zip(ends).map(|(start, end)| mbox[*start..end].to_vec()).collect()
}

fn summary(message: &[u8]) -> Vec<u8> {
    let mut parser = Parser::new();
    parser.feed(message);
    Summary::encode(&parser.finish())
}

#[test]
fn wire_text() {
    for (name, message) in hand_made() {
        let octets = summary(&message);
        let summary = SummaryRef::new(&octets).unwrap();
        let mut got = Vec::new();
        for (item, wire) in [
            ("ENVELOPE ", summary.envelope()),
            ("BODY ", summary.body()),
            ("BODYSTRUCTURE ", summary.body_structure()),
        ] {
            got.extend([item.as_bytes(), wire, b"\r\n"].concat());
        }
        let want = std::fs::read(data(&format!("{name}.wire"))).unwrap();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&want), "{name}");
    }
}

#[test]
fn pieces_do_not_matter() {
    for message in hand_made().into_iter().map(|(_, message)| message).chain(real_mail()) {
        for piece in [1, 2, 13, 4096] {
            fuzz::message(&message, piece);
        }
        let bare: Vec<u8> = message.iter().copied().filter(|b| *b != b'\r').collect();
        fuzz::message(&bare, 3);
    }
}

/// The parenthesised list at the front of `wire`, and nothing behind it.
fn assert_well_formed(wire: &[u8]) {
    let (mut rest, mut depth) = (wire, 0);
    loop {
        let skip = match rest {
            [b'(', ..] => {
                depth += 1;
                1
            }
            [b')', ..] => {
                depth -= 1;
                1
            }
            [b' ', ..] => 1,
            [b'N', b'I', b'L', ..] => 3,
            [b'0'..=b'9', ..] => 1,
            [b'{', text @ ..] => {
                let digits = text.iter().position(|b| *b == b'}').unwrap();
                assert!(text[digits..].starts_with(b"}\r\n"));
                let length: usize = std::str::from_utf8(&text[..digits]).unwrap().parse().unwrap();
                1 + digits + 3 + length
            }
            [b'"', text @ ..] => {
                let mut octets = text.iter().enumerate();
                loop {
                    match octets.next().unwrap() {
                        (at, b'"') => break at + 2,
                        (_, b'\\') => assert!(matches!(octets.next(), Some((_, b'"' | b'\\')))),
                        (_, octet) => assert!(!matches!(octet, 0 | b'\r' | b'\n' | 0x80..)),
                    }
                }
            }
            other => panic!("{:?}", String::from_utf8_lossy(&other[..other.len().min(80)])),
        };
        rest = &rest[skip..];
        assert!(depth >= 0 && (depth > 0 || rest.is_empty()));
        if rest.is_empty() {
            return assert_eq!(depth, 0);
        }
    }
}

fn assert_sound(message: &[u8], piece: usize) {
    fuzz::message(message, piece);
    let octets = summary(message);
    let summary = SummaryRef::new(&octets).unwrap();
    [summary.envelope(), summary.body(), summary.body_structure()].into_iter().for_each(assert_well_formed);
}

/// As a session's thread has it.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
}

#[test]
fn mutations() {
    on_a_small_stack(|| {
        let mut random = fastrand::Rng::with_seed(2045);
        let messages = hand_made();
        let splices: [&[u8]; 11] = [
            b"--A",
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"\"",
            b"(",
            b"\0",
            b"\xff",
            b"Content-Type: message/rfc822\r\n",
            b"=",
            b"4294967295",
        ];
        for _ in 0..3000 {
            let mut message = messages[random.usize(..messages.len())].1.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..=message.len());
                let end = random.usize(at..=message.len().min(at + 5));
                message.splice(at..end, splices[random.usize(..splices.len())].iter().copied());
            }
            assert_sound(&message, random.usize(1..40));
            fuzz::header(&message);
            let mut octets = summary(&message);
            let at = random.usize(..octets.len());
            octets[at] = random.u8(..);
            octets.truncate(random.usize(octets.len() / 2..=octets.len()));
            fuzz::summary(&octets);
        }
    });
}

#[test]
fn absurd_messages() {
    on_a_small_stack(|| {
        let multipart = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        let absurd = [
            "Content-Type: message/rfc822\r\n\r\n".repeat(10_000),
            (0..5000).map(multipart).collect(),
            format!("Content-Type: multipart/digest; boundary=b\r\n\r\n{}", "--b\r\n\r\nTo: a\r\n".repeat(20_000)),
            format!("To: {}\r\n\r\n", "a,".repeat(1_000_000)),
            "To: a,b,c,d\r\n".repeat(100_000),
            format!("Subject: {}", "\"".repeat(3_000_000)),
            format!("Content-Type: a/b{}\r\n\r\n", "; x=y".repeat(200_000)),
            "x".repeat(3_000_000),
            "Received: x\r\n".repeat(200_000),
            (0..100_000).map(|n| format!("Received-{n}: x\r\n")).collect(),
        ];
        for message in absurd {
            assert_sound(message.as_bytes(), 65_536);
            let octets = summary(message.as_bytes());
            assert!(octets.len() < 8 << 20, "{} octets for {:?}", octets.len(), &message[..40]);
            let parts = SummaryRef::new(&octets).unwrap().parts().count();
            assert!(parts <= PARTS_MAX + DEPTH_MAX, "{parts} parts for {:?}", &message[..40]);
        }
    });
}

/// RFC 9051 6.4.5.1
#[test]
fn sections() {
    let message = std::fs::read(data("nested.eml")).unwrap();
    let octets = summary(&message);
    let summary = SummaryRef::new(&octets).unwrap();
    let get = |path: &[u32], text: SectionText| {
        let content = section(&summary, &Section { part: PartPath(path.to_vec()), text });
        match content {
            Content::Range(range) | Content::Fields(range) => {
                String::from_utf8(message[range.start as usize..range.end as usize].to_vec()).unwrap()
            }
            Content::Nil => "NIL".to_string(),
        }
    };
    use SectionText::{Header, HeaderFields, Mime, Text, Whole};
    assert_eq!(get(&[], Whole).as_bytes(), message);
    assert_eq!(get(&[], Header) + &get(&[], Text), get(&[], Whole));
    assert!(get(&[], Text).starts_with("preamble") && get(&[], Text).ends_with("epilogue\r\n"));
    assert!(get(&[1], Whole).starts_with("--outer-inner\r\n") && get(&[1], Whole).ends_with("inner--\r\n"));
    assert_eq!(get(&[1, 1], Whole), "Gr=C3=BC=C3=9Fe");
    assert!(get(&[1, 2], Mime).starts_with("Content-Type: text/html") && get(&[1, 2], Mime).ends_with("\r\n\r\n"));
    assert!(get(&[2], Mime).starts_with("Content-Type: message/rfc822"));
    assert!(get(&[2], Header).starts_with("From: within@example.com"));
    assert_eq!(get(&[2], Header) + &get(&[2], Text), get(&[2], Whole));
    assert_eq!(get(&[2, 1], Whole), "Subject: one\r\n\r\nfirst");
    assert_eq!((get(&[2, 1], Header), get(&[2, 1], Text)), ("Subject: one\r\n\r\n".into(), "first".into()));
    assert_eq!((get(&[2, 1, 1], Whole), get(&[2, 2], Whole)), ("first".into(), "second".into()));
    assert_eq!(get(&[2, 1], HeaderFields(Vec::new())), get(&[2, 1], Header));
    for (path, text) in [(&[4][..], Whole), (&[1, 1, 1], Whole), (&[1], Header), (&[3], Text), (&[2, 1, 2], Whole)] {
        assert_eq!(get(path, text), "NIL", "{path:?}");
    }
    // A message that is no multipart has one part: itself.
    let octets = self::summary(b"Subject: x\r\n\r\nbody");
    let body = SummaryRef::new(&octets).unwrap().part(&PartPath(vec![1])).unwrap().body;
    assert_eq!(body, 14..18);
}

#[test]
fn kept_beside_the_message() {
    let long = format!("X-Long: {}\r\n", "x".repeat(2000));
    let header =
        format!("Received: by x\r\nSubject: =?utf-8?Q?GR=C3=9CSSE?=\r\nTo: A <A@b>\r\nTo: c@d\r\nX: y\r\n{long}\r\n");
    let octets = summary(format!("{header}body").as_bytes());
    let summary = SummaryRef::new(&octets).unwrap();
    let fields = |names: &[&str], include| summary.header_fields(names, include);
    for (names, include) in
        [(&["to", "x", "none"][..], Include::Only), (&["received", "X-LONG", "x"], Include::Except)]
    {
        assert_eq!(fields(names, include).unwrap(), filter_fields(header.as_bytes(), names, include));
    }
    for (names, include) in
        [(&["to", "Received"][..], Include::Only), (&["x-long"], Include::Only), (&["received"], Include::Except)]
    {
        assert_eq!(fields(names, include), None, "{names:?}");
    }
    assert_eq!(summary.field(Field::Subject).as_deref(), Some("grüsse"));
    assert_eq!(summary.field(Field::To).as_deref(), Some("a <a@b>\nc@d"));
    assert_eq!(summary.field(Field::Cc), None);
    assert_eq!((summary.header_range(), summary.size()), (0..header.len() as u64, header.len() as u64 + 4));
    assert_eq!(summary.sent_date(), None);
    let nested = self::summary(&std::fs::read(data("nested.eml")).unwrap());
    assert_eq!(SummaryRef::new(&nested).unwrap().sent_date().unwrap().to_string(), "21-Nov-1997 09:55:06 -0600");
}

/// Fields are picked by their marks as they are filtered, also of summaries that were made before there were marks, or those
/// of omitted names.
#[test]
fn picked_from_summaries() {
    let octets = summary(b"Received: x\r\nX-SG-A: y\r\nTo: a\r\n b\r\nSubject: c\r\nReceived: z\r\n\r\nbody");
    // The two names that are omitted, then the two fields that are kept.
    assert!(octets.ends_with(&[0, 0]) && octets[..octets.len() - 3].ends_with(&[0, 0]));
    let twin = twin_of("received");
    let wanted =
        [&["to"][..], &["TO", "subject", "none"], &["Received"], &["to", "x-sg-a"], &["none"], &[], &[&twin, "to"]];
    for cut in [0, 6, 12] {
        let summary = SummaryRef::new(&octets[..octets.len() - cut]).unwrap();
        for names in wanted {
            let (mut out, filtered) = (b"before".to_vec(), summary.header_fields(names, Include::Only));
            let picked = summary.pick_header_fields(&FieldNames::new(names), &mut out);
            assert_eq!(picked.then(|| out[6..].to_vec()), filtered, "{names:?} without {cut}");
            assert!(picked || out == b"before");
        }
    }
}

/// A name that has the mark of another where they are omitted.
fn twin_of(name: &str) -> String {
    let names = (0..).map(|n| format!("x{n}"));
    let same = |twin: &String| mark_of_omitted(twin.as_bytes()) == mark_of_omitted(name.as_bytes());
    names.into_iter().find(same).unwrap()
}

/// An encoding counts where MIME-Version was forgotten, though BODYSTRUCTURE may not show it.
#[test]
fn not_mime() {
    let octets = summary(&std::fs::read(data("not-mime.eml")).unwrap());
    let summary = SummaryRef::new(&octets).unwrap();
    assert_eq!(summary.parts().next().unwrap().encoding, Encoding::Base64);
}

/// Names of fields are the same in capital and in small letters. RFC 5322 1.2.2; RFC 2045 4, 5.1
#[test]
fn names_in_any_case() {
    let structure = |header: &str| {
        let octets = summary(format!("{header}\r\n\r\ntext\r\n").as_bytes());
        String::from_utf8(SummaryRef::new(&octets).unwrap().body_structure().to_vec()).unwrap()
    };
    let field = |(name, body): &(&str, &str), as_it_is: fn(&str) -> String| format!("{}: {body}", as_it_is(name));
    let (version, language) = (("MIME-Version", "1.0"), ("Content-Language", "de"));
    for fields in [vec![version, ("Content-Type", "text/html"), language], vec![version, language]] {
        let with = |names: fn(&str) -> String| {
            structure(&fields.iter().map(|of| field(of, names)).collect::<Vec<_>>().join("\r\n"))
        };
        let usual = with(str::to_string);
        assert!(usual.contains("\"de\""), "{usual}");
        assert_eq!([with(str::to_lowercase), with(str::to_uppercase)], [usual.clone(), usual]);
    }
    assert!(!structure("Content-Language: de").contains("\"de\""), "it does not say that it is MIME");
}

/// Of real mail, a summary is small and its kept fields are those of the message.
#[test]
fn real_messages() {
    let messages = real_mail();
    let mut bytes = 0;
    for message in &messages {
        assert_sound(message, 1000);
        let octets = summary(message);
        let summary = SummaryRef::new(&octets).unwrap();
        let header = &message[..summary.header_range().end as usize];
        for (names, include) in [(["from", "references"], Include::Only), (["received", "to"], Include::Except)] {
            if let Some(kept) = summary.header_fields(&names, include) {
                assert_eq!(kept, filter_fields(header, &names, include));
            }
        }
        for names in [&["date", "from", "subject", "message-id"][..], &["received", "to"], &["x-spam-status"]] {
            let (mut out, filtered) = (Vec::new(), summary.header_fields(names, Include::Only));
            let picked = summary.pick_header_fields(&FieldNames::new(names), &mut out);
            assert_eq!(picked.then_some(out), filtered, "{names:?}");
        }
        bytes += octets.len();
    }
    assert!(bytes <= messages.len() * 2500, "{} octets for {} messages", bytes, messages.len());
}

/// As summaries were before there were previews: all else is read as ever.
#[test]
fn summaries_of_version_1() {
    let message = b"Subject: x\r\n\r\nHello\r\n";
    let octets = summary(message);
    let new = SummaryRef::new(&octets).unwrap();
    assert_eq!(new.preview(), Some(&b"Hello"[..]));
    let mut old = octets.clone();
    old[0] = 1;
    old.truncate(octets.len() - "Hello".len());
    old.drain(20 + 7 * 4..20 + 8 * 4);
    let old = SummaryRef::new(&old).unwrap();
    assert_eq!(old.preview(), None);
    assert_eq!(
        (old.envelope(), old.body_structure(), old.size()),
        (new.envelope(), new.body_structure(), new.size())
    );
    assert_eq!(old.parts().collect::<Vec<_>>(), new.parts().collect::<Vec<_>>());
}
