//! The process: its user, its terminal, its limits, its log.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown, lchown};
use std::path::Path;

use super::files::place_of;

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub fn is_root() -> bool {
    own_uid() == 0
}

/// The user that the process acts as.
pub fn own_uid() -> u32 {
    // SAFETY: geteuid cannot fail and takes nothing.
    unsafe { libc::geteuid() }
}

/// What files that the process makes are never open for.
pub fn set_umask(mask: u32) {
    // SAFETY: umask cannot fail and takes a number.
    unsafe { libc::umask(mask as libc::mode_t) };
}

/// Becomes `user`, with that user's groups, for good; gives it `owned` first. No program that the process runs could
/// gain rights again, set-user-ID or not.
pub fn become_user(user: &str, owned: &[&Path]) -> io::Result<()> {
    let (name, uid, gid) = ids(user)?;
    for path in owned {
        give(path, uid, gid).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    }
    // SAFETY: plain numbers and a C string. Groups first: afterwards there is no right to change them.
    unsafe {
        check(libc::initgroups(name.as_ptr(), gid))?;
        check(libc::setgid(gid))?;
        check(libc::setuid(uid))?;
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    }
}

/// Gives a file or directory to `user`, from root.
pub fn give_to(user: &str, path: &Path) -> io::Result<()> {
    let (_, uid, gid) = ids(user)?;
    give(path, uid, gid)
}

/// Gives a file or directory that is held to `user`, from root.
pub fn give_held(user: &str, held: &File) -> io::Result<()> {
    let (_, uid, gid) = ids(user)?;
    let found = held.metadata()?;
    match (found.uid(), found.gid()) == (uid, gid) {
        true => Ok(()),
        // Through what is held, to nothing else.
        false => chown(place_of(held), Some(uid), Some(gid)),
    }
}

fn ids(user: &str) -> io::Result<(CString, u32, u32)> {
    let name = CString::new(user).map_err(|_| io::Error::other("a user's name has no NUL"))?;
    // SAFETY: getpwnam wants a C string; what it gives is read before any other call of its kind, in a process that
    // has one thread yet.
    unsafe {
        let entry = libc::getpwnam(name.as_ptr());
        if entry.is_null() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("no user '{user}'")));
        }
        Ok((name, (*entry).pw_uid, (*entry).pw_gid))
    }
}

/// Never through a symbolic link: in a directory that is the user's already, the user could have root give away any
/// file by one.
fn give(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let found = fs::metadata(path)?;
    if (found.uid(), found.gid()) == (uid, gid) {
        return Ok(());
    }
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::other("a symbolic link to what is not this user's; give that away by hand"));
    }
    lchown(path, Some(uid), Some(gid))
}

/// Goes on in the background, without a terminal, and in no directory that somebody may want to unmount. Before any thread
/// is started. The first process waits for its child's word and exits with 0 when the child calls `ready`, with `failed`
/// when it dies before.
pub fn daemonize(failed: u8) -> io::Result<Parent> {
    let (reader, writer) = io::pipe()?;
    // SAFETY: the process has one thread, so the child's memory is whole.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => drop(reader),
        _ => {
            drop(writer);
            let mut word = [0];
            let came = io::Read::read(&mut &reader, &mut word).is_ok_and(|n| n == 1);
            std::process::exit(if came { 0 } else { failed.into() });
        }
    }
    std::env::set_current_dir("/")?;
    // SAFETY: setsid and _exit take no pointers; of one thread, as above. The leader of the new session ends at once:
    // what is left can never get a terminal by opening one.
    unsafe {
        check(libc::setsid())?;
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(Parent(writer)),
            _ => libc::_exit(0),
        }
    }
}

/// The process that waits for the daemon's word.
pub struct Parent(io::PipeWriter);

impl Parent {
    /// The daemon serves: the first process may exit; standard streams go to /dev/null.
    pub fn ready(mut self) -> io::Result<()> {
        let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
        for fd in 0..3 {
            // SAFETY: both descriptors are open.
            check(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), fd) })?;
        }
        io::Write::write_all(&mut self.0, &[1])
    }
}

/// Raises the number of files that may be open as far as it goes, and as root to what is wanted at least; how many that is.
pub fn raise_open_files(wanted: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointers are to rlimits.
    unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit))?;
        let more = libc::rlimit { rlim_cur: wanted, rlim_max: wanted };
        if wanted > limit.rlim_max && libc::setrlimit(libc::RLIMIT_NOFILE, &raw const more) == 0 {
            return Ok(wanted);
        }
        limit.rlim_cur = limit.rlim_max;
        check(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit))?;
    }
    Ok(limit.rlim_cur)
}

/// One line to syslog(3), facility mail. `priority` is syslog's, 0 to 7.
pub fn syslog(priority: i32, line: &str) {
    const FORMAT: &CStr = c"%s";
    const NAME: &CStr = c"gatepostd";
    static OPEN: std::sync::Once = std::sync::Once::new();
    // SAFETY: the name outlives the process.
    OPEN.call_once(|| unsafe { libc::openlog(NAME.as_ptr(), libc::LOG_PID | libc::LOG_NDELAY, libc::LOG_MAIL) });
    // The log has escaped NUL already; what else calls loses what follows one, not the line.
    let text = line.split('\0').next().unwrap_or("");
    if let Ok(line) = CString::new(text) {
        // SAFETY: the format takes one C string.
        unsafe { libc::syslog(priority, FORMAT.as_ptr(), line.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_raised() {
        let most = raise_open_files(0).unwrap();
        assert_eq!(raise_open_files(0).unwrap(), most);
        assert!(most > 0);
    }

    #[test]
    fn nothing_is_given_away_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let own = fs::metadata(&file).unwrap();
        assert!(give(&link, own.uid(), own.gid()).is_ok(), "it is this user's already");
        assert!(give(&link, own.uid() + 1, own.gid()).is_err());
        assert_eq!(fs::metadata(&file).unwrap().uid(), own.uid());
        assert!(give(&directory.path().join("missing"), own.uid(), own.gid()).is_err());
    }

    #[test]
    fn an_unknown_user_is_named() {
        assert_eq!(become_user("nobody-of-that-name", &[]).unwrap_err().to_string(), "no user 'nobody-of-that-name'");
        assert!(become_user("a\0b", &[]).is_err());
    }
}
