//! What a session is: what it has in every state (`Core`), and the states.           RFC 9051 3

use std::cell::RefCell;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use super::alerting::Alerting;
use super::contexts::Contexts;
use super::language::Language;
use super::notify::Notify;
use super::output::{Gone, Output};
use super::place::Place;
use super::reply::{Failure, Reply};
use super::running::Running;
use super::service::Service;
use crate::mailbox::{Access, Account, AnnotationWatch, UrlKey, View};
use crate::net::{Ready, SessionInfo, Stream};
use crate::proto::response::{status, untagged_ok};
use crate::proto::{Dialect, Framer, ResponseCode};
use crate::sys::Bell;
use crate::types::{AccountName, By, Comparator, NumberSet, Right, Rights, Uid, UidSet, Utf8, Visibility};

/// What a handler may use in any state.
pub(super) struct Core {
    pub(super) service: Arc<Service>,
    pub(super) stream: Arc<Stream>,
    pub(super) output: Arc<Output>,
    /// Rings when the selected mailbox changes, and when the session must end.
    pub(super) bell: Arc<Bell>,
    pub(super) dialect: Dialect,
    /// Of what the client is told in words. RFC 5255 3
    pub(super) language: Language,
    /// How SEARCH, SORT and THREAD compare strings. RFC 5255 4.2
    pub(super) comparator: Comparator,
    /// Of the command in progress.
    pub(super) tag: String,
    pub(super) info: Arc<SessionInfo>,
    /// The name of the user, once there is one.
    pub(super) user: Option<AccountName>,
    /// What the user has been told of alerts, once there is a user.
    pub(super) alerting: Option<Arc<Alerting>>,
    /// After ENABLE METADATA: what others change. RFC 5464 4.1
    pub(super) annotations: Option<AnnotationWatch>,
    /// The groups that the user is in.
    pub(super) groups: Vec<String>,
    /// The domain that the client has come to, in small letters.
    pub(super) domain: Option<String>,
    /// The name that the client has given with ID.
    pub(super) client: Option<String>,
    /// The log has what the client said of itself.
    pub(super) has_said_who: bool,
    /// When the client has come, or has logged out by UNAUTHENTICATE.
    pub(super) began: Instant,
    /// The listener lets its clients ask for TLS.
    pub(super) may_start_tls: bool,
    /// What the client wants to hear of, once it has said so. RFC 5465
    pub(super) notify: Option<Box<Notify>>,
}

impl Core {
    /// Octets of the largest message that can be appended, to any mailbox. RFC 7889
    pub(super) fn append_limit(&self) -> u32 {
        let literal = self.service.settings().limits.literal_bytes_max;
        self.service.manager.message_bytes_max().min(literal.try_into().unwrap_or(u32::MAX))
    }

    /// What the client sees of a mailbox for which it has these rights. CommuniGate Pro
    pub(super) fn visibility(&self, rights: Rights) -> Visibility {
        let with_service = match self.dialect.extensions {
            true => Visibility::ALL,
            false => Visibility::ALL.without_service(),
        };
        match rights.has(Right::Administer) {
            true => with_service,
            false => with_service.without_hidden(),
        }
    }

    /// LITERAL- instead of LITERAL+. RFC 7888 5
    pub(super) fn has_small_literals(&self) -> bool {
        self.service.settings().limits.literal_unasked_max != u64::MAX
    }

    /// Whether this client is given headers in UTF-8, and gives them. RFC 9755 4, 9
    ///
    /// By the letter only who has enabled it. Old mail is full of headers in 8 bits, and clients that move it from server
    /// to server by APPEND and FETCH would lose it or change it: the letter is for the admin to ask for.
    pub(super) fn takes_utf8_headers(&self) -> bool {
        let strict = self.service.settings().utf8 == Utf8::Strict && !self.is_masked("UTF8=ACCEPT");
        self.dialect.has_utf8() || !strict
    }

