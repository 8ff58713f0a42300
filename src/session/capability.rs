//! CAPABILITY and ENABLE.                           RFC 9051 6.1.1, 6.3.1, 7.2.2
//!
//! What is listed is complete; what depends on the state of the connection is listed when it can be used. One table has
//! every word there is: an extension adds its row, and what ENABLE of it changes to `enable`.

use std::borrow::Cow;

use super::core::{Core, State};
use super::mask::Mask;
use super::reply::{Handled, Reply};
use super::report;
use crate::mailbox::Expunges;
use crate::types::{Utf8, Wildcard};

type Word = Cow<'static, str>;

/// When a word is listed.
enum Offered {
    Always,
    AfterLogin,
    /// The whole word, where it is listed; told whether a user has logged in.
    When(fn(&Core, bool) -> Option<Word>),
    /// ENABLE knows it, CAPABILITY does not.
    Never,
}

/// Whether ENABLE takes the word. RFC 5161 3.1
#[derive(PartialEq, Eq)]
enum Enable {
    Taken,
    PassedOver,
}

struct Row {
    /// Up to the value, where the word has one that is computed.
    word: &'static str,
    offered: Offered,
    enable: Enable,
}

const fn row(word: &'static str, offered: Offered) -> Row {
    Row { word, offered, enable: Enable::PassedOver }
}

const fn enabled(word: &'static str, offered: Offered) -> Row {
    Row { word, offered, enable: Enable::Taken }
}

use Offered::{AfterLogin, Always, Never, When};

/// In the order in which they are listed.
const ROWS: &[Row] = &[
    row("IMAP4rev1", Always),
    enabled("IMAP4rev2", Always),
    row("LITERAL+", When(|core, _| (!core.has_small_literals()).then(|| "LITERAL+".into()))),
    row("LITERAL-", When(|core, _| core.has_small_literals().then(|| "LITERAL-".into()))),
    row("SASL-IR", Always),
    row("ID", Always),
    row("ENABLE", Always),
    row("LANGUAGE", Always),
    enabled("UTF8=ACCEPT", When(utf8)),
    row("LOGIN-REFERRALS", Always),
    row("APPENDLIMIT", When(|core, _| Some(format!("APPENDLIMIT={}", core.append_limit()).into()))),
    row("STARTTLS", When(starttls)),
    row("AUTH=PLAIN", When(|core, user| (!user && core.may_send_password()).then(|| "AUTH=PLAIN".into()))),
    row("LOGINDISABLED", When(|core, user| (!user && !core.may_send_password()).then(|| "LOGINDISABLED".into()))),
    row("IDLE", AfterLogin),
    row("NAMESPACE", AfterLogin),
    row("UNSELECT", AfterLogin),
    row("CHILDREN", AfterLogin),
    row("UIDPLUS", AfterLogin),
    row("MOVE", AfterLogin),
    row("ESEARCH", AfterLogin),
    row("SEARCHRES", AfterLogin),
    row("PARTIAL", AfterLogin),
    row("MULTISEARCH", AfterLogin),
    row("CONTEXT=SEARCH", AfterLogin),
    row("CONTEXT=SORT", AfterLogin),
    row("SEARCH=FUZZY", AfterLogin),
    row("I18NLEVEL=2", AfterLogin),
    row("FILTERS", AfterLogin),
    row("LIST-EXTENDED", AfterLogin),
    row("LIST-STATUS", AfterLogin),
    row("LIST-METADATA", AfterLogin),
    row("XLIST", AfterLogin),
    row("MAILBOX-REFERRALS", AfterLogin),
    row("SPECIAL-USE", AfterLogin),
    row("CREATE-SPECIAL-USE", AfterLogin),
    row("STATUS=SIZE", AfterLogin),
    row("BINARY", AfterLogin),
    row("PREVIEW", AfterLogin),
    row("INPROGRESS", AfterLogin),
    enabled("CONDSTORE", AfterLogin),
    enabled("QRESYNC", AfterLogin),
    row("MULTIAPPEND", AfterLogin),
    row("REPLACE", AfterLogin),
    row("CATENATE", AfterLogin),
    row("URL-PARTIAL", AfterLogin),
    row("URLAUTH", AfterLogin),
    row("URLAUTH=BINARY", AfterLogin),
    enabled("UIDONLY", AfterLogin),
    row("UIDBATCHES", AfterLogin),
    row("NOTIFY", AfterLogin),
    row("MESSAGELIMIT", When(message_limit)),
    row("SAVELIMIT", When(save_limit)),
    row("WITHIN", AfterLogin),
    row("SAVEDATE", AfterLogin),
    row("OBJECTID", AfterLogin),
    row("UNAUTHENTICATE", AfterLogin),
    row("QUOTA", AfterLogin),
    row("QUOTASET", AfterLogin),
    row("QUOTA=RES-STORAGE", AfterLogin),
    row("QUOTA=RES-MESSAGE", AfterLogin),
    row("QUOTA=RES-MAILBOX", AfterLogin),
    row("ANNOTATE-EXPERIMENT-1", AfterLogin),
    enabled("METADATA", AfterLogin),
    enabled("METADATA-SERVER", AfterLogin),
    row("ACL", AfterLogin),
    row("RIGHTS=texkn", AfterLogin),
    row("LIST-MYRIGHTS", AfterLogin),
    row("SORT", AfterLogin),
    row("SORT=DISPLAY", AfterLogin),
    row("ESORT", AfterLogin),
    row("THREAD=ORDEREDSUBJECT", AfterLogin),
    row("THREAD=REFERENCES", AfterLogin),
    row("THREAD=REFS", AfterLogin),
    // One layer is enough. RFC 4978 3
    row(
        "COMPRESS=DEFLATE",
        When(|core, user| (user && !core.stream.is_compressed()).then(|| "COMPRESS=DEFLATE".into())),
    ),
    // Of CommuniGate Pro's clients.
    enabled("EXTENSIONS", Never),
];

