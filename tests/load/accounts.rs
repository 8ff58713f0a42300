//! What it costs to start on a store of many accounts: nothing is read of those that nobody uses.

use std::time::{Duration, Instant};

use gatepost::mailbox::{Limits, Manager};
use gatepost::store::{Options, Store};
use gatepost::types::{AccountName, MailboxName};

use super::measure::figure;
use super::servers::Own;

const ACCOUNTS: usize = 10_000;

/// Starts again and again, with one account and with many.
pub fn run(json: bool) {
    let mut own = Own::start();
    let few = (0..5).map(|_| start(&mut own)).collect();
    own.stop();
    fill(&own);
    let many = (0..5).map(|_| start(&mut own)).collect();
    let figures =
        vec![figure("start, few accounts", "1/s", 1.0, few), figure("start, 10,000 accounts", "1/s", 1.0, many)];
    super::print(&[("accounts", figures)], json);
}

/// Until the first client is greeted.
fn start(own: &mut Own) -> Duration {
    own.stop();
    let began = Instant::now();
    own.launch();
    drop(super::client::Client::connect(&own.target()));
    began.elapsed()
}

/// Accounts with a mailbox beside INBOX each.
fn fill(own: &Own) {
    let store = Store::open(&own.scratch().join("gatepost/data/store"), &Options::default()).expect("store");
    let manager = Manager::new(store, Limits::default());
    for n in 0..ACCOUNTS {
        let name = AccountName::new(&format!("account{n}")).expect("name");
        let account = manager.account(&name).expect("account");
        account.create(&MailboxName::new("Archive").expect("name"), &[]).expect("mailbox");
    }
}
