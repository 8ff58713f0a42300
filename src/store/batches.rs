//! What commits of values are to an engine: keys and values, references, octets.

use super::engine::{Batch, Partition, Reference};
use super::error::StoreError;
use super::facade::Store;
use super::layout;
use super::model::*;
use super::vanished;
use crate::types::{AccountId, EntryName, Uid};

impl Store {
    pub(super) fn batch_of(&self, commit: Commit) -> Result<Batch, StoreError> {
        match commit {
            Commit::Account(commit) => self.account_batch(commit),
            Commit::Mailbox(commit) => Ok(mailbox_batch(commit)),
            Commit::Due { guard, due } => {
                let mut batch = Batch::new(Partition::Server, guard);
                batch.put(layout::due_key(&due), Vec::new());
                Ok(batch)
            }
            Commit::Life { account, mailbox, guard, life } => {
                let mut batch = Batch::new(Partition::Mailbox(account, mailbox), guard);
                match life {
                    Life::Deleted => batch.put(layout::key(b'z'), Vec::new()),
                    Life::Alive => batch.remove(layout::key(b'z')),
                }
                Ok(batch)
            }
            Commit::Digests { account, mailbox, guard, pages } => {
                let mut batch = Batch::new(Partition::Mailbox(account, mailbox), guard);
                pages.into_iter().for_each(|(page, digest)| batch.put(layout::numbered(b'c', page.0), digest));
                Ok(batch)
            }
            Commit::Summaries { account, mailbox, guard, summaries, stale } => {
                let mut batch = Batch::new(Partition::Mailbox(account, mailbox), guard);
                stale.into_iter().for_each(|page| batch.remove(layout::numbered(b'c', page.0)));
                let summaries = summaries.into_iter().map(|(uid, summary)| (summary_key(uid), Some(summary)));
                batch.writes.extend(summaries);
                Ok(batch)
            }
            Commit::VanishedTogether { account, mailbox, guard, together } => {
                Ok(vanished::batch(account, mailbox, guard, together))
            }
            Commit::Server { guard, entries } => Ok(server_batch(guard, entries)),
        }
    }

    fn account_batch(&self, commit: AccountCommit) -> Result<Batch, StoreError> {
        let mut batch = Batch::new(Partition::Account(commit.account), commit.guard);
        let account = commit.account;
        for change in commit.changes {
            match change {
                AccountChange::PutNode(node) => {
                    batch.put(layout::named(b'n', node.name.as_str()), layout::node(&node))
                }
                AccountChange::RemoveNode(name) => batch.remove(layout::named(b'n', name.as_str())),
                AccountChange::Subscribe(name) => batch.put(layout::named(b's', &name), Vec::new()),
                AccountChange::Unsubscribe(name) => batch.remove(layout::named(b's', &name)),
                AccountChange::Counters { next_mailbox, last_uid_validity } => {
                    let value = [&next_mailbox.to_be_bytes()[..], &last_uid_validity.to_be_bytes()].concat();
                    batch.put(layout::key(b'c'), value);
                }
                AccountChange::Quota(limits) => batch.put(layout::key(b'q'), layout::quota(&limits)),
                AccountChange::Acl(mailbox, acl) if acl.0.is_empty() => {
                    batch.remove(layout::numbered_long(b'l', mailbox.0));
                }
                AccountChange::Acl(mailbox, acl) => {
                    batch.put(layout::numbered_long(b'l', mailbox.0), layout::acl(&acl))
                }
                AccountChange::PutAlias(alias, name) => {
                    batch.put(layout::named(b'y', alias.as_str()), name.into_bytes())
                }
                AccountChange::RemoveAlias(alias) => batch.remove(layout::named(b'y', alias.as_str())),
                AccountChange::PutUrlKey(entry, key) => batch.put(layout::url_key_key(entry), key.0.to_vec()),
                AccountChange::RemoveUrlKey(entry) => batch.remove(layout::url_key_key(entry)),
                AccountChange::Certificate(Some(der)) => batch.put(layout::key(b'x'), der.to_vec()),
                AccountChange::Certificate(None) => batch.remove(layout::key(b'x')),
                AccountChange::Bury(mailbox) => {
                    batch.put(layout::numbered_long(b'g', mailbox.id.0), layout::deleted(&mailbox));
                }
                AccountChange::Exhume(mailbox) => batch.remove(layout::numbered_long(b'g', mailbox.0)),
                AccountChange::Purge(mailbox) => {
                    batch.remove(layout::numbered_long(b'g', mailbox.0));
                    batch.remove(layout::numbered_long(b'l', mailbox.0));
                    batch.remove(layout::numbered_long(b'k', mailbox.0));
                    batch.remove(layout::url_key_key((AccountId(0), mailbox)));
                    self.drop_annotations(account, &Annotated::Mailbox(mailbox), &mut batch)?;
                    batch.put(layout::numbered_long(b'p', mailbox.0), Vec::new());
                }
                AccountChange::Class(mailbox, class) => match class {
                    Some(class) => batch.put(layout::numbered_long(b'k', mailbox.0), class.as_str().into()),
                    None => batch.remove(layout::numbered_long(b'k', mailbox.0)),
                },
                AccountChange::Settings(settings) => batch.put(layout::key(b'v'), layout::settings(&settings)),
                AccountChange::Annotate(Annotate { at, user, entry, value }) => {
                    let key = layout::annotation_key(&at, user, &entry);
                    match value {
                        Some(value) => batch.put(key, layout::annotation(&entry, &value)),
                        None => batch.remove(key),
                    }
                }
                AccountChange::MoveAnnotations { from, to } => {
                    self.copy_annotations(account, &from, &to, &mut batch)?;
                    self.drop_annotations(account, &from, &mut batch)?;
                }
                AccountChange::CopyAnnotations { from, to } => {
                    self.copy_annotations(account, &from, &to, &mut batch)?
                }
                AccountChange::DropAnnotations(at) => self.drop_annotations(account, &at, &mut batch)?,
            }
        }
        Ok(batch)
    }
}

