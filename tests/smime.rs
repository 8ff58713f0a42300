//! Enveloped messages come back to the octet, by the key of their certificate and openssl.        RFC 8551; CommuniGate Pro

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Client, Server, installed};

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let done = Command::new("openssl").args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
    done.stdout
}

/// A certificate and its key, by openssl.
fn pair(directory: &Path, name: &str, key: &[&str]) -> (PathBuf, PathBuf) {
    let (certificate, private) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    let mut arguments = vec!["req", "-x509", "-nodes", "-days", "30", "-subj", "/O=Gatepost/CN=Joe Doe"];
    arguments.extend(["-keyout", private.to_str().unwrap(), "-out", certificate.to_str().unwrap(), "-newkey"]);
    arguments.extend(key);
    openssl(&arguments);
    (certificate, private)
}

fn base64_of(certificate: &Path) -> String {
    let text = std::fs::read_to_string(certificate).unwrap();
    text.lines().filter(|line| !line.starts_with('-')).collect()
}

/// What openssl makes of an enveloped message.
fn decrypted(directory: &Path, enveloped: &str, (certificate, key): &(PathBuf, PathBuf)) -> Vec<u8> {
    let file = directory.join("enveloped");
    std::fs::write(&file, enveloped).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_string();
    openssl(&["cms", "-decrypt", "-in", &path(&file), "-inkey", &path(key), "-recip", &path(certificate)])
}

/// By a literal8, which may have NULs. RFC 3516
fn append(client: &mut Client, options: &str, message: &[u8]) {
    client.send(format!("append APPEND INBOX {options}~{{{}+}}\r\n", message.len()).as_bytes());
    client.send(message);
    client.send(b"\r\n");
    loop {
        let response = client.response().unwrap();
        if let Some(end) = response.strip_prefix("append ") {
            return assert!(end.starts_with("OK"), "{end}");
        }
    }
}

fn fetched(client: &mut Client, number: usize) -> String {
    let response = client.ok(&format!("FETCH {number} BODY.PEEK[]")).remove(0);
    let (head, message) = response.split_once("\r\n").unwrap();
    assert!(head.contains("BODY[] {"), "{head}");
    message.strip_suffix(')').unwrap().to_string()
}

/// Messages whose octets must come back, broken ones among them.
fn messages() -> Vec<Vec<u8>> {
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    vec![
        b"From: a@b\r\nTo: c@d\r\nSubject: hello\r\n world\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nX-Secret: s\r\n\
          Message-ID: <1@x>\r\nReferences: <0@x>\r\nIn-Reply-To: <0@x>\r\nCc: e@f\r\nContent-Type: text/plain\r\n\r\nbody\r\n"
            .to_vec(),
        b"Subject: bare\nFrom: x\n\nlines\nwithout CR\n".to_vec(),
        b"Subject: caf\xe9\r\n\r\nno end \xff\xfe\x00\x00 of line".to_vec(),
        b"\r\n".to_vec(),
        b"no header at all".to_vec(),
        b"Subject: \x00\r\n \x00\r\n\x00\r\n\r\nNULs".to_vec(),
        [b"Subject: sixteen\r\n\r\n".to_vec(), vec![b'x'; 12]].concat(),
        [b"Subject: large\r\n\r\n".to_vec(), large].concat(),
    ]
}

