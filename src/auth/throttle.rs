//! Failed logins, counted.
//!
//! They count against the address they come from and against the account they ask for. Where the account has logged in
//! from that address before, they count against the two together instead: a telephone that keeps trying an old password
//! shuts out neither the office it is in nor its owner at home, and a stranger who guesses does not shut out the owner
//! where the owner has been before. Attempts under way count as failures until it is known better, so that many at once
//! gain nothing.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use quick_cache::sync::Cache;

use super::Options;
use crate::types::AccountName;

/// Addresses, accounts, and pairs of them that are remembered; each takes some 150 octets. Beyond them those that are
/// seen least are forgotten.
const ENTRIES_MAX: usize = 50_000;

pub(super) struct Throttle {
    by_address: Tallies<IpAddr>,
    by_account: Tallies<AccountName>,
    /// Accounts with the addresses that they have logged in from.
    familiar: Tallies<(AccountName, IpAddr)>,
}

impl Throttle {
    pub(super) fn new() -> Throttle {
        Throttle { by_address: Tallies::new(), by_account: Tallies::new(), familiar: Tallies::new() }
    }

    /// `None` where there have been too many failures. Waits for attempts under way where it depends on them: those of
    /// an address may wait for those of an account, never the other way round.
    pub(super) fn begin(&self, peer: IpAddr, name: Option<&AccountName>, options: &Options) -> Option<Attempt<'_>> {
        let address = network(peer);
        let mut attempt = Attempt { throttle: self, address, tallies: Vec::with_capacity(2) };
        for tally in self.tallies(address, name) {
            if !tally.begin(options) {
                attempt.withdraw();
                return None;
            }
            attempt.tallies.push(tally);
        }
        Some(attempt)
    }

    fn tallies(&self, address: IpAddr, name: Option<&AccountName>) -> Vec<Arc<Tally>> {
        let Some(name) = name else { return vec![self.by_address.of(address)] };
        match self.familiar.0.get(&(name.clone(), address)) {
            Some(tally) => vec![tally],
            None => vec![self.by_address.of(address), self.by_account.of(name.clone())],
        }
    }
}

/// A login whose outcome is not known yet. Dropped without one, it has failed.
pub(super) struct Attempt<'a> {
    throttle: &'a Throttle,
    address: IpAddr,
    tallies: Vec<Arc<Tally>>,
}

impl Attempt<'_> {
    pub(super) fn succeeded(mut self, name: &AccountName) {
        self.withdraw();
        // What failed here before was the owner's own slip.
        self.throttle.familiar.of((name.clone(), self.address)).forget();
    }

    /// Was no attempt at all.
    pub(super) fn came_to_nothing(mut self) {
        self.withdraw();
    }

    /// Has neither failed nor succeeded.
    fn withdraw(&mut self) {
        self.tallies.drain(..).for_each(|tally| tally.end(0));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.tallies.drain(..).for_each(|tally| tally.end(1));
    }
}

/// Whom an address stands for: a customer has 2^64 of IPv6.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

struct Tallies<K>(Cache<K, Arc<Tally>>);

impl<K: Hash + Eq + Clone> Tallies<K> {
    fn new() -> Tallies<K> {
        Tallies(Cache::new(ENTRIES_MAX))
    }

    fn of(&self, key: K) -> Arc<Tally> {
        let found = self.0.get_or_insert_with(&key, || Ok::<_, Infallible>(Arc::default()));
        found.unwrap_or_else(|never| match never {})
    }
}

#[derive(Default)]
struct Tally {
    count: Mutex<Count>,
    settled: Condvar,
}

#[derive(Default)]
struct Count {
    failures: u32,
    /// When the first of them was.
    since: Option<Instant>,
    running: u32,
}

impl Tally {
    /// Another attempt, unless there have been too many failures.
    fn begin(&self, options: &Options) -> bool {
        let mut count = self.count.lock();
        loop {
            if count.since.is_some_and(|since| since.elapsed() >= options.failed_login_window) {
                (count.failures, count.since) = (0, None);
            }
            if count.failures >= options.failed_logins_max {
                return false;
            }
            if count.failures.saturating_add(count.running) < options.failed_logins_max {
                count.running += 1;
                return true;
            }
            self.settled.wait(&mut count);
        }
    }

