//! Signals, taken one by one by a thread that waits for them.

use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Reload,
    Stop,
}

/// Signals are blocked in every thread that is started after this value is made, and wait for `next`.
pub struct Signals {
    set: libc::sigset_t,
}

impl Signals {
    pub fn block() -> io::Result<Signals> {
        // SAFETY: sigemptyset makes the set valid before anything reads it.
        let set = unsafe {
            let mut set = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in [libc::SIGHUP, libc::SIGTERM, libc::SIGINT] {
                libc::sigaddset(&raw mut set, signal);
            }
            // A client that is gone is an error of write(2), not the end of the process.
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) {
                0 => set,
                error => return Err(io::Error::from_raw_os_error(error)),
            }
        };
        Ok(Signals { set })
    }

    pub fn next(&self) -> Signal {
        loop {
            let mut signal = 0;
            // SAFETY: the set is valid and the pointer is to an int.
            let failed = unsafe { libc::sigwait(&raw const self.set, &raw mut signal) };
            match signal {
                libc::SIGHUP if failed == 0 => return Signal::Reload,
                libc::SIGTERM | libc::SIGINT if failed == 0 => return Signal::Stop,
                _ => {}
            }
        }
    }

    /// Has `next` return `signal`, from any thread.
    pub fn raise(signal: Signal) {
        let number = if signal == Signal::Reload { libc::SIGHUP } else { libc::SIGTERM };
        // SAFETY: kill and getpid take plain numbers.
        unsafe { libc::kill(libc::getpid(), number) };
    }
}
