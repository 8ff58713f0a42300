//! Up and down.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::checking;
use super::reload::Running;
use super::serving::{Serving, lines};
use super::setup;
use crate::admin;
use crate::config::Config;
use crate::mailbox::Manager;
use crate::net::BoundListener;
use crate::session::Service;
use crate::store::Store;
use crate::sys::{self, Signal, Signals};
use crate::types::Counted;

/// Whether the daemon stays in the foreground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    Daemon,
    Foreground,
    /// Check the configuration and say what is wrong.
    CheckOnly,
}

/// How long sessions have for their last words.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How often what nobody uses is freed and what nothing refers to is deleted.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(300);
const ROUNDS_A_DAY: u64 = 86_400 / HOUSEKEEPING_EVERY.as_secs();

/// Runs the daemon to its end. The error is for standard error: each line names what is wrong.
pub fn run(path: &Path, background: Background) -> Result<(), String> {
    let config = Config::load(path).map_err(lines)?;
    if background == Background::CheckOnly {
        return check_only(&config, path);
    }
    refuse(checking::check_places(&config))?;
    let reader = Reader::of(&config);
    // Where the reader is who starts it, before anything is made.
    let mut warnings = if reader == Reader::Oneself { check_files(&config, path, reader)? } else { Vec::new() };
    // The daemon goes to another directory, and reads the file again from there.
    let path = std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // What the daemon writes is for its user alone.
    sys::set_umask(0o077);
    let listeners = setup::listeners(&config)?;
    let foreground = background == Background::Foreground;
    // As root, while it is.
    let open_files = sys::raise_open_files(open_files_wanted(&config));
    prepare_directories(&config)?;
    if reader == Reader::Another {
        warnings = check_files(&config, &path, reader)?;
    }
    let parent = match foreground {
        true => None,
        false => Some({
            say(&warnings);
            sys::daemonize(admin::EX_CONFIG).map_err(|error| format!("cannot go into the background: {error}"))?
        }),
    };
    let log_failed = |error| format!("{}: {error}", config.log_to);
    crate::log::set(setup::log_target(&config, foreground), setup::filters(&config)).map_err(log_failed)?;
    judge_open_files(&config, open_files);
    warnings.iter().for_each(|warning| log::warn!("{warning}"));
    let signals = Signals::block().map_err(|error| format!("signals: {error}"))?;
    let running = start(&config, &path, listeners, foreground)?;
    let pid_file = config.run_directory.join("gatepostd.pid");
    write_pid(&pid_file)?;
    log::info!("gatepostd {} serves {}", env!("CARGO_PKG_VERSION"), config.data_directory.display());
    if let Some(parent) = parent {
        parent.ready().map_err(|error| format!("cannot go into the background: {error}"))?;
    }
    wait(&signals, &running);
    stop(running);
    // It may have been removed with its directory.
    let _ = fs::remove_file(pid_file);
    Ok(())
}

/// Who will read the files: who starts the daemon, or the user that it becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Oneself,
    Another,
}

impl Reader {
    fn of(config: &Config) -> Reader {
        if admin::changes_user(config) { Reader::Another } else { Reader::Oneself }
    }
}

fn say(warnings: &[String]) {
    warnings.iter().for_each(|warning| eprintln!("gatepostd: warning: {warning}"));
}

