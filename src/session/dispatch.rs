//! The table of commands: which state each needs, and its handler.          RFC 9051 3, 6
//!
//! What needs a selected mailbox is given one; no handler can forget to ask. Each handler reports what has happened in
//! the mailbox as RFC 9051 7.5.1 allows: EXPUNGE never during FETCH, STORE and SEARCH by sequence number.

use std::sync::Arc;

use super::core::{Core, Selected, State};
use super::language::Language;
use super::reply::{Failure, Handled, Reply};
use super::session::Session;
use super::{
    capability, cmd_acl, cmd_annotate, cmd_append, cmd_comparator, cmd_compress, cmd_copy, cmd_esearch, cmd_fetch,
    cmd_id, cmd_idle, cmd_list, cmd_login, cmd_mailbox, cmd_metadata, cmd_quota, cmd_replace, cmd_rlist, cmd_search,
    cmd_select, cmd_sort, cmd_starttls, cmd_status, cmd_store, cmd_uidbatches, contexts, filters, language, report,
    uid_only,
};
use super::{cmd_notify, notify};
use crate::mailbox::{Access, Account, CopyMode, Expunges};
use crate::proto::response::untagged_ok;
use crate::proto::{CommandBody, Dialect, ResponseCode, SelectCommand};
use crate::types::{Comparator, StatusItem};

/// The tagged response; `None` when the session is over.
pub(super) fn dispatch(session: &mut Session, body: CommandBody) -> Result<Option<Reply>, Failure> {
    let Session { core, state, framer, .. } = session;
    uid_only::check(core.dialect, &body)?;
    super::utf8_only::check(core, &body)?;
    core.renew_groups();
    let reply = match body {
        CommandBody::Capability => {
            let authenticated = !matches!(state, State::NotAuthenticated);
            capability::capability(core, authenticated)
        }
        CommandBody::Noop | CommandBody::Check => noop(core, state),
        CommandBody::Language(ranges) => language::language(core, &ranges),
        CommandBody::Logout => return logout(core).map(|()| None),
        CommandBody::Id(fields) => cmd_id::id(core, &fields),
        CommandBody::StartTls => return cmd_starttls::starttls(core, framer).map(|()| Some(Reply::none())),
        CommandBody::Compress(mechanism) => {
            return cmd_compress::compress(core, framer, &mechanism).map(|()| Some(Reply::none()));
        }
        CommandBody::Login { name, password } => {
            let entered = cmd_login::login(core, &name, &password);
            log_in(state, entered)
        }
        CommandBody::Authenticate { mechanism, initial } => {
            let entered = cmd_login::authenticate(core, framer, &mechanism, initial);
            log_in(state, entered)
        }
        CommandBody::Unauthenticate => unauthenticate(core, state),
        CommandBody::Idle => cmd_idle::idle(core, state, framer),
        CommandBody::Select(command) => select(core, state, &command, Access::ReadWrite),
        CommandBody::Examine(command) => select(core, state, &command, Access::ReadOnly),
        CommandBody::Enable(names) => capability::enable(core, state, &names),
        CommandBody::Close => close(core, state),
        CommandBody::Unselect => deselect(core, state).and_then(cmd_select::unselect),
        body => with_account(core, state, body),
    };
    reply.map(Some)
}

fn log_in(state: &mut State, entered: cmd_login::LoggedIn) -> Handled {
    let (account, reply) = entered?;
    *state = State::Authenticated(account);
    Ok(reply)
}

/// As if the client had just connected; TLS stays, the certificate and all. RFC 8437 2
fn unauthenticate(core: &mut Core, state: &mut State) -> Handled {
    *state = State::NotAuthenticated;
    core.dialect = Dialect::default();
    (core.comparator, core.language) = (Comparator::default(), Language::default());
    (core.user, core.groups, core.annotations) = (None, Vec::new(), None);
    core.alerting = None;
    core.notify = None;
    core.info.set_user("");
    Ok(Reply::ok("UNAUTHENTICATE completed"))
}

fn account_of(state: &State) -> Result<Arc<Account>, Failure> {
    match state {
        State::Authenticated(account) | State::Selected(account, _) => Ok(account.clone()),
        // The parser lets no command through that needs one.
        State::NotAuthenticated => Err(Reply::bad("Log in first").into()),
    }
}

fn selected_of(state: &mut State) -> Result<&mut Selected, Failure> {
    match state {
        State::Selected(_, selected) => Ok(selected),
        _ => Err(Reply::bad("No mailbox is selected").into()),
    }
}

