//! The log: levels by CommuniGate Pro's names, a tag for each session, one line a record.
//!
//! Built on `log` and env_logger. Each room logs with the macros of `log`; the level of the component that the room
//! belongs to decides whether a record is written. A worker sets its session's tag; what it logs carries it, and what
//! is logged outside sessions carries its component. Control characters are escaped, so that no client can write lines
//! of its own. Panics are logged. A record that nobody wants costs one comparison where no component wants its level.
//!
//! This room never blocks on anything but its target, and knows neither protocol nor configuration.

mod component;
mod seldom;
mod sink;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;

use log::{LevelFilter, Record};
use parking_lot::RwLock;

use component::Component;
pub use component::Filters;
pub use seldom::Seldom;
use sink::Sink;

/// The target of records that are written at every level: panics, and what becomes of them.
pub const CRASH: &str = "crash";

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stderr,
    /// Added to; opened again at each `set`, so that it can be moved away.
    File(PathBuf),
    Syslog,
}

struct Logger {
    filters: Filters,
    sink: Sink,
}

static LOGGER: OnceLock<RwLock<Logger>> = OnceLock::new();

thread_local! {
    static TAG: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What this thread logs carries a tag until the value is dropped; then the tag that it had before.
pub struct Tagged(String);

pub fn tagged(tag: String) -> Tagged {
    Tagged(TAG.replace(tag))
}

impl Drop for Tagged {
    fn drop(&mut self) {
        TAG.set(std::mem::take(&mut self.0));
    }
}

/// As much of a text as the log may have of what a stranger has sent.
pub fn beginning(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Starts logging, or changes where and what is logged; reopens a file. An error leaves the log as it was.
pub fn set(target: Target, filters: Filters) -> io::Result<()> {
    let logger = Logger { filters, sink: Sink::open(&target)? };
    match LOGGER.get() {
        Some(running) => *running.write() = logger,
        None => {
            LOGGER.get_or_init(|| RwLock::new(logger));
            start()?;
        }
    }
    // A crash is an error, whatever else is wanted.
    log::set_max_level(filters.most().max(LevelFilter::Error));
    Ok(())
}

fn start() -> io::Result<()> {
    let format = |_: &mut env_logger::fmt::Formatter, record: &Record<'_>| {
        write(record);
        Ok(())
    };
    env_logger::Builder::new()
        .filter_level(LevelFilter::Trace)
        .format(format)
        .try_init()
        .map_err(|error| io::Error::other(format!("the log cannot be started: {error}")))?;
    std::panic::set_hook(Box::new(|panic| log::error!(target: CRASH, "{}", panic.to_string().replace('\n', " "))));
    Ok(())
}

fn write(record: &Record<'_>) {
    let Some(logger) = LOGGER.get() else { return };
    let component = Component::of(record.module_path().unwrap_or(""));
    let logger = logger.read();
    if record.target() == CRASH || record.level() <= logger.filters.of(component) {
        let line = TAG.with_borrow(|tag| line(record, component, tag));
        logger.sink.write(record.level(), &line);
    }
}

/// Most lines are no longer.
const LINE_BYTES: usize = 128;

/// Level, tag and text; the sink puts the time before it.
fn line(record: &Record<'_>, component: Component, tag: &str) -> String {
    let mut line = String::with_capacity(LINE_BYTES);
    let tag = if tag.is_empty() { component.name() } else { tag };
    // A String takes all.
    let _ = write!(Escaped(&mut line), "{} {tag} {}", number(record), record.args());
    line
}

/// Lets no control character through, nor what some viewers take for the end of a line.
struct Escaped<'a>(&'a mut String);

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let is_escaped = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let mut rest = text;
        while let Some(at) = rest.find(is_escaped) {
            let (plain, behind) = rest.split_at(at);
            let mut behind = behind.chars();
            self.0.push_str(plain);
            behind.next().map_or(Ok(()), |c| write!(self.0, "\\x{:02x}", c as u32))?;
            rest = behind.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }
}

/// The number of the level by which a record is first written, as CommuniGate Pro has it: 0 for Crashes Only, 1 for
/// Failures, up to 5 for All Info.
fn number(record: &Record<'_>) -> usize {
    if record.target() == CRASH { 0 } else { record.level() as usize }
}

#[cfg(test)]
mod tests;
