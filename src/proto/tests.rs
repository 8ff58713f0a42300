//! What is a command, and what is none.

use pest::Parser;

use super::grammar::{Grammar, Rule};
use super::{Command, Dialect, Frame, Malformed, Stage, parse};

fn command(line: &str) -> Result<Command, Malformed> {
    let frame = Frame { line: line.into(), literals: Vec::new() };
    let stage = if line.contains("LOGIN") { Stage::NotAuthenticated } else { Stage::Authenticated };
    parse(frame, Dialect::default(), stage)
}

/// RFC 9051 9 (atom-specials, quoted-specials)
#[test]
fn what_stands_in_atoms_and_strings() {
    let is_atom = |c: char| Grammar::parse(Rule::atom, &c.to_string()).is_ok();
    let is_quoted = |text: &str| {
        let quoted = format!("\"{text}\"");
        Grammar::parse(Rule::quoted, &quoted).is_ok_and(|mut pairs| pairs.next().unwrap().as_str() == quoted)
    };
    for c in (1..=0x7f).map(char::from).chain("äß€\u{1f4e7}\u{10ffff}".chars()) {
        assert_eq!(is_atom(c), c.is_ascii_graphic() && !"(){%*\"\\]".contains(c), "{c:?}");
        assert_eq!(is_quoted(&c.to_string()), !"\"\\".contains(c), "{c:?}");
        assert_eq!(is_quoted(&format!("\\{c}")), "\"\\".contains(c), "{c:?}");
    }
    assert!(!is_atom('\0') && !is_quoted("\0"));
}