/// Commands that name mailboxes, and those of the selected state.
fn with_account(core: &mut Core, state: &mut State, body: CommandBody) -> Handled {
    let account = account_of(state)?;
    let reply = match body {
        CommandBody::Create { mailbox, special_use, class } => {
            cmd_mailbox::create(core, &account, &mailbox, &special_use, class.as_ref())
        }
        CommandBody::Delete(name) => cmd_mailbox::delete(&core.place(&account, &name)?),
        CommandBody::Rename { from, to } => {
            cmd_rlist::check_rename(core, &account, &from, &to)?;
            let (from, to) = (core.place(&account, &from)?, core.place(&account, &to)?);
            cmd_mailbox::rename(core, &from, &to)
        }
        CommandBody::Subscribe(name) => cmd_mailbox::subscribe(&account, &name),
        CommandBody::Unsubscribe(name) => cmd_mailbox::unsubscribe(&account, &name),
        CommandBody::SetAcl { mailbox, identifier, modify } => {
            cmd_acl::setacl(core, &account, &mailbox, &identifier, modify)
        }
        CommandBody::DeleteAcl { mailbox, identifier } => cmd_acl::deleteacl(core, &account, &mailbox, &identifier),
        CommandBody::GetAcl(name) => cmd_acl::getacl(core, &account, &name),
        CommandBody::ListRights { mailbox, identifier } => cmd_acl::listrights(core, &account, &mailbox, &identifier),
        CommandBody::MyRights(name) => cmd_acl::myrights(core, &account, &name),
        CommandBody::List(command) => {
            if command.status().is_some_and(|items| items.contains(&StatusItem::HighestModSeq)) {
                core.enable_condstore(state.selected())?;
            }
            cmd_list::list(core, &account, &command)
        }
        CommandBody::Xlist(command) => cmd_list::xlist(core, &account, &command),
        CommandBody::Lsub { reference, pattern } => cmd_list::lsub(core, &account, &reference, &pattern),
        CommandBody::Rlist { reference, pattern } => cmd_rlist::rlist(core, &account, &reference, &pattern),
        CommandBody::Rlsub { reference, pattern } => cmd_rlist::rlsub(core, &account, &reference, &pattern),
        CommandBody::GetQuota(root) => cmd_quota::getquota(core, &account, &root),
        CommandBody::GetQuotaRoot(name) => cmd_quota::getquotaroot(core, &core.place(&account, &name)?),
        CommandBody::SetQuota { root, limits } => cmd_quota::setquota(core, &account, &root, &limits),
        CommandBody::Namespace => cmd_list::namespace(core, &account),
        CommandBody::GetMetadata(command) => cmd_metadata::getmetadata(core, &account, &command),
        CommandBody::SetMetadata { mailbox, values } => cmd_metadata::setmetadata(core, &account, &mailbox, values),
        CommandBody::Status { mailbox, items } => {
            if items.contains(&StatusItem::HighestModSeq) {
                core.enable_condstore(state.selected())?;
            }
            cmd_status::status(core, &core.place(&account, &mailbox)?, &items)
        }
        CommandBody::Comparator(wanted) => cmd_comparator::comparator(core, &wanted),
        CommandBody::Esearch { sources, returns, key, update } => {
            let key = match state {
                State::Selected(_, selected) => filters::resolve_or_forget(core, &account, selected, &returns, key)?,
                _ => filters::resolve(core, &account, key)?,
            };
            let reply = cmd_esearch::esearch(core, &account, state, &sources, &returns, &key);
            if let Some(selected) = state.selected_mut() {
                contexts::fetch_of_new(core, selected, update);
            }
            reply
        }
        CommandBody::Append(command) => cmd_append::append(core, &account, state.selected_mut(), command),
        CommandBody::Notify(wanted) => return cmd_notify::notify(core, state, &account, wanted),
        CommandBody::ResetKey(what) => {
            let reply = super::cmd_urlauth::resetkey(core, &account, what.as_ref());
            super::cmd_urlauth::knows_key(state);
            reply
        }
        CommandBody::GenUrlAuth(urls) => super::cmd_urlauth::genurlauth(core, &account, &urls),
        CommandBody::UrlFetch(urls) => super::cmd_urlauth::urlfetch(core, &urls),
        body => return with_selected(core, &account, selected_of(state)?, body),
    };
    // What happened in the selected mailbox meanwhile may be told after any of these.
    if let (Ok(_), State::Selected(_, selected)) = (&reply, state) {
        report::news(core, selected, Expunges::Report)?;
    }
    reply
}

