//! The log at its door. It is one for the process, so one test does it all.

use std::fs;
use std::path::Path;

use log::{Level, LevelFilter};

use super::*;

const QUIET: Filters = Filters {
    imap: LevelFilter::Error,
    store: LevelFilter::Error,
    auth: LevelFilter::Error,
    net: LevelFilter::Error,
    admin: LevelFilter::Error,
};

/// What this test wrote to `path`, the times cut off: other tests of the process may log as well.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let own = |line: &str| {
        let (time, rest) = line.split_at_checked(24).unwrap();
        assert_eq!((&time[4..5], &time[10..11], &time[19..20]), ("-", " ", "."), "{line}");
        rest.contains("probe").then(|| rest.to_string())
    };
    text.lines().filter_map(own).collect()
}

#[test]
fn levels_tags_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("log"), directory.path().join("log.1"));
    let to_file = Target::File(path.clone());
    set(to_file.clone(), QUIET).unwrap();
    log::info!("probe: not wanted");
    set(to_file.clone(), Filters { imap: LevelFilter::Debug, ..QUIET }).unwrap();
    let record = |module: &str, level: Level, text: &str| {
        log::logger()
            .log(&Record::builder().module_path(Some(module)).level(level).args(format_args!("{text}")).build());
    };
    record("gatepost::store::keys", Level::Warn, "probe: the store is quiet");
    record("gatepost::session::core", Level::Trace, "probe: too deep");
    {
        let _tag = tagged("IMAP-00123".into());
        record("gatepost::session::core", Level::Debug, "probe: C: a noop\r\n2026 Failure \u{2028}\u{1b}[2J forged");
        let inner = tagged("IMAP-00124".into());
        record("gatepost::store::keys", Level::Error, "probe: of a session");
        drop(inner);
        record("gatepost::session", Level::Info, "probe: the first again");
    }
    record("gatepost::net::pool", Level::Error, "probe: of no session");
    record("fjall::db", Level::Warn, "probe: a library");
    let want = [
        "4 IMAP-00123 probe: C: a noop\\x0d\\x0a2026 Failure \\x2028\\x1b[2J forged",
        "1 IMAP-00124 probe: of a session",
        "3 IMAP-00123 probe: the first again",
        "1 NET probe: of no session",
    ];
    assert_eq!(lines(&path), want);

    fs::rename(&path, &moved).unwrap();
    set(to_file, QUIET).unwrap();
    record("gatepost::auth", Level::Error, "probe: after the reload");
    let panicked = std::panic::catch_unwind(|| panic!("probe: a bug"));
    assert!(panicked.is_err());
    assert_eq!(lines(&moved), want);
    let found = lines(&path);
    assert_eq!(found[0], "1 AUTH probe: after the reload");
    assert!(found[1].contains("panicked at src/log/tests.rs") && found[1].ends_with(": probe: a bug"), "{found:?}");

    let crashes = Filters { auth: LevelFilter::Off, admin: LevelFilter::Off, ..QUIET };
    set(Target::File(path.clone()), crashes).unwrap();
    record("gatepost::auth", Level::Error, "probe: a failure is no crash");
    assert!(std::panic::catch_unwind(|| panic!("probe: another bug")).is_err());
    let found = lines(&path);
    assert!(
        found.len() == 3 && found[2].starts_with("0 ") && found[2].ends_with(": probe: another bug"),
        "{found:?}"
    );
    set(Target::File(path.clone()), QUIET).unwrap();

    assert!(set(Target::File(directory.path().join("no/such/place")), QUIET).is_err());
    record("gatepost::auth", Level::Error, "probe: still here");
    assert_eq!(lines(&path).len(), 4, "an error leaves the log as it was");
}
