//! A bell that wakes a thread waiting in poll(2).

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// An eventfd. Rung twice before it is heard, it rings once; ringing it again costs no system call.
#[derive(Debug)]
pub struct Bell {
    file: ManuallyDrop<File>,
    rung: AtomicBool,
}

/// Silent eventfds of bells that are gone, for those that come: each connection has one, and the kernel takes its time to
/// make and to end them.
static SPARE: Mutex<Vec<File>> = Mutex::new(Vec::new());
const SPARE_MAX: usize = 64;

impl Bell {
    pub fn new() -> io::Result<Bell> {
        let spare = SPARE.lock().pop();
        let file = spare.map_or_else(eventfd, Ok)?;
        Ok(Bell { file: ManuallyDrop::new(file), rung: AtomicBool::new(false) })
    }

    /// To be called after what it tells of has been made visible.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Err(error) = (&*self.file).write_all(&1u64.to_ne_bytes())
        {
            log::error!("bell: {error}");
        }
    }

    /// Makes the bell silent again; what happened before is to be looked at afterwards.
    ///
    /// A swap, not a store: a ring that found the bell rung already must be visible to what is looked at next, and a
    /// plain store may still wait in the processor's buffer while it is looked.
    pub fn hear(&self) {
        // Would block: it was not rung.
        let _ = (&*self.file).read(&mut [0; 8]);
        self.rung.swap(false, Ordering::AcqRel);
    }

    pub(super) fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // Nobody else has the bell, so that the next one begins silent. `rung` does not say whether it has to be heard: a
        // bell that was heard while it was rung sounds, and is not `rung`.
        self.hear();
        // SAFETY: it is not used again, as the bell is gone.
        let file = unsafe { ManuallyDrop::take(&mut self.file) };
        let mut spare = SPARE.lock();
        if spare.len() < SPARE_MAX {
            spare.push(file);
        }
    }
}

fn eventfd() -> io::Result<File> {
    // SAFETY: eventfd takes no pointers; a descriptor that is not negative is ours alone.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    match fd {
        // SAFETY: see above.
        0.. => Ok(unsafe { File::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::super::{For, Ready, wait};
    use super::*;

    fn quiet_socket() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn rings_once_until_heard() {
        let (_client, socket) = quiet_socket();
        let bell = Bell::new().unwrap();
        let look = || wait(socket.as_raw_fd(), For::Reading, Some(&bell), Some(Duration::from_millis(10))).unwrap();
        assert_eq!(look(), Ready::TimedOut);
        bell.ring();
        bell.ring();
        assert_eq!(look(), Ready::Bell);
        assert_eq!(look(), Ready::Bell, "a bell that is not heard goes on");
        bell.hear();
        assert_eq!(look(), Ready::TimedOut);
        bell.hear();
        bell.ring();
        assert_eq!(look(), Ready::Bell);
    }

    /// What was said to one is nothing to the next, though both have the same eventfd.
    #[test]
    fn a_bell_begins_silent() {
        let (_client, socket) = quiet_socket();
        for _ in 0..2 * SPARE_MAX {
            let bell = Bell::new().unwrap();
            let ready = wait(socket.as_raw_fd(), For::Reading, Some(&bell), Some(Duration::ZERO)).unwrap();
            assert_eq!(ready, Ready::TimedOut);
            bell.ring();
        }
    }

    /// Nothing that is published is ever missed, however ring and hear meet.
    #[test]
    fn no_ring_is_lost() {
        const LAST: usize = 20_000;
        let (_client, socket) = quiet_socket();
        let (bell, published) = (Arc::new(Bell::new().unwrap()), Arc::new(AtomicUsize::new(0)));
        let (theirs, theirs_published) = (bell.clone(), published.clone());
        let ringer = std::thread::spawn(move || {
            for n in 1..=LAST {
                theirs_published.store(n, Ordering::Relaxed);
                theirs.ring();
            }
        });
        while published.load(Ordering::Relaxed) < LAST {
            let ready = wait(socket.as_raw_fd(), For::Reading, Some(&bell), Some(Duration::from_secs(60))).unwrap();
            assert_eq!(ready, Ready::Bell, "slept through {}", published.load(Ordering::Relaxed));
            bell.hear();
        }
        ringer.join().unwrap();
    }
}
