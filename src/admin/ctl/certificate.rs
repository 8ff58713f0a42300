//! A certificate that signs itself.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::super::failed::{EX_CANTCREAT, EX_IOERR, EX_SOFTWARE, Failed};
use super::arguments::Tool;

impl Tool {
    pub(super) fn certificate(&self, certificate: &Path, key: &Path) -> Result<(), Failed> {
        let failed = |error: rcgen::Error| Failed::new(EX_SOFTWARE, error.to_string());
        let host = self.option("host").unwrap_or("localhost");
        let mut wanted = rcgen::CertificateParams::new(vec![host.to_string()]).map_err(failed)?;
        wanted.distinguished_name = rcgen::DistinguishedName::new();
        wanted.distinguished_name.push(rcgen::DnType::CommonName, host);
        let pair = rcgen::KeyPair::generate().map_err(failed)?;
        let made = wanted.self_signed(&pair).map_err(failed)?;
        // Or there would be a key without its certificate.
        if certificate.symlink_metadata().is_ok() {
            return Err(exists(certificate));
        }
        write_new(key, 0o600, &pair.serialize_pem())?;
        write_new(certificate, 0o644, &made.pem())?;
        self.done(&json!({ "certificate": certificate.to_string_lossy(), "key": key.to_string_lossy() }))
    }
}

/// Never in the place of another file: that may be the real key.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Failed> {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Failed::new(EX_IOERR, format!("{}: {error}", path.display())),
    })
}

fn exists(path: &Path) -> Failed {
    Failed::new(EX_CANTCREAT, format!("{}: exists already; remove it first", path.display()))
}