#[test]
fn copies_come_back_to_the_octet() {
    if !installed("openssl") {
        return;
    }
    let server = Server::start("");
    let directory = server.directory.path().to_path_buf();
    let messages = messages();
    // Headers of eight bits are for clients that say so. RFC 9755 4
    let mut sender = server.user("user1");
    sender.ok("ENABLE UTF8=ACCEPT");
    let mut client = server.user("user1");
    for message in &messages {
        append(&mut sender, "(\\Flagged $Work) \"17-Jul-1996 02:44:25 -0700\" ", message);
    }
    let kinds: [(&str, &[&str]); 5] = [
        ("rsa2048", &["rsa:2048"]),
        ("rsa4096", &["rsa:4096"]),
        ("p256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("p384", &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("p521", &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"]),
    ];
    for (name, key) in kinds {
        let pair = pair(&directory, name, key);
        client.ok(&format!("CREATE {name}"));
        client.ok("SELECT INBOX");
        let (_, end) = client.command(&format!("COPY 1:* {name} ENCRYPTED {}", base64_of(&pair.0)));
        assert!(end.starts_with("OK [COPYUID "), "{end}");
        client.ok(&format!("SELECT {name}"));
        for (at, message) in messages.iter().enumerate() {
            let enveloped = fetched(&mut client, at + 1);
            assert!(enveloped.lines().all(|line| line.len() <= 998) && enveloped.is_ascii() || at == 2);
            assert!(decrypted(&directory, &enveloped, &pair) == *message, "{name}: message {at} came back otherwise");
        }
        let outer = fetched(&mut client, 1);
        let header = outer.split("\r\n\r\n").next().unwrap();
        for kept in ["Subject: hello\r\n world", "From: a@b", "References: <0@x>", "In-Reply-To: <0@x>", "Cc: e@f"] {
            assert!(header.contains(kept), "{header}");
        }
        assert!(!outer.contains("X-Secret") && !header.contains("text/plain"), "{header}");
        let kept = client.ok("FETCH 1 (FLAGS INTERNALDATE ENVELOPE)").remove(0);
        assert!(kept.contains("17-Jul-1996 02:44:25 -0700") && kept.contains("$Work"), "{kept}");
        assert!(kept.contains("\\Flagged") && kept.contains("hello world") && kept.contains("<1@x>"), "{kept}");
        assert!(!client.ok("SEARCH SUBJECT hello").is_empty());
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn in_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What stands behind one sequence of octets, which is there once or more.
fn behind<'a>(octets: &'a [u8], before: &str) -> &'a [u8] {
    let before = hex(before);
    let at = octets.windows(before.len()).position(|window| window == before);
    &octets[at.unwrap_or_else(|| panic!("no {before:02x?}")) + before.len()..]
}

/// The algorithms of an envelope, as openssl names them.
fn printed(directory: &Path, enveloped: &str) -> String {
    let file = directory.join("printed");
    std::fs::write(&file, enveloped).unwrap();
    String::from_utf8(openssl(&["cms", "-cmsout", "-print", "-noout", "-in", file.to_str().unwrap()])).unwrap()
}

/// Message 1 of INBOX, for a certificate, into Safe.
fn sealed(client: &mut Client, certificate: &str) -> String {
    client.ok("SELECT INBOX");
    client.ok(&format!("COPY 1 Safe ENCRYPTED {certificate}"));
    let selected = client.ok("SELECT Safe");
    let count = selected.iter().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS")).unwrap();
    fetched(client, count.parse().unwrap())
}

/// A capability of RSAES-OAEP with one hash, by its parameters. RFC 3560 4
const OAEP_SHA256: &str = "303c 06092a864886f70d010107 302f a00f300d06096086480165030402010500 \
    a11c301a06092a864886f70d010108300d06096086480165030402010500";
const OAEP_SHA1: &str = "300d 06092a864886f70d010107 3000";
/// SHA-256 and the mask by SHA-1: of two hashes.
const OAEP_MIXED: &str = "301e 06092a864886f70d010107 3011 a00f300d06096086480165030402010500";
const AES256_CBC: &str = "300b 060960864801650304012a";

