//! The table of commands, as far as syntax goes.      RFC 9051 6
//!
//! The row of a name says in which stage of a session the command can be parsed at all, which rule its arguments have, what
//! makes a `CommandBody` of them, and what to tell a client that gets them wrong.

use super::arguments::Args;
use super::command::CommandBody;
use super::grammar::Rule;
use super::lower::{self, LowerError};
use super::{
    lower_access, lower_append, lower_fetch, lower_list, lower_metadata, lower_notify, lower_search, lower_select,
    lower_sort, lower_url,
};

/// What a session can be asked, as far as syntax goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    NotAuthenticated,
    Authenticated,
}

type Lower = fn(&mut Args<'_>) -> Result<CommandBody, LowerError>;

/// What is known of a command before its arguments are read.
pub(super) struct Row {
    pub(super) name: &'static str,
    before_login: bool,
    after_login: bool,
    pub(super) rule: Rule,
    pub(super) lower: Lower,
    /// What a client hears that gets its arguments wrong.
    pub(super) usage: &'static str,
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

/// The row of a name, which is in capitals.
pub(super) fn row_of(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

impl Row {
    pub(super) fn is_of(&self, stage: Stage) -> bool {
        match stage {
            Stage::NotAuthenticated => self.before_login,
            Stage::Authenticated => self.after_login,
        }
    }
}
