//! TLS: handshakes that succeed, fail and are resumed; octets; files.

use std::path::Path;
use std::sync::mpsc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};

use super::*;

fn load_tls(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    Tls::load(Some(files), &[]).map(|tls| tls.config(None).unwrap())
}

struct Keys {
    directory: tempfile::TempDir,
    der: CertificateDer<'static>,
}

impl Keys {
    fn new() -> Keys {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        std::fs::write(directory.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        Keys { directory, der: made.cert.der().clone() }
    }

    fn files(&self) -> TlsFiles {
        let at = |name| self.directory.path().join(name);
        TlsFiles { certificate: at("cert.pem"), private_key: at("key.pem"), version_min: TlsVersion::V1_2 }
    }

    fn server(&self) -> Arc<ServerConfig> {
        load_tls(&self.files()).unwrap()
    }

    fn client(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConnection {
        connection(&self.client_config(versions))
    }

    fn client_config(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }
}

fn connection(config: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap()
}

/// A handler that begins with TLS, and says what came of it.
fn tls_echo(
    config: Arc<ServerConfig>,
) -> (impl Fn(Connection) + Send + Sync, mpsc::Receiver<Result<TlsInfo, String>>) {
    let (say, hear) = mpsc::channel();
    let handler = move |connection: Connection| {
        let shaken = connection.stream.start_tls(config.clone(), SOON);
        let _ = say.send(shaken.as_ref().map(|()| connection.stream.tls_info().unwrap()).map_err(|e| e.to_string()));
        match shaken {
            Ok(()) => echo(connection),
            Err(_) => connection.stream.close(),
        }
    };
    (handler, hear)
}

#[test]
fn parts_arrive_in_order_in_the_clear_and_over_tls() {
    let keys = Keys::new();
    let big: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for mode in [Mode::Never, Mode::Implicit] {
        let (config, sent) = (keys.server(), big.clone());
        let site = site(mode, options(1), move |Connection { stream, mode, .. }| {
            if mode == Mode::Implicit {
                stream.start_tls(config.clone(), SOON).unwrap();
            }
            stream.write_parts(&[b"head", b"", &sent, b"tail"]).unwrap();
            stream.write_parts(&[]).unwrap();
            stream.close();
        });
        let mut got = Vec::new();
        match mode {
            Mode::Implicit => {
                let client = keys.client(rustls::ALL_VERSIONS);
                StreamOwned::new(client, site.connect()).read_to_end(&mut got).unwrap();
            }
            _ => drop(site.connect().read_to_end(&mut got).unwrap()),
        }
        assert!(got.starts_with(b"head") && got.ends_with(b"tail"));
        assert!(got[4..got.len() - 4] == big, "{mode:?}");
    }
}

#[test]
fn tls_carries_lines_of_any_size() {
    let keys = Keys::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (handler, hear) = tls_echo(keys.server());
        let site = site(Mode::Implicit, options(2), handler);
        let mut client = StreamOwned::new(keys.client(&[version]), site.connect());
        // Several lines in one record: what poll(2) does not see is read all the same.
        asks(&mut client, "one\ntwo\nthree and a long line\nfour\n");
        for byte in b"one at a time\n" {
            client.write_all(&[*byte]).unwrap();
            client.flush().unwrap();
        }
        let mut answer = [0; 14];
        client.read_exact(&mut answer).unwrap();
        asks(&mut client, &format!("{}\n", "y".repeat(100_000)));
        client.write_all(b"end\n").unwrap();
        assert_eq!(rest(&mut client), "", "it ends with close_notify");
        let info = hear.recv_timeout(SOON).unwrap().unwrap();
        assert_eq!(info.version, format!("{:?}", version.version));
        assert!(info.cipher_suite.starts_with("TLS"), "{info:?}");
    }
}

#[test]
fn a_session_is_resumed() {
    let keys = Keys::new();
    let (handler, _hear) = tls_echo(keys.server());
    let site = site(Mode::Implicit, options(2), handler);
    let config = keys.client_config(rustls::ALL_VERSIONS);
    asks(&mut StreamOwned::new(connection(&config), site.connect()), "first\n");
    let mut again = StreamOwned::new(connection(&config), site.connect());
    asks(&mut again, "again\n");
    assert_eq!(again.conn.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
}

#[test]
fn who_does_not_speak_tls_is_named() {
    let keys = Keys::new();
    let (handler, hear) = tls_echo(keys.server());
    let site = site(Mode::Implicit, options(4), handler);
    let said = || hear.recv_timeout(SOON).unwrap().unwrap_err();
    let mut plain = site.connect();
    plain.write_all(b"a001 CAPABILITY\r\n").unwrap();
    assert!(said().starts_with("the client does not speak TLS"));
    drop(site.connect());
    assert_eq!(said(), "unexpected end of file");
    let stuck = site.connect();
    eventually("it is in", || site.registry.sessions().iter().any(|session| session.id == 3));
    assert!(site.server.stop(SOON), "a handshake that goes nowhere ends when the server does");
    assert_eq!(said(), "the session was asked to end");
    drop(stuck);
}

#[test]
fn old_versions_are_refused_where_the_files_say_so() {
    let keys = Keys::new();
    let config = load_tls(&TlsFiles { version_min: TlsVersion::V1_3, ..keys.files() }).unwrap();
    let (handler, hear) = tls_echo(config);
    let site = site(Mode::Implicit, options(2), handler);
    let mut old = StreamOwned::new(keys.client(&[&rustls::version::TLS12]), site.connect());
    assert!(old.write_all(b"x").is_err());
    assert!(hear.recv_timeout(SOON).unwrap().is_err());
    asks(&mut StreamOwned::new(keys.client(rustls::ALL_VERSIONS), site.connect()), "new\n");
}

#[test]
fn bad_files_are_named() {
    let (keys, others) = (Keys::new(), Keys::new());
    let at = |name: &str| keys.directory.path().join(name);
    std::fs::write(at("empty.pem"), "").unwrap();
    std::fs::write(at("text.pem"), "no pem at all\n").unwrap();
    std::fs::write(at("broken.pem"), "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n").unwrap();
    std::fs::write(at("der.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let reason = |certificate: &Path, private_key: &Path| {
        let files = TlsFiles { certificate: certificate.into(), private_key: private_key.into(), ..keys.files() };
        load_tls(&files).unwrap_err().to_string().replace(keys.directory.path().to_str().unwrap(), "D")
    };
    let (cert, key) = (at("cert.pem"), at("key.pem"));
    assert_eq!(reason(&at("none.pem"), &key), "D/none.pem: No such file or directory (os error 2)");
    assert_eq!(reason(&cert, &at("none.pem")), "D/none.pem: No such file or directory (os error 2)");
    assert_eq!(reason(&at("empty.pem"), &key), "D/empty.pem: no certificate in PEM form found");
    assert_eq!(reason(&key, &key), "D/key.pem: no certificate in PEM form found");
    assert_eq!(reason(&cert, &cert), "D/cert.pem: no private key in PEM form found");
    assert_eq!(reason(&cert, &at("text.pem")), "D/text.pem: no private key in PEM form found");
    assert!(reason(&at("broken.pem"), &key).starts_with("D/broken.pem: not PEM: "));
    assert!(reason(&at("der.pem"), &key).starts_with("D/der.pem: bad certificate: "));
    assert_eq!(
        reason(&cert, &others.files().private_key).split(": ").nth(1),
        Some("is not the key of the certificate in D/cert.pem")
    );
}
