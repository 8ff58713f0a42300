//! Logins, at the room's door.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::types::AccountName;

const JOE: &str =
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$BKKHPgVezRRQKOJdzo5VNA$85+vBsFcfoxrGmbKJSIWtRo7SZZRCc5wvbDwTKmTDIg";
const ANN: &str = "{BLF-CRYPT}$2y$05$shvDYa80dZO0zdHoB9DzIOGRNRAfYmEcGul.ju5k5/hkoHsh/bN7y";

struct Door {
    _directory: tempfile::TempDir,
    path: PathBuf,
    auth: Auth,
}

fn options() -> Options {
    Options {
        failed_logins_max: 3,
        failed_login_window: Duration::from_secs(60),
        failed_login_delay: Duration::ZERO,
        cache_time: Duration::from_secs(60),
    }
}

fn account(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

fn door(options: Options) -> Door {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("passwd");
    std::fs::write(&path, format!("joe:{JOE}\nann@x.org:{ANN}:1000:1000::/home/ann\n")).unwrap();
    let auth = Auth::open(&path, options).unwrap_or_else(|error| panic!("{error}"));
    Door { _directory: directory, path, auth }
}

impl Door {
    fn login_from(&self, peer: &str, name: &str, password: &str) -> Result<String, LoginError> {
        let peer: IpAddr = peer.parse().unwrap();
        self.auth.login(name, password.as_bytes(), peer).map(|account| account.to_string())
    }

    fn login(&self, name: &str, password: &str) -> Result<String, LoginError> {
        self.login_from("10.0.0.1", name, password)
    }

    fn time(&self, name: &str, password: &str) -> Duration {
        let began = Instant::now();
        // Right or wrong: it is the time that counts.
        let _ = self.login(name, password);
        began.elapsed()
    }
}

#[test]
fn a_name_in_any_case_and_its_password() {
    let door = door(Options { failed_logins_max: 100, ..options() });
    assert_eq!(door.login("joe", "secret"), Ok("joe".into()));
    assert_eq!(door.login("JOE", "secret"), Ok("joe".into()));
    assert_eq!(door.login("Ann@X.org", "secret"), Ok("ann@x.org".into()));
    for (name, password) in
        [("joe", "Secret"), ("joe", ""), ("ann", "secret"), ("joe@x.org", "secret"), ("no one", "x"), ("", "")]
    {
        assert_eq!(door.login(name, password), Err(LoginError::Refused), "{name} {password}");
    }
}

#[test]
fn who_guesses_is_not_heard() {
    let door = door(options());
    for name in ["joe", "nobody", "jo e"] {
        assert_eq!(door.login(name, "guess"), Err(LoginError::Refused));
    }
    assert_eq!(door.login("ann@x.org", "secret"), Err(LoginError::Throttled));
    assert_eq!(door.login_from("10.0.0.2", "ann@x.org", "secret"), Ok("ann@x.org".into()));
    // An account that does not exist is held back as one that does: each has failed once already.
    for (network, name) in ["joe", "nobody"].into_iter().enumerate() {
        for host in 1..3 {
            assert_eq!(door.login_from(&format!("10.1.{network}.{host}"), name, "guess"), Err(LoginError::Refused));
        }
        assert_eq!(door.login_from("10.2.0.1", name, "secret"), Err(LoginError::Throttled), "{name}");
    }
}

/// Else the cache would tell a stranger who is refused unheard which guess is right, as fast as it can be asked.
#[test]
fn a_right_guess_is_not_heard_either() {
    let door = door(options());
    assert!(door.login_from("10.0.0.1", "joe", "secret").is_ok());
    for _ in 0..3 {
        assert_eq!(door.login_from("10.0.0.2", "joe", "guess"), Err(LoginError::Refused));
    }
    assert_eq!(door.login_from("10.0.0.2", "joe", "secret"), Err(LoginError::Throttled));
    assert_eq!(door.login_from("10.0.0.3", "joe", "secret"), Err(LoginError::Throttled));
    assert!(door.login_from("10.0.0.1", "joe", "secret").is_ok(), "joe is where joe has been before");
}

#[test]
fn a_refusal_is_held_back() {
    let delay = Duration::from_millis(300);
    let door = door(Options { failed_login_delay: delay, failed_logins_max: 1, ..options() });
    assert!(door.login_from("10.0.0.2", "ann@x.org", "secret").is_ok());
    for want in [LoginError::Refused, LoginError::Throttled] {
        let began = Instant::now();
        assert_eq!(door.login("ann@x.org", "guess"), Err(want));
        assert!(began.elapsed() >= delay);
    }
    let best = (0..5).map(|_| {
        let began = Instant::now();
        assert!(door.login_from("10.0.0.2", "ann@x.org", "secret").is_ok());
        began.elapsed()
    });
    assert!(best.min().unwrap() < delay, "who is welcome does not wait");
}

/// The costly check of joe's hash takes tens of milliseconds; what is remembered takes microseconds.
#[test]
fn a_password_that_was_right_is_remembered() {
    let warm = door(options());
    let first = warm.time("joe", "secret");
    let again = (0..20).map(|_| warm.time("joe", "secret")).min().unwrap();
    assert!(again * 10 < first, "{first:?}, then {again:?}");
    let without = door(Options { cache_time: Duration::ZERO, ..options() });
    // The best of several: other work on the machine can only add.
    let [first, again] = [(); 2].map(|()| (0..3).map(|_| without.time("joe", "secret")).min().unwrap());
    assert!(again * 10 > first, "{first:?}, then {again:?}");
}

/// A name that does not exist, or could not, takes as long as a wrong password.
#[test]
fn no_name_is_known_by_its_time() {
    let options = Options { failed_logins_max: 1000, ..options() };
    let door = door(options.clone());
    edit::remove(&door.path, &account("ann@x.org")).unwrap();
    door.auth.reload(options).unwrap();
    // The best of several, in turn: other work on the machine can only add. A check that is left out costs a thousandth.
    let mut best = ["joe", "nobody", "no body"].map(|name| (name, Duration::MAX));
    for _ in 0..7 {
        best.iter_mut().for_each(|(name, time)| *time = door.time(name, "guess").min(*time));
    }
    let [(_, known), others @ ..] = best;
    for (name, other) in others {
        assert!(other > known / 20 && other < known * 20, "{known:?}, {name}: {other:?}");
    }
}

#[test]
fn a_changed_file_is_noticed() {
    let door = door(options());
    assert!(door.login("ann@x.org", "secret").is_ok());
    edit::add(&door.path, &account("bob"), "{PLAIN}first").unwrap();
    assert_eq!(door.login("bob", "first"), Ok("bob".into()), "who fails has the file looked at");
    edit::set_password(&door.path, &account("bob"), "{PLAIN}second").unwrap();
    assert_eq!(door.login("bob", "second"), Ok("bob".into()));
    assert_eq!(door.login("bob", "first"), Err(LoginError::Refused), "what was remembered is forgotten");
    edit::remove(&door.path, &account("bob")).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(door.login("bob", "second"), Err(LoginError::Refused));
    assert_eq!(door.auth.accounts(), [account("ann@x.org"), account("joe")]);
}

#[test]
fn a_file_with_an_error_changes_nothing() {
    let door = door(options());
    std::fs::write(&door.path, "ann@x.org:{PLAIN}new\nrubbish\n").unwrap();
    assert_eq!(door.login("ann@x.org", "new"), Err(LoginError::Refused));
    let error = door.auth.reload(options()).unwrap_err();
    assert_eq!((error.line, &error.file), (2, &door.path));
    assert!(door.login("ann@x.org", "secret").is_ok());
    std::fs::remove_file(&door.path).unwrap();
    assert_eq!(door.auth.reload(options()).unwrap_err().line, 0);
    assert!(door.login("ann@x.org", "secret").is_ok());
    assert!(Auth::open(&door.path, options()).is_err());
}

/// A telephone opens ten connections at once: none is refused, though ten are more than may fail.
#[test]
fn many_at_once_are_all_let_in() {
    let door = door(options());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..10).map(|_| scope.spawn(|| door.login("joe", "secret"))).collect();
        threads.into_iter().for_each(|thread| assert!(thread.join().unwrap().is_ok()));
    });
}
