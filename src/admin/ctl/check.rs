//! What an admin is told to do about what a check has found.

use serde_json::{Value, json};

use super::super::failed::{EX_DATAERR, EX_UNAVAILABLE, Failed};

const FILES: &str = "files of the store are damaged, which can be mended only while it is not open: stop gatepostd, run \
                     gatepostctl check --repair, and start it again; do it soon, as gatepostd writes no more when it comes \
                     upon them";
const FILES_UNUSED: &str = "gatepostctl check --repair mends the files of the store";
const FILES_LOST: &str = "what a repair could not mend is lost; gatepostctl restore brings it back from a backup";
const REPAIR: &str = "gatepostctl check --repair mends what can be made again";
const AGAIN: &str = "a mailbox has been changed at the same moment; repair again";
const RESTORE: &str = "gatepostctl restore --account brings messages, and octets that are lost, back from a backup";

/// Success, where nothing is left to be done.
pub(super) fn verdict(rows: &[Value], ok: &Value, repair: bool) -> Result<(), Failed> {
    let (broken, daemon) = (ok["broken"] == json!(true), ok["daemon"] == json!(true));
    let left = |mendable: bool| {
        rows.iter().any(|row| row["repaired"] != json!(true) && (row["mendable"] == json!(true)) == mendable)
    };
    let (mendable, lost) = (left(true), left(false));
    if !broken && !mendable && !lost {
        return Ok(());
    }
    let mut lines = vec!["the store is not as it should be"];
    lines.extend(match (broken, daemon, repair) {
        (false, ..) => None,
        (true, true, _) => Some(FILES),
        (true, false, false) => Some(FILES_UNUSED),
        (true, false, true) => Some(FILES_LOST),
    });
    lines.extend(match (mendable, repair) {
        (false, _) => None,
        (true, false) => Some(REPAIR),
        (true, true) => Some(AGAIN),
    });
    // What is damaged may still be mended.
    if lost && !broken {
        lines.push(RESTORE);
    }
    let exit = if broken && daemon && repair { EX_UNAVAILABLE } else { EX_DATAERR };
    Err(Failed::new(exit, lines.join("\ngatepostctl: ")))
}
