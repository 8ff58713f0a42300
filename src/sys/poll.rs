//! poll(2) for one socket and some bells.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

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
pub fn wait(fd: RawFd, what: For, bells: &[&Bell], timeout: Option<Duration>) -> io::Result<Ready> {
    let events = if what == For::Reading { libc::POLLIN } else { libc::POLLOUT };
    let mut fds: Vec<libc::pollfd> = vec![libc::pollfd { fd, events, revents: 0 }];
    fds.extend(bells.iter().map(|bell| libc::pollfd { fd: bell.fd(), events: libc::POLLIN, revents: 0 }));
    // Rounded up, so that a wait does not end before its time and begin again.
    let millis = timeout.map_or(-1, |timeout| timeout.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32);
    // SAFETY: `fds` is a valid array of its length for the duration of the call.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis) };
    match ready {
        0 => Ok(Ready::TimedOut),
        n if n < 0 => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => wait(fd, what, bells, timeout),
            error => Err(error),
        },
        _ if fds[0].revents != 0 => Ok(Ready::Socket),
        _ => Ok(Ready::Bell),
    }
}
