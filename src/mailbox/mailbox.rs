//! One mailbox: its newest snapshot, its writer, its watchers.
//!
//! The snapshot is read from the store when it is first needed and forgotten when the mailbox has not been in use
//! for a while; what STATUS asks is answered from the header alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use super::account::Account;
use super::commit::{CHANGES_MAX, WriterState};
use super::error::{MailboxError, Refusal};
use super::leaf::Source;
use super::locks::{Changes, Grown, Published, Watchers, Writer};
use super::manager::Shared;
use super::snapshot::{Latest, Snapshot};
use super::summary_cache::SummaryCache;
use super::suspicion::Suspicion;
use super::usage::Usage;
use super::watch::Listeners;
use crate::store::{MailboxHeader, MailboxImage, Relaxed, Store, StoreError, Version};
use crate::types::{AccountId, MailboxId, ModSeq, UidSet, Visibility};

pub struct Mailbox {
    pub(super) account: AccountId,
    pub(super) id: MailboxId,
    pub(super) store: Store,
    pub(super) summaries: Arc<SummaryCache>,
    pub(super) shared: Arc<Shared>,
    /// The last day that stands in the list of what is kept, for this mailbox.
    pub(super) due_day: AtomicU32,
    /// Of the account.
    pub(super) usage: Arc<Usage>,
    pub(super) writer: Writer,
    pub(super) changes: Changes,
    pub(super) published: Published<Option<Arc<Snapshot>>>,
    pub(super) watchers: Watchers,
    /// Views of it.
    pub(super) views: AtomicUsize,
    /// Of the account.
    pub(super) listeners: Arc<Listeners>,
    watches: AtomicU64,
    /// Messages from this UID on have not been \Recent in any session yet; 0 until the mailbox is loaded.
    recent_from: AtomicU32,
    /// Deleted: nothing can be written any more, and all its messages are gone.
    gone: AtomicBool,
    /// Another server may have changed it since it was loaded: whoever looks next looks into the store.
    suspicion: Suspicion,
    /// Digests that the store does not have as they are now.
    pub(super) grown: Grown,
}

impl Mailbox {
    pub(super) fn new(account: &Account, id: MailboxId) -> Arc<Mailbox> {
        let shared = &account.shared;
        Arc::new(Mailbox {
            account: account.id,
            id,
            store: shared.store.clone(),
            summaries: shared.summaries.clone(),
            shared: shared.clone(),
            due_day: AtomicU32::new(0),
            usage: account.usage.clone(),
            writer: Mutex::new(WriterState { version: Version(0) }),
            changes: Changes::new(CHANGES_MAX),
            published: RwLock::new(None),
            watchers: Mutex::new(Vec::new()),
            views: AtomicUsize::new(0),
            listeners: account.listeners.clone(),
            watches: AtomicU64::new(0),
            recent_from: AtomicU32::new(0),
            gone: AtomicBool::new(false),
            suspicion: Suspicion::default(),
            grown: Mutex::default(),
        })
    }

    /// Never issued twice in an account; survives RENAME.
    pub fn id(&self) -> MailboxId {
        self.id
    }

    /// Keywords that a mailbox may have, those of the server aside.
    pub fn keywords_max(&self) -> usize {
        self.shared.limits.keywords_max
    }

    /// When its messages changed last, as far as that is known in memory.
    pub fn latest(&self) -> Latest {
        self.published.read().as_ref().map(|snapshot| snapshot.latest).unwrap_or_default()
    }

    /// What it is named by among all mailboxes of the server.
    pub fn key(&self) -> (AccountId, MailboxId) {
        (self.account, self.id)
    }

    pub fn is_of(&self, account: &Account) -> bool {
        self.account == account.id
    }

    /// MAILBOXID: never another mailbox's, on this server. RFC 8474 4
    pub fn object_id(&self) -> String {
        format!("F{}-{}", self.account.0, self.id.0)
    }

