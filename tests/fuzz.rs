//! Mutated input: nothing from outside makes anything panic, overflow a stack or go on for ever.
//!
//! A short run each in the tests, a long one by GATEPOST_FUZZ_SECS. Seeds are real input; mutations are those that find
//! most: flipped, cut, doubled and spliced octets.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gatepost::admin::Control;
use gatepost::mailbox::Manager;
use gatepost::mime::{Parser, Summary, SummaryRef, decode_field, parse_date};
use gatepost::proto::{Dialect, Framer, Limits, MessageUrl, Stage, Step, parse, utf7_decode};
use gatepost::store::Store;
use gatepost::types::{PartPath, Pattern};

fn fuzz(name: &str, seeds: &[&[u8]], target: impl Fn(&[u8]) + Send + 'static) {
    let secs = std::env::var("GATEPOST_FUZZ_SECS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let seed = if secs > 3 { fastrand::u64(..) } else { 42 };
    println!("{name}: seed {seed}");
    let run = move || {
        let mut random = fastrand::Rng::with_seed(seed);
        let end = Instant::now() + Duration::from_secs(secs);
        let mut runs = 0u64;
        while Instant::now() < end {
            let input = mutate(&mut random, &seeds);
            let began = Instant::now();
            target(&input);
            assert!(began.elapsed() < Duration::from_secs(20), "slow: {:?}", String::from_utf8_lossy(&input));
            runs += 1;
        }
        runs
    };
    // A worker's stack: what fits here fits there.
    let thread = std::thread::Builder::new().stack_size(gatepost::net::STACK_BYTES);
    let runs = thread.spawn(run).unwrap().join().unwrap();
    println!("{name}: {runs} runs");
    assert!(runs > 100, "too slow to mean anything");
}

fn mutate(random: &mut fastrand::Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..8) {
        if input.is_empty() {
            input.push(random.u8(..));
        }
        let at = random.usize(..input.len());
        match random.u8(..7) {
            0 => input[at] = random.u8(..),
            1 => input[at] ^= 1 << random.u8(..8),
            2 => input.truncate(at),
            3 => input.insert(at, *random.choice(b"\r\n\0\"\\(){}*%=?:;<>@,- \xff").unwrap()),
            4 => {
                let piece = input[at..(at + random.usize(1..40)).min(input.len())].to_vec();
                for _ in 0..random.usize(1..50) {
                    input.splice(at..at, piece.iter().copied());
                }
            }
            5 => {
                let other = &seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => drop(input.remove(at)),
        }
        input.truncate(200_000);
    }
    input
}

const COMMANDS: &[&[u8]] = &[
    b"a LOGIN joe {3+}\r\nfoo\r\nb SELECT INBOX\r\n",
    b"a UID FETCH 1:*,5 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (A \"B\")]<0.5> BINARY.SIZE[1] ENVELOPE)\r\n",
    b"a SEARCH RETURN (MIN MAX) CHARSET UTF-8 OR (FROM \"x\" NOT SEEN) HEADER A {1+}\r\nb SINCE 1-Feb-1994 1:4,7:*\r\n",
    b"a UID SORT RETURN (PARTIAL -1:-5 UPDATE CONTEXT) (REVERSE DATE TO) UTF-8 $ UID 5:*\r\na CANCELUPDATE \"a\"\r\n",
    b"a UID SORT RETURN (RELEVANCY) (RELEVANCY) UTF-8 FUZZY (TEXT Helo OR FUZZY FROM x NOT 1)\r\na COMPARATOR \"*\" i;octet\r\n",
    b"a SEARCH FILTER on-the-road OR FILTER a FILTER b\r\na LANGUAGE de-AT \"*\"\r\n",
    b"a ESEARCH IN (mailboxes (a {1+}\r\nb) subtree-one c personal) RETURN (COUNT) TEXT x\r\na UID FETCH 1 UID (PARTIAL 1:2)\r\n",
    b"a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"*\" %) RETURN (CHILDREN STATUS (MESSAGES))\r\n",
    b"a APPEND \"x &AOQ- y\" (\\Seen $K) \"17-Jul-1996 02:44:25 -0700\" ~{5+}\r\nhello\r\n",
    b"a APPEND x (\\Seen) CATENATE (URL \"/INBOX;UIDVALIDITY=7/;UID=20/;SECTION=1.MIME/;PARTIAL=1.5\" TEXT {3+}\r\nabc UTF8 (~{1+}\r\nx)) UTF8 (~{2+}\r\nxy)\r\nb UID REPLACE * x {1+}\r\ny\r\n",
    b"a GENURLAUTH \"imap://joe@x/INBOX/;UID=1;URLAUTH=user+a\" INTERNAL\r\na RESETKEY INBOX X\r\na URLFETCH \"x\" (\"y\" BINARY BODYPARTSTRUCTURE)\r\n",
    b"a STORE 1 (UNCHANGEDSINCE 5) ANNOTATION (/comment (value.priv \"x\" value.shared ~{3+}\r\na\0b) /1.2/flags/seen (value.priv NIL))\r\na FETCH 1 (ANNOTATION ((/* \"/%/x\") (value size.shared)))\r\n",
    b"a SELECT x (ANNOTATE)\r\na SORT (REVERSE ANNOTATION /a value.priv DATE) UTF-8 ANNOTATION /1/* value {1+}\r\nx\r\na APPEND x ANNOTATION (/a (value.shared {2+}\r\nxy)) {1+}\r\nz\r\n",
    b"a FETCH 1:* (PREVIEW (LAZY) UID)\r\na FETCH 1 PREVIEW (CHANGEDSINCE 5)\r\n",
    b"a CREATE x (CLASS {3+}\r\nIPF USE (\\Junk))\r\na XLIST \"\" %\r\na LIST (CLASS UNSEEN) ~a/ (* %) RETURN (METADATA (/shared/a {10+}\r\n/private/b) INTERNALSIZE)\r\n",
    b"a GETMETADATA (MAXSIZE 1024 DEPTH infinity) \"\" (/private/a /shared/vendor/x/y)\r\na SETMETADATA x (/private/a {1+}\r\nb /private/c ~{2+}\r\n\0d /shared/e NIL)\r\n",
    b"a UID COPY 1:*,$ \"x y\" ENCRYPTED MIIB+/=\r\nb MOVE 1 x ENCRYPTED *\r\nc COPY 1 x encrypted {4+}\r\nMIIB\r\nd RLIST ~a/ %\r\ne RLSUB \"\" *\r\n",
    b"a NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (A)]) MessageExpunge)) (mailboxes (a {1+}\r\nb) NONE)\r\n",
    b"a UIDBATCHES 2000 1:20\r\na SELECT x (QRESYNC (7 9 1:5,8 (1,3 2,4)))\r\na NOTIFY NONE\r\n",
    b"a STORE 1:* +FLAGS.SILENT (\\Deleted a b c)\r\na CREATE x (USE (\\Trash))\r\na ID (\"a\" NIL)\r\n",
];

#[test]
fn commands() {
    fuzz("commands", COMMANDS, |input| {
        let limits = Limits {
            line_bytes_max: 8192,
            literal_bytes_max: 10_000,
            literal_unasked_max: 5000,
            literal_memory_max: 1000,
            literals_max: 10,
        };
        let mut framer = Framer::new(limits, tempfile::tempfile);
        for piece in input.chunks(1000) {
            framer.push(piece);
            loop {
                match framer.next() {
                    Step::NeedMore => break,
                    Step::Frame(frame) => {
                        let rev2 = frame.line.len() % 2 == 0;
                        let stage =
                            if frame.line.contains("LOGIN") { Stage::NotAuthenticated } else { Stage::Authenticated };
                        // Whether it is one does not matter here.
                        drop(parse(frame, Dialect { rev2, ..Dialect::default() }, stage));
                    }
                    Step::Refused(refusal) if refusal.close => return,
                    Step::Continue | Step::Refused(_) => {}
                }
            }
        }
    });
}

const MAIL: &[&[u8]] = &[
    b"From: a <b@c>, \"d\" <e@f>\r\nTo: g: h@i;\r\nSubject: =?utf-8?q?=C3=A4?= =?iso-8859-1?B?5A==?=\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n\r\nbody\r\n",
    b"Content-Type: multipart/mixed; boundary=\"A b\"; x*0=y\r\n\r\n--A b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/digest; boundary=B\r\n\r\n--B\r\n\r\nSubject: x\r\n\r\ny\r\n--B--\r\n--A b\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n--A b--\r\n",
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><style>a>b</style><!-- x --><p title=\"y\">&lt;caf&eacute;&#x20;<blockquote>z</blockquote><br/>\r\n",
];

#[test]
fn messages() {
    fuzz("messages", MAIL, |input| {
        let parsed = |piece: usize| {
            let mut parser = Parser::new();
            input.chunks(piece).for_each(|piece| parser.feed(piece));
            Summary::encode(&parser.finish())
        };
        let whole = parsed(usize::MAX);
        assert_eq!(whole, parsed(7), "pieces matter: {:?}", String::from_utf8_lossy(input));
        let summary = SummaryRef::new(&whole).unwrap();
        for text in [summary.envelope(), summary.body(), summary.body_structure()] {
            assert!(
                is_one_list(text),
                "{:?} gives {:?}",
                String::from_utf8_lossy(input),
                String::from_utf8_lossy(text)
            );
        }
        for part in summary.parts() {
            assert!(
                part.header.end <= part.body.start
                    && part.body.start <= part.body.end
                    && part.body.end <= input.len() as u64
            );
        }
        summary.part(&PartPath(vec![1, 2, 1]));
    });
}

/// One parenthesised list of the wire, all of it.
fn is_one_list(mut text: &[u8]) -> bool {
    let mut depth = 0;
    while let Some((&first, rest)) = text.split_first() {
        text = rest;
        match first {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return text.is_empty();
                }
            }
            b'"' => loop {
                match text.split_first() {
                    Some((b'"', rest)) => {
                        text = rest;
                        break;
                    }
                    Some((b'\\', rest)) if !rest.is_empty() => text = &rest[1..],
                    // RFC 9051 9: a quoted string has any character but CR and LF.
                    Some((1..=9 | 11 | 12 | 14..=127, rest)) => text = rest,
                    _ => return false,
                }
            },
            b'{' => {
                let Some(end) = text.iter().position(|b| *b == b'}') else { return false };
                let length: usize = std::str::from_utf8(&text[..end]).unwrap().parse().unwrap();
                let Some(literal) = text.get(end + 3..end + 3 + length) else { return false };
                if literal.contains(&0) {
                    return false;
                }
                text = &text[end + 3 + length..];
            }
            b' ' | b'0'..=b'9' | b'A'..=b'Z' => {}
            _ => return false,
        }
    }
    false
}

