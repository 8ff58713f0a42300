//! CAPABILITY and ENABLE.                           RFC 9051 6.1.1, 6.3.1, 7.2.2
//!
//! What is listed is complete; what depends on the state of the connection is listed when it can be used.

use super::cmd_login::may_send_password;
use super::core::{Core, State};
use super::reply::{Handled, Reply};

/// Before login.
const ALWAYS: &str = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE";

/// After login, beside those.
const AUTHENTICATED: &str = "IDLE NAMESPACE UNSELECT CHILDREN UIDPLUS MOVE ESEARCH SEARCHRES PARTIAL LIST-EXTENDED LIST-STATUS \
     SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE BINARY INPROGRESS CONDSTORE QRESYNC \
     MULTIAPPEND UIDONLY UIDBATCHES WITHIN SAVEDATE OBJECTID UNAUTHENTICATE QUOTA QUOTASET QUOTA=RES-STORAGE QUOTA=RES-MESSAGE \
     QUOTA=RES-MAILBOX ACL RIGHTS=texk LIST-MYRIGHTS \
     SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS";

/// What ENABLE knows. EXTENSIONS is CommuniGate Pro's.
const ENABLED: [&str; 5] = ["IMAP4rev2", "CONDSTORE", "QRESYNC", "UIDONLY", "EXTENSIONS"];

pub(super) fn list(core: &Core, authenticated: bool) -> String {
    let mut words = ALWAYS.to_string();
    words.push_str(&format!(" APPENDLIMIT={}", core.append_limit()));
    if authenticated {
        // One layer is enough. RFC 4978 3
        let compress = if core.stream.is_compressed() { "" } else { " COMPRESS=DEFLATE" };
        return format!("{words} {AUTHENTICATED}{compress}");
    }
    if core.may_start_tls && !core.stream.is_tls() && core.service.settings().tls.is_some() {
        words.push_str(" STARTTLS");
    }
    words.push_str(if may_send_password(core) { " AUTH=PLAIN" } else { " LOGINDISABLED" });
    words
}

pub(super) fn capability(core: &mut Core, authenticated: bool) -> Handled {
    let list = list(core, authenticated);
    core.output.say(|out| out.extend_from_slice(format!("* CAPABILITY {list}\r\n").as_bytes()))?;
    Ok(Reply::ok("CAPABILITY completed"))
}

/// Unknown names are passed over. RFC 9051 6.3.1
pub(super) fn enable(core: &mut Core, state: &State, names: &[String]) -> Handled {
    let mut enabled: Vec<&str> = Vec::new();
    for name in names {
        let known = ENABLED.iter().find(|known| known.eq_ignore_ascii_case(name));
        enabled.extend(known.filter(|known| !enabled.contains(known)));
    }
    core.output.say(|out| {
        out.extend_from_slice(b"* ENABLED");
        enabled.iter().for_each(|name| out.extend_from_slice(format!(" {name}").as_bytes()));
        out.extend_from_slice(b"\r\n");
    })?;
    core.dialect.rev2 |= enabled.contains(&"IMAP4rev2");
    core.dialect.uid_only |= enabled.contains(&"UIDONLY");
    core.dialect.qresync |= enabled.contains(&"QRESYNC");
    core.dialect.extensions |= enabled.contains(&"EXTENSIONS");
    if core.dialect.qresync || enabled.contains(&"CONDSTORE") {
        core.enable_condstore(state.selected())?;
    }
    Ok(Reply::ok("ENABLE completed"))
}
