//! The log: levels by CommuniGate Pro's names, a tag for each session, one line a record.
//!
//! Built on `log` and env_logger. Each room logs with the macros of `log`; the level of a record's room decides whether
//! it is written. A worker sets its session's tag; what it logs carries it. Control characters are escaped, so that no
//! client can write lines of its own.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

use log::{LevelFilter, Record};
use parking_lot::{Mutex, RwLock};

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stderr,
    File(PathBuf),
    Syslog,
}

/// The level of each component, as `log` has them.
#[derive(Clone, Copy, Debug)]
pub struct Filters {
    pub imap: LevelFilter,
    pub store: LevelFilter,
    pub auth: LevelFilter,
}

struct Logger {
    filters: RwLock<Filters>,
    target: RwLock<Target>,
    file: Mutex<Option<File>>,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

thread_local! {
    static TAG: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What this thread logs carries `tag` until the value is dropped.
pub struct Tagged(());

pub fn tagged(tag: String) -> Tagged {
    TAG.with_borrow_mut(|own| *own = tag);
    Tagged(())
}

impl Drop for Tagged {
    fn drop(&mut self) {
        TAG.with_borrow_mut(String::clear);
    }
}

/// Starts logging, or changes where and what is logged; reopens a file. An error leaves the log as it was.
pub fn set(target: Target, filters: Filters) -> std::io::Result<()> {
    let file = match &target {
        Target::File(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
        _ => None,
    };
    let new =
        || Logger { filters: RwLock::new(filters), target: RwLock::new(target.clone()), file: Mutex::new(None) };
    let first = LOGGER.get().is_none();
    let logger = LOGGER.get_or_init(new);
    *logger.filters.write() = filters;
    *logger.target.write() = target;
    *logger.file.lock() = file;
    if first {
        start();
    }
    let most = filters.imap.max(filters.store).max(filters.auth);
    log::set_max_level(most);
    Ok(())
}

fn start() {
    let started = env_logger::Builder::new()
        .filter_level(LevelFilter::Trace)
        .format(|_, record| {
            write(record);
            Ok(())
        })
        .try_init();
    if let Err(error) = started {
        eprintln!("gatepostd: the log cannot be started: {error}");
    }
}

/// The level of the room that a record comes from.
fn filter(filters: &Filters, module: &str) -> LevelFilter {
    let room = module.strip_prefix("gatepost::").unwrap_or(module).split("::").next().unwrap_or("");
    match room {
        "store" => filters.store,
        "auth" => filters.auth,
        "session" | "net" | "proto" | "mailbox" | "server" | "admin" => filters.imap,
        // Libraries: what is wrong, and nothing else.
        _ => filters.imap.min(LevelFilter::Warn),
    }
}

fn write(record: &Record<'_>) {
    let Some(logger) = LOGGER.get() else { return };
    if record.level() > filter(&logger.filters.read(), record.module_path().unwrap_or("")) {
        return;
    }
    let line = TAG.with_borrow(|tag| line(record, tag));
    match &*logger.target.read() {
        Target::Syslog => crate::sys::syslog(priority(record.level()), &line),
        Target::Stderr => emit(&mut std::io::stderr(), &line),
        Target::File(_) => {
            if let Some(file) = logger.file.lock().as_mut() {
                emit(file, &line);
            }
        }
    }
}

/// A log that cannot be written has nobody to complain to.
fn emit(out: &mut dyn Write, line: &str) {
    let time = crate::sys::local_time().format("%Y-%m-%d %H:%M:%S%.3f");
    let _ = out.write_all(format!("{time} {line}\n").as_bytes());
}

fn line(record: &Record<'_>, tag: &str) -> String {
    let mut line = format!("{} ", name(record.level()));
    if !tag.is_empty() {
        line.push_str(tag);
        line.push(' ');
    }
    for c in record.args().to_string().chars() {
        match c {
            c if c.is_control() => {
                let _ = write!(line, "\\x{:02x}", c as u32);
            }
            c => line.push(c),
        }
    }
    line
}

/// `log`'s levels by CommuniGate Pro's names: an error is a failure, and so on.
fn name(level: log::Level) -> &'static str {
    match level {
        log::Level::Error => "Failure",
        log::Level::Warn => "Major",
        log::Level::Info => "Problem",
        log::Level::Debug => "Low-Level",
        log::Level::Trace => "Info",
    }
}

fn priority(level: log::Level) -> i32 {
    match level {
        log::Level::Error => 3,
        log::Level::Warn => 4,
        log::Level::Info => 6,
        log::Level::Debug | log::Level::Trace => 7,
    }
}