/// What is no extension, or says how the client must go on: no mask hides it.
const BASE: [&str; 4] = ["IMAP4rev1", "STARTTLS", "AUTH=PLAIN", "LOGINDISABLED"];

/// Whether a mask's pattern can mean anything.
pub fn is_known(pattern: &Wildcard) -> bool {
    let names = |word: &str| pattern.matches(word) || pattern.matches(&format!("{word}=0"));
    ROWS.iter().any(|row| !BASE.contains(&row.word) && names(row.word))
}

/// One of the two, or none; what is enabled is always UTF8=ACCEPT. RFC 9755 7
fn utf8(core: &Core, _: bool) -> Option<Word> {
    match core.service.settings().utf8 {
        Utf8::Off => None,
        Utf8::Accept | Utf8::Strict => Some("UTF8=ACCEPT".into()),
        Utf8::Only => Some("UTF8=ONLY".into()),
    }
}

/// One of the two: MESSAGELIMIT says all that SAVELIMIT would. RFC 9738 3
fn message_limit(core: &Core, user: bool) -> Option<Word> {
    core.message_limit().filter(|_| user).map(|limit| format!("MESSAGELIMIT={limit}").into())
}

fn save_limit(core: &Core, user: bool) -> Option<Word> {
    let alone = user && core.message_limit().is_none();
    core.save_limit().filter(|_| alone).map(|limit| format!("SAVELIMIT={limit}").into())
}

fn starttls(core: &Core, _: bool) -> Option<Word> {
    let may = core.may_start_tls && !core.stream.is_tls() && core.service.settings().tls.is_there();
    may.then(|| "STARTTLS".into())
}

impl Row {
    fn listed(&self, core: &Core, authenticated: bool) -> Option<Word> {
        match self.offered {
            Offered::Always => Some(self.word.into()),
            Offered::AfterLogin => authenticated.then(|| self.word.into()),
            Offered::When(listed) => listed(core, authenticated),
            Offered::Never => None,
        }
    }

    fn is_masked(&self, masks: &[&Mask], word: &str) -> bool {
        masks.iter().any(|mask| mask.hides(self.word) || mask.hides(word)) && !BASE.contains(&self.word)
    }
}

/// Octets that all the words take together, about.
const LIST_BYTES: usize = 1024;

pub(super) fn list(core: &Core, authenticated: bool) -> String {
    let settings = core.service.settings();
    let masks = core.masks(&settings);
    let mut list = String::with_capacity(LIST_BYTES);
    for row in ROWS {
        let Some(word) = row.listed(core, authenticated).filter(|word| !row.is_masked(&masks, word)) else {
            continue;
        };
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(&word);
    }
    list
}

pub(super) fn capability(core: &mut Core, authenticated: bool) -> Handled {
    let list = list(core, authenticated);
    core.output.say(|out| out.extend_from_slice(format!("* CAPABILITY {list}\r\n").as_bytes()))?;
    Ok(Reply::ok("CAPABILITY completed"))
}

/// Unknown names are passed over. RFC 9051 6.3.1
pub(super) fn enable(core: &mut Core, state: &mut State, names: &[String]) -> Handled {
    let mut enabled: Vec<&str> = Vec::new();
    let settings = core.service.settings();
    let masks = core.masks(&settings);
    for name in names {
        let known = ROWS.iter().find(|row| row.enable == Enable::Taken && row.word.eq_ignore_ascii_case(name));
        let known = known.filter(|row| !row.is_masked(&masks, row.word));
        let known = known.filter(|row| row.word != "UTF8=ACCEPT" || utf8(core, true).is_some());
        enabled.extend(known.map(|row| row.word).filter(|word| !enabled.contains(word)));
    }
    // Names and headers would change under a mailbox that is open. RFC 9755 3
    if enabled.contains(&"UTF8=ACCEPT") && !core.dialect.utf8 && state.selected().is_some() {
        return Err(Reply::bad("UTF8=ACCEPT is enabled before a mailbox is selected").into());
    }
    core.output.say(|out| {
        out.extend_from_slice(b"* ENABLED");
        enabled.iter().for_each(|name| out.extend_from_slice(format!(" {name}").as_bytes()));
        out.extend_from_slice(b"\r\n");
    })?;
    if let Some(account) = state.account().filter(|_| enabled.iter().any(|name| name.starts_with("METADATA"))) {
        core.watch_annotations(account);
    }
    core.dialect.rev2 |= enabled.contains(&"IMAP4rev2");
    core.dialect.utf8 |= enabled.contains(&"UTF8=ACCEPT");
    core.dialect.uid_only |= enabled.contains(&"UIDONLY");
    core.dialect.qresync |= enabled.contains(&"QRESYNC");
    core.dialect.extensions |= enabled.contains(&"EXTENSIONS");
    if core.dialect.qresync || enabled.contains(&"CONDSTORE") {
        core.enable_condstore(state.selected())?;
    }
    if let (true, State::Selected(_, selected)) = (enabled.contains(&"EXTENSIONS"), &mut *state) {
        selected.view.set_visibility(core.visibility(selected.rights));
        report::news(core, selected, Expunges::Report)?;
    }
    Ok(Reply::ok("ENABLE completed"))
}
