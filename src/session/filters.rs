//! FILTER: named searches that are kept as annotations of the server.        RFC 5466
//!
//! A filter stands for its search keys, taken together as one: `NOT FILTER x` is what none of it matches. Filters may name
//! others; what has a loop, or is nested too deep, is as if it did not exist.

use std::sync::Arc;

use super::core::{Core, Selected};
use super::reply::{Failure, Reply, Status};
use super::uid_only;
use crate::mailbox::Account;
use crate::proto::{ResponseCode, criteria};
use crate::types::{EntryName, FilterName, SearchKey, SearchReturn, UidSet};

/// Where filters are kept; the user's own hide those that are shared. RFC 5466 3.1
const ROOTS: [&str; 2] = ["/private/filters/values/", "/shared/filters/values/"];

/// Filters within filters: the RFC asks for three.
const PASSES_MAX: usize = 10;
/// Filters that one search may come to, and octets of all of them: each has its keys again wherever it is named, and a key
/// takes some hundred octets of memory.
const FILTERS_MAX: usize = 200;
const FILTERS_BYTES_MAX: usize = 256 * 1024;
/// Levels of the key that comes out: what walks over it recurses.
const LEVELS_MAX: usize = 100;

/// The keys of a search with those of its filters in their places.
pub(super) fn resolve(core: &Core, account: &Arc<Account>, key: SearchKey) -> Result<SearchKey, Failure> {
    if !key.any(&|key| matches!(key, SearchKey::Filter(_))) {
        return Ok(key);
    }
    let mut resolver =
        Resolver { account, open: Vec::new(), filters_left: FILTERS_MAX, bytes_left: FILTERS_BYTES_MAX };
    let key = resolver.key(key, LEVELS_MAX)?;
    uid_only::check_key(core.dialect, &key)?;
    Ok(key)
}

/// As `resolve`, in the selected state: a search that is refused with NO leaves nothing saved. RFC 5182 2.1
pub(super) fn resolve_or_forget(
    core: &Core,
    account: &Arc<Account>,
    selected: &mut Selected,
    returns: &[SearchReturn],
    key: SearchKey,
) -> Result<SearchKey, Failure> {
    let resolved = resolve(core, account, key);
    let is_no = matches!(&resolved, Err(Failure::Refused(reply)) if reply.status == Status::No);
    if is_no && returns.contains(&SearchReturn::Save) {
        selected.saved = UidSet::new();
    }
    resolved
}

struct Resolver<'a> {
    account: &'a Arc<Account>,
    /// The filters that are being read, each within the one before.
    open: Vec<FilterName>,
    filters_left: usize,
    bytes_left: usize,
}

impl Resolver<'_> {
    fn key(&mut self, key: SearchKey, levels_left: usize) -> Result<SearchKey, Failure> {
        let Some(left) = levels_left.checked_sub(1) else { return Err(self.undefined(None)) };
        Ok(match key {
            SearchKey::And(keys) => {
                SearchKey::And(keys.into_iter().map(|key| self.key(key, left)).collect::<Result<_, _>>()?)
            }
            SearchKey::Or(a, b) => SearchKey::Or(Box::new(self.key(*a, left)?), Box::new(self.key(*b, left)?)),
            SearchKey::Not(key) => SearchKey::Not(Box::new(self.key(*key, left)?)),
            SearchKey::Fuzzy(key) => SearchKey::Fuzzy(Box::new(self.key(*key, left)?)),
            SearchKey::Filter(name) => self.filter(name, left)?,
            other => other,
        })
    }

    fn filter(&mut self, name: FilterName, levels_left: usize) -> Result<SearchKey, Failure> {
        let looped = self.open.iter().any(|open| open.as_str().eq_ignore_ascii_case(name.as_str()));
        if looped || self.open.len() >= PASSES_MAX || self.filters_left == 0 {
            return Err(self.undefined(Some(name)));
        }
        self.filters_left -= 1;
        let value = value(self.account, &name)?.unwrap_or_default();
        let Some(left) = self.bytes_left.checked_sub(value.len()) else { return Err(self.undefined(Some(name))) };
        self.bytes_left = left;
        let Ok(key) = criteria(&value) else { return Err(self.undefined(Some(name))) };
        self.open.push(name);
        let key = self.key(key, levels_left)?;
        self.open.pop();
        Ok(key)
    }

    /// Of several, the one that the client has named tells it most: the first.
    fn undefined(&self, name: Option<FilterName>) -> Failure {
        let text = "No such filter, or one that is no search, too long or nested too deep";
        match self.open.first().cloned().or(name) {
            Some(name) => Reply::no(ResponseCode::UndefinedFilter(name), text).into(),
            None => Reply::bad("The search is nested too deep").into(),
        }
    }
}

fn value(account: &Account, name: &FilterName) -> Result<Option<Vec<u8>>, Failure> {
    for root in ROOTS {
        let entry = EntryName::new(&format!("{root}{}", name.as_str()));
        if let Some(entry) = entry
            && let Some(value) = account.server_annotation(&entry)?
        {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Refuses a value of an annotation of the server that should be a filter and is none. RFC 5466 3.2
pub(super) fn check(entry: &EntryName, value: &[u8]) -> Result<(), Failure> {
    let folded = entry.folded();
    let Some(name) = ROOTS.iter().find_map(|root| folded.strip_prefix(root)) else { return Ok(()) };
    if FilterName::new(name).is_none() {
        let text = "The name of a filter has characters that none can have";
        return Err(Reply::no(ResponseCode::Cannot, text).into());
    }
    match criteria(value) {
        Ok(_) => Ok(()),
        Err(why) => Err(Reply::no(ResponseCode::Cannot, format!("The value is no search: {why}")).into()),
    }
}
