//! The parser that pest makes of `grammar/`.
#![allow(missing_docs)]

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/common.pest"]
#[grammar = "../grammar/commands.pest"]
#[grammar = "../grammar/list.pest"]
#[grammar = "../grammar/notify.pest"]
#[grammar = "../grammar/search.pest"]
#[grammar = "../grammar/fetch.pest"]
#[grammar = "../grammar/annotate.pest"]
#[grammar = "../grammar/quota.pest"]
#[grammar = "../grammar/acl.pest"]
#[grammar = "../grammar/sort.pest"]
#[grammar = "../grammar/append.pest"]
#[grammar = "../grammar/url.pest"]
#[grammar = "../grammar/metadata.pest"]
#[grammar = "../grammar/i18n.pest"]
pub(super) struct Grammar;