    /// The newest snapshot, with what not everybody may see: `seen_by` is for clients.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, MailboxError> {
        if let Some(snapshot) = self.known() {
            return Ok(snapshot);
        }
        let mut writer = self.writer.lock();
        // Who deletes it holds the writer's lock.
        if self.is_gone() {
            return self.published.read().clone().ok_or_else(|| Refusal::NonExistent.into());
        }
        Ok(self.load_locked(&mut writer)?)
    }

    /// What is published, unless another server may have changed it.
    fn known(&self) -> Option<Arc<Snapshot>> {
        match self.suspicion.stands() {
            Some(_) => None,
            None => self.published.read().clone(),
        }
    }

    /// The header, its sums over all messages: `counts` is for clients. One read where the mailbox is not loaded.
    pub fn header(&self) -> Result<MailboxHeader, MailboxError> {
        if let Some(snapshot) = self.known() {
            return Ok(snapshot.header);
        }
        if self.published.read().is_some() {
            return Ok(self.snapshot()?.header);
        }
        match self.store.mailbox_header(self.account, self.id)? {
            Some(header) => Ok(self.as_loaded(header)),
            None => Err(Refusal::NonExistent.into()),
        }
    }

    pub(super) fn vanished(&self, since: ModSeq) -> Result<UidSet, StoreError> {
        self.store.vanished(self.account, self.id, since)
    }

    /// The header as it is published, else as it is stored; `None` for a mailbox that is gone. What is being committed is
    /// neither yet: whoever holds the account's usage hears of it afterwards.
    pub(super) fn header_now(&self) -> Result<Option<MailboxHeader>, StoreError> {
        let published = || self.known().map(|snapshot| snapshot.header);
        if let Some(header) = published() {
            return Ok(Some(header));
        }
        let stored = self.store.mailbox_header(self.account, self.id)?;
        // It may have been loaded, and changed, while it was read.
        Ok(published().or(stored))
    }

    /// Whether messages may have come since a session last had the mailbox selected. RFC 9051 7.3.1 (\Marked)
    pub fn has_new(&self, visibility: Visibility) -> Result<bool, MailboxError> {
        let header = self.header()?;
        let (seen, all) = (header.sums.seen(visibility), header.sums.seen(Visibility::ALL));
        // Where some are hidden the new ones may be those: they are looked at.
        if seen.messages != all.messages {
            return Ok(self.recent(visibility)? > 0);
        }
        let from = match self.recent_from.load(Ordering::Acquire) {
            0 => header.recent_from,
            claimed => claimed,
        };
        Ok(seen.messages > 0 && (header.uid_next == 0 || from < header.uid_next))
    }

    /// Messages that the next session to select the mailbox will find \Recent. RFC 3501 6.3.10
    pub fn recent(&self, visibility: Visibility) -> Result<u32, MailboxError> {
        let header = self.header()?;
        let from = match self.recent_from.load(Ordering::Acquire) {
            0 => header.recent_from,
            claimed => claimed,
        };
        if from >= header.uid_next && header.uid_next != 0 {
            return Ok(0);
        }
        Ok(self.seen_by(visibility)?.count_from(from.max(1))?)
    }

    /// The newest snapshot, read from the store where there is none, or another than is published. The caller holds the
    /// writer's lock.
    pub(super) fn load_locked(&self, writer: &mut WriterState) -> Result<Arc<Snapshot>, StoreError> {
        let (raised, published) = (self.suspicion.stands(), self.published.read().clone());
        let snapshot = match published {
            Some(snapshot) if raised.is_none() || self.is_gone() => snapshot,
            Some(snapshot) => self.look_again(writer, snapshot)?,
            None => self.load(writer)?,
        };
        if let Some(raised) = raised {
            self.suspicion.settle(raised);
        }
        Ok(snapshot)
    }

    fn load(&self, writer: &mut WriterState) -> Result<Arc<Snapshot>, StoreError> {
        let image = self.store.mailbox_image(self.account, self.id)?.ok_or_else(|| self.missing())?;
        writer.version = image.version;
        let snapshot = Arc::new(self.snapshot_of(&image));
        self.follow_recent(image.header.recent_from);
        *self.published.write() = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// Publishes what another server has made of the mailbox.
    fn look_again(&self, writer: &mut WriterState, before: Arc<Snapshot>) -> Result<Arc<Snapshot>, StoreError> {
        if self.store.mailbox_version(self.account, self.id)? == writer.version {
            return Ok(before);
        }
        let (image, snapshot) = loop {
            let Some(image) = self.store.mailbox_image(self.account, self.id)? else {
                self.vanish(writer);
                return self.published.read().clone().ok_or_else(|| self.missing());
            };
            let mut snapshot = self.snapshot_of(&image);
            snapshot.share_leaves(&before);
            // What is known of annotations must be of the same moment, or a change would be missed by who follows them.
            if !snapshot.follow_annotations(&before)?
                || self.store.mailbox_version(self.account, self.id)? == image.version
            {
                break (image, snapshot);
            }
        };
        // One is added when it is published.
        writer.version = Version(image.version.0 - 1);
        self.publish(writer, snapshot);
        self.follow_recent(image.header.recent_from);
        self.published.read().clone().ok_or_else(|| self.missing())
    }

    /// Another server may have changed the mailbox: those who listen shall look.
    pub(super) fn suspect(&self) {
        self.forget_loaded();
        self.ring();
    }

    fn missing(&self) -> StoreError {
        StoreError::Missing(format!("the header of mailbox {}/{}", self.account.0, self.id.0))
    }

    fn snapshot_of(&self, image: &MailboxImage) -> Snapshot {
        let mod_seq = image.header.highest_mod_seq;
        let source = Source { store: self.store.clone(), account: self.account, mailbox: self.id, mod_seq };
        let mut snapshot = Snapshot::new(image, Arc::new(source));
        snapshot.header = self.as_loaded(image.header);
        snapshot
    }

    /// Another writer has committed, or may have: what is in memory is old.
    pub(super) fn forget_loaded(&self) {
        self.suspicion.raise();
    }

    pub(super) fn is_suspected(&self) -> bool {
        self.suspicion.stands().is_some()
    }

    /// A commit has failed. Where it may have been done all the same, whoever looks next looks into the store.
    pub(super) fn failed(&self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Unsettled) {
            self.forget_loaded();
        }
        error
    }

    /// Frees the snapshot of a mailbox that no session has open.
    pub(super) fn unload(&self) {
        if let Some(_writer) = self.writer.try_lock()
            && !self.is_watched()
        {
            *self.published.write() = None;
        }
    }

    /// The mailbox has been deleted: its sessions see its messages expunged, its writers an error.
    pub(super) fn vanish(&self, writer: &mut WriterState) {
        self.gone.store(true, Ordering::Release);
        let Some(snapshot) = self.published.read().clone() else { return };
        let mut header = snapshot.header;
        let gone = MailboxHeader::new(header.uid_validity);
        header = MailboxHeader { uid_next: header.uid_next, highest_mod_seq: header.highest_mod_seq.next(), ..gone };
        let empty = Snapshot::empty(header, snapshot.keywords.clone(), None);
        // In the account's sums it stays until they are made anew without it: it may be kept, and count.
        *self.published.write() = Some(Arc::new(empty));
        writer.version = Version(writer.version.0 + 1);
        self.ring();
    }

    /// It has been deleted.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    pub(super) fn next_watch(&self) -> u64 {
        self.watches.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes the messages below `uid_next` that no session has had as \Recent: the first UID of them.
    /// Each message is \Recent in one session only. RFC 3501 2.3.2
    pub(super) fn claim_recent(&self, uid_next: u32) -> u32 {
        let from = self.recent_from.fetch_max(uid_next, Ordering::AcqRel);
        match from < uid_next && self.store.relaxed() == Relaxed::Stay {
            // Another server may have given them to a session of its own.
            true => self.claim_recent_of_all(from, uid_next).unwrap_or_else(|error| {
                log::warn!("\\Recent: {error}");
                from
            }),
            false => from,
        }
    }

    /// What another server's sessions have had is not \Recent here.
    fn follow_recent(&self, recent_from: u32) {
        self.recent_from.fetch_max(recent_from, Ordering::AcqRel);
    }

    /// The first UID that would be \Recent, for a session that may not claim it (EXAMINE).
    pub(super) fn peek_recent(&self) -> u32 {
        self.recent_from.load(Ordering::Acquire)
    }

    /// A header as it may be used by a new process: whatever MODSEQ was issued and lost is not issued again.
    fn as_loaded(&self, mut header: MailboxHeader) -> MailboxHeader {
        if self.store.relaxed() == Relaxed::MayBeLost {
            header.highest_mod_seq = header.highest_mod_seq.max(header.mod_seq_reserved);
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{Access, Account, Change, Limits, Manager, View};
    use crate::store::Options;
    use crate::sys::Bell;
    use crate::types::{AccountName, InternalDate, MailboxName, Visibility};

    fn inbox(store: &Store) -> (Arc<Account>, Arc<Mailbox>) {
        let manager = Manager::new(store.clone(), Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
        (account, inbox)
    }

    fn append(account: &Account, inbox: &Arc<Mailbox>) {
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let message = account.intake(inbox).unwrap().take(b"\r\n".to_vec(), Vec::new(), date).unwrap();
        inbox.commit(Change::Append(vec![message])).unwrap();
    }

    fn select(inbox: &Arc<Mailbox>) -> Vec<u32> {
        let view = View::open(inbox.clone(), Access::ReadWrite, Visibility::ALL, Arc::new(Bell::new().unwrap()));
        view.unwrap().recent().uids().map(|uid| uid.get()).collect()
    }

    /// Where nobody else writes, the next commit tells the store whose \Recent messages have been shown.
    #[test]
    fn what_was_recent_is_so_no_more_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        // Threads of the one that has been closed let go of it in their own time.
        let tries = || (0..3000).map(|_| Store::open(directory.path(), &Options::default()));
        let later = |store: Result<Store, StoreError>| {
            store.inspect_err(|_| std::thread::sleep(std::time::Duration::from_millis(10))).ok()
        };
        let open = || tries().find_map(later).unwrap();
        let (account, mailbox) = inbox(&open());
        (0..2).for_each(|_| append(&account, &mailbox));
        assert_eq!(select(&mailbox), [1, 2]);
        append(&account, &mailbox);
        drop((account, mailbox));
        assert_eq!(select(&inbox(&open()).1), [3]);
    }

    /// Where others write, a commit of somebody else's says nothing of what is being claimed: the claim does, and is heard.
    #[test]
    fn what_is_being_claimed_is_nobody_elses() {
        let (account, mailbox) = inbox(&Store::memory());
        (0..2).for_each(|_| append(&account, &mailbox));
        // A session claims them, and its claim is not committed yet.
        let from = mailbox.recent_from.fetch_max(3, Ordering::AcqRel);
        append(&account, &mailbox);
        assert_eq!(mailbox.claim_recent_of_all(from, 3).unwrap(), 1);
        assert_eq!(select(&mailbox), [3]);
    }
}