#[test]
fn words() {
    fuzz(
        "words",
        &[b"=?utf-8?q?=C3=A4?= =?iso-2022-jp?B?GyRC?=", b"&AOQ-&-", b"Fri, 21 Nov 1997 09:55:06 -0600", b"a/*/%b"],
        |input| {
            decode_field(input);
            parse_date(input);
            let text = String::from_utf8_lossy(input);
            utf7_decode(&text);
            if text.len() < 200 {
                Pattern::new("", &text).matches(&text);
            }
        },
    );
}

#[test]
fn configurations() {
    fuzz(
        "configurations",
        &[gatepost::config::sample().as_bytes(), b"[IMAP]\nSync = always\n[Listener x]\nAddress = [::1]:143\n"],
        |input| {
            // Whether it is one does not matter here.
            drop(gatepost::config::Config::parse("x.ini", &String::from_utf8_lossy(input)));
        },
    );
}

const URLS: &[&[u8]] = &[
    b"imap://joe;AUTH=*@example.com:143/~x/a%20b;UIDVALIDITY=7/;UID=20/;SECTION=1.2.HEADER.FIELDS%20(A%20%22B%22)/;PARTIAL=1.5;EXPIRE=2026-01-01T00:00:00Z;URLAUTH=submit+joe:INTERNAL:0123456789abcdef0123456789abcdef",
    b"/INBOX/;UID=1/;SECTION=TEXT",
];

