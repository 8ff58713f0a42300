//! `gatepostctl who`: the sessions, as CommuniGate Pro's monitor shows them.

use std::time::Duration;

use serde_json::{Value, json};

use super::failed::Failed;
use super::table;
use super::wire::Wire;
use crate::net::{Activity, Registry, SessionInfo};
use crate::types::Wildcard;

/// Gives the sessions that the request does not leave out.
pub(super) fn who(registry: &Registry, request: &Value, wire: &mut Wire) -> Result<Value, Failed> {
    let wanted = Wanted::new(request);
    let mut count = 0;
    for session in registry.sessions() {
        let (activity, connected) = (session.activity(), session.since.elapsed().unwrap_or_default());
        if wanted.fits(&session, &activity, connected) {
            count += 1;
            wire.send(&json!({ "row": {
                "id": format!("IMAP-{:05}", session.id), "address": session.peer.to_string(),
                "account": activity.user, "connected": connected.as_secs(), "status": activity.status,
                "mailbox": activity.object, "running": activity.running.map(|running| running.as_secs_f64()),
            } }))?;
        }
    }
    Ok(json!({ "sessions": count }))
}

/// Which sessions are asked for.
struct Wanted {
    account: Option<Wildcard>,
    address: Option<Wildcard>,
    status: Option<Wildcard>,
    connected: Duration,
    running: Option<Duration>,
}

impl Wanted {
    fn new(request: &Value) -> Wanted {
        let pattern = |key: &str| request[key].as_str().map(Wildcard::new);
        let duration = |key: &str| request[key].as_u64().map(Duration::from_secs);
        Wanted {
            account: pattern("account"),
            address: pattern("address"),
            status: pattern("status"),
            connected: duration("connected").unwrap_or_default(),
            running: duration("running"),
        }
    }

    fn fits(&self, session: &SessionInfo, activity: &Activity, connected: Duration) -> bool {
        let fits = |pattern: &Option<Wildcard>, text: &str| pattern.as_ref().is_none_or(|of| of.matches(text));
        fits(&self.account, &activity.user)
            && fits(&self.address, &session.peer.ip().to_canonical().to_string())
            && fits(&self.status, activity.status)
            && connected >= self.connected
            && self.running.is_none_or(|least| activity.running.is_some_and(|running| running >= least))
    }
}

/// The table for people.
pub(super) fn render(rows: &[Value]) -> String {
    let time = |value: &Value| value.as_f64().map(|secs| shown(secs as u64));
    let row = |row: &Value| {
        let mailbox = row["mailbox"].as_str().filter(|name| !name.is_empty());
        let status = row["status"].as_str().unwrap_or_default();
        json!({
            "id": row["id"], "ip address": row["address"], "account": row["account"],
            "connected": time(&row["connected"]),
            "status": mailbox.map_or(status.to_string(), |name| format!("{status}: {name}")),
            "running": time(&row["running"]),
        })
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    table::render(&["id", "ip address", "account", "connected", "status", "running"], &rows)
}

/// `5`, `2:05`, `1:02:05`
fn shown(secs: u64) -> String {
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => secs.to_string(),
        (0, minutes, secs) => format!("{minutes}:{secs:02}"),
        (hours, minutes, secs) => format!("{hours}:{minutes:02}:{secs:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!([5, 125, 3725, 90_000].map(shown), ["5", "2:05", "1:02:05", "25:00:00"]);
    }
}