fn refuse(problems: Vec<String>) -> Result<(), String> {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// What the daemon's user cannot read is no good, whoever asks.
fn check_only(config: &Config, path: &Path) -> Result<(), String> {
    let mut problems = checking::check_places(config);
    let reader = Reader::of(config);
    if reader == Reader::Another {
        admin::check_given(config)?;
        admin::become_user(config, &[])?;
    }
    match check_files(config, path, reader) {
        Ok(warnings) => say(&warnings),
        Err(found) => problems.push(found),
    }
    refuse(problems)?;
    println!("{}: the configuration is good", config.file);
    Ok(())
}

/// As the daemon's user. The file itself too, as it is read again at each reload. What it warns of where nothing is wrong.
fn check_files(config: &Config, path: &Path, reader: Reader) -> Result<Vec<String>, String> {
    let checked = fs::File::open(path).map_err(|error| format!("{}: {error}", config.file));
    let checked = checked.and_then(|_| {
        let found = checking::check_files(config);
        refuse(found.problems).map(|()| found.warnings)
    });
    checked.map_err(|problems| match reader {
        Reader::Another => format!("{problems}\nas the user '{}' finds it", config.user),
        Reader::Oneself => problems,
    })
}

/// A connection, its bell and a spool file; the store's tables and what else there is.
fn open_files_wanted(config: &Config) -> u64 {
    config.channels_max as u64 * 3 + 1000
}

/// Clients that take the last ones take them from the store.
fn judge_open_files(config: &Config, open_files: io::Result<u64>) {
    match open_files {
        Err(error) => log::warn!("the limit of open files stays as it is: {error}"),
        Ok(most) if most < open_files_wanted(config) => log::warn!(
            "{most} files can be open, {} are wanted for Maximum Channels = {}: raise the limit (ulimit -n)",
            open_files_wanted(config),
            config.channels_max
        ),
        Ok(_) => {}
    }
}

/// Makes the directories, and as root becomes the configured user, who owns them.
fn prepare_directories(config: &Config) -> Result<(), String> {
    admin::check_given(config)?;
    let spool = admin::spool_directory(config);
    let store = config.data_directory.join("store");
    let directories = [&*config.data_directory, &*config.run_directory, &*spool, &*store];
    for directory in directories {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    if admin::changes_user(config) {
        admin::become_user(config, &directories)?;
    }
    Ok(())
}

fn start(config: &Config, path: &Path, listeners: Vec<BoundListener>, foreground: bool) -> Result<Running, String> {
    let store = Store::open(&config.data_directory.join("store"), &admin::store_options(config))
        .map_err(|error| format!("{}: {error}", config.data_directory.display()))?;
    let serving = Serving::start(config, store.clone(), listeners)?;
    let control = admin::Control::start(&config.run_directory, serving.manager.clone(), serving.registry.clone())
        .map_err(|error| format!("{}: {error}", config.run_directory.display()))?;
    housekeeping(&serving.service)?;
    Ok(Running { path: path.to_path_buf(), started: config.clone(), foreground, serving, store, control })
}

/// Frees memory and disk now and then, and looks once a day whether certificates are good.
fn housekeeping(service: &Arc<Service>) -> Result<(), String> {
    let service = Arc::downgrade(service);
    let run = move || {
        for round in 1.. {
            std::thread::sleep(HOUSEKEEPING_EVERY);
            let Some(service) = service.upgrade() else { return };
            clean_up(&service.manager);
            if round % ROUNDS_A_DAY == 0 {
                service.settings().tls.warnings(sys::now_secs()).iter().for_each(|warning| log::warn!("{warning}"));
            }
        }
    };
    let thread = std::thread::Builder::new().name("housekeeping".into()).stack_size(512 * 1024);
    thread.spawn(run).map(drop).map_err(|error| error.to_string())
}

fn clean_up(manager: &Manager) {
    manager.keep_digests();
    manager.unload_idle();
    if let Err(error) = manager.purge(sys::now_secs()) {
        log::error!("purging what was deleted: {error}");
    }
    match manager.store().clean_up() {
        Ok(0) => {}
        Ok(deleted) => {
            log::debug!("deleted the octets of {} that nothing refers to", Counted(deleted as u64, "message"))
        }
        Err(error) => log::error!("housekeeping: {error}"),
    }
}

fn write_pid(path: &Path) -> Result<(), String> {
    let written = fs::File::create(path).and_then(|mut file| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

fn wait(signals: &Signals, running: &Running) {
    loop {
        match signals.next() {
            Signal::Reload => running.reload(),
            Signal::Stop => return,
        }
    }
}

fn stop(running: Running) {
    log::info!("stopping");
    running.control.stop();
    if !running.serving.stop(STOP_WITHIN) {
        log::warn!("some sessions did not end in time");
    }
    running.serving.manager.settle();
    running.serving.manager.keep_digests();
    if let Err(error) = running.store.sync() {
        log::error!("the last sync: {error}");
    }
    log::info!("stopped");
}
