//! Files that the standard library cannot open or lock.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file without a name in `directory`; it vanishes with its last descriptor.
pub fn spool_file(directory: &Path) -> io::Result<File> {
    let unnamed = OpenOptions::new().read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(directory);
    match unnamed {
        // Some file systems cannot do it, and some kernels take the flag for an attempt to write to the directory.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {
            named_briefly(directory)
        }
        other => other,
    }
}

/// A file whose name is taken away at once.
fn named_briefly(directory: &Path) -> io::Result<File> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("spool-{}-{number}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return std::fs::remove_file(&path).map(|()| file),
            // Left by a process of the same number that was killed in between.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens what has this name to be read: not what a symbolic link leads to, and without waiting for another end.
pub fn open_itself(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// Holds what has this name, a symbolic link itself, whatever becomes of the name. It cannot be read by that.
pub fn hold(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path)
}

/// A path to what is held, and to what is in it.
pub fn place_of(held: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

/// Takes the file for this process alone; `false` where another has it. Given back when the file is closed.
pub fn lock_exclusive(file: &File) -> io::Result<bool> {
    // SAFETY: flock takes a descriptor that `file` keeps open.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// Octets that the file system of a directory has free for ordinary users.
pub fn free_bytes(directory: &Path) -> io::Result<u64> {
    let path = CString::new(directory.as_os_str().as_bytes())?;
    let mut figures = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends in NUL, and statvfs fills the figures in when it returns 0.
    let figures = unsafe {
        match libc::statvfs(path.as_ptr(), figures.as_mut_ptr()) {
            0 => figures.assume_init(),
            _ => return Err(io::Error::last_os_error()),
        }
    };
    Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
}

/// The user at the other end of a Unix socket.
pub fn peer_uid(stream: &UnixStream) -> io::Result<u32> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the pointers are to a ucred and to its length, as SO_PEERCRED wants them.
    let done = unsafe {
        let (level, option) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
        libc::getsockopt(stream.as_raw_fd(), level, option, (&raw mut credentials).cast(), &raw mut length)
    };
    match done {
        0 => Ok(credentials.uid),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use super::*;

    #[test]
    fn a_spool_file_leaves_no_name() {
        let directory = tempfile::tempdir().unwrap();
        for open in [spool_file, named_briefly] {
            let mut file = open(directory.path()).unwrap();
            file.write_all(b"a literal").unwrap();
            file.rewind().unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "a literal");
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        }
        assert!(spool_file(&directory.path().join("missing")).is_err());
    }

    #[test]
    fn a_lock_keeps_others_out() {
        let directory = tempfile::tempdir().unwrap();
        let open = || File::create(directory.path().join("lock")).unwrap();
        let (first, second) = (open(), open());
        assert!(lock_exclusive(&first).unwrap());
        assert!(!lock_exclusive(&second).unwrap());
        drop(first);
        assert!(lock_exclusive(&second).unwrap());
    }

    #[test]
    fn a_peer_is_known() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(peer_uid(&one).unwrap(), super::super::own_uid());
    }
}
