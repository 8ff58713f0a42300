//! TLS by rustls: certificate and key from PEM files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where certificate chain and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub private_key: PathBuf,
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
fn pem(file: &Path, what: &str, cause: &rustls::pki_types::pem::Error) -> TlsError {
    match cause {
        rustls::pki_types::pem::Error::Io(io) => error(file, io),
        rustls::pki_types::pem::Error::NoItemsFound => error(file, format!("no {what} in PEM form found")),
        other => error(file, format!("not PEM: {other}")),
    }
}

pub fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |cause: &rustls::pki_types::pem::Error| pem(&files.certificate, "certificate", cause);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .map_err(|cause| wrong(&cause))?
        .collect::<Result<_, _>>()
        .map_err(|cause| wrong(&cause))?;
    if chain.is_empty() {
        return Err(error(&files.certificate, "no certificate in PEM form found"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.private_key)
        .map_err(|cause| pem(&files.private_key, "private key", &cause))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| error(&files.certificate, cause))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|cause| error(&files.private_key, format!("does not go with the certificate: {cause}")))?;
    config.send_half_rtt_data = false;
    Ok(Arc::new(config))
}
