//! The shared object that stands between a daemon and its disk.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::common;

/// shim.c, compiled; `None` where there is no C compiler.
pub fn compile(directory: &Path) -> Option<PathBuf> {
    if !common::installed("cc") {
        return None;
    }
    let object = directory.join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power/shim.c");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&object).arg(source).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(object)
}

/// The environment of a daemon whose data directory is followed.
pub fn environment(object: &Path, data: &Path, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let fixed = [("LD_PRELOAD", object.to_str().unwrap()), ("SHIM_DIRECTORY", data.to_str().unwrap())];
    fixed.iter().chain(more).map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// What the shim asks before it lets something through.
pub struct Control(std::fs::File);

impl Control {
    /// A disk that is good and has room.
    pub fn create(path: &Path) -> Control {
        let file = std::fs::File::create(path).unwrap();
        let control = Control(file);
        control.room(None);
        control.sync_errno(0);
        control.free(None);
        control
    }

    /// Octets that may still be written; `None` for any number.
    pub fn room(&self, octets: Option<i64>) {
        self.set(0, octets.unwrap_or(-1));
    }

    /// What every sync fails with; 0 for success.
    pub fn sync_errno(&self, errno: i64) {
        self.set(1, errno);
    }

    /// Octets that statvfs gives as free; `None` for the truth.
    pub fn free(&self, octets: Option<i64>) {
        self.set(2, octets.unwrap_or(-1));
    }

    fn set(&self, number: u64, value: i64) {
        self.0.write_all_at(&value.to_ne_bytes(), number * 8).unwrap();
    }
}