/// OAEP where a certificate says that it is read, or that its key is for nothing else. RFC 3560, RFC 4055 4.1, RFC 4262
#[test]
fn keys_that_take_oaep() {
    if !installed("openssl") {
        return;
    }
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD;
    let server = Server::start("");
    let directory = server.directory.path().to_path_buf();
    let message = b"Subject: oaep\r\n\r\nbody\r\n";
    let mut client = server.user("user1");
    append(&mut client, "", message);
    client.ok("CREATE Safe");
    let capable = [
        (vec![AES256_CBC, OAEP_SHA256], "(rsaesOaep)", "sha256"),
        (vec![OAEP_SHA1], "(rsaesOaep)", "EMPTY"),
        (vec![OAEP_MIXED, OAEP_SHA1], "(rsaesOaep)", "EMPTY"),
        (vec![OAEP_MIXED], "(rsaEncryption)", ""),
        (vec![AES256_CBC], "(rsaEncryption)", ""),
        (vec!["3005"], "(rsaEncryption)", ""),
    ];
    for (at, (capabilities, algorithm, hash)) in capable.iter().enumerate() {
        let list = hex(&capabilities.concat());
        let extension = format!("1.2.840.113549.1.9.15=DER:30{:02x}{}", list.len(), in_hex(&list));
        let pair = pair(&directory, &format!("capable{at}"), &["rsa:2048", "-addext", &extension]);
        let enveloped = sealed(&mut client, &base64_of(&pair.0));
        let printed = printed(&directory, &enveloped);
        assert!(printed.contains(&format!("algorithm: {}", algorithm.trim_matches(['(', ')']))), "{at}: {printed}");
        assert!(*hash == "EMPTY" || printed.contains(hash), "{at}: {printed}");
        assert_eq!(decrypted(&directory, &enveloped, &pair), message, "{at}");
    }

    // openssl makes no certificate of a key that is for OAEP alone, but the algorithm of one can be made it.
    let pair = pair(&directory, "only", &["rsa:2048"]);
    let der = base64.decode(base64_of(&pair.0)).unwrap();
    let key = hex("06092a864886f70d0101010500");
    let at = der.windows(key.len()).position(|window| window == key).unwrap();
    let with = |algorithm: &str| {
        let algorithm = hex(algorithm);
        base64.encode([&der[..at], &algorithm, &der[at + algorithm.len()..]].concat())
    };
    let enveloped = sealed(&mut client, &with("06092a864886f70d0101073000"));
    assert!(printed(&directory, &enveloped).contains("algorithm: rsaesOaep"));
    assert_eq!(decrypted(&directory, &enveloped, &pair), message);
    client.ok("SELECT INBOX");
    let (_, end) = client.command(&format!("COPY 1 Safe ENCRYPTED {}", with("06092a864886f70d0101070500")));
    assert!(end.starts_with("NO [CANNOT]") && end.contains("neither RSA"), "{end}");
}