fn with_selected(core: &mut Core, account: &Arc<Account>, selected: &mut Selected, body: CommandBody) -> Handled {
    selected.require_read(core)?;
    match body {
        CommandBody::Expunge(among) => cmd_store::expunge(core, selected, among.as_ref()),
        CommandBody::Search { by, returns, key, update } => {
            let key = filters::resolve_or_forget(core, account, selected, returns.as_deref().unwrap_or(&[]), key)?;
            let reply = cmd_search::search(core, selected, by, returns.as_deref(), &key)?;
            contexts::fetch_of_new(core, selected, update);
            report::news_by(core, selected, by)?;
            Ok(reply)
        }
        CommandBody::Sort { by, returns, criteria, key, update } => {
            let key = filters::resolve_or_forget(core, account, selected, returns.as_deref().unwrap_or(&[]), key)?;
            let reply = cmd_sort::sort(core, selected, by, returns.as_deref(), &criteria, &key)?;
            contexts::fetch_of_new(core, selected, update);
            report::news_by(core, selected, by)?;
            Ok(reply)
        }
        CommandBody::Thread { by, algorithm, key } => {
            let key = filters::resolve(core, account, key)?;
            let reply = cmd_sort::thread(core, selected, by, algorithm, &key)?;
            report::news_by(core, selected, by)?;
            Ok(reply)
        }
        CommandBody::Fetch { by, set, items, modifiers } => {
            cmd_fetch::fetch(core, selected, &set, by, &items, modifiers)
        }
        CommandBody::Store { by, set, op, echo, flags, unchanged_since } => {
            let wanted = cmd_store::Wanted { op, echo, flags, unchanged_since };
            let reply = cmd_store::store(core, selected, &set, by, wanted)?;
            report::held_back(core, selected)?;
            Ok(reply)
        }
        CommandBody::Annotate { by, set, values, unchanged_since } => {
            let reply = cmd_annotate::store(core, account, selected, &set, by, values, unchanged_since)?;
            report::held_back(core, selected)?;
            Ok(reply)
        }
        CommandBody::CancelUpdate(tags) => contexts::cancel(core, selected, &tags),
        CommandBody::Replace(command) => cmd_replace::replace(core, account, selected, command),
        CommandBody::UidBatches { size, which } => cmd_uidbatches::uidbatches(core, selected, size, which),
        CommandBody::Copy { by, set, target, encrypted } => {
            let (target, seal) = (core.place(account, &target)?, cmd_copy::seal(account, encrypted.as_ref())?);
            cmd_copy::copy(core, selected, &set, by, &target, CopyMode::Copy, seal)
        }
        CommandBody::Move { by, set, target, encrypted } => {
            let (target, seal) = (core.place(account, &target)?, cmd_copy::seal(account, encrypted.as_ref())?);
            cmd_copy::copy(core, selected, &set, by, &target, CopyMode::Move, seal)
        }
        _ => Err(Reply::bad("The command is not possible now").into()),
    }
}

fn noop(core: &mut Core, state: &mut State) -> Handled {
    if let State::Selected(_, selected) = state {
        report::news(core, selected, Expunges::Report)?;
    }
    Ok(Reply::ok("Completed"))
}

/// What is said here is sent together with the end of the connection.
fn logout(core: &mut Core) -> Result<(), Failure> {
    let tag = core.tag.clone();
    core.output.say(|out| {
        crate::proto::response::status(out, "*", "BYE", None, &core.said("Logging out"));
        crate::proto::response::status(out, &tag, "OK", None, &core.said("LOGOUT completed"));
    })?;
    Ok(())
}

fn close(core: &mut Core, state: &mut State) -> Handled {
    let mut selected = deselect(core, state)?;
    selected.renew_rights(core);
    let mailbox = selected.view.mailbox().clone();
    let reply = cmd_select::close(core, selected)?;
    notify::closed(core, &mailbox);
    Ok(reply)
}

/// The mailbox that was selected is closed first, whether the new one can be opened or not. RFC 9051 6.3.2
fn select(core: &mut Core, state: &mut State, command: &SelectCommand, access: Access) -> Handled {
    let account = account_of(state)?;
    cmd_select::check(core, command)?;
    if matches!(state, State::Selected(..)) {
        deselect(core, state)?;
        core.output
            .say(|out| untagged_ok(out, Some(&ResponseCode::Closed), &core.said("The mailbox before is closed")))?;
    }
    let (mut selected, reply) = cmd_select::select(core, &account, command, access)?;
    notify::enter(core, &mut selected);
    *state = State::Selected(account, Box::new(selected));
    Ok(reply)
}

/// Leaves the selected state with what was selected.
fn deselect(core: &mut Core, state: &mut State) -> Result<Selected, Failure> {
    match std::mem::replace(state, State::NotAuthenticated) {
        State::Selected(account, selected) => {
            *state = State::Authenticated(account);
            notify::leave(core, &selected);
            Ok(*selected)
        }
        other => {
            *state = other;
            Err(Reply::bad("No mailbox is selected").into())
        }
    }
}
