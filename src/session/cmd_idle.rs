//! IDLE.                                            RFC 9051 6.3.13; RFC 2177
//!
//! Between `+ idling` and DONE the thread waits in poll(2) for its client and for its bell. Whoever changes the
//! selected mailbox rings; an idle session costs no wake-ups.

use std::time::Instant;

use super::core::{Core, State};
use super::notify::{self, Moment};
use super::reply::{Failure, Handled, Reply};
use super::report;
use crate::mailbox::Expunges;
use crate::net::Ready;
use crate::proto::Framer;

pub(super) fn idle(core: &mut Core, state: &mut State, framer: &mut Framer) -> Handled {
    core.output.say(|out| out.extend_from_slice(b"+ idling\r\n"))?;
    let deadline = Instant::now() + core.service.settings().idle_timeout;
    core.tell_listening(state);
    let done = wait(core, state, framer, deadline);
    core.tell_status(state);
    if let Some(selected) = state.selected_mut() {
        notify::listen(core, selected);
    }
    done
}

fn wait(core: &mut Core, state: &mut State, framer: &mut Framer, deadline: Instant) -> Handled {
    loop {
        tell(core, state)?;
        core.output.flush()?;
        core.stream.rest();
        if let Some(line) = framer.next_line() {
            return done(&line);
        }
        match core.wait(deadline)? {
            Ready::Readable => core.receive(framer)?,
            Ready::Bell | Ready::TimedOut => {}
        }
    }
}

/// What is news: all of the selected mailbox, or what NOTIFY says. RFC 5465 4
fn tell(core: &mut Core, state: &mut State) -> Result<(), Failure> {
    if core.notify.is_some() {
        return notify::tell(core, state, Moment::Idle);
    }
    match state {
        State::Selected(_, selected) => {
            selected.view.listen();
            report::news(core, selected, Expunges::Report)
        }
        _ => Ok(()),
    }
}

fn done(line: &[u8]) -> Handled {
    match line.eq_ignore_ascii_case(b"DONE") {
        true => Ok(Reply::ok("IDLE completed")),
        false => Err(Reply::bad("IDLE ends with DONE").into()),
    }
}
