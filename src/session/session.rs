//! One connection, from its greeting to its end.    RFC 9051 3, 5.5

use std::sync::Arc;
use std::time::Instant;

use super::capability;
use super::core::{Core, State};
use super::dispatch::dispatch;
use super::language::Language;
use super::notify::{self, Moment};
use super::output::Output;
use super::reply::{Failure, Reply, Status};
use super::running::Running;
use super::service::Service;
use super::status;
use crate::log::Tagged;
use crate::metrics;
use crate::net::{Connection, Mode, Ready, TLS_HELLO};
use crate::proto::response::status;
use crate::proto::{Dialect, Frame, Framer, Limits, Malformed, Refusal, ResponseCode, Stage, Step, Why, mask, parse};
use crate::types::{Comparator, UidSet};

pub(super) struct Session {
    pub(super) core: Core,
    pub(super) state: State,
    pub(super) framer: Framer,
    /// While the client is sending a literal.
    receiving: Option<Receiving>,
    bad_commands: u32,
    commands_before_login: u32,
}

/// A literal that is on its way, with the signs of life meanwhile.
struct Receiving(Option<Running>);

/// What is logged bears the number of the session, until the value is dropped.
pub(super) fn log_tag(session: u64) -> Tagged {
    crate::log::tagged(format!("IMAP-{session:05}"))
}

/// Serves a connection until it ends.
pub fn run(service: &Arc<Service>, connection: Connection) {
    let Connection { stream, mode, ticket } = connection;
    let _tag = log_tag(ticket.info.id);
    let settings = service.settings();
    if mode == Mode::Implicit {
        let local = stream.local().ok();
        let domain = local.and_then(|local| settings.domain_at(local.ip())).map(|domain| domain.name.as_str());
        let Some(tls) = settings.tls.config(domain) else { return };
        if let Err(error) = stream.start_tls(tls, settings.handshake_timeout) {
            log::info!("{}: no TLS: {error}", stream.peer());
            return stream.close();
        }
    }
    let spool = settings.spool.clone();
    let core = Core {
        service: service.clone(),
        output: Arc::new(Output::new(stream.clone())),
        stream: stream.clone(),
        bell: ticket.info.bell.clone(),
        dialect: Dialect::default(),
        language: Language::default(),
        comparator: Comparator::default(),
        tag: String::new(),
        info: ticket.info.clone(),
        user: None,
        alerting: None,
        annotations: None,
        groups: Vec::new(),
        domain: None,
        client: None,
        has_said_who: false,
        may_start_tls: mode == Mode::StartTls,
        began: Instant::now(),
        notify: None,
    };
    let framer = Framer::new(before_login(&settings.limits), spool);
    let mut session = Session {
        core,
        state: State::NotAuthenticated,
        framer,
        receiving: None,
        bad_commands: 0,
        commands_before_login: 0,
    };
    log::debug!("{} connected", stream.peer());
    let served = session.serve();
    match &served {
        Err(Failure::Refused(reply)) => log::error!("session ended: {}", reply.text),
        Err(Failure::Gone) | Ok(()) => session.log_end(),
    }
    match served {
        Ok(()) => session.core.output.close(),
        Err(_) => stream.close(),
    }
}

/// Octets of a literal before login: names and passwords are shorter, and anybody can send it, many times over.
const LITERAL_BEFORE_LOGIN_BYTES: u64 = 4096;

fn before_login(limits: &Limits) -> Limits {
    let literal_bytes_max = limits.literal_bytes_max.min(LITERAL_BEFORE_LOGIN_BYTES);
    Limits { literal_bytes_max, ..limits.clone() }
}

impl Session {
    fn serve(&mut self) -> Result<(), Failure> {
        self.core.find_domain();
        self.core.tell_status(&self.state);
        let capabilities = ResponseCode::Capability(capability::list(&self.core, false));
        let greeting = format!("{} Gatepost", self.core.service.settings().host_name);
        self.core.output.say(|out| status(out, "*", "OK", Some(&capabilities), &greeting))?;
        loop {
            let step = self.framer.next();
            if !matches!(step, Step::NeedMore) && self.receiving.take().is_some() {
                self.core.tell_status(&self.state);
            }
            match step {
                Step::Frame(frame) => {
                    if !self.command(frame)? {
                        return Ok(());
                    }
                }
                Step::Continue => {
                    self.core.output.say(|out| out.extend_from_slice(b"+ Send it\r\n"))?;
                }
                Step::Refused(refusal) => self.refuse(&refusal)?,
                Step::NeedMore => self.wait_for_more()?,
            }
        }
    }