#[test]
fn urls() {
    fuzz("urls", URLS, |input| {
        let text = String::from_utf8_lossy(input);
        if let Some(url) = MessageUrl::parse(&text)
            && let Some(verifier) = url.authorization.and_then(|authorization| authorization.verifier)
        {
            assert!(text[..verifier.rump_bytes].len() < text.len() && verifier.token.len() >= 32);
        }
    });
}

/// Neither `stop` nor what names files: the requests are done.
const REQUESTS: &[&[u8]] = &[
    b"{\"verb\":\"mailbox create\",\"account\":\"a\",\"mailbox\":\"B/C\"}\n{\"verb\":\"who\"}\n",
    b"{\"verb\":\"import\",\"account\":\"a\",\"mailbox\":\"INBOX\"}\n{\"size\":12,\"flags\":[\"\\\\Seen\",\"x\"],\"secs\":1}\nA: b\r\n\r\nhello\n{\"size\":0}\n",
    b"{\"verb\":\"export\",\"account\":\"a\",\"mailbox\":\"INBOX\"}\n{\"verb\":\"check\",\"account\":\"a\",\"repair\":true}\n",
    b"{\"verb\":\"alias add\",\"account\":\"a\",\"alias\":\"x\",\"mailbox\":\"~b/c\"}\n{\"verb\":\"alert post\",\"scope\":\"server\",\"text\":\"y\"}\n",
    b"{\"verb\":\"quota set\",\"account\":\"a\",\"storage\":\"2G\"}\n{\"verb\":\"undelete\",\"account\":\"a\",\"since\":7}\n",
];