    fn end(&self, failures: u32) {
        let mut count = self.count.lock();
        count.running = count.running.saturating_sub(1);
        if failures > 0 {
            count.failures = count.failures.saturating_add(failures);
            count.since.get_or_insert_with(Instant::now);
        }
        self.settled.notify_all();
    }

    fn forget(&self) {
        let mut count = self.count.lock();
        (count.failures, count.since) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn options() -> Options {
        Options {
            failed_logins_max: 3,
            failed_login_window: Duration::from_secs(60),
            failed_login_delay: Duration::ZERO,
            cache_time: Duration::ZERO,
        }
    }

    fn name(text: &str) -> AccountName {
        AccountName::new(text).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Fails until it is refused; how often that was.
    fn failures(throttle: &Throttle, peer: &str, account: &str) -> usize {
        let begin = || throttle.begin(address(peer), Some(&name(account)), &options());
        (0..100).map_while(|_| begin()).map(drop).count()
    }

    #[test]
    fn an_address_and_an_account() {
        let throttle = Throttle::new();
        assert_eq!(failures(&throttle, "10.0.0.1", "joe"), 3);
        assert_eq!(failures(&throttle, "10.0.0.1", "ann"), 0, "the address has failed too often");
        assert_eq!(failures(&throttle, "10.0.0.2", "joe"), 0, "so has the account");
        assert_eq!(failures(&throttle, "::ffff:10.0.0.1", "bob"), 0, "the same address");
        assert_eq!(failures(&throttle, "2001:db8::1", "bob"), 3);
        assert_eq!(failures(&throttle, "2001:db8::2", "eve"), 0, "the same network");
        assert_eq!(failures(&throttle, "2001:db8:0:1::1", "eve"), 3);
    }

    #[test]
    fn who_has_been_here_before() {
        let throttle = Throttle::new();
        let home = address("10.0.0.1");
        throttle.begin(home, Some(&name("joe")), &options()).unwrap().succeeded(&name("joe"));
        assert_eq!(failures(&throttle, "10.0.0.2", "joe"), 3, "a stranger");
        assert_eq!(failures(&throttle, "10.0.0.1", "joe"), 3, "of whom joe at home knows nothing");
        assert_eq!(failures(&throttle, "10.0.0.1", "ann"), 3, "nor ann, who is there too");
    }

    #[test]
    fn a_success_takes_back_the_slips() {
        let throttle = Throttle::new();
        let begin = || throttle.begin(address("10.0.0.1"), Some(&name("joe")), &options());
        for _ in 0..5 {
            drop(begin().unwrap());
            begin().unwrap().succeeded(&name("joe"));
        }
    }

    #[test]
    fn after_the_window() {
        // A longer one where the machine has stood still in the first.
        for window in [300, 3_000, 30_000].map(Duration::from_millis) {
            let (throttle, began) = (Throttle::new(), Instant::now());
            let options = Options { failed_login_window: window, ..options() };
            let begin = || throttle.begin(address("10.0.0.1"), None, &options);
            (0..3).for_each(|_| drop(begin().unwrap()));
            if begin().is_some() {
                assert!(began.elapsed() >= window, "let in before its end");
                continue;
            }
            std::thread::sleep(window + Duration::from_millis(10));
            assert!(begin().is_some());
            return;
        }
        panic!("the machine is too slow for this test");
    }

    #[test]
    fn many_at_once_gain_nothing() {
        let throttle = Throttle::new();
        let attempt = || {
            let begun = throttle.begin(address("10.0.0.1"), None, &options());
            std::thread::sleep(Duration::from_millis(10));
            usize::from(begun.is_some())
        };
        let begun: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..20).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(begun, 3);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new();
        for n in 0..2 * ENTRIES_MAX as u32 {
            drop(throttle.begin(IpAddr::V4(n.into()), None, &options()));
        }
        assert!(throttle.by_address.0.len() <= ENTRIES_MAX);
    }
}
