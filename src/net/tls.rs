//! TLS by rustls: certificate and key from PEM files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

impl TlsVersion {
    fn and_later(self) -> &'static [&'static SupportedProtocolVersion] {
        static V1_3_ALONE: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
        match self {
            TlsVersion::V1_2 => rustls::ALL_VERSIONS,
            TlsVersion::V1_3 => V1_3_ALONE,
        }
    }
}

/// Where certificate chain and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub private_key: PathBuf,
    pub version_min: TlsVersion,
}

/// A file, and what is wrong with it.
#[derive(Debug)]
pub struct TlsError {
    file: PathBuf,
    reason: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.reason)
    }
}

impl std::error::Error for TlsError {}

fn error(file: &Path, reason: impl fmt::Display) -> TlsError {
    TlsError { file: file.to_path_buf(), reason: reason.to_string() }
}

/// A pem error without the file's content.
fn not_pem(file: &Path, what: &str, cause: &pem::Error) -> TlsError {
    match cause {
        pem::Error::Io(io) => error(file, io),
        pem::Error::NoItemsFound => error(file, format!("no {what} in PEM form found")),
        other => error(file, format!("not PEM: {other}")),
    }
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match chain.map_err(|cause| not_pem(file, "certificate", &cause))? {
        chain if chain.is_empty() => Err(error(file, "no certificate in PEM form found")),
        chain => Ok(chain),
    }
}

/// What new connections use; connections that are there keep what they began with.
pub fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let TlsFiles { certificate, private_key, version_min } = files;
    let chain = chain(certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(private_key).map_err(|cause| not_pem(private_key, "private key", &cause))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(version_min.and_later())
        .map_err(|cause| error(certificate, cause))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|cause| unusable(files, &cause))?;
    // A client that comes back is spared the costly half of a handshake; the server remembers nothing for it. The
    // key of the tickets is in memory alone and changes every six hours.
    config.ticketer = ring::Ticketer::new().map_err(|cause| error(private_key, cause))?;
    Ok(Arc::new(config))
}

fn unusable(files: &TlsFiles, cause: &rustls::Error) -> TlsError {
    let (certificate, key) = (files.certificate.display(), &files.private_key);
    match cause {
        rustls::Error::InconsistentKeys(_) => {
            error(key, format!("is not the key of the certificate in {certificate}"))
        }
        rustls::Error::InvalidCertificate(cause) => error(&files.certificate, format!("bad certificate: {cause:?}")),
        cause => error(key, format!("cannot be used with {certificate}: {cause}")),
    }
}
