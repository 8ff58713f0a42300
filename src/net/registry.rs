//! Who is connected: for the admin's table, for ending sessions, for limits by address.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use crate::sys::Bell;

/// A session, as others may see it.
#[derive(Debug)]
pub struct SessionInfo {
    pub id: u64,
    pub peer: SocketAddr,
    pub since: SystemTime,
    pub bell: Arc<Bell>,
    ending: AtomicBool,
    labels: Mutex<Labels>,
}

/// What a session says of itself.
#[derive(Debug, Default)]
struct Labels {
    /// Who has logged in.
    user: String,
    /// What the session is at while it waits for its client.
    status: &'static str,
    /// What the status is about, as a mailbox.
    object: String,
    /// What it is doing now, and since when.
    operation: Option<(&'static str, Instant)>,
}

/// What an administrator is shown of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub user: String,
    /// The operation in progress, or what the session is at without one.
    pub status: &'static str,
    pub object: String,
    /// How long the operation has been going on.
    pub running: Option<Duration>,
}

impl SessionInfo {
    pub fn set_user(&self, user: &str) {
        self.labels.lock().user = user.to_string();
    }

    /// What the session is at from now on, and with what; no operation is in progress.
    pub fn set_status(&self, status: &'static str, object: &str) {
        let mut labels = self.labels.lock();
        (labels.status, labels.operation) = (status, None);
        labels.object.clear();
        labels.object.push_str(object);
    }

    /// An operation begins, for the administrator's eyes.
    pub fn begin(&self, operation: &'static str) {
        self.labels.lock().operation = Some((operation, Instant::now()));
    }

    pub fn user(&self) -> String {
        self.labels.lock().user.clone()
    }

    pub fn activity(&self) -> Activity {
        let labels = self.labels.lock();
        let (status, running) = match labels.operation {
            Some((operation, since)) => (operation, Some(since.elapsed())),
            None => (labels.status, None),
        };
        Activity { user: labels.user.clone(), status, object: labels.object.clone(), running }
    }

    /// Asks the session to end; it does as soon as it waits for its client.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.bell.ring();
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }
}

#[derive(Default)]
pub struct Registry {
    sessions: Mutex<BTreeMap<u64, Arc<SessionInfo>>>,
    emptied: Condvar,
    by_network: Mutex<HashMap<IpAddr, usize>>,
    last_id: AtomicU64,
    ending: AtomicBool,
}

/// A place in the registry; dropping it gives the place back.
pub struct Ticket {
    registry: Arc<Registry>,
    pub info: Arc<SessionInfo>,
}

/// What counts as one address: of IPv6 the first 64 bits, as one customer has all the others.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

impl Registry {
    /// `None` where the address has `per_address_max` connections already.
    pub(super) fn enter(
        self: &Arc<Registry>,
        peer: SocketAddr,
        bell: Arc<Bell>,
        per_address_max: usize,
    ) -> Option<Ticket> {
        let mut by_network = self.by_network.lock();
        let count = by_network.get(&network(peer.ip())).copied().unwrap_or(0);
        if count >= per_address_max {
            return None;
        }
        by_network.insert(network(peer.ip()), count + 1);
        drop(by_network);
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (since, ending, labels) = (SystemTime::now(), AtomicBool::new(false), Mutex::default());
        let info = Arc::new(SessionInfo { id, peer, since, bell, ending, labels });
        let mut sessions = self.sessions.lock();
        sessions.insert(id, info.clone());
        // Under the lock that `end_all` takes afterwards: it is seen here, or the session is seen there.
        if self.ending.load(Ordering::Acquire) {
            info.end();
        }
        drop(sessions);
        Some(Ticket { registry: self.clone(), info })
    }

    /// All sessions, the oldest first.
    pub fn sessions(&self) -> Vec<Arc<SessionInfo>> {
        self.sessions.lock().values().cloned().collect()
    }

    pub fn len(&self) -> usize {
        self.sessions.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks all sessions to end, those that are about to begin as well.
    pub fn end_all(&self) {
        self.ending.store(true, Ordering::Release);
        self.sessions().iter().for_each(|session| session.end());
    }

    /// Whether all sessions have ended within `timeout`.
    pub(super) fn wait_until_empty(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut sessions = self.sessions.lock();
        while !sessions.is_empty() {
            if self.emptied.wait_until(&mut sessions, deadline).timed_out() {
                return sessions.is_empty();
            }
        }
        true
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut by_network = self.registry.by_network.lock();
        let place = network(self.info.peer.ip());
        match by_network.get_mut(&place) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(by_network.remove(&place)),
        }
        drop(by_network);
        let mut sessions = self.registry.sessions.lock();
        sessions.remove(&self.info.id);
        if sessions.is_empty() {
            self.registry.emptied.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_address() {
        let registry = Arc::new(Registry::default());
        let enter =
            |ip: &str| registry.enter(SocketAddr::new(ip.parse().unwrap(), 5), Arc::new(Bell::new().unwrap()), 2);
        let first = enter("2001:db8:1:2::1").unwrap();
        let _second = enter("2001:db8:1:2:ffff::9").unwrap();
        assert!(enter("2001:db8:1:2:3::").is_none());
        assert!(enter("2001:db8:1:3::1").is_some());
        drop(first);
        assert!(enter("2001:db8:1:2:3::").is_some(), "its place is free again");
        let _mapped = (enter("::ffff:192.0.2.1").unwrap(), enter("192.0.2.1").unwrap());
        assert!(enter("192.0.2.1").is_none() && enter("192.0.2.2").is_some());
        drop((_second, _mapped));
        assert!(registry.by_network.lock().is_empty() && registry.is_empty());
    }

    #[test]
    fn who_comes_late_is_ended_as_well() {
        let registry = Arc::new(Registry::default());
        registry.end_all();
        let ticket = registry.enter("192.0.2.1:5".parse().unwrap(), Arc::new(Bell::new().unwrap()), 1).unwrap();
        assert!(ticket.info.is_ending());
        assert!(!registry.wait_until_empty(Duration::from_millis(20)));
        drop(ticket);
        assert!(registry.wait_until_empty(Duration::ZERO));
    }
}