#[test]
fn good_and_bad() {
    let good = [
        "a CAPABILITY",
        "a noop ",
        "a LOGIN joe \"pass word\"",
        "a SELECT INBOX",
        "a ENABLE IMAP4rev2 X",
        "a CREATE x (USE (\\Trash))",
        "a CREATE x",
        "a CREATE x (CLASS \"IPF.Contact\" USE (\\Junk))",
        "a CREATE x (USE () CLASS x)",
        "a XLIST \"\" *",
        "a LIST (CLASS UNSEEN INTERNALSIZE) \"\" \"*\"",
        "a LIST \"\" * RETURN (CLASS UNSEEN METADATA (/shared/a \"/private/b\") INTERNALSIZE)",
        "a LIST \"\" * RETURN (METADATA /shared/a SUBSCRIBED)",
        "a RENAME a \"b c\"",
        "a LIST \"\" *",
        "a LIST \"\" \"%\"",
        "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"a\" b%) RETURN (CHILDREN STATUS (MESSAGES))",
        "a LIST \"\" % RETURN (SPECIAL-USE)",
        "a LIST () \"\" %",
        "a LSUB \"\" *",
        "a STATUS x (MESSAGES UNSEEN SIZE)",
        "a ID NIL",
        "a ID (\"name\" \"x\" \"version\" NIL)",
        "a SEARCH ALL",
        "a SEARCH RETURN () 1:*",
        "a SEARCH RETURN (MIN MAX SAVE) CHARSET UTF-8 OR FROM a NOT (TO b SUBJECT \"c d\") 1,2:4 UNSEEN",
        "a UID SEARCH UID 1:* SINCE 1-Feb-1994 LARGER 4 KEYWORD $x HEADER X-Y \"\"",
        "a FETCH 1:* ALL",
        "a FETCH $ FLAGS",
        "a SEARCH RETURN (PARTIAL 1:500 COUNT SAVE) ALL",
        "a ESEARCH UNSEEN",
        "a ESEARCH IN (mailboxes \"folder1\" subtree (a \"b c\")) RETURN (COUNT) CHARSET UTF-8 unseen",
        "a esearch in (Selected personal subscribed INBOXES subtree-one x) from x",
        "a SEARCH RETURN (UPDATE CONTEXT COUNT) ALL",
        "a CANCELUPDATE \"B01\" \"B02\"",
        "a SORT RETURN (RELEVANCY ALL) (REVERSE RELEVANCY DATE) UTF-8 FUZZY TEXT Helo NOT FUZZY (FROM x SEEN)",
        "a COMPARATOR",
        "a LANGUAGE",
        "a LANGUAGE de-AT \"default\"",
        "a SEARCH CHARSET US-ASCII UID 300:900 FILTER on-the-road SINCE \"3-Dec-2002\"",
        "a COMPARATOR \"cz;*\" i;basic",
        "a UID SORT RETURN (partial -1:-100) (DATE) UTF-8 ALL",
        "a UID FETCH 1:* FLAGS (PARTIAL -1:-30 CHANGEDSINCE 98305)",
        "a UID FETCH 1,3:* (FLAGS BODY.PEEK[HEADER.FIELDS (DATE \"FROM\")] BODY[1.2.MIME]<0.10> BINARY.SIZE[1] RFC822.SIZE)",
        "a FETCH 1 (BODY BODYSTRUCTURE BODY[] BODY[TEXT] BODY[1] BODY[1.2.HEADER] INTERNALDATE ENVELOPE UID)",
        "a STORE 1 +FLAGS.SILENT (\\Seen $X)",
        "a STORE 1:2 FLAGS \\Deleted",
        "a STORE 1 -flags ()",
        "a COPY 1 x",
        "a UID MOVE 1:5 \"x y\"",
        "a UID EXPUNGE 4",
        "a EXPUNGE",
        "a IDLE",
        "a NOTIFY NONE",
        "a notify set status (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)",
        "a NOTIFY SET (selected-delayed (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (personal (MailboxName))",
        "a NOTIFY SET (mailboxes (INBOX \"x y\") (MessageNew MessageExpunge AnnotationChange)) (inboxes NONE)",
        "a NOTIFY SET (subtree Lists (SubscriptionChange FutureEvent)) (subscribed (ServerMetadataChange))",
        "a NOTIFY SET STATUS (selected NONE)",
        "a NAMESPACE",
        "a CHECK",
        "a UIDBATCHES 2000",
        "a uidbatches 2000 1:20",
        "a UNSELECT",
        "a SELECT x (CONDSTORE)",
        "a EXAMINE x (QRESYNC (7 9))",
        "a SELECT x (QRESYNC (7 9 1:5,8 (1,3 2,4)))",
        "a FETCH 1 (MODSEQ FLAGS)",
        "a UID FETCH 1:* FLAGS (CHANGEDSINCE 5 VANISHED)",
        "a STORE 1 (UNCHANGEDSINCE 0) +FLAGS (x)",
        "a STATUS x (HIGHESTMODSEQ)",
        "a UID SEARCH YOUNGER 3600 OLDER 5 SAVEDSINCE 1-Jan-2020 SAVEDATESUPPORTED EMAILID M1 THREADID T-_1",
        "a FETCH 1 (EMAILID THREADID SAVEDATE)",
        "a FETCH 1 PREVIEW",
        "a FETCH 1 preview (lazy)",
        "a FETCH 1 PREVIEW (LAZY) (CHANGEDSINCE 1)",
        "a FETCH 1 PREVIEW (CHANGEDSINCE 1)",
        "a FETCH 1 (UID PREVIEW (LAZY) FLAGS)",
        "a GETQUOTA \"\"",
        "a RESETKEY",
        "a RESETKEY INBOX INTERNAL X-Y",
        "a GENURLAUTH imap://joe@x/INBOX/;UID=1;URLAUTH=anonymous INTERNAL \"imap://x\" internal",
        "a URLFETCH \"x\" (\"y\" BODY BODYPARTSTRUCTURE) (z)",
        "a GETQUOTAROOT INBOX",
        "a SETQUOTA joe (STORAGE 512 MESSAGE 10)",
        "a SETQUOTA joe ()",
        "a SETQUOTA joe (FOO 1)",
        "a STORE 1 ANNOTATION (/comment (value.priv \"x\" value.shared NIL) \"/1/comment\" (value.priv \"\"))",
        "a uid store 1:* (unchangedsince 5) annotation (/comment (value.priv \"x\"))",
        "a FETCH 1 (UID ANNOTATION ((/* %) (value size.priv)) FLAGS)",
        "a SEARCH NOT ANNOTATION * value NIL",
        "a SORT (REVERSE ANNOTATION /comment value.priv DATE) UTF-8 ALL",
        "a EXAMINE INBOX (ANNOTATE CONDSTORE)",
        "a SORT (REVERSE DATE SUBJECT) UTF-8 ALL",
        "a UID SORT RETURN (MIN COUNT) (DISPLAYFROM) US-ASCII UNSEEN SINCE 1-Jan-2020",
        "a THREAD REFERENCES UTF-8 ALL",
        "a UID THREAD ORDEREDSUBJECT UTF-8 FROM x",
        "a SETACL INBOX anyone lrs",
        "a SETACL INBOX -joe +d",
        "a DELETEACL INBOX joe",
        "a GETMETADATA \"\" /shared/comment",
        "a GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX (/private/a \"/shared/b c\")",
        "a GETMETADATA INBOX (depth 1) (/private)",
        "a GETMETADATA INBOX /private/comment /shared/comment",
        "a SETMETADATA INBOX (/private/comment NIL /shared/vendor/x/y \"z\")",
        "a LIST \"\" * RETURN (MYRIGHTS)",
        "a STATUS x (APPENDLIMIT DELETED-STORAGE MAILBOXID INTERNALSIZE OLDEST UNSEENMEDIA)",
    ];
    for line in good {
        assert!(command(line).is_ok(), "{line}: {:?}", command(line).err());
    }
    let bad = [
        "",
        " a",
        "a",
        "a ",
        "a FOO",
        "a NOOP x",
        "a LOGIN joe",
        "a SELECT",
        "a SELECT a b",
        "a SELECT &bad",
        "a FETCH 0 ALL",
        "a FETCH 1",
        "a FETCH 1 (X)",
        "a FETCH 1 PREVIEW ()",
        "a FETCH 1 PREVIEW (EAGER)",
        "a FETCH 1 (PREVIEWLAZY)",
        "a FETCH 1 BODY[0]",
        "a FETCH 1 BODY[]<0.0>",
        "a FETCH 1 BODY[MIME]",
        "a FETCH 1: FLAGS",
        "a STORE 1 FLAGS \\Recent",
        "a STORE 1 FLAGS \\Foo",
        "a SEARCH",
        "a SEARCH FOO",
        "a SEARCH ON 31-Feb-2000",
        "a SEARCH LARGER",
        "a STATUS x ()",
        "a STATUS x (FOO)",
        "a LIST",
        "a LIST (RECURSIVEMATCH) \"\" *",
        "a LIST (FOO) \"\" *",
        "a APPEND x",
        "a UIDBATCHES",
        "a NOTIFY",
        "a NOTIFY SET",
        "a NOTIFY NONE x",
        "a NOTIFY SET ()",
        "a NOTIFY SET (selected ())",
        "a NOTIFY SET (selected (MessageNew))",
        "a NOTIFY SET (selected (FlagChange))",
        "a NOTIFY SET (personal (MessageExpunge))",
        "a NOTIFY SET (selected (MailboxName))",
        "a NOTIFY SET (selected NONE) (selected-delayed NONE)",
        "a NOTIFY SET (personal (MessageNew (UID) MessageExpunge))",
        "a NOTIFY SET (mailboxes (MailboxName))",
        "a UIDBATCHES 0",
        "a UIDBATCHES 500 0:1",
        "a UIDBATCHES 500 1",
        "a UIDBATCHES 4294967296",
        "a CREATE x (USE (\\Foo))",
        "a CREATE x (CLASS \"\")",
        "a CREATE x ()",
        "a XLIST \"\"",
        "a LIST \"\" * RETURN (METADATA)",
        "a LIST \"\" * RETURN (METADATA (/shared//a))",
        "a UID NOOP",
        "a UID",
        "a ENABLE",
        "a SEARCH \"x",
        "+ NOOP",
        "a\u{e9} NOOP",
        "a FETCH 99999999999 ALL",
        "a SELECT x (FOO)",
        "a SELECT x (QRESYNC (7))",
        "a SELECT x (QRESYNC (7 9 1:*))",
        "a SELECT x (QRESYNC (7 9 1 (1,2 3)))",
        "a SELECT x (QRESYNC (7 9 1 (3,2 3,4)))",
        "a FETCH 1 FLAGS (CHANGEDSINCE)",
        "a FETCH 1 FLAGS (PARTIAL 1:2)",
        "a UID FETCH 1 FLAGS (PARTIAL 1:2 PARTIAL 1:2)",
        "a SEARCH FILTER",
        "a SEARCH FILTER a/b",
        "a SEARCH FILTER \"x\"",
        "a ESEARCH IN () ALL",
        "a ESEARCH IN (selected-delayed) ALL",
        "a ESEARCH IN (subtree) ALL",
        "a ESEARCH IN (mailboxes ()) ALL",
        "a ESEARCH IN (elsewhere) ALL",
        "a ESEARCH IN (personal (x y)) ALL",
        "a ESEARCH IN (personal)",
        "a CANCELUPDATE",
        "a SEARCH RETURN (PARTIAL) ALL",
        "a SEARCH RETURN (PARTIAL 0:1) ALL",
        "a SEARCH RETURN (PARTIAL -1:2) ALL",
        "a SEARCH RETURN (PARTIAL 1:*) ALL",
        "a SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
        "a SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL",
        "a SEARCH RETURN (PARTIAL 1:4294967296) ALL",
        "a SEARCH YOUNGER 0",
        "a SETQUOTA joe (STORAGE)",
        "a GENURLAUTH x",
        "a URLFETCH",
        "a URLFETCH (x BODY BINARY)",
        "a URLFETCH (x BODY BODY)",
        "a URLFETCH (x NONE)",
        "a STORE 1 ANNOTATION (/comment (value \"x\"))",
        "a STORE 1 ANNOTATION.SILENT (/comment (value.priv \"x\"))",
        "a STORE 1 ANNOTATION (/comment (value.priv \"x\")",
        "a FETCH 1 ANNOTATION (/comment)",
        "a FETCH 1 ANNOTATION (() value)",
        "a FETCH 1 (ANNOTATION (/comment value.foo))",
        "a SEARCH ANNOTATION /comment value",
        "a SORT (ANNOTATION /* value.priv) UTF-8 ALL",
        "a SELECT INBOX (ANNOTATED)",
        "a GETMETADATA INBOX",
        "a GETMETADATA INBOX (MAXSIZE 5)",
        "a GETMETADATA (DEPTH 2) INBOX /private/a",
        "a GETMETADATA (FOO 2) INBOX /private/a",
        "a GETMETADATA INBOX /comment",
        "a GETMETADATA INBOX /private//a",
        "a GETMETADATA INBOX /private/a/",
        "a SETMETADATA INBOX /private/a NIL",
        "a SETMETADATA INBOX ()",
        "a SETMETADATA INBOX (/private/a)",
        "a SETMETADATA INBOX (/private NIL)",
        "a SETMETADATA INBOX (/private/vendor/x NIL)",
        "a SETMETADATA INBOX (/private/a x)",
        "a SETMETADATA INBOX (/private/a NIL /Private/A \"\")",
        "a SORT () UTF-8 ALL",
        "a SORT (FOO) UTF-8 ALL",
        "a SORT (DATE) ALL",
        "a THREAD FOO UTF-8 ALL",
        "a SETACL INBOX anyone lq",
        "a SETQUOTA joe (STORAGE 1 STORAGE 2)",
        "a SEARCH EMAILID \"x\"",
        "a FETCH 1 FLAGS (VANISHED)",
        "a UID FETCH 1 FLAGS (VANISHED)",
        "a STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS (x)",
    ];
    for line in bad {
        assert!(command(line).is_err(), "{line}");
    }
}

