//! Domains by name, address and TLS; masks; routes: what of the configuration a client meets before and after login.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;

use common::{Client, Server};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

const ROUTES: &str = "\
[Router]
<moved> = John@server.example
<team> = joe@example.com
<loud-*> = user*
@old.example = @example.com
";

fn server(more: &str) -> Server {
    let mut server = Server::prepare(&format!(
        "{ROUTES}[Domain example.com]\nAddress = 127.0.0.2\nCleartext Login = no\n\
         Certificate = DIR/second.pem\nPrivate Key = DIR/second.key\n\
         [Domain plain.example]\nCleartext Login = yes\n\
         [Listener second]\nAddress = 127.0.0.2:0\n{more}"
    ));
    let [certificate, key] = ["second.pem", "second.key"].map(|name| server.path(name));
    let text = std::fs::read_to_string(server.path("gatepost.ini")).unwrap();
    let directory = server.directory.path().display().to_string();
    // The tool that makes the certificate reads the configuration that names it.
    std::fs::write(server.path("gatepost.ini"), text.replace("DIR", &directory)).unwrap();
    let files = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let made = server.ctl(&["certificate", "--host", "imap.example.com", files[0], files[1]]);
    assert!(made.status.success(), "{made:?}");
    let mut passwd = std::fs::OpenOptions::new().append(true).open(server.path("passwd")).unwrap();
    passwd.write_all(b"joe@example.com:{PLAIN}secret\nann@plain.example:{PLAIN}secret\n").unwrap();
    server.restart();
    server
}

fn port(server: &Server, listener: &str) -> u16 {
    server.ports.iter().find(|(name, _)| name == listener).unwrap().1
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A client over TLS, and the certificate that it was shown.
struct Secure {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    certificate: Vec<u8>,
}

impl Secure {
    fn new(mut stream: TcpStream, name: &str) -> Secure {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth();
        let mut tls = ClientConnection::new(Arc::new(config), name.to_string().try_into().unwrap()).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).unwrap();
        }
        let certificate = tls.peer_certificates().unwrap()[0].to_vec();
        Secure { stream: BufReader::new(StreamOwned::new(tls, stream)), certificate }
    }

    /// All lines up to the tagged one.
    fn command(&mut self, command: &str) -> Vec<String> {
        self.stream.get_mut().write_all(format!("t {command}\r\n").as_bytes()).unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the connection ended");
            let done = line.starts_with("t ");
            lines.push(line.trim_end().to_string());
            if done {
                return lines;
            }
        }
    }
}

fn first(client: &mut Client, command: &str) -> String {
    client.command(command).1
}

#[test]
fn cleartext_login_by_domain() {
    let server = server("");
    let mut client = Client::connect("127.0.0.2", port(&server, "second"));
    let greeting = client.greeting();
    assert!(greeting.contains(" LOGINDISABLED") && !greeting.contains("AUTH="), "{greeting}");
    assert!(client.ok("CAPABILITY")[0].contains("LOGINDISABLED"));
    for name in ["user1", "joe", "joe@example.com"] {
        let end = first(&mut client, &format!("LOGIN {name} secret"));
        assert!(end.starts_with("NO [PRIVACYREQUIRED]"), "{end}");
    }
    assert!(first(&mut client, "AUTHENTICATE PLAIN").starts_with("NO [PRIVACYREQUIRED]"));
    // A domain that permits it, by the name of who logs in.
    client.ok("LOGIN ann@plain.example secret");

    let mut client = server.client();
    let greeting = client.greeting();
    assert!(greeting.contains(" AUTH=PLAIN") && !greeting.contains("LOGINDISABLED"), "{greeting}");
    // Of an account's own domain, and of the one that an alias leads to.
    for name in ["joe@example.com", "JOE@Example.Com", "joe@old.example", "team", "nobody@example.com"] {
        let end = first(&mut client, &format!("LOGIN {name} secret"));
        assert!(end.starts_with("NO [PRIVACYREQUIRED]"), "{name}: {end}");
    }
    let end = first(&mut client, "AUTHENTICATE PLAIN AGpvZUBleGFtcGxlLmNvbQBzZWNyZXQ=");
    assert!(end.starts_with("NO [PRIVACYREQUIRED]"), "{end}");
    client.ok("LOGIN loud-1 secret");
    assert!(client.ok("GETQUOTAROOT INBOX")[0].ends_with(" user1"));
}