    /// Has the watchdog look after the command in progress, from now until the value is dropped.
    pub(super) fn running(&self) -> Option<Running> {
        self.running_for(&self.tag)
    }

    /// The same for a command that has not come in full yet. Who is not told of INPROGRESS hears nothing of it.
    pub(super) fn running_for(&self, tag: &str) -> Option<Running> {
        if self.is_masked("INPROGRESS") {
            return None;
        }
        let period = self.service.settings().running_every;
        self.service.watchdog.watch(&self.output, tag, self.alerting.clone(), period)
    }
}

impl Core {
    /// Tells the client of alerts that it has not seen; at any time, as they are untagged and whole lines.
    pub(super) fn alerts(&self) -> Result<(), Failure> {
        let Some(alerting) = &self.alerting else { return Ok(()) };
        let mut told = Ok(());
        self.output.say(|out| told = alerting.write_new(out))?;
        Ok(told?)
    }

    /// The client has shown that it knows MODSEQ; with a mailbox selected it is told the highest there. RFC 7162 3.1
    pub(super) fn enable_condstore(&mut self, selected: Option<&Selected>) -> Result<(), Gone> {
        if std::mem::replace(&mut self.dialect.condstore, true) {
            return Ok(());
        }
        match selected {
            Some(selected) => self.output.say(|out| selected.highest_mod_seq(out)),
            None => Ok(()),
        }
    }
}

/// RFC 9051 3
pub(super) enum State {
    NotAuthenticated,
    Authenticated(Arc<Account>),
    Selected(Arc<Account>, Box<Selected>),
}

impl State {
    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        match self {
            State::NotAuthenticated => None,
            State::Authenticated(account) | State::Selected(account, _) => Some(account),
        }
    }

    pub(super) fn selected(&self) -> Option<&Selected> {
        match self {
            State::Selected(_, selected) => Some(selected),
            _ => None,
        }
    }

    pub(super) fn selected_mut(&mut self) -> Option<&mut Selected> {
        match self {
            State::Selected(_, selected) => Some(selected),
            _ => None,
        }
    }
}

/// A mailbox that is selected.
pub(super) struct Selected {
    /// As the client named it.
    pub(super) name: String,
    pub(super) view: View,
    pub(super) rights: Rights,
    /// `$`, the result of the last SEARCH RETURN (SAVE). RFC 9051 6.4.4.1
    pub(super) saved: UidSet,
    /// Whose mailbox it is.
    pub(super) owner: Arc<Account>,
    /// The user's account, and its key for URLs of this mailbox as the client knows it.
    pub(super) own: Arc<Account>,
    pub(super) url_key: Option<UrlKey>,
    /// Searches whose results are kept up to date.
    pub(super) contexts: Contexts,
    /// Messages that the client itself has put here, and has not been told of.
    pub(super) created: UidSet,
    /// By SELECT or EXAMINE: a view is read-only after SELECT too, where the user can change nothing but their own annotations.
    pub(super) opened: Access,
    /// The client wants to be told which annotations others change. RFC 5257 4.2
    pub(super) annotate: bool,
}

impl Selected {
    pub(super) fn new(place: Place, view: View, rights: Rights, own: Arc<Account>) -> Selected {
        let url_key = own.url_key(view.mailbox());
        let (saved, created) = Default::default();
        let (opened, annotate, contexts) = (view.access(), false, Contexts::default());
        let Place { shown: name, account: owner, .. } = place;
        Selected { name, view, rights, saved, owner, own, url_key, contexts, created, opened, annotate }
    }

    /// `* OK [HIGHESTMODSEQ n]`
    pub(super) fn highest_mod_seq(&self, out: &mut Vec<u8>) {
        let code = ResponseCode::HighestModSeq(self.view.shown().header().highest_mod_seq);
        untagged_ok(out, Some(&code), "The highest mod-sequence");
    }

    pub(super) fn is_writable(&self) -> bool {
        self.view.access() == Access::ReadWrite
    }

