//! From a frame to a command.                       RFC 9051 9 (command)
//!
//! The tag and the name are read by hand; the name finds its row in the table, the row says in which stage of a session
//! the command can be parsed at all, which rule its arguments have, and what to tell a client that gets them wrong.

use pest::Parser;

use super::arguments::Args;
use super::command::{Command, CommandBody, Dialect};
use super::frame::{Frame, Limits, Step};
use super::framer::{Framer, tag_of};
use super::grammar::{Grammar, Rule};
use super::lower::{self, LowerError};
use super::{
    lower_access, lower_append, lower_fetch, lower_list, lower_metadata, lower_notify, lower_search, lower_select,
    lower_sort, lower_url,
};
use crate::types::{By, SearchKey};

/// What a session can be asked, as far as syntax goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    NotAuthenticated,
    Authenticated,
}

/// Why a frame is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No tag: the answer is untagged.
    Tag,
    /// A tag and a sentence for the client.
    Command { tag: String, reason: String },
    /// A command of another state.
    WrongStage { tag: String, name: String },
    /// SEARCH in a charset that is not known. RFC 9051 6.4.4
    BadCharset { tag: String },
    /// The same, where FILTER must stand beside UTF-8. RFC 5466 3.1
    FilterCharset { tag: String },
}

/// Nested keys, groups and operators in one command: each costs stack, and no client nests deeper.
const NESTING_MAX: usize = 50;

