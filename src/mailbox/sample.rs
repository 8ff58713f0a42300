//! A mailbox for tests: joe's INBOX, in memory.

use std::sync::Arc;

use super::{Access, Account, Change, Limits, Mailbox, Manager, StoreMode, View};
use crate::store::Store;
use crate::sys::Bell;
use crate::types::{AccountName, Flag, InternalDate, MailboxName, SystemFlag, Uid, UidSet, Visibility};

pub(crate) struct Sample {
    pub(crate) manager: Manager,
    pub(crate) account: Arc<Account>,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Sample {
    pub(crate) fn new() -> Sample {
        Sample::over(Store::memory())
    }

    pub(crate) fn over(store: Store) -> Sample {
        let manager = Manager::new(store, Limits::default());
        let account = manager.account(&AccountName::new("joe").unwrap()).unwrap();
        let mailbox = account.mailbox(&MailboxName::inbox()).unwrap();
        Sample { manager, account, mailbox }
    }

    /// A message of each subject, in one commit.
    pub(crate) fn append(&self, subjects: &[&str]) -> Vec<Uid> {
        let mut intake = self.account.intake(&self.mailbox).unwrap();
        let date = InternalDate { secs: 0, zone_mins: 0 };
        let mut message = |subject: &&str| intake.take(Sample::octets(subject), Vec::new(), date).unwrap();
        let messages = subjects.iter().map(&mut message).collect();
        self.mailbox.commit(Change::Append(messages)).unwrap().appended
    }

    pub(crate) fn octets(subject: &str) -> Vec<u8> {
        format!("Subject: {subject}\r\n\r\n").into_bytes()
    }

    pub(crate) fn store(&self, uids: &[Uid], mode: StoreMode, flag: SystemFlag) {
        let (uids, flags) = (uids.iter().copied().collect::<UidSet>(), vec![Flag::System(flag)]);
        let change = Change::Store { uids, mode, flags, unchanged_since: None, visibility: Visibility::ALL };
        self.mailbox.commit(change).unwrap();
    }

    pub(crate) fn expunge(&self, uids: &[Uid]) {
        self.store(uids, StoreMode::Add, SystemFlag::Deleted);
        self.mailbox.commit(Change::Expunge { among: None, visibility: Visibility::ALL }).unwrap();
    }

    /// As a session sees it now.
    pub(crate) fn view(&self) -> View {
        let bell = Arc::new(Bell::new().unwrap());
        View::open(self.mailbox.clone(), Access::ReadWrite, Visibility::ALL, bell).unwrap()
    }
}
