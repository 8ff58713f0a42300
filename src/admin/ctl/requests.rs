//! Requests and their answers: to the daemon, or to this process's own store where no daemon runs.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::control::{serve, socket_path};
use super::super::failed::{EX_CONFIG, EX_IOERR, EX_NOPERM, EX_SOFTWARE, EX_UNAVAILABLE, Failed};
use super::super::verbs::Verbs;
use super::super::wire::{Reader, Wire};
use super::super::{
    become_user, changes_user, check_given, mailbox_limits, mailbox_policy, progress, quota_policy, store_options,
    table,
};
use super::arguments::Tool;
use super::output::{print, say};
use crate::config::Config;
use crate::mailbox::Manager;
use crate::store::{HaveRead, Mended, Options, Store, StoreError};
use crate::sys;

impl Tool {
    /// The daemon's control socket; `None` where no daemon runs.
    pub(super) fn daemon(config: &Config) -> Result<Option<Wire>, Failed> {
        let path = socket_path(&config.run_directory);
        match UnixStream::connect(&path) {
            Ok(stream) => Ok(Some(Wire::new(stream))),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                io::ErrorKind::PermissionDenied => {
                    let text = format!("{}: {error}: root and '{}' may", path.display(), config.user);
                    Err(Failed::new(EX_NOPERM, text))
                }
                _ => Err(Failed::new(EX_IOERR, format!("{}: {error}", path.display()))),
            },
        }
    }

    /// To the daemon, or for what needs only the store to this process's own answers where no daemon runs.
    pub(super) fn connect(&self, verb: &str) -> Result<Wire, Failed> {
        let config = self.config()?;
        if let Some(wire) = Tool::daemon(&config)? {
            return Ok(wire);
        }
        if ["who", "kick", "reload", "stop"].contains(&verb) {
            return Err(Failed::new(EX_UNAVAILABLE, "no gatepostd is running here"));
        }
        let (store, mended) = match verb == "check" && self.has("repair") {
            true => self.local_store(&config, open_mended)?,
            false => (self.local_store(&config, Store::open)?, Mended::default()),
        };
        let manager = Manager::new(store, mailbox_limits(&config));
        manager.load_server()?;
        manager.set_quota_policy(quota_policy(&config));
        manager.set_mailbox_policy(mailbox_policy(&config));
        let verbs = Verbs { manager: Arc::new(manager), registry: None, mended };
        let (ours, theirs) = UnixStream::pair()?;
        std::thread::spawn(move || serve(theirs, &verbs));
        Ok(Wire::new(ours))
    }

    /// The store itself, where no daemon has it.
    pub(super) fn local_store<T>(
        &self,
        config: &Config,
        open: impl FnOnce(&Path, &Options) -> Result<T, StoreError>,
    ) -> Result<T, Failed> {
        let directory = config.data_directory.join("store");
        // As the daemon does: what is written there is for its user alone.
        sys::set_umask(0o077);
        own_directories(config, &directory)?;
        open(&directory, &store_options(config)).map_err(|error| match error {
            StoreError::InUse { .. } => {
                let socket = socket_path(&config.run_directory);
                Failed::new(
                    EX_UNAVAILABLE,
                    format!("{error}, or gatepostd's control socket {} cannot be used", socket.display()),
                )
            }
            error => Failed::new(EX_IOERR, format!("{}: {error}", config.data_directory.display())),
        })
    }

    /// Sends a request and gathers its rows; progress goes to a bar.
    pub(super) fn ask(&self, request: &Value, what: &'static str) -> Result<(Vec<Value>, Value), Failed> {
        let mut wire = self.connect(request["verb"].as_str().unwrap_or(""))?;
        // Whom the daemon does not hear, it tells so and is gone: its answer says why.
        let _ = wire.send(request).and_then(|()| wire.flush());
        let bar = progress::bar(what, 0);
        let mut rows = Vec::new();
        loop {
            let answer = next_answer(&mut wire.reader)?;
            if let Some(n) = answer["progress"].as_u64() {
                bar.set_position(n);
            } else if let Some(row) = answer.get("row") {
                rows.push(row.clone());
            } else if let Some(ok) = answer.get("ok") {
                bar.finish_and_clear();
                return Ok((rows, ok.clone()));
            }
        }
    }

    pub(super) fn ask_quiet(&self, request: Value) -> Result<(), Failed> {
        let (_, ok) = self.ask(&request, "")?;
        self.done(&ok)
    }

    /// For people it is enough that nothing is said.
    pub(super) fn done(&self, ok: &Value) -> Result<(), Failed> {
        if self.json { say(ok) } else { Ok(()) }
    }

    pub(super) fn ask_table(&self, request: Value, columns: &[&str]) -> Result<(), Failed> {
        let (rows, ok) = self.ask(&request, "")?;
        self.show(columns, &rows, &ok)
    }

    pub(super) fn show(&self, columns: &[&str], rows: &[Value], ok: &Value) -> Result<(), Failed> {
        match self.json {
            true => say(json!({ "rows": rows, "result": ok })),
            false => print(&table::render(columns, rows)),
        }
    }
}

/// All files of the store are read first, before there is a check to say how far it is.
fn open_mended(directory: &Path, options: &Options) -> Result<(Store, Mended), StoreError> {
    let bar = progress::bar("files read", 1);
    let opened = Store::open_mended(directory, options, &mut |have: HaveRead| {
        bar.set_length(have.of.max(1));
        bar.set_position(have.octets);
    });
    bar.finish_and_clear();
    opened
}

/// What root makes here must be the daemon's: from here on the tool is the configured user.
fn own_directories(config: &Config, store: &Path) -> Result<(), Failed> {
    use std::os::unix::fs::DirBuilderExt;
    let failed = |error: io::Error| Failed::new(EX_IOERR, format!("{}: {error}", store.display()));
    let refused = |text: String| Failed::new(EX_CONFIG, text);
    check_given(config).map_err(refused)?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(store).map_err(failed)?;
    if changes_user(config) {
        become_user(config, &[&config.data_directory, store]).map_err(refused)?;
    }
    Ok(())
}

/// The next line of an answer; an error of the other end is this end's.
pub(super) fn next_answer(reader: &mut Reader) -> Result<Value, Failed> {
    let gone = || Failed::new(EX_UNAVAILABLE, "gatepostd ended before it answered; its log says why");
    let answer = reader.receive()?.ok_or_else(gone)?;
    match answer["error"].as_str() {
        Some(text) => Err(Failed::new(answer["exit"].as_u64().unwrap_or(u64::from(EX_SOFTWARE)) as u8, text)),
        None => Ok(answer),
    }
}