type Lower = fn(&mut Args<'_>) -> Result<CommandBody, LowerError>;

struct Row {
    name: &'static str,
    before_login: bool,
    after_login: bool,
    rule: Rule,
    lower: Lower,
    usage: &'static str,
}

const fn row(name: &'static str, when: (bool, bool), rule: Rule, lower: Lower, usage: &'static str) -> Row {
    Row { name, before_login: when.0, after_login: when.1, rule, lower, usage }
}

const ANY: (bool, bool) = (true, true);
const BEFORE: (bool, bool) = (true, false);
const AFTER: (bool, bool) = (false, true);

const ROWS: &[Row] = &[
    row("CAPABILITY", ANY, Rule::no_args, |_| Ok(CommandBody::Capability), "CAPABILITY takes no arguments"),
    row("NOOP", ANY, Rule::no_args, |_| Ok(CommandBody::Noop), "NOOP takes no arguments"),
    row("LOGOUT", ANY, Rule::no_args, |_| Ok(CommandBody::Logout), "LOGOUT takes no arguments"),
    row("ID", ANY, Rule::id_args, lower::id, "ID takes NIL or a list of names and values"),
    row(
        "LANGUAGE",
        ANY,
        Rule::language_args,
        lower::language,
        "LANGUAGE takes languages, the best first, or nothing",
    ),
    row("STARTTLS", BEFORE, Rule::no_args, |_| Ok(CommandBody::StartTls), "STARTTLS takes no arguments"),
    row("AUTHENTICATE", BEFORE, Rule::authenticate_args, lower::authenticate, "AUTHENTICATE takes a mechanism"),
    row("LOGIN", BEFORE, Rule::login_args, lower::login, "LOGIN takes a name and a password"),
    row(
        "UNAUTHENTICATE",
        AFTER,
        Rule::no_args,
        |_| Ok(CommandBody::Unauthenticate),
        "UNAUTHENTICATE takes no arguments",
    ),
    row("COMPRESS", AFTER, Rule::compress_args, lower::compress, "COMPRESS takes DEFLATE"),
    row("ENABLE", AFTER, Rule::enable_args, lower::enable, "ENABLE takes names of capabilities"),
    row(
        "SELECT",
        AFTER,
        Rule::select_args,
        |a| Ok(CommandBody::Select(lower_select::select(a)?)),
        "SELECT takes a mailbox name, and (CONDSTORE), (QRESYNC (...)) or (ANNOTATE) if wanted",
    ),
    row(
        "EXAMINE",
        AFTER,
        Rule::select_args,
        |a| Ok(CommandBody::Examine(lower_select::select(a)?)),
        "EXAMINE takes a mailbox name, and (CONDSTORE), (QRESYNC (...)) or (ANNOTATE) if wanted",
    ),
    row(
        "CREATE",
        AFTER,
        Rule::create_args,
        lower::create,
        "CREATE takes a mailbox name, and (USE (\\Use)) or (CLASS name) if wanted",
    ),
    row(
        "DELETE",
        AFTER,
        Rule::mailbox_args,
        |a| Ok(CommandBody::Delete(a.mailbox()?)),
        "DELETE takes a mailbox name",
    ),
    row("RENAME", AFTER, Rule::rename_args, lower::rename, "RENAME takes two mailbox names"),
    row(
        "SUBSCRIBE",
        AFTER,
        Rule::mailbox_args,
        |a| Ok(CommandBody::Subscribe(a.mailbox()?)),
        "SUBSCRIBE takes a mailbox name",
    ),
    row(
        "UNSUBSCRIBE",
        AFTER,
        Rule::mailbox_args,
        |a| Ok(CommandBody::Unsubscribe(a.mailbox()?)),
        "UNSUBSCRIBE takes a mailbox name",
    ),
    row("LIST", AFTER, Rule::list_args, lower_list::list, "LIST takes a reference and a pattern"),
    row("XLIST", AFTER, Rule::lsub_args, lower_list::xlist, "XLIST takes a reference and a pattern"),
    row("LSUB", AFTER, Rule::lsub_args, lower_list::lsub, "LSUB takes a reference and a pattern"),
    row("RLIST", AFTER, Rule::lsub_args, lower_list::rlist, "RLIST takes a reference and a pattern"),
    row("RLSUB", AFTER, Rule::lsub_args, lower_list::rlsub, "RLSUB takes a reference and a pattern"),
    row("NAMESPACE", AFTER, Rule::no_args, |_| Ok(CommandBody::Namespace), "NAMESPACE takes no arguments"),
    row(
        "SETACL",
        AFTER,
        Rule::setacl_args,
        lower_access::setacl,
        "SETACL takes a mailbox name, an identifier and rights",
    ),
    row(
        "DELETEACL",
        AFTER,
        Rule::acl_identifier_args,
        lower_access::deleteacl,
        "DELETEACL takes a mailbox name and an identifier",
    ),
    row(
        "GETACL",
        AFTER,
        Rule::mailbox_args,
        |a| Ok(CommandBody::GetAcl(a.mailbox()?)),
        "GETACL takes a mailbox name",
    ),
    row(
        "LISTRIGHTS",
        AFTER,
        Rule::acl_identifier_args,
        lower_access::listrights,
        "LISTRIGHTS takes a mailbox name and an identifier",
    ),
    row(
        "MYRIGHTS",
        AFTER,
        Rule::mailbox_args,
        |a| Ok(CommandBody::MyRights(a.mailbox()?)),
        "MYRIGHTS takes a mailbox name",
    ),
    row("GETQUOTA", AFTER, Rule::getquota_args, lower_access::getquota, "GETQUOTA takes a quota root"),
    row(
        "GETQUOTAROOT",
        AFTER,
        Rule::mailbox_args,
        |a| Ok(CommandBody::GetQuotaRoot(a.mailbox()?)),
        "GETQUOTAROOT takes a mailbox name",
    ),
    row(
        "SETQUOTA",
        AFTER,
        Rule::setquota_args,
        lower_access::setquota,
        "SETQUOTA takes a quota root and a list of limits",
    ),
    row(
        "GETMETADATA",
        AFTER,
        Rule::getmetadata_args,
        lower_metadata::getmetadata,
        "GETMETADATA takes options if wanted, a mailbox name or \"\", and entries as /shared/comment",
    ),
    row(
        "SETMETADATA",
        AFTER,
        Rule::setmetadata_args,
        lower_metadata::setmetadata,
        "SETMETADATA takes a mailbox name or \"\", and a list of entries with their values",
    ),
    row("STATUS", AFTER, Rule::status_args, lower_list::status, "STATUS takes a mailbox name and a list of items"),
    row(
        "APPEND",
        AFTER,
        Rule::append_args,
        lower_append::append,
        "APPEND takes a mailbox name, flags and a date if wanted, and a literal or CATENATE (...)",
    ),
    row(
        "REPLACE",
        AFTER,
        Rule::replace_args,
        lower_append::replace,
        "REPLACE takes a sequence number, a mailbox name, flags and a date if wanted, and a literal or CATENATE (...)",
    ),
    row(
        "UID REPLACE",
        AFTER,
        Rule::replace_args,
        lower_append::replace,
        "UID REPLACE takes a UID, a mailbox name, flags and a date if wanted, and a literal or CATENATE (...)",
    ),
    row("NOTIFY", AFTER, Rule::notify_args, lower_notify::notify, "NOTIFY takes NONE, or SET and groups of events"),
    row(
        "RESETKEY",
        AFTER,
        Rule::resetkey_args,
        lower_url::resetkey,
        "RESETKEY takes a mailbox name and mechanisms if wanted",
    ),
    row(
        "GENURLAUTH",
        AFTER,
        Rule::genurlauth_args,
        lower_url::genurlauth,
        "GENURLAUTH takes URLs, each with a mechanism",
    ),
    row(
        "URLFETCH",
        AFTER,
        Rule::urlfetch_args,
        lower_url::urlfetch,
        "URLFETCH takes URLs, or (URL BODY or BINARY BODYPARTSTRUCTURE)",
    ),
    row("IDLE", AFTER, Rule::no_args, |_| Ok(CommandBody::Idle), "IDLE takes no arguments"),
    row("CHECK", AFTER, Rule::no_args, |_| Ok(CommandBody::Check), "CHECK takes no arguments"),
    row("CLOSE", AFTER, Rule::no_args, |_| Ok(CommandBody::Close), "CLOSE takes no arguments"),
    row("UNSELECT", AFTER, Rule::no_args, |_| Ok(CommandBody::Unselect), "UNSELECT takes no arguments"),
    row("EXPUNGE", AFTER, Rule::no_args, |_| Ok(CommandBody::Expunge(None)), "EXPUNGE takes no arguments"),
    row("SEARCH", AFTER, Rule::search_args, lower_search::search, "SEARCH takes search keys"),
    row(
        "SORT",
        AFTER,
        Rule::sort_args,
        lower_sort::sort,
        "SORT takes criteria in brackets, a charset and search keys",
    ),
    row(
        "ESEARCH",
        AFTER,
        Rule::esearch_args,
        lower_search::esearch,
        "ESEARCH takes IN (mailboxes) and RETURN (options) if wanted, and search keys",
    ),
    row(
        "COMPARATOR",
        AFTER,
        Rule::comparator_args,
        lower::comparator,
        "COMPARATOR takes names of comparators, the best first, or nothing",
    ),
    row(
        "CANCELUPDATE",
        AFTER,
        Rule::cancelupdate_args,
        lower_search::cancelupdate,
        "CANCELUPDATE takes the tags of searches",
    ),
    row(
        "THREAD",
        AFTER,
        Rule::thread_args,
        lower_sort::thread,
        "THREAD takes an algorithm, a charset and search keys",
    ),
    row("UID SORT", AFTER, Rule::sort_args, lower_sort::sort, "UID SORT takes criteria, a charset and search keys"),
    row(
        "UID THREAD",
        AFTER,
        Rule::thread_args,
        lower_sort::thread,
        "UID THREAD takes an algorithm, a charset and search keys",
    ),
    row("FETCH", AFTER, Rule::fetch_args, lower_fetch::fetch, "FETCH takes a sequence set and items"),
    row(
        "STORE",
        AFTER,
        Rule::store_args,
        lower::store,
        "STORE takes a sequence set, FLAGS, +FLAGS or -FLAGS, and flags, or ANNOTATION (...)",
    ),
    row(
        "UIDBATCHES",
        AFTER,
        Rule::uidbatches_args,
        lower::uidbatches,
        "UIDBATCHES takes a number of messages, and a range of batches if wanted",
    ),
    row("COPY", AFTER, Rule::copy_args, lower::copy, "COPY takes a sequence set and a mailbox name"),
    row("MOVE", AFTER, Rule::copy_args, lower::move_, "MOVE takes a sequence set and a mailbox name"),
    row("UID EXPUNGE", AFTER, Rule::expunge_args, lower::expunge, "UID EXPUNGE takes a set of UIDs"),
    row("UID SEARCH", AFTER, Rule::search_args, lower_search::search, "UID SEARCH takes search keys"),
    row("UID FETCH", AFTER, Rule::fetch_args, lower_fetch::fetch, "UID FETCH takes a set of UIDs and items"),
    row(
        "UID STORE",
        AFTER,
        Rule::store_args,
        lower::store,
        "UID STORE takes a set of UIDs, FLAGS, +FLAGS or -FLAGS, and flags, or ANNOTATION (...)",
    ),
    row("UID COPY", AFTER, Rule::copy_args, lower::copy, "UID COPY takes a set of UIDs and a mailbox name"),
    row("UID MOVE", AFTER, Rule::copy_args, lower::move_, "UID MOVE takes a set of UIDs and a mailbox name"),
];

/// The names of all commands, in capitals.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

pub fn parse(frame: Frame, dialect: Dialect, stage: Stage) -> Result<Command, Malformed> {
    let Frame { line, literals } = frame;
    let tag = tag_of(line.as_bytes()).ok_or(Malformed::Tag)?;
    let rest = line[tag.len()..].trim_start_matches(' ');
    let refuse = |reason: String| Malformed::Command { tag: tag.clone(), reason };
    let (name, args) = name_of(rest);
    if name.is_empty() {
        return Err(refuse("A command is missing behind the tag".into()));
    }
    let row = ROWS
        .iter()
        .find(|row| row.name == name)
        .ok_or_else(|| refuse(format!("Unknown command {}", shown(&name))))?;
    let allowed = match stage {
        Stage::NotAuthenticated => row.before_login,
        Stage::Authenticated => row.after_login,
    };
    if !allowed {
        return Err(Malformed::WrongStage { tag, name });
    }
    // Outlook and others leave a space behind the last argument.
    let args = args.trim_end_matches(' ');
    if nesting(args) > NESTING_MAX {
        return Err(refuse(format!("The command is nested deeper than {NESTING_MAX} levels")));
    }
    let mut pairs = Grammar::parse(row.rule, args).map_err(|error| refuse(explain(row, &error)))?;
    let by = if name.starts_with("UID ") { By::Uid } else { By::Seq };
    let mut args = Args::new(&mut pairs, literals, dialect, by);
    match (row.lower)(&mut args) {
        Ok(body) => Ok(Command { tag, name: row.name, body }),
        Err(LowerError::BadCharset) => Err(Malformed::BadCharset { tag }),
        Err(LowerError::FilterCharset) => Err(Malformed::FilterCharset { tag }),
        Err(LowerError::Reason(reason)) => Err(refuse(format!("{reason}; {}", row.usage))),
    }
}

/// What a filter stands for: `search-criteria`, literals and all, in UTF-8. The error says what is wrong. RFC 5466 3.2
pub fn criteria(value: &[u8]) -> Result<SearchKey, String> {
    let most = value.len() as u64;
    let limits = Limits {
        line_bytes_max: value.len() + 16,
        literal_bytes_max: most,
        literal_unasked_max: most,
        literal_memory_max: most,
        literals_max: CRITERIA_LITERALS_MAX,
    };
    let none = || Err(std::io::Error::other("a literal of a filter stays in memory"));
    let mut framer = Framer::new(limits, none);
    framer.push(&[b"a ", value, b"\r\n"].concat());
    let frame = loop {
        match framer.next() {
            Step::Frame(frame) => break frame,
            Step::Continue => {}
            Step::NeedMore | Step::Refused(_) => return Err("It is no line of search keys".into()),
        }
    };
    if !framer.is_idle() {
        return Err("It has more than one line".into());
    }
    let Frame { line, literals } = frame;
    let keys = line.get(2..).unwrap_or_default();
    if nesting(keys) > NESTING_MAX {
        return Err(format!("It is nested deeper than {NESTING_MAX} levels"));
    }
    let syntax = |error: pest::error::Error<Rule>| format!("Syntax error at character {}", at(&error) + 1);
    let mut pairs = Grammar::parse(Rule::search_criteria, keys).map_err(syntax)?;
    let mut args = Args::new(&mut pairs, literals, Dialect::default(), By::Seq);
    lower_search::search_keys(&mut args).map_err(|error| match error {
        LowerError::Reason(reason) => reason,
        LowerError::BadCharset | LowerError::FilterCharset => "It is not UTF-8".into(),
    })
}

/// Literals in one filter: more would be no filter that a person has made.
const CRITERIA_LITERALS_MAX: usize = 100;

/// The command's name in capitals, with the second word of UID, and what follows it.
fn name_of(rest: &str) -> (String, &str) {
    let word = |text: &str| text.find([' ', '\0']).unwrap_or(text.len());
    let mut end = word(rest);
    if rest[..end].eq_ignore_ascii_case("UID") && rest[end..].starts_with(' ') {
        end += 1 + word(&rest[end + 1..]);
    }
    (rest[..end].to_ascii_uppercase(), &rest[end..])
}

/// A client's words in an answer: short, printable.
fn shown(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(40).collect()
}

/// How deep a line may be nested: open brackets, and operators that nest without them.
fn nesting(args: &str) -> usize {
    let (mut depth, mut deepest, mut operators, mut quoted, mut escaped) = (0usize, 0, 0, false, false);
    let mut word_at = 0;
    for (at, c) in args.char_indices() {
        match (quoted, c) {
            (true, _) if escaped => escaped = false,
            (true, '\\') => escaped = true,
            (_, '"') => quoted = !quoted,
            (false, '(') => depth += 1,
            (false, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        if !quoted && c.is_ascii_alphabetic() {
            continue;
        }
        let word = &args[word_at..at];
        operators += usize::from(["NOT", "OR", "FUZZY"].iter().any(|operator| word.eq_ignore_ascii_case(operator)));
        word_at = at + c.len_utf8();
    }
    deepest + operators
}

fn explain(row: &Row, error: &pest::error::Error<Rule>) -> String {
    format!("Syntax error at character {} behind {}; {}", at(error) + 1, row.name, row.usage)
}

fn at(error: &pest::error::Error<Rule>) -> usize {
    match error.location {
        pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn command(line: &str) -> Result<Command, Malformed> {
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
        assert!(matches!(command("a LOGIN x y"), Ok(_)));
        let frame = Frame { line: "a SELECT x".into(), literals: Vec::new() };
        assert!(matches!(
            parse(frame, Dialect::default(), Stage::NotAuthenticated),
            Err(Malformed::WrongStage { .. })
        ));
        assert!(matches!(command("a SEARCH CHARSET KLINGON ALL"), Err(Malformed::BadCharset { .. })));
        assert!(matches!(command("a SEARCH CHARSET ISO-8859-1 ALL"), Ok(_)));
    }

    #[test]
    fn criteria_of_filters() {
        for good in ["ALL", "OR SMALLER 5000 FROM \"boss@example.com\"", "SUBJECT {3}\r\na b SEEN", "FILTER x (1:5)"]
        {
            assert!(criteria(good.as_bytes()).is_ok(), "{good}");
        }
        assert_eq!(criteria("FROM é".as_bytes()).is_ok(), criteria("FROM \"é\"".as_bytes()).is_err());
        let deep = "NOT ".repeat(1000) + "ALL";
        for bad in
            ["", "OR SMALLER", "ALL\r\nALL", "RETURN () ALL", "CHARSET UTF-8 ALL", "ALL ", "SUBJECT {9}\r\na", &deep]
        {
            assert!(criteria(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(criteria(b"SUBJECT \"\xff\"").is_err() && criteria(b"SUBJECT \0").is_err());
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
        let results =
            std::thread::Builder::new().stack_size(crate::net::STACK_BYTES).spawn(run).unwrap().join().unwrap();
        assert_eq!(results, [false, false, false, false, true, true, false]);
    }
}