/// The openssl that is installed may not know X25519 in CMS; it knows each of the steps. RFC 8418 2
#[test]
fn keys_of_x25519() {
    if !installed("openssl") {
        return;
    }
    use base64::Engine;
    let server = Server::start("");
    let directory = server.directory.path().to_path_buf();
    let message = b"Subject: x25519\r\n\r\nbody\r\n";
    let mut client = server.user("user1");
    append(&mut client, "", message);
    client.ok("CREATE Safe");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_string();
    let (ca, ca_key) = pair(&directory, "ca", &["rsa:2048"]);
    let (ca, ca_key) = (ca.to_str().unwrap(), ca_key.to_str().unwrap());
    let (key, public, request, certificate) = (path("x.key"), path("x.pub"), path("x.csr"), path("x.pem"));
    openssl(&["genpkey", "-algorithm", "X25519", "-out", &key]);
    openssl(&["pkey", "-in", &key, "-pubout", "-out", &public]);
    openssl(&["req", "-new", "-key", ca_key, "-subj", "/CN=Joe Doe", "-out", &request]);
    let made = ["x509", "-req", "-days", "30", "-set_serial", "7", "-in", &request, "-force_pubkey", &public];
    openssl(&[&made[..], &["-CA", ca, "-CAkey", ca_key, "-out", &certificate]].concat());
    let shown = server.ctl(&["account", "certificate", "user1", &certificate]);
    assert!(shown.status.success(), "{shown:?}");
    let shown = String::from_utf8(server.ctl(&["account", "certificate", "user1"]).stdout).unwrap();
    assert!(shown.contains("X25519") && shown.contains("yes"), "{shown}");

    let enveloped = sealed(&mut client, "*");
    assert!(printed(&directory, &enveloped).contains("1.2.840.113549.1.9.16.3.19"));
    let body: String = enveloped.split_once("\r\n\r\n").unwrap().1.split_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    // Our key, the wrapped key, the vector and the encrypted octets.
    let ours = &behind(&der, "3005 06032b656e 032100")[..32];
    let wrapped = &behind(&der, "0428")[..40];
    let sealed = behind(&der, "060960864801650304012a 0410");
    let (vector, sealed) = (&sealed[..16], &sealed[16..]);
    assert_eq!((sealed[0], usize::from(sealed[1])), (0x80, sealed.len() - 2));

    let peer = [hex("302a300506032b656e032100"), ours.to_vec()].concat();
    std::fs::write(path("peer"), peer).unwrap();
    let derive = ["pkeyutl", "-derive", "-inkey", &key, "-peerkey", &path("peer"), "-peerform", "DER"];
    let shared = in_hex(&openssl(&derive));
    let info = "3015 300b060960864801650304012d a206040400000100".replace(' ', "");
    let (secret, info) = (format!("hexkey:{shared}"), format!("hexinfo:{info}"));
    let options = ["-kdfopt", "digest:SHA256", "-kdfopt", &secret, "-kdfopt", &info];
    let kek = openssl(&[&["kdf", "-keylen", "32", "-binary"], &options[..], &["HKDF"]].concat());
    let open = |cipher: &str, key: &[u8], vector: &[u8], octets: &[u8]| {
        std::fs::write(path("closed"), octets).unwrap();
        openssl(&["enc", "-d", cipher, "-K", &in_hex(key), "-iv", &in_hex(vector), "-in", &path("closed")])
    };
    let content_key = open("-id-aes256-wrap", &kek, &[0xa6; 8], wrapped);
    assert_eq!(open("-aes-256-cbc", &content_key, vector, &sealed[2..]), message);
}

#[test]
fn the_users_own_certificate() {
    if !installed("openssl") {
        return;
    }
    let mut server = Server::start("");
    let directory = server.directory.path().to_path_buf();
    let pair = pair(&directory, "own", &["rsa:2048"]);
    let mut client = server.user("user1");
    append(&mut client, "", b"Subject: own\r\n\r\nbody\r\n");
    client.ok("CREATE Safe");
    client.ok("SELECT INBOX");
    let (_, end) = client.command("COPY 1 Safe ENCRYPTED *");
    assert!(end.starts_with("NO [CANNOT] The account has no S/MIME certificate"), "{end}");
    let certificate = pair.0.to_str().unwrap();
    assert!(server.ctl(&["account", "certificate", "nobody", certificate]).status.code() != Some(0));
    let passwd = server.path("passwd");
    assert!(server.ctl(&["account", "certificate", "user1", passwd.to_str().unwrap()]).status.code() != Some(0));
    let set = server.ctl(&["account", "certificate", "user1", certificate]);
    assert!(set.status.success(), "{set:?}");
    let shown = String::from_utf8(server.ctl(&["account", "certificate", "user1"]).stdout).unwrap();
    assert!(shown.contains("Joe Doe") && shown.contains("RSA 2048") && shown.contains("yes"), "{shown}");

    let (untagged, end) = client.command("UID MOVE 1 Safe ENCRYPTED \"*\"");
    assert!(end.starts_with("OK") && untagged.iter().any(|line| line.contains("COPYUID")), "{untagged:?} {end}");
    assert_eq!(client.ok("STATUS INBOX (MESSAGES)"), ["* STATUS INBOX (MESSAGES 0)"]);
    client.ok("SELECT Safe");
    let enveloped = fetched(&mut client, 1);
    assert_eq!(decrypted(&directory, &enveloped, &pair), b"Subject: own\r\n\r\nbody\r\n");

    // It is in the store, and another's `*` is another's.
    server.restart();
    assert!(server.ctl(&["account", "certificate", "user1"]).status.success());
    assert!(!server.ctl(&["account", "certificate", "user2"]).status.success());
    let checked = server.ctl(&["check"]);
    assert!(checked.status.success(), "{checked:?}");
    let backup = server.path("backup");
    let backup = backup.to_str().unwrap();
    assert!(server.ctl(&["backup", backup]).status.success());
    assert!(server.ctl(&["account", "certificate", "user1", "--remove"]).status.success());
    assert!(!server.ctl(&["account", "certificate", "user1"]).status.success());

    // One mailbox comes back without it, the account with it; one that it has by then stays.
    let sha256 = |server: &Server| {
        let output = server.ctl(&["--json", "account", "certificate", "user1"]);
        let shown = serde_json::from_slice::<serde_json::Value>(&output.stdout).ok();
        shown.and_then(|shown| shown["rows"][0]["sha256"].as_str().map(str::to_string))
    };
    let restored =
        |of: &[&str]| assert!(server.ctl(&[&["restore", "--account", "user1"], of].concat()).status.success());
    restored(&["--mailbox", "Safe", backup]);
    assert_eq!(sha256(&server), None);
    restored(&[backup]);
    let first = sha256(&server);
    assert!(first.is_some());
    let other = self::pair(&directory, "other", &["rsa:2048"]);
    assert!(server.ctl(&["account", "certificate", "user1", other.0.to_str().unwrap()]).status.success());
    restored(&[backup]);
    assert!(sha256(&server).is_some_and(|now| Some(now) != first));
}

