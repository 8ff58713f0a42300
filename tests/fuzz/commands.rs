//! What a client sends.

use std::collections::BTreeSet;
use std::path::Path;

use gatepost::proto::{Dialect, Framer, Limits, Stage, Step, command_names, mask, parse};

use super::common::transcript;
use super::{fuzz, owned};

const COMMANDS: &[&[u8]] = &[
    b"a LOGIN joe {3+}\r\nfoo\r\nb SELECT INBOX\r\n",
    b"a UID FETCH 1:*,5 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (A \"B\")]<0.5> BINARY.SIZE[1] ENVELOPE)\r\n",
    b"a SEARCH RETURN (MIN MAX) CHARSET UTF-8 OR (FROM \"x\" NOT SEEN) HEADER A {1+}\r\nb SINCE 1-Feb-1994 1:4,7:*\r\n",
    b"a UID SORT RETURN (PARTIAL -1:-5 UPDATE CONTEXT) (REVERSE DATE TO) UTF-8 $ UID 5:*\r\na CANCELUPDATE \"a\"\r\n",
    b"a UID SORT RETURN (RELEVANCY) (RELEVANCY) UTF-8 FUZZY (TEXT Helo OR FUZZY FROM x NOT 1)\r\na COMPARATOR \"*\" i;octet\r\n",
    b"a SEARCH OR FROM a OR NOT FROM b OR (OR SUBJECT c OR TO d CC e) OR OR BODY f TEXT g BCC h SEEN UNSEEN\r\n",
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

/// What the clients of each transcript say: every extension there is, as clients use it.
fn transcripts() -> Vec<Vec<u8>> {
    transcript::files_below(Path::new("tests/wire"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "imap"))
        .map(|path| transcript::said_by_clients(&std::fs::read_to_string(path).unwrap()).concat())
        .filter(|said| !said.is_empty())
        .collect()
}

fn seeds() -> Vec<Vec<u8>> {
    [owned(COMMANDS), transcripts()].concat()
}

/// The names of the commands that can be parsed.
fn commands_of(input: &[u8]) -> BTreeSet<&'static str> {
    let limits = Limits {
        line_bytes_max: 8192,
        literal_bytes_max: 10_000,
        literal_unasked_max: 5000,
        literal_memory_max: 1000,
        literals_max: 10,
    };
    let (mut framer, mut names) = (Framer::new(limits, tempfile::tempfile), BTreeSet::new());
    for piece in input.chunks(1000) {
        framer.push(piece);
        loop {
            match framer.next() {
                Step::NeedMore => break,
                Step::Frame(frame) => {
                    let rev2 = frame.line.len() % 2 == 0;
                    let upper = frame.line.to_ascii_uppercase();
                    let stage = match ["LOGIN", "AUTHENTICATE ", "STARTTLS"].iter().any(|name| upper.contains(name)) {
                        true => Stage::NotAuthenticated,
                        false => Stage::Authenticated,
                    };
                    mask(&frame.line, stage);
                    // Whether it is one does not matter here.
                    names.extend(
                        parse(frame, Dialect { rev2, ..Dialect::default() }, stage).map(|command| command.name),
                    );
                }
                Step::Refused(refusal) if refusal.close => return names,
                Step::Continue | Step::Refused(_) => {}
            }
        }
    }
    names
}

#[test]
fn every_command_has_a_seed() {
    let seeded: BTreeSet<&str> = seeds().iter().flat_map(|seed| commands_of(seed)).collect();
    let missing: Vec<&str> = command_names().filter(|name| !seeded.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn commands() {
    fuzz("commands", seeds(), |input| drop(commands_of(input)));
}
