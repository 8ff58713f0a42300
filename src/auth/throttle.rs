//! Failed logins, by address and by account.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

use parking_lot::Mutex;

use super::Options;
use crate::types::AccountName;

/// Addresses, and accounts, that are remembered; beyond them those that are over are forgotten, then all.
const ENTRIES_MAX: usize = 50_000;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    first: Instant,
}

#[derive(Default)]
pub(super) struct Throttle {
    by_address: Mutex<HashMap<IpAddr, Failures>>,
    by_account: Mutex<HashMap<AccountName, Failures>>,
}

impl Throttle {
    pub(super) fn is_refused(
        &self,
        peer: IpAddr,
        name: Option<&AccountName>,
        options: &Options,
        now: Instant,
    ) -> bool {
        over(&self.by_address, &peer, options, now)
            || name.is_some_and(|name| over(&self.by_account, name, options, now))
    }

    pub(super) fn failed(&self, peer: IpAddr, name: Option<&AccountName>, options: &Options, now: Instant) {
        count(&self.by_address, peer, options, now);
        if let Some(name) = name {
            count(&self.by_account, name.clone(), options, now);
        }
    }

    /// Who logs in has not been guessing; others at the same address may be.
    pub(super) fn succeeded(&self, peer: IpAddr, name: &AccountName) {
        let failures = self.by_account.lock().remove(name);
        if let (Some(failures), Some(at_address)) = (failures, self.by_address.lock().get_mut(&peer)) {
            at_address.count = at_address.count.saturating_sub(failures.count);
        }
    }
}

fn over<K: Hash + Eq>(table: &Mutex<HashMap<K, Failures>>, key: &K, options: &Options, now: Instant) -> bool {
    table.lock().get(key).is_some_and(|failures| {
        failures.count >= options.failed_logins_max
            && now.duration_since(failures.first) < options.failed_login_window
    })
}

fn count<K: Hash + Eq>(table: &Mutex<HashMap<K, Failures>>, key: K, options: &Options, now: Instant) {
    let mut table = table.lock();
    let is_over = |failures: &Failures| now.duration_since(failures.first) >= options.failed_login_window;
    if table.len() >= ENTRIES_MAX {
        table.retain(|_, failures| !is_over(failures));
        if table.len() >= ENTRIES_MAX {
            table.clear();
        }
    }
    let failures = table.entry(key).or_insert(Failures { count: 0, first: now });
    if is_over(failures) {
        *failures = Failures { count: 0, first: now };
    }
    failures.count += 1;
}