#[test]
fn certificates_and_names_by_domain() {
    let server = server("");
    let der = |name: &str| CertificateDer::from_pem_file(server.path(name)).unwrap().to_vec();
    let (usual, second) = (der("cert.pem"), der("second.pem"));
    let secure = |name: &str| Secure::new(TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap(), name);
    for name in ["imap.example.com", "example.com", "IMAP.Example.Com"] {
        assert!(secure(name).certificate == second, "{name}");
    }
    for name in ["other.example", "notexample.com", "127.0.0.1"] {
        assert!(secure(name).certificate == usual, "{name}");
    }
    let root = |client: &mut Secure| client.command("GETQUOTAROOT INBOX").remove(0);
    let mut client = secure("imap.example.com");
    assert!(client.command("LOGIN joe secret").last().unwrap().starts_with("t OK"));
    assert!(root(&mut client).ends_with(" joe@example.com"));
    // The domain has no such account: the name is as it is.
    let mut client = secure("imap.example.com");
    assert!(client.command("LOGIN user1 secret").last().unwrap().starts_with("t OK"));
    assert!(root(&mut client).ends_with(" user1"));
    assert!(
        secure("other.example")
            .command("LOGIN joe secret")
            .last()
            .unwrap()
            .starts_with("t NO [AUTHENTICATIONFAILED]")
    );
    assert!(secure("other.example").command("LOGIN team secret").last().unwrap().starts_with("t OK"));

    // By the address, for a client that names no domain; STARTTLS.
    let mut stream = TcpStream::connect(("127.0.0.2", port(&server, "second"))).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    lines.next().unwrap().unwrap();
    stream.write_all(b"s STARTTLS\r\n").unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("s OK"));
    let mut client = Secure::new(stream, "127.0.0.2");
    assert!(client.certificate == second);
    assert!(client.command("CAPABILITY")[0].contains("AUTH=PLAIN"));
    assert!(client.command("LOGIN joe secret").last().unwrap().starts_with("t OK"));
    assert!(root(&mut client).ends_with(" joe@example.com"));
}

#[test]
fn masked_capabilities() {
    let server = server(
        "[Mask all]\nCapabilities = UIDBATCHES, thread=*\n\
         [Mask old]\nClient = OldMail*, *buggy*\nCapabilities = CONDSTORE, QRESYNC, APPENDLIMIT, annotate*\n\
         [Mask one]\nAccount = user7, *@plain.example\nCapabilities = MOVE\n\
         [Mask both]\nClient = x\nAccount = user8\nCapabilities = IDLE\n",
    );
    let has = |client: &mut Client, word: &str| {
        let words = client.ok("CAPABILITY").remove(0);
        words.split(' ').any(|known| known == word || known.split_once('=').is_some_and(|(name, _)| name == word))
    };
    let mut client = server.user("user1");
    for word in ["CONDSTORE", "QRESYNC", "MOVE", "IDLE", "IMAP4rev1", "SORT", "APPENDLIMIT", "LITERAL+"] {
        assert!(has(&mut client, word), "{word}");
    }
    assert!(!has(&mut client, "UIDBATCHES") && !has(&mut client, "THREAD"));
    client.ok("ID (\"version\" \"OldMail\" \"name\" \"Newer\")");
    assert!(has(&mut client, "CONDSTORE"));
    for name in ["oldmail 3", "very buggy one", "OLDMAIL"] {
        client.ok(&format!("ID (\"name\" \"{name}\")"));
        for word in ["CONDSTORE", "QRESYNC", "APPENDLIMIT"] {
            assert!(!has(&mut client, word), "{name} {word}");
        }
    }
    assert_eq!(client.ok("ENABLE CONDSTORE QRESYNC IMAP4rev2 CONDSTORE"), ["* ENABLED IMAP4rev2"]);
    // What is masked goes on working; SELECT says nothing of it.
    assert!(!client.ok("SELECT INBOX (ANNOTATE)").concat().contains("ANNOTATIONS"));
    client.append("INBOX", b"A: 1\r\n").unwrap();
    client.ok("STORE 1 ANNOTATION (/comment (value.priv \"x\"))");
    assert!(server.user("user1").ok("SELECT INBOX").concat().contains("[ANNOTATIONS 65536]"));
    client.ok("UIDBATCHES 500");
    let mut client = server.client();
    client.greeting();
    assert!(!client.command("LOGIN user7 secret").1.contains(" MOVE "));
    assert!(!has(&mut client, "MOVE") && has(&mut client, "IDLE"));
    let mut client = server.user("user8");
    assert!(has(&mut client, "IDLE"));
    client.ok("ID (\"name\" \"X\")");
    assert!(!has(&mut client, "IDLE"));
}