    /// Who goes in the middle of a literal has not got done what he began. Strangers may as often as they like.
    fn log_end(&self) {
        match self.framer.literal_progress().filter(|_| self.stage() == Stage::Authenticated) {
            Some(progress) => {
                let (peer, done, goal) = (self.core.stream.peer(), progress.done, progress.goal);
                log::info!(
                    "{peer}: the connection ended in the middle of a literal, {done} of {goal} octets had come"
                );
            }
            None => log::debug!("closed"),
        }
    }

    /// A client that is slow with a literal hears that it is listened to. RFC 9585 3
    fn watch_literal(&mut self) {
        let Some(progress) = self.framer.literal_progress().filter(|_| self.stage() == Stage::Authenticated) else {
            return;
        };
        if self.receiving.is_none() {
            self.core.info.begin(status::RECEIVING);
            self.receiving = Some(Receiving(self.core.running_for(&progress.tag)));
        }
        if let Some(Receiving(Some(running))) = &self.receiving {
            running.progress(progress.done, progress.goal);
        }
    }

    fn wait_for_more(&mut self) -> Result<(), Failure> {
        self.watch_literal();
        notify::tell(&mut self.core, &mut self.state, Moment::Between)?;
        self.core.output.flush()?;
        let settings = self.core.service.settings();
        let deadline = match &self.state {
            State::NotAuthenticated => self.core.login_until(),
            _ => Instant::now() + settings.idle_timeout,
        };
        loop {
            if self.core.wait(deadline)? == Ready::Bell {
                notify::tell(&mut self.core, &mut self.state, Moment::Between)?;
                self.core.output.flush()?;
            } else {
                self.core.receive(&mut self.framer)?;
                if self.framer.opens_with(&TLS_HELLO) {
                    log::info!("{}: a TLS client on a port without TLS", self.core.stream.peer());
                    self.core.bye(None, "This port does not begin with TLS; use STARTTLS, or the port for TLS")?;
                    return Err(Failure::Gone);
                }
                return Ok(());
            }
        }
    }

    fn stage(&self) -> Stage {
        match self.state {
            State::NotAuthenticated => Stage::NotAuthenticated,
            _ => Stage::Authenticated,
        }
    }

    /// Does one command; `false` when the session is over.
    fn command(&mut self, frame: Frame) -> Result<bool, Failure> {
        log::debug!("C: {}", mask(&frame.line, self.stage()));
        self.count_command()?;
        let command = match parse(frame, self.core.dialect, self.stage()) {
            Ok(command) => command,
            Err(malformed) => return self.malformed(malformed).map(|()| true),
        };
        self.bad_commands = 0;
        self.core.tag = command.tag;
        let was_in = !matches!(self.state, State::NotAuthenticated);
        self.core.info.begin(status::operation(command.name));
        let done = dispatch(self, command.body);
        self.core.tell_status(&self.state);
        match (was_in, self.stage()) {
            (true, Stage::NotAuthenticated) => self.begin_anew(),
            (false, Stage::Authenticated) => self.framer.set_limits(self.core.service.settings().limits.clone()),
            _ => {}
        }
        match done {
            Ok(Some(reply)) => self.answer(reply)?,
            Ok(None) => return Ok(false),
            Err(Failure::Refused(reply)) => self.answer(reply)?,
            Err(Failure::Gone) => return Err(Failure::Gone),
        }
        Ok(true)
    }

    /// After UNAUTHENTICATE: the clock and the count of commands before login run again.
    fn begin_anew(&mut self) {
        self.core.began = Instant::now();
        self.commands_before_login = 0;
        self.framer.set_limits(before_login(&self.core.service.settings().limits));
    }

    fn answer(&mut self, reply: Reply) -> Result<(), Failure> {
        let word = match reply.status {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bad => "BAD",
            Status::Given => return Ok(()),
        };
        self.core.changed_annotations()?;
        let Core { tag, output, .. } = &self.core;
        output.say(|out| status(out, tag, word, reply.code.as_ref(), &self.core.said(&reply.text)))?;
        self.core.alerts()
    }

