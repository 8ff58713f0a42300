//! Who is connected: for the admin's table, for ending sessions, for limits by address.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::sys::Bell;

/// A session, as others may see it.
#[derive(Debug)]
pub struct SessionInfo {
    pub id: u64,
    pub peer: SocketAddr,
    pub since: SystemTime,
    pub bell: Arc<Bell>,
    ending: AtomicBool,
    /// Who has logged in, and what the session is at.
    labels: Mutex<(String, String)>,
}

impl SessionInfo {
    pub fn set_user(&self, user: &str) {
        self.labels.lock().0 = user.to_string();
    }

    pub fn set_doing(&self, doing: &str) {
        let mut labels = self.labels.lock();
        labels.1.clear();
        labels.1.push_str(doing);
    }

    pub fn user(&self) -> String {
        self.labels.lock().0.clone()
    }

    pub fn doing(&self) -> String {
        self.labels.lock().1.clone()
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
    by_address: Mutex<HashMap<IpAddr, usize>>,
    last_id: AtomicU64,
    ending: AtomicBool,
}

/// A place in the registry; dropping it gives the place back.
pub struct Ticket {
    registry: Arc<Registry>,
    pub info: Arc<SessionInfo>,
}

impl Registry {
    /// `None` where the address has `per_address_max` connections already.
    pub(super) fn enter(
        self: &Arc<Registry>,
        peer: SocketAddr,
        bell: Arc<Bell>,
        per_address_max: usize,
    ) -> Option<Ticket> {
        let mut by_address = self.by_address.lock();
        let count = by_address.entry(peer.ip()).or_insert(0);
        if *count >= per_address_max {
            return None;
        }
        *count += 1;
        drop(by_address);
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (since, ending, labels) = (SystemTime::now(), AtomicBool::new(false), Mutex::default());
        let info = Arc::new(SessionInfo { id, peer, since, bell, ending, labels });
        self.sessions.lock().insert(id, info.clone());
        if self.ending.load(Ordering::Acquire) {
            info.end();
        }
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
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.registry.sessions.lock().remove(&self.info.id);
        let mut by_address = self.registry.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.info.peer.ip()) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.info.peer.ip());
            }
        }
    }
}