/// A certificate by rcgen, in base64.
fn made(change: impl FnOnce(&mut rcgen::CertificateParams), algorithm: &'static rcgen::SignatureAlgorithm) -> String {
    use base64::Engine;
    let mut params = rcgen::CertificateParams::new(vec!["example.com".into()]).unwrap();
    change(&mut params);
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    base64::engine::general_purpose::STANDARD.encode(params.self_signed(&key).unwrap().der())
}

/// A certificate whose key, which stands behind these octets, is no point of its curve.
fn off_the_curve(directory: &Path, curve: &str, before: &str) -> String {
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD;
    let (certificate, _) =
        pair(directory, &format!("off-{curve}"), &["ec", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")]);
    let mut der = base64.decode(base64_of(&certificate)).unwrap();
    let at = der.len() - behind(&der, before).len();
    der[at + 20] ^= 1;
    base64.encode(der)
}

#[test]
fn certificates_that_cannot_be_used() {
    if !installed("openssl") {
        return;
    }
    use rcgen::{ExtendedKeyUsagePurpose as Purpose, KeyUsagePurpose as Usage, PKCS_ECDSA_P256_SHA256 as P256};
    let server = Server::start("");
    let weak = base64_of(&pair(server.directory.path(), "weak", &["rsa:1024"]).0);
    let koblitz =
        base64_of(&pair(server.directory.path(), "k1", &["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]).0);
    let good = made(|_| {}, &P256);
    let critical = |params: &mut rcgen::CertificateParams| {
        let mut extension = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    };
    let cases = [
        ("rubbish", "not base64", "no!".to_string()),
        ("nothing", "not base64", "\"\"".to_string()),
        ("no certificate", "no X.509 certificate", "AAAA".to_string()),
        ("cut", "no X.509 certificate", good[..good.len() - 8].to_string()),
        ("more", "no X.509 certificate", format!("{}AAAA", good.trim_end_matches('='))),
        ("expired", "has expired", made(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1), &P256)),
        ("early", "not valid yet", made(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1), &P256)),
        ("signing", "encryption of mail", made(|params| params.key_usages = vec![Usage::DigitalSignature], &P256)),
        (
            "a server's",
            "encryption of mail",
            made(|params| params.extended_key_usages = vec![Purpose::ServerAuth], &P256),
        ),
        ("critical", "critical extension", made(critical, &P256)),
        ("weak", "too weak", weak),
        ("another curve", "neither RSA", koblitz),
        ("no encryption", "neither RSA", made(|_| {}, &rcgen::PKCS_ED25519)),
        ("off the curve", "no X.509 certificate", off_the_curve(server.directory.path(), "P-256", "03420004")),
        ("off P-521", "no X.509 certificate", off_the_curve(server.directory.path(), "P-521", "0381860004")),
    ];
    let mut client = server.user("user1");
    for n in 0..3 {
        append(&mut client, "", format!("Subject: {n}\r\n\r\nbody\r\n").as_bytes());
    }
    client.ok("CREATE Safe");
    client.ok("SELECT INBOX");
    for (name, why, text) in &cases {
        for command in ["COPY 1:*", "UID COPY 1:*", "MOVE 1:*", "UID MOVE 1:*"] {
            let (untagged, end) = client.command(&format!("{command} Safe ENCRYPTED {text}"));
            assert!(end.starts_with("NO [CANNOT] ") && end.contains(why), "{name}: {end}");
            assert!(untagged.is_empty(), "{name}: {untagged:?}");
        }
    }
    assert_eq!(client.ok("STATUS Safe (MESSAGES)"), ["* STATUS Safe (MESSAGES 0)"]);
    assert_eq!(client.ok("STATUS INBOX (MESSAGES)"), ["* STATUS INBOX (MESSAGES 3)"]);
    // The same names with a certificate that can.
    let usages = |params: &mut rcgen::CertificateParams| {
        params.key_usages = vec![Usage::KeyAgreement];
        params.extended_key_usages = vec![Purpose::EmailProtection];
    };
    let text = made(usages, &P256);
    client.ok(&format!("COPY 1:* Safe ENCRYPTED \"{text}\""));
    let wrapped: Vec<&str> = text.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----\r\n", wrapped.join("\r\n"));
    client.ok(&format!("MOVE 1:* Safe ENCRYPTED {{{}+}}\r\n{pem}", pem.len()));
    assert_eq!(client.ok("STATUS Safe (MESSAGES)"), ["* STATUS Safe (MESSAGES 6)"]);
    assert_eq!(client.command("COPY 1 Safe ENCRYPTED").1.split(' ').next(), Some("BAD"));
    assert_eq!(client.command("COPY 1 Safe CLEAR *").1.split(' ').next(), Some("BAD"));
}

/// A mailbox whose annotation has all mail in it encrypted, however it comes.
#[test]
fn a_mailbox_that_has_all_mail_encrypted() {
    if !installed("openssl") {
        return;
    }
    const ENTRY: &str = "/shared/vendor/gatepost/encrypt-to";
    let server = Server::start("");
    let directory = server.directory.path().to_path_buf();
    let own = pair(&directory, "own", &["rsa:2048"]);
    let ec = pair(&directory, "ec", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let mut client = server.user("user1");
    for name in ["Safe", "Safe2", "Other", "Clear"] {
        client.ok(&format!("CREATE {name}"));
    }
    let refused = |client: &mut Client, command: &str| {
        let (_, end) = client.command(command);
        assert!(end.starts_with("NO [CANNOT]"), "{command}: {end}");
    };
    refused(&mut client, &format!("SETMETADATA Safe ({ENTRY} \"*\")"));
    refused(&mut client, &format!("SETMETADATA Safe ({ENTRY} \"rubbish!\")"));
    assert!(server.ctl(&["account", "certificate", "user1", own.0.to_str().unwrap()]).status.success());
    client.ok(&format!("SETMETADATA Safe ({ENTRY} \"*\")"));
    client.ok(&format!("SETMETADATA Safe2 ({ENTRY} \"*\")"));
    client.ok(&format!("SETMETADATA Other ({ENTRY} \"{}\")", base64_of(&ec.0)));

    // APPEND, of several messages; what comes of them is what was sent.
    let message = b"Subject: secret\r\n\r\nbody one\r\n";
    let second = b"Subject: second\r\n\r\nbody two\r\n";
    let text = |message: &[u8]| String::from_utf8(message.to_vec()).unwrap();
    let literal = |message: &[u8]| format!("{{{}+}}\r\n{}", message.len(), text(message));
    client.ok(&format!("APPEND Safe (\\Seen) {} {}", literal(message), literal(second)));
    client.ok(&format!("APPEND Clear {}", literal(message)));
    client.ok("SELECT Safe");
    for (at, message) in [&message[..], second].iter().enumerate() {
        let enveloped = fetched(&mut client, at + 1);
        assert!(!enveloped.contains("body"), "{enveloped}");
        assert_eq!(decrypted(&directory, &enveloped, &own), *message);
    }
    assert!(client.ok("FETCH 1 FLAGS")[0].contains("\\Seen"));
    assert!(client.ok("SEARCH BODY one").iter().all(|line| line == "* SEARCH"), "what is kept for SEARCH is sealed");

    // COPY from the clear, for another certificate, and import.
    client.ok("SELECT Clear");
    client.ok("COPY 1 Other");
    client.ok("COPY 1 Safe");
    client.ok("SELECT Other");
    assert_eq!(decrypted(&directory, &fetched(&mut client, 1), &ec), message);
    let mbox = directory.join("mail.mbox");
    std::fs::write(&mbox, "From a@b Thu Aug 22 12:36:23 2002\nSubject: imported\n\nx\n").unwrap();
    let done = server.ctl(&["import", "--account", "user1", "--mailbox", "Safe", mbox.to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
    client.ok("SELECT Safe");
    assert_eq!(decrypted(&directory, &fetched(&mut client, 3), &own), message);
    assert_eq!(decrypted(&directory, &fetched(&mut client, 4), &own), b"Subject: imported\r\n\r\nx\r\n");

    // Between two for one certificate once is enough; for another it is encrypted again, and so it is in clear mailboxes.
    let before = fetched(&mut client, 1);
    client.ok("COPY 1:* Safe2");
    client.ok("COPY 1 Other");
    client.ok("COPY 1 Safe");
    client.ok("COPY 1 Clear");
    client.ok("SELECT Safe2");
    assert_eq!(fetched(&mut client, 1), before);
    client.ok("SELECT Safe");
    assert_eq!(fetched(&mut client, 5), before);
    client.ok("SELECT Other");
    assert_eq!(decrypted(&directory, &fetched(&mut client, 2), &ec), before.as_bytes());

    // REPLACE, and a message that imitates an envelope from outside.
    client.ok("SELECT Safe");
    client.ok(&format!("REPLACE 2 Safe {}", literal(message)));
    let last = client.ok("STATUS Safe (MESSAGES)").remove(0);
    assert_eq!(last, "* STATUS Safe (MESSAGES 5)");
    assert_eq!(decrypted(&directory, &fetched(&mut client, 5), &own), message);
    client.ok(&format!("APPEND Safe {}", literal(before.as_bytes())));
    assert_eq!(decrypted(&directory, &fetched(&mut client, 6), &own), before.as_bytes());

    // Without a certificate nothing comes in, in the clear least of all.
    assert!(server.ctl(&["account", "certificate", "user1", "--remove"]).status.success());
    refused(&mut client, &format!("APPEND Safe {}", literal(message)));
    client.ok("SELECT Clear");
    refused(&mut client, "COPY 1 Safe");
    refused(&mut client, "MOVE 1 Safe");
    assert!(
        !server.ctl(&["import", "--account", "user1", "--mailbox", "Safe", mbox.to_str().unwrap()]).status.success()
    );
    assert_eq!(client.ok("STATUS Safe (MESSAGES)"), ["* STATUS Safe (MESSAGES 6)"]);
    client.ok(&format!("SETMETADATA Safe ({ENTRY} NIL)"));
    client.ok(&format!("APPEND Safe {}", literal(message)));
    client.ok("SELECT Safe");
    assert_eq!(fetched(&mut client, 7), text(message));
    assert!(server.ctl(&["check"]).status.success());
}
