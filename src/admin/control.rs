//! The daemon's end of the control socket.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::failed::EX_NOPERM;
use super::verbs::Verbs;
use super::wire::Wire;
use crate::log::Seldom;
use crate::mailbox::Manager;
use crate::net::Registry;
use crate::store::Mended;
use crate::sys;

pub struct Control {
    path: PathBuf,
}

/// Where the socket is in the run directory.
pub(super) fn socket_path(run_directory: &Path) -> PathBuf {
    run_directory.join("control")
}

/// Octets of a socket's path. unix(7)
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Whether there can be a control socket in a run directory, as far as its name goes.
pub fn check_socket(run_directory: &Path) -> Result<(), String> {
    let most = SOCKET_PATH_BYTES_MAX - "/control".len();
    match run_directory.as_os_str().len() {
        length if length <= most => Ok(()),
        length => {
            Err(format!("{}: a path of {length} octets; a socket in it allows {most}", run_directory.display()))
        }
    }
}

/// How long nobody is accepted when it has failed.
const PAUSE: Duration = Duration::from_millis(200);

impl Control {
    /// Listens in the run directory; what an earlier daemon left there is replaced.
    pub fn start(run_directory: &Path, manager: Arc<Manager>, registry: Arc<Registry>) -> io::Result<Control> {
        let path = socket_path(run_directory);
        if UnixStream::connect(&path).is_ok() {
            return Err(io::Error::other("another gatepostd answers on the control socket here"));
        }
        // There may be none.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let accept = move || {
            let refused = Seldom::default();
            for stream in listener.incoming() {
                match stream {
                    Ok(stream) => serve_apart(stream, &manager, &registry),
                    // Who waits is still there at the next try: of open files there may be some again.
                    Err(error) => {
                        refused.complain(|note| log::error!("control socket: {error}{note}"));
                        std::thread::sleep(PAUSE);
                    }
                }
            }
        };
        std::thread::Builder::new().name("control".into()).stack_size(256 * 1024).spawn(accept)?;
        Ok(Control { path })
    }

    /// Is heard no more.
    pub fn stop(&self) {
        // It may have been removed with its directory.
        let _ = fs::remove_file(&self.path);
    }
}

fn serve_apart(stream: UnixStream, manager: &Arc<Manager>, registry: &Arc<Registry>) {
    let allowed = sys::peer_uid(&stream).is_ok_and(|uid| uid == 0 || uid == sys::own_uid());
    if !allowed {
        log::warn!("control socket: refused a user who is neither root nor the daemon's");
        let refused = json!({ "error": "only root and gatepostd's user are heard", "exit": EX_NOPERM });
        // Who has gone has no need of it.
        let _ = writeln!(&stream, "{refused}");
        return;
    }
    let verbs = Verbs { manager: manager.clone(), registry: Some(registry.clone()), mended: Mended::default() };
    let thread = std::thread::Builder::new().name("admin".into()).stack_size(crate::net::STACK_BYTES);
    if let Err(error) = thread.spawn(move || serve(stream, &verbs)) {
        log::error!("control socket: {error}");
    }
}

/// Answers the requests of one connection.
pub(super) fn serve(stream: UnixStream, verbs: &Verbs) {
    let mut wire = Wire::new(stream);
    let mut serve_all = || {
        while let Some(request) = wire.receive()? {
            verbs.answer(&request, &mut wire)?;
            wire.flush()?;
        }
        io::Result::Ok(())
    };
    if let Err(error) = serve_all() {
        log::debug!("control socket: {error}");
    }
}
