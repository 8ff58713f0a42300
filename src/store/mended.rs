//! A store is opened whose files may be damaged: they are mended, what is doubtful is renewed, and both are said.
//!
//! A check in the mode `Repair` comes next: it makes the mailboxes agree with what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::check::{Finding, finding};
use super::doubtful::{self, Doubtful};
use super::engine::{Partition, Reference};
use super::error::StoreError;
use super::facade::{Options, Store};
use super::reading::HaveRead;
use super::tables::{Tables, engine};
use super::{mending, renewal};
use crate::types::{AccountId, AccountName, MailboxId, MailboxName, UidSet};

/// What was done about damaged files.
#[derive(Clone, Debug, Default)]
pub struct Mended {
    pub findings: Vec<Finding>,
    /// What a check needs to know.
    pub doubtful: BTreeSet<(AccountId, MailboxId)>,
    /// Where that stands until it has been done.
    file: Option<PathBuf>,
}

impl Mended {
    /// A check has made all that is doubtful agree with what is left.
    pub fn done(&self) -> io::Result<()> {
        match &self.file {
            Some(file) if file.exists() => fs::remove_file(file),
            _ => Ok(()),
        }
    }
}

const SERVER: &str = "accounts that were removed may be there again, others be missing, alerts likewise; an account whose \
                      name is lost is recovered-N now";
const ACCOUNT: &str = "names, rights, subscriptions and settings may be those of earlier; a mailbox whose name is lost is \
                       Recovered-N now";
const MAILBOX: &str = "messages that were expunged may be there again, others be missing, flags be those of earlier; it has \
                       a new UIDVALIDITY; restore it from a backup where that is not good enough";

impl Store {
    /// Opens a store that no daemon has open, and mends it before; `tell` hears how far it has come with reading the files.
    pub fn open_mended(
        directory: &Path,
        options: &Options,
        tell: &mut dyn FnMut(HaveRead),
    ) -> Result<(Store, Mended), StoreError> {
        let failed = |error: io::Error| engine(error.into());
        let mended = mending::mend(directory, options, tell)?;
        let mut renewed = Vec::new();
        if !mended.doubtful.ranges().is_empty() {
            let tables = Tables::open_unvetted(directory, options)?;
            renewed = renewal::renew(&tables, &mended.doubtful, crate::sys::now_secs() as u32)?;
            drop(tables);
            Doubtful::turn_renewed(directory).map_err(failed)?;
        }
        let file = doubtful::renewed_file(directory);
        let ranges = Doubtful::read(&file).map_err(failed)?;
        let store = Store::open(directory, options)?;
        let of_file = |(what, repaired)| Finding { account: None, mailbox: None, what, mendable: repaired, repaired };
        let mut findings: Vec<Finding> = mended.said.into_iter().map(of_file).collect();
        if renewed.contains(&Partition::Server) {
            findings.push(Finding {
                account: None,
                mailbox: None,
                what: SERVER.into(),
                mendable: false,
                repaired: false,
            });
        }
        let mut doubtful = BTreeSet::new();
        for (name, account) in store.accounts()? {
            let of_account = store.account_image(account)?.mailboxes().map(|id| (account, id)).collect::<Vec<_>>();
            doubtful.extend(of_account.into_iter().filter(|(a, m)| ranges.has(Partition::Mailbox(*a, *m))));
            findings.extend(store.renewed(&name, account, &renewed)?);
            findings.extend(store.lost(&name, account, &mended.lost)?);
        }
        Ok((store, Mended { findings, doubtful, file: Some(file) }))
    }

    /// What is said of an account's partitions that were doubtful.
    fn renewed(
        &self,
        name: &AccountName,
        account: AccountId,
        renewed: &[Partition],
    ) -> Result<Vec<Finding>, StoreError> {
        let mut said = Vec::new();
        if renewed.contains(&Partition::Account(account)) {
            said.push(finding(name, None, ACCOUNT.into()));
        }
        for (mailbox, id) in self.names(account)? {
            if renewed.contains(&Partition::Mailbox(account, id)) {
                said.push(finding(name, Some(&mailbox), MAILBOX.into()));
            }
        }
        Ok(said)
    }

    /// Names the messages of an account that came with a change that is lost.
    fn lost(&self, name: &AccountName, account: AccountId, lost: &[Reference]) -> Result<Vec<Finding>, StoreError> {
        let mut missing: BTreeSet<Reference> = lost.iter().filter(|of| of.account == account).copied().collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        self.reader().references(account, &mut |reference| {
            missing.remove(&reference);
            Ok(())
        })?;
        let names = self.names(account)?;
        let mut uids: BTreeMap<MailboxId, UidSet> = BTreeMap::new();
        missing.iter().for_each(|of| uids.entry(of.mailbox).or_default().push_range(of.uid.get(), of.uid.get()));
        let said = |(id, uids): (MailboxId, UidSet)| {
            let mailbox = names.iter().find(|(_, known)| *known == id).map(|(name, _)| name);
            let what = format!(
                "messages UID {uids}: they may be lost, or may have been expunged; restore them from a backup"
            );
            finding(name, mailbox, what)
        };
        Ok(uids.into_iter().map(said).collect())
    }

    fn names(&self, account: AccountId) -> Result<Vec<(MailboxName, MailboxId)>, StoreError> {
        let image = self.account_image(account)?;
        let named = image.nodes.into_iter().filter_map(|node| Some((node.name, node.id?)));
        Ok(named.chain(image.deleted.into_iter().map(|deleted| (deleted.name, deleted.id))).collect())
    }
}
