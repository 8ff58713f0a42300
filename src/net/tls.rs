//! TLS by rustls: certificates and keys from PEM files, chosen by the name that a client asks for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::validity::Validity;

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

/// What new connections use; connections that are there keep what they began with. By domain, as each has a certificate
/// of its own or not.
#[derive(Clone, Default)]
pub struct Tls {
    any: Option<Arc<ServerConfig>>,
    /// Domains in small letters; for who comes to an address of theirs.
    domains: Vec<(String, Arc<ServerConfig>)>,
    /// Of each file once.
    validities: Vec<Validity>,
}

impl Tls {
    /// `files` for clients that name no domain of `domains`, where there are any.
    pub fn load(files: Option<&TlsFiles>, domains: &[(String, TlsFiles)]) -> Result<Tls, TlsError> {
        let any = files.map(certified).transpose()?;
        let validities = any.iter().zip(files).map(|(key, files)| Validity::of(&files.certificate, &key.cert));
        let mut validities: Vec<Validity> = validities.collect();
        let named = domains.iter().map(|(name, files)| Ok((name.clone(), certified(files)?)));
        let named: Arc<Vec<_>> = Arc::new(named.collect::<Result<_, TlsError>>()?);
        for ((_, files), (_, key)) in domains.iter().zip(named.iter()) {
            let validity = Validity::of(&files.certificate, &key.cert);
            if !validities.contains(&validity) {
                validities.push(validity);
            }
        }
        let config = |fallback: Option<Arc<CertifiedKey>>, files: &TlsFiles| {
            server_config(files, Certificates { fallback, named: named.clone() })
        };
        let any = match (files, domains.first()) {
            (Some(files), _) => Some(config(any, files)?),
            (None, Some((_, files))) => Some(config(None, files)?),
            (None, None) => None,
        };
        let domains = domains
            .iter()
            .zip(named.iter())
            .map(|((name, files), (_, key))| Ok((name.clone(), config(Some(key.clone()), files)?)));
        Ok(Tls { any, domains: domains.collect::<Result<_, TlsError>>()?, validities })
    }

    /// For who has come to an address of a domain, or of none.
    pub fn config(&self, domain: Option<&str>) -> Option<Arc<ServerConfig>> {
        let own = domain.and_then(|domain| self.domains.iter().find(|(name, _)| name == domain));
        own.map(|(_, config)| config.clone()).or_else(|| self.any.clone())
    }

    /// The certificates that are not good at a time, in seconds since 1970, or will not be for long: the file, and why.
    pub fn warnings(&self, now_secs: i64) -> Vec<String> {
        self.validities.iter().filter_map(|validity| validity.warning(now_secs)).collect()
    }

    pub fn is_there(&self) -> bool {
        self.any.is_some()
    }
}

/// Of some domains the one that a host's name is or stands below, the longest of them.
pub fn domain_of<'a, T>(host: &str, domains: &'a [T], name: impl Fn(&T) -> &str) -> Option<&'a T> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let within =
        |domain: &&T| host.strip_suffix(name(domain)).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    domains.iter().filter(within).max_by_key(|domain| name(domain).len())
}

/// Chooses by the name that the client asks for. RFC 6066 3
struct Certificates {
    fallback: Option<Arc<CertifiedKey>>,
    named: Arc<Vec<(String, Arc<CertifiedKey>)>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|host| domain_of(host, &self.named, |(name, _)| name));
        named.map(|(_, key)| key.clone()).or_else(|| self.fallback.clone())
    }
}

fn certified(files: &TlsFiles) -> Result<Arc<CertifiedKey>, TlsError> {
    let TlsFiles { certificate, private_key, .. } = files;
    let chain = chain(certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(private_key).map_err(|cause| not_pem(private_key, "private key", &cause))?;
    let certified = CertifiedKey::from_der(chain, key, &ring::default_provider());
    certified.map(Arc::new).map_err(|cause| unusable(files, &cause))
}

fn server_config(files: &TlsFiles, certificates: Certificates) -> Result<Arc<ServerConfig>, TlsError> {
    let TlsFiles { certificate, private_key, version_min } = files;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(version_min.and_later())
        .map_err(|cause| error(certificate, cause))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
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