#[test]
fn states_and_charsets() {
    assert!(command("a LOGIN x y").is_ok());
    let frame = Frame { line: "a SELECT x".into(), literals: Vec::new() };
    assert!(matches!(parse(frame, Dialect::default(), Stage::NotAuthenticated), Err(Malformed::WrongStage { .. })));
    assert!(matches!(command("a SEARCH CHARSET KLINGON ALL"), Err(Malformed::BadCharset { .. })));
    assert!(command("a SEARCH CHARSET ISO-8859-1 ALL").is_ok());
}

#[test]
fn bombs_are_defused() {
    let bombs = [
        format!("a SEARCH {}ALL", "NOT ".repeat(10_000)),
        format!("a SEARCH {}ALL{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("a SEARCH {}", "OR ALL ".repeat(5_000)),
        format!("a SEARCH {}ALL", "FUZZY ".repeat(10_000)),
        format!("a SEARCH {}ALL", "NOT ".repeat(49)),
        format!("a SEARCH {}ALL{}", "(".repeat(49), ")".repeat(49)),
        format!("a FETCH 1 BODY[{}]", "1.".repeat(10_000)),
    ];
    let run = move || bombs.iter().map(|bomb| command(bomb).is_ok()).collect::<Vec<_>>();
    let results = std::thread::Builder::new().stack_size(crate::net::STACK_BYTES).spawn(run).unwrap().join().unwrap();
    assert_eq!(results, [false, false, false, false, true, true, false]);
}