#[test]
fn control_socket() {
    let directory = tempfile::tempdir().unwrap();
    let manager = Arc::new(Manager::new(Store::memory(), Default::default()));
    let control = Control::start(directory.path(), manager, Arc::default()).unwrap();
    let path = directory.path().join("control");
    // Each connection has a thread of its own, whose panics nobody else would hear of.
    let panicked = Arc::new(AtomicBool::new(false));
    let (heard, before) = (panicked.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        heard.store(true, Ordering::Relaxed);
        before(panic);
    }));
    fuzz("control socket", REQUESTS, move |input| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // It may be closed at the first line that is none.
        let _ = stream.write_all(input);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
        assert!(!panicked.load(Ordering::Relaxed), "{:?}", String::from_utf8_lossy(input));
    });
    control.stop();
}

/// A certificate is anybody's octets; what is taken can be encrypted for, or is refused then.
#[test]
fn certificates() {
    use gatepost::smime::{Certificate, Description, Envelope, decode};
    let made = |algorithm| {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        rcgen::CertificateParams::new(vec!["example.com".into()]).unwrap().self_signed(&key).unwrap()
    };
    let (p256, p384) = (made(&rcgen::PKCS_ECDSA_P256_SHA256), made(&rcgen::PKCS_ECDSA_P384_SHA384));
    let pem = p256.pem();
    let seeds: [&[u8]; 4] = [p256.der(), p384.der(), pem.as_bytes(), include_bytes!("data/rsa.pem")];
    fuzz("certificates", &seeds, |input| {
        let Ok(der) = decode(input) else { return };
        let _ = Description::of(&der, 1_800_000_000);
        let Ok(certificate) = Certificate::from_der(&der, 1_800_000_000) else { return };
        let mut out = Vec::new();
        if let Ok(mut envelope) = Envelope::begin(&certificate, &[b"Subject: x\r\n"], 5, &mut out) {
            envelope.feed(b"hello", &mut out);
            assert!(envelope.finish(&mut out).is_some() && certificate.recognises(&out));
        }
    });
}