    fn malformed(&mut self, malformed: Malformed) -> Result<(), Failure> {
        let (tag, reply) = match malformed {
            Malformed::Tag => ("*".to_string(), Reply::bad("A command begins with a tag")),
            Malformed::Command { tag, reason } => (tag, Reply::bad(reason)),
            Malformed::Alone { tag } => {
                return self.not_understood(tag, "A command is missing behind the tag".into());
            }
            Malformed::Unknown { tag, name } => return self.not_understood(tag, format!("Unknown command {name}")),
            Malformed::WrongStage { tag, name } => {
                let when = if self.stage() == Stage::NotAuthenticated { "before" } else { "after" };
                (tag, Reply::bad(format!("{name} is not possible {when} login")))
            }
            Malformed::FilterCharset { tag } => {
                let reply = Reply::bad("FILTER stands beside UTF-8 and US-ASCII alone");
                (tag, reply.with(ResponseCode::BadCharset))
            }
            Malformed::BadCharset { tag, saves } => {
                // A search that is NO leaves nothing saved. RFC 5182 2.1
                if let (true, Some(selected)) = (saves, self.state.selected_mut()) {
                    selected.saved = UidSet::new();
                }
                (tag, Reply::no(ResponseCode::BadCharset, "The charset is not known here"))
            }
        };
        self.core.tag = tag;
        if reply.status == Status::Bad {
            self.count_bad()?;
        }
        self.answer(reply)
    }

    /// What is no command may be a password: neither the tag nor the name, which the client hears, is for the log.
    fn not_understood(&mut self, tag: String, text: String) -> Result<(), Failure> {
        self.core.tag = tag;
        self.count_bad()?;
        self.core.changed_annotations()?;
        let Core { tag, output, .. } = &self.core;
        output.say_masked("BAD Not understood", |out| status(out, tag, "BAD", None, &self.core.said(&text)))?;
        self.core.alerts()
    }

    fn count_command(&mut self) -> Result<(), Failure> {
        metrics::COMMANDS.add(1);
        if self.stage() == Stage::NotAuthenticated {
            self.commands_before_login += 1;
            if self.commands_before_login > self.core.service.settings().commands_before_login_max {
                log::info!("{}: too many commands without a login", self.core.stream.peer());
                self.core.bye(None, "Too many commands without a login")?;
                return Err(Failure::Gone);
            }
        }
        Ok(())
    }

    fn count_bad(&mut self) -> Result<(), Failure> {
        metrics::COMMANDS_BAD.add(1);
        self.bad_commands += 1;
        if self.bad_commands >= self.core.service.settings().bad_commands_max {
            log::info!("{}: too many bad commands", self.core.stream.peer());
            self.core.bye(None, "Too many commands that cannot be understood")?;
            return Err(Failure::Gone);
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: &Refusal) -> Result<(), Failure> {
        self.count_command()?;
        let text = match refusal.why {
            Why::LineTooLong => "The command line is too long",
            Why::LiteralTooBig => "The literal is larger than this server takes",
            Why::LiteralUnasked => "A literal of this size waits for a continuation: {n}, not {n+}",
            Why::TooManyLiterals => "The command has too many literals",
            Why::BareLineFeed => "A line ends in CRLF, not in LF alone",
            Why::ControlCharacter => "A command line has no control characters",
            Why::NotUtf8 => "A command line is UTF-8; send anything else as a literal",
            Why::NoSpool => "The server has no room for the literal now",
        };
        let reply = match refusal.why {
            Why::LiteralTooBig => Reply::no(ResponseCode::TooBig, text),
            Why::LiteralUnasked => Reply::bad(text).with(ResponseCode::TooBig),
            Why::NoSpool => Reply::no(ResponseCode::Unavailable, text),
            _ => Reply::bad(text),
        };
        log::info!("{}: refused: {text}", self.core.stream.peer());
        self.core.tag = refusal.tag.clone().unwrap_or_else(|| "*".into());
        // A message that is too large, or has no room just now, has been understood.
        if reply.status == Status::Bad {
            self.count_bad()?;
        }
        self.answer(reply)?;
        if refusal.close {
            self.core.bye(None, "What follows cannot be understood")?;
            return Err(Failure::Gone);
        }
        Ok(())
    }
}