    /// Refuses what the mailbox's list, or its being selected read-only, does not permit.
    pub(super) fn require(&self, rights: &[Right]) -> Result<(), Failure> {
        if !self.is_writable() {
            return Err(Reply::no(ResponseCode::NoPerm, "The mailbox is selected read-only").into());
        }
        match rights.iter().all(|right| self.rights.has(*right)) {
            true => Ok(()),
            false => Err(super::place::not_permitted()),
        }
    }

    /// Refuses to change annotations after EXAMINE; which of them may be changed depends on the rights.
    pub(super) fn require_annotations(&self) -> Result<(), Failure> {
        match self.opened {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Reply::no(ResponseCode::NoPerm, "The mailbox is selected read-only").into()),
        }
    }

    /// The messages that a command names; a sequence number beyond the mailbox is BAD.
    pub(super) fn resolve(&self, set: &NumberSet, by: By) -> Result<UidSet, Failure> {
        self.view.resolve(set, by, &self.saved).ok_or_else(|| no_such_number(self.view.shown().len()))
    }

    /// Messages that the client has been told are gone leave `$` as well. RFC 5182 2.1
    pub(super) fn forget(&mut self, expunged: impl Iterator<Item = Uid>) {
        if self.saved.is_empty() {
            return;
        }
        let gone: UidSet = expunged.collect();
        if !gone.is_empty() {
            self.saved = self.saved.uids().filter(|uid| !gone.contains(uid.get())).collect();
        }
    }
}

fn no_such_number(messages: u32) -> Failure {
    Reply::bad(format!("A sequence number is beyond the mailbox, which has {messages} messages")).into()
}

/// Octets that are read from a client at once.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// Of the worker, not of the session: cleared for no reading, and what is never written to costs an idle session nothing.
    static READ: RefCell<[u8; READ_BYTES]> = const { RefCell::new([0; READ_BYTES]) };
}

impl Core {
    /// Waits for the client or the bell until `deadline`; says BYE where that has passed or the session must end.
    pub(super) fn wait(&self, deadline: Instant) -> Result<Ready, Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        let ready = self.stream.wait(Some(&self.bell), left).map_err(Gone::from)?;
        // A client that never lets its commands end must end as well.
        if self.info.is_ending() {
            self.bye(Some(&ResponseCode::Unavailable), "The server ends this session")?;
            return Err(Failure::Gone);
        }
        match ready {
            Ready::TimedOut => {
                self.bye(None, "Autologout: nothing heard for too long")?;
                Err(Failure::Gone)
            }
            Ready::Bell => {
                self.bell.hear();
                self.alerts()?;
                self.changed_annotations()?;
                self.output.flush()?;
                Ok(ready)
            }
            Ready::Readable => Ok(ready),
        }
    }

    /// One clock for all that comes before login, however slowly.
    pub(super) fn login_until(&self) -> Instant {
        self.began + self.service.settings().login_timeout
    }

    /// Takes what the client has sent.
    pub(super) fn receive(&self, framer: &mut Framer) -> Result<(), Failure> {
        READ.with_borrow_mut(|buffer| match self.stream.read(buffer) {
            Ok(0) => Err(Failure::Gone),
            Ok(length) => {
                framer.push(&buffer[..length]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(Gone::from(error).into()),
        })
    }

    /// A line outside commands, of a SASL exchange.
    pub(super) fn read_line(&self, framer: &mut Framer) -> Result<Vec<u8>, Failure> {
        let deadline = self.login_until();
        loop {
            if let Some(line) = framer.next_line() {
                return Ok(line);
            }
            if self.wait(deadline)? == Ready::Readable {
                self.receive(framer)?;
            }
        }
    }

    pub(super) fn bye(&self, code: Option<&ResponseCode>, text: &str) -> Result<(), Gone> {
        self.output.say(|out| status(out, "*", "BYE", code, &self.said(text)))?;
        self.output.flush()
    }
}
