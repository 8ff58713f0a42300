//! poll(2) for one socket and a bell.

use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use super::bell::Bell;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// The socket can be read, written if that was asked, or has ended.
    Socket,
    Bell,
    TimedOut,
}

/// What of the socket is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    Reading,
    Writing,
}

/// Waits without burning: `None` for as long as it takes.
pub fn wait(fd: RawFd, what: For, bell: Option<&Bell>, timeout: Option<Duration>) -> io::Result<Ready> {
    let events = if what == For::Reading { libc::POLLIN } else { libc::POLLOUT };
    // A negative descriptor is passed over.
    let bell = bell.map_or(-1, Bell::fd);
    let mut fds =
        [libc::pollfd { fd, events, revents: 0 }, libc::pollfd { fd: bell, events: libc::POLLIN, revents: 0 }];
    // A time-out beyond what the clock can count is none.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        // SAFETY: `fds` is a valid array of its length for the duration of the call.
        let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis_until(deadline)) };
        match ready {
            0 if deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
            0 => return Ok(Ready::TimedOut),
            n if n > 0 => return Ok(if fds[0].revents != 0 { Ready::Socket } else { Ready::Bell }),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}

/// As poll(2) has it, -1 for ever; rounded up, so that a wait does not end before its time and begin again.
fn millis_until(deadline: Option<Instant>) -> i32 {
    let Some(deadline) = deadline else { return -1 };
    let left = deadline.saturating_duration_since(Instant::now());
    left.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32
}
