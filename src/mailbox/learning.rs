//! Keywords that a draft has not had before.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::draft::Draft;
use super::error::{MailboxError, Refusal};
use crate::store::StoreError;
use crate::types::{Flag, Flags, Keyword, KeywordId};

impl Draft {
    /// Gives a place in the keyword table to each keyword that has none.
    pub(super) fn learn<'a>(&mut self, flags: impl Iterator<Item = &'a Flag> + Clone) -> Result<(), MailboxError> {
        let mut new = self.unknown(flags.clone());
        if self.snapshot.keywords.len() + new.len() > self.bounds.keywords_max {
            self.forget_unused()?;
            new = self.unknown(flags);
        }
        if self.snapshot.keywords.len() + new.len() > self.bounds.keywords_max {
            return Err(Refusal::TooManyKeywords.into());
        }
        if !new.is_empty() {
            let table = Arc::make_mut(&mut self.snapshot.keywords);
            self.placed.extend(new.into_iter().filter_map(|keyword| table.learn(keyword)));
        }
        Ok(())
    }

    /// The keywords among these that have no place, each once.
    fn unknown<'a>(&self, flags: impl Iterator<Item = &'a Flag>) -> Vec<&'a Keyword> {
        let mut new: Vec<&Keyword> = Vec::new();
        for flag in flags {
            match flag {
                Flag::Keyword(keyword) if self.snapshot.keyword(keyword).is_none() && !new.contains(&keyword) => {
                    new.push(keyword);
                }
                _ => {}
            }
        }
        new
    }

    /// Empties the places of keywords that no message has any more, nor one that is kept. Costs a look at all messages, and
    /// where any of them is to be had for it, at all that are kept.
    fn forget_unused(&mut self) -> Result<(), StoreError> {
        self.snapshot.load_all()?;
        let mut unused: BTreeSet<KeywordId> = self.snapshot.keywords.iter().map(|(id, _)| id).collect();
        let strike = |unused: &mut BTreeSet<KeywordId>, flags: &Flags| {
            flags.keywords().for_each(|id| {
                unused.remove(&id);
            });
        };
        let mut last = Flags::default();
        for flags in self.snapshot.messages().map(|message| message.all_flags()) {
            if flags != last {
                strike(&mut unused, &flags);
                last = flags;
            }
        }
        if unused.is_empty() {
            return Ok(());
        }
        for message in self.snapshot.kept()?.iter().chain(&self.traffic.kept) {
            strike(&mut unused, &message.flags.flags);
        }
        let unused: Vec<KeywordId> = unused.into_iter().collect();
        if !unused.is_empty() {
            Arc::make_mut(&mut self.snapshot.keywords).forget(&unused);
            self.placed.extend(unused);
        }
        Ok(())
    }
}