fn server_batch(guard: Version, entries: Vec<(EntryName, Option<Vec<u8>>)>) -> Batch {
    let mut batch = Batch::new(Partition::Server, guard);
    for (entry, value) in entries {
        let key = layout::named(b'm', &entry.folded());
        match value {
            Some(value) => batch.put(key, layout::annotation(&entry, &value)),
            None => batch.remove(key),
        }
    }
    batch
}

fn mailbox_batch(commit: MailboxCommit) -> Batch {
    let (account, mailbox) = (commit.account, commit.mailbox);
    let mut batch = Batch::new(Partition::Mailbox(account, mailbox), commit.guard);
    batch.put(layout::key(b'h'), layout::header(&commit.header));
    for (id, keyword) in &commit.keywords {
        match keyword {
            Some(keyword) => batch.put(layout::keyword_key(*id), keyword.as_str().as_bytes().to_vec()),
            None => batch.remove(layout::keyword_key(*id)),
        }
    }
    for (page, records) in &commit.records {
        if records.is_empty() {
            batch.remove(layout::numbered(b'c', page.0));
        }
        page_write(&mut batch, layout::numbered(b'r', page.0), layout::records(records));
    }
    for (page, flags) in &commit.flags {
        page_write(&mut batch, layout::numbered(b'v', page.0), layout::flags(flags));
    }
    for (record, flags) in &commit.alone {
        batch.put(layout::numbered(b'a', record.uid.get()), layout::message(record, flags));
    }
    for uid in commit.folded.uids() {
        batch.remove(layout::numbered(b'a', uid.get()));
    }
    for (leaf, entry) in &commit.leaves {
        match entry {
            Some(entry) => batch.put(layout::numbered(b'd', leaf.0), layout::leaf_entry(entry)),
            None => batch.remove(layout::numbered(b'd', leaf.0)),
        }
    }
    let traffic = commit.traffic;
    for (uid, structure) in traffic.structures {
        batch.writes.push((summary_key(uid), Some(structure)));
    }
    let gone = traffic.removed.iter().map(|(uid, _)| *uid).chain(traffic.kept.iter().map(|kept| kept.record.uid));
    gone.for_each(|uid| batch.remove(summary_key(uid)));
    for message in &traffic.kept {
        batch.put(layout::expunged_key(message), layout::expunged(message));
    }
    traffic.released.iter().for_each(|message| batch.remove(layout::expunged_key(message)));
    for (id, annotation) in &commit.annotations {
        let key = layout::message_annotation_key(id);
        match annotation {
            Some((mod_seq, value)) => batch.put(key, layout::message_annotation(*mod_seq, value)),
            None => batch.remove(key),
        }
    }
    if let Some((mod_seq, uids)) = &commit.vanished {
        batch.put(layout::numbered_long(b'x', mod_seq.0), layout::vanished(uids));
    }
    let inline = traffic.blobs.into_iter().filter_map(|blob| Some((account, blob.id, blob.bytes?)));
    batch.blobs = inline.collect();
    let reference = |(uid, blob): &(Uid, _)| Reference { blob: *blob, account, mailbox, uid: *uid };
    batch.added = traffic.added.iter().map(reference).collect();
    batch.shared = traffic.shared.iter().map(reference).collect();
    let released = traffic.released.iter().map(|message| (message.record.uid, message.record.blob));
    batch.removed = traffic.removed.iter().copied().chain(released).map(|pair| reference(&pair)).collect();
    batch
}

fn summary_key(uid: Uid) -> Vec<u8> {
    layout::numbered(b't', uid.get())
}

fn page_write(batch: &mut Batch, key: Vec<u8>, page: Vec<u8>) {
    match page.is_empty() {
        true => batch.remove(key),
        false => batch.put(key, page),
    }
}
