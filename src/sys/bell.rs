//! A bell that wakes a thread waiting in poll(2).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// An eventfd. Rung twice before it is heard, it rings once; ringing it again costs no system call.
#[derive(Debug)]
pub struct Bell {
    file: File,
    rung: AtomicBool,
}

impl Bell {
    pub fn new() -> io::Result<Bell> {
        // SAFETY: eventfd takes no pointers; a descriptor that is not negative is ours alone.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: see above.
        Ok(Bell { file: unsafe { File::from_raw_fd(fd) }, rung: AtomicBool::new(false) })
    }

    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Err(error) = (&self.file).write_all(&1u64.to_ne_bytes())
        {
            log::error!("bell: {error}");
        }
    }

    /// Makes the bell silent again; what happened before is to be looked at afterwards.
    pub fn hear(&self) {
        // Would block: it was not rung.
        let _ = (&self.file).read(&mut [0; 8]);
        self.rung.store(false, Ordering::Release);
    }

    pub(super) fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
