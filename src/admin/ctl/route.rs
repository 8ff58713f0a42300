//! `gatepostctl route`: each row that an address goes through, and where it leads, by the configuration as it stands in
//! its file.

use serde_json::{Value, json};

use super::super::failed::{EX_CONFIG, EX_NOUSER, Failed};
use super::super::{configured, table};
use super::arguments::Tool;
use super::config_failed;
use super::output::{print, say};
use crate::auth::{Destination, Passwd, Way};
use crate::types::AccountName;

impl Tool {
    pub(super) fn route(&self, address: &str) -> Result<(), Failed> {
        let config = self.config()?;
        let router = configured::router(&config).map_err(|errors| config_failed(&errors))?;
        let passwd = Passwd::load(&config.passwd_file).map_err(|error| Failed::new(EX_CONFIG, error.to_string()))?;
        let way = router.way(address, |host| passwd.names().any(|account| account.domain() == Some(host)));
        let has = |name: &AccountName| passwd.names().any(|known| known == name);
        self.show_way(address, &way, has)
    }

    fn show_way(&self, address: &str, way: &Way, has: impl Fn(&AccountName) -> bool) -> Result<(), Failed> {
        let steps = way.steps.iter();
        let rows: Vec<Value> =
            steps.map(|step| json!({ "line": step.line, "row": step.row, "address": step.address })).collect();
        let account = |name: &str| AccountName::new(name).filter(|name| has(name));
        let (result, text) = match &way.destination {
            Destination::Local(name) => match account(name) {
                Some(name) => (json!({ "account": name.as_str() }), Ok(format!("the account {name}"))),
                None => (json!({ "account": null, "name": name }), Err(format!("{name}: no such account"))),
            },
            Destination::Remote(remote) => {
                let result = json!({ "remote": remote.to_string(), "user": remote.user, "host": remote.host });
                (result, Ok(format!("{remote}, on another server")))
            }
            Destination::Circle => (json!({ "circle": true }), Err(format!("{address}: the rows lead in a circle"))),
        };
        match self.json {
            true => self.show(&[], &rows, &result)?,
            false => print(&table::render(&["line", "row", "address"], &rows))?,
        }
        match text {
            Ok(text) if !self.json => say(format_args!("{address} leads to {text}"))?,
            Ok(_) => {}
            Err(text) => return Err(Failed::new(EX_NOUSER, text)),
        }
        Ok(())
    }
}
