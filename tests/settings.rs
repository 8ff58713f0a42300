//! What settings change of the protocol: UTF-8, literals, submission servers.

mod common;

use common::Server;

fn capabilities(server: &Server) -> String {
    let mut client = server.client();
    client.greeting();
    client.ok("CAPABILITY").remove(0) + " "
}

/// RFC 6855 6; RFC 9755 7
#[test]
fn utf8_only() {
    let server = Server::start("UTF-8 = only");
    let listed = capabilities(&server);
    assert!(listed.contains(" UTF8=ONLY ") && !listed.contains("UTF8=ACCEPT"), "{listed}");
    let mut client = server.user("user1");
    for command in ["SELECT INBOX", "LIST \"\" *", "STATUS INBOX (MESSAGES)", "CREATE x", "IDLE"] {
        assert!(client.command(command).1.starts_with("NO [CANNOT]"), "{command}");
    }
    assert!(client.append("INBOX", b"A: b\r\n").unwrap().starts_with("NO [CANNOT]"));
    client.ok("NOOP");
    client.ok("ID NIL");
    assert_eq!(client.ok("ENABLE UTF8=ONLY"), ["* ENABLED"]);
    assert!(client.command("SELECT INBOX").1.starts_with("NO [CANNOT]"));
    assert_eq!(client.ok("ENABLE UTF8=ACCEPT"), ["* ENABLED UTF8=ACCEPT"]);
    client.ok("SELECT INBOX");
    // Modified UTF-7 means nothing.
    client.ok("CREATE \"&AOQ-\"");
    assert!(client.ok("LIST \"\" *").iter().any(|line| line.ends_with("\"/\" &AOQ-")));
    let mut other = server.user("user1");
    other.ok("ENABLE IMAP4rev2");
    other.ok("SELECT INBOX");
}

/// What a program that moves old mail sends and gets back, though it has not enabled anything.
#[test]
fn headers_in_eight_bits_stay_as_they_are() {
    let server = Server::start("");
    assert!(capabilities(&server).contains("UTF8=ACCEPT"));
    let mut client = server.user("user1");
    assert!(client.append("INBOX", "Subject: ü\r\n\r\n".as_bytes()).unwrap().starts_with("OK"));
    client.ok("SELECT INBOX");
    let header = "* 1 FETCH (BODY[HEADER] {15}\r\nSubject: ü\r\n\r\n)";
    assert_eq!(client.command("FETCH 1 BODY.PEEK[HEADER]"), (vec![header.into()], "OK FETCH completed".into()));
}

#[test]
fn utf8_off() {
    let server = Server::start("UTF-8 = off");
    assert!(!capabilities(&server).contains("UTF8="));
    let mut client = server.user("user1");
    assert_eq!(client.ok("ENABLE UTF8=ACCEPT"), ["* ENABLED"]);
    assert!(client.append("INBOX", "Subject: ü\r\n\r\n".as_bytes()).unwrap().starts_with("OK"));
    client.ok("SELECT INBOX");
    let header = "* 1 FETCH (BODY[HEADER] {15}\r\nSubject: ü\r\n\r\n)";
    assert_eq!(client.command("FETCH 1 BODY.PEEK[HEADER]"), (vec![header.into()], "OK FETCH completed".into()));
}

/// RFC 9755 5: a name and a password that are not ASCII.
#[test]
fn names_in_utf8() {
    let mut server = Server::prepare("");
    let passwd = std::fs::read_to_string(server.path("passwd")).unwrap();
    std::fs::write(server.path("passwd"), passwd + "jürgen:{PLAIN}grüße\n").unwrap();
    server.restart();
    let mut client = server.client();
    client.greeting();
    // \0jürgen\0grüße
    let (_, end) = client.command("AUTHENTICATE PLAIN AGrDvHJnZW4AZ3LDvMOfZQ==");
    assert!(end.starts_with("OK"), "{end}");
    let mut client = server.client();
    client.greeting();
    assert!(client.command("AUTHENTICATE PLAIN AGrDvHJnZW4AZ3J1ZXNzZQ==").1.starts_with("NO"));
}

/// RFC 7888 5
#[test]
fn small_literals() {
    let server = Server::start("Non-Synchronizing Literals = small");
    let listed = capabilities(&server);
    assert!(listed.contains(" LITERAL- ") && !listed.contains("LITERAL+"), "{listed}");
    let mut client = server.user("user1");
    let message = |octets: usize| [b"A: b\r\n\r\n".as_slice(), &vec![b'x'; octets - 8]].concat();
    assert!(client.append("INBOX", &message(4096)).unwrap().starts_with("OK"));
    assert!(client.append("INBOX", &message(4097)).unwrap().starts_with("BAD [TOOBIG]"));
    client.send(b"s APPEND INBOX {4097}\r\n");
    assert!(client.response().unwrap().starts_with("+ "));
    client.send(&[message(4097).as_slice(), b"\r\n"].concat());
    assert!(client.response().unwrap().starts_with("s OK"));
    let plus = capabilities(&Server::start(""));
    assert!(plus.contains(" LITERAL+ ") && !plus.contains("LITERAL-"), "{plus}");
}