#[test]
fn routes_are_shown() {
    let server = server("");
    let shown = |address: &str| {
        let done = server.ctl(&["route", address]);
        (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap(), done.status.code())
    };
    let (text, _, code) = shown("moved");
    assert!(text.contains("<moved> = John@server.example") && text.contains("another server"), "{text}");
    assert_eq!(code, Some(0));
    let (text, _, code) = shown("joe@old.example");
    assert!(text.contains("@old.example = @example.com") && text.contains("the account joe@example.com"), "{text}");
    assert_eq!(code, Some(0));
    let (_, error, code) = shown("nobody");
    assert!(error.contains("nobody: no such account") && code == Some(67), "{error}");
    let json = server.ctl(&["--json", "route", "team"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["result"]["account"], "joe@example.com");
    assert_eq!(json["rows"][0]["address"], "joe@example.com");
    let text = std::fs::read_to_string(server.path("gatepost.ini")).unwrap();
    let line = text.lines().position(|line| line.starts_with("<team>")).unwrap() + 1;
    assert_eq!(json["rows"][0]["line"], line);
}

#[test]
fn what_is_wrong_is_named() {
    let server = Server::prepare("");
    let text = std::fs::read_to_string(server.path("gatepost.ini")).unwrap();
    let lines = text.lines().count();
    let bad = "[Router]\njoe = ann\n<a> = b\n<b> = a\n[Mask x]\nCapabilities = NOSUCH, IMAP4rev1\n";
    std::fs::write(server.path("gatepost.ini"), format!("{text}{bad}")).unwrap();
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_gatepostd"))
        .args(["-t", "-c"])
        .arg(server.path("gatepost.ini"))
        .output()
        .unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    for (line, what) in [
        (2, "'joe': expected <name>"),
        (3, "<a> = b leads in a circle"),
        (4, "<b> = a leads in a circle"),
        (5, "no mask hides 'nosuch'"),
        (5, "no mask hides 'imap4rev1'"),
    ] {
        assert!(said.contains(&format!("gatepost.ini:{}: ", lines + line)) && said.contains(what), "{what}: {said}");
    }
    assert!(!done.status.success());
}

/// Routes, domains and masks are read again; where they are wrong those before stay.
#[test]
fn a_reload_takes_them_over() {
    let server = server("");
    let path = server.path("gatepost.ini");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut client = server.client();
    client.greeting();
    let wait_for = |client: &mut Client, name: &str, want: &str| {
        for _ in 0..20 {
            if first(client, &format!("LOGIN {name} wrong")).starts_with(want) {
                return;
            }
        }
        panic!("{name} is never answered with {want}");
    };
    let more = "[Router]\n<late> = x@late.example\n[Mask all]\nCapabilities = IDLE\n[Domain late.example]\n";
    std::fs::write(&path, text.clone() + more).unwrap();
    assert!(server.ctl(&["reload"]).status.success());
    // The domain is of this server by now: the name leads to an account that there is not.
    wait_for(&mut client, "late", "NO [AUTHENTICATIONFAILED]");
    std::fs::write(&path, text.clone() + &more.replace("[Domain late.example]\n", "")).unwrap();
    assert!(server.ctl(&["reload"]).status.success());
    wait_for(&mut client, "late", "NO [REFERRAL IMAP://x;AUTH=*@late.example/]");
    assert!(!server.user("user1").ok("CAPABILITY")[0].contains(" IDLE "));
    std::fs::write(&path, text + "[Router]\n<late> = late\nbad = row\n").unwrap();
    assert!(server.ctl(&["reload"]).status.success());
    std::thread::sleep(std::time::Duration::from_millis(300));
    wait_for(&mut client, "late", "NO [REFERRAL IMAP://x;AUTH=*@late.example/]");
}
