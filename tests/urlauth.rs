//! URLs that are authorised: who may fetch what by them, and for how long.        RFC 4467; RFC 5092; RFC 5524

mod common;

use common::{Client, Server};

const MAIL: &[u8] = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n\
    --B\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9\r\n\
    --B\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\
    --B\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: x-odd\r\n\r\nxyz\r\n--B--\r\n";

/// user1 has the mail, user9 is a submission server.
fn server() -> Server {
    let mut server = Server::prepare("Tell URL Mechanisms = always");
    let path = server.path("gatepost.ini");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("[Auth]\n", "[Auth]\nSubmission Servers = user9\n")).unwrap();
    server.restart();
    let mut owner = server.user("user1");
    assert!(owner.append("INBOX", MAIL).unwrap().starts_with("OK"));
    server
}

/// The URL with its token.
fn authorized(client: &mut Client, rest: &str) -> String {
    let answer = client.ok(&format!("GENURLAUTH \"imap://user1@localhost/{rest}\" INTERNAL")).remove(0);
    answer.strip_prefix("* GENURLAUTH \"").unwrap().trim_end_matches('"').to_string()
}

/// What URLFETCH says behind the URL.
fn fetched(client: &mut Client, url: &str) -> String {
    let answer = client.ok(&format!("URLFETCH \"{url}\"")).remove(0);
    answer.strip_prefix(&format!("* URLFETCH \"{url}\" ")).unwrap_or_else(|| panic!("{answer}")).to_string()
}

const TEXT: &str = "{9}\r\ncaf=C3=A9";

#[test]
fn who_may_fetch() {
    let server = server();
    let mut owner = server.user("user1");
    let [mut submit, mut named, mut other] = ["user9", "user2", "user3"].map(|name| server.user(name));
    // 3: each identifier, and for whom it is
    let rest = "INBOX/;uid=1/;section=1";
    let for_submission = authorized(&mut owner, &format!("{rest};urlauth=submit+user1"));
    let for_one = authorized(&mut owner, &format!("{rest};urlauth=user+user2"));
    let for_users = authorized(&mut owner, &format!("{rest};urlauth=authuser"));
    let for_anyone = authorized(&mut owner, &format!("{rest};urlauth=anonymous"));
    let answers = |client: &mut Client| {
        [&for_submission, &for_one, &for_users, &for_anyone].map(|url| fetched(client, url) == TEXT)
    };
    assert_eq!(answers(&mut submit), [true, false, true, true]);
    assert_eq!(answers(&mut named), [false, true, true, true]);
    assert_eq!(answers(&mut other), [false, false, true, true]);
    assert_eq!(answers(&mut owner), [false, false, true, true]);
    // It says nothing of what is selected, and sets no flag.
    assert!(owner.ok("STATUS INBOX (UNSEEN)")[0].ends_with("(UNSEEN 1)"));
    // 3: EXPIRE
    let late = authorized(&mut owner, &format!("{rest};expire=2001-01-01T00:00:00Z;urlauth=anonymous"));
    assert_eq!(fetched(&mut other, &late), "NIL");
    let early = authorized(&mut owner, &format!("{rest};expire=2999-01-01T00:00:00+01:00;urlauth=anonymous"));
    assert_eq!(fetched(&mut other, &early), TEXT);
    // RFC 5550 5: a part of a part
    let part = authorized(&mut owner, "INBOX/;uid=1/;section=1/;partial=1.3;urlauth=anonymous");
    assert_eq!(fetched(&mut other, &part), "{3}\r\naf=");
    // 6: nothing of it can be changed, its spelling no more than its meaning.
    for (from, to) in [
        ("uid=1", "uid=2"),
        ("section=1", "section=2"),
        ("INBOX", "inbox"),
        ("INBOX", "%49NBOX"),
        ("localhost", "LOCALHOST"),
        ("anonymous", "authuser"),
        (":internal:01", ":internal:02"),
        (":internal:", ":x:"),
    ] {
        let changed = for_anyone.replace(from, to);
        assert!(changed != for_anyone && fetched(&mut other, &changed) == "NIL", "{changed}");
    }
    // What is gone is gone.
    owner.ok("SELECT INBOX");
    owner.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    owner.ok("EXPUNGE");
    assert_eq!(fetched(&mut other, &for_anyone), "NIL");
}

#[test]
fn keys_are_kept_and_reset() {
    let mut server = server();
    let mut owner = server.user("user1");
    owner.ok("CREATE Other");
    owner.ok("SELECT INBOX");
    owner.ok("COPY 1 Other");
    let inbox = authorized(&mut owner, "INBOX/;uid=1/;section=1;urlauth=anonymous");
    let other = authorized(&mut owner, "Other/;uid=1/;section=1;urlauth=anonymous");
    server.restart();
    let (mut owner, mut client) = (server.user("user1"), server.user("user2"));
    assert_eq!((fetched(&mut client, &inbox), fetched(&mut client, &other)), (TEXT.into(), TEXT.into()));
    assert_eq!(authorized(&mut owner, "INBOX/;uid=1/;section=1;urlauth=anonymous"), inbox);
    // 7: of one mailbox; the other sessions that have it selected hear of it.
    let mut waiting = server.user("user1");
    waiting.ok("SELECT INBOX");
    waiting.send(b"i IDLE\r\n");
    assert!(waiting.response().unwrap().starts_with("+ "));
    assert!(owner.command("RESETKEY INBOX").1.starts_with("OK [URLMECH INTERNAL]"));
    assert!(waiting.response().unwrap().starts_with("* OK [URLMECH INTERNAL]"));
    assert_eq!((fetched(&mut client, &inbox), fetched(&mut client, &other)), ("NIL".into(), TEXT.into()));
    let again = authorized(&mut owner, "INBOX/;uid=1/;section=1;urlauth=anonymous");
    assert!(again != inbox && fetched(&mut client, &again) == TEXT);
    // 7: of all
    owner.ok("RESETKEY");
    assert_eq!((fetched(&mut client, &again), fetched(&mut client, &other)), ("NIL".into(), "NIL".into()));
    // A mailbox of the name that is another has another key.
    let url = authorized(&mut owner, "Other/;uid=1/;section=1;urlauth=anonymous");
    owner.ok("DELETE Other");
    owner.ok("CREATE Other");
    assert!(owner.append("Other", MAIL).unwrap().starts_with("OK"));
    assert_eq!(fetched(&mut client, &url), "NIL");
    // 10: without the setting nothing is said in the clear.
    let plain = Server::start("");
    assert!(plain.user("user1").command("RESETKEY INBOX").1.starts_with("OK RESETKEY"));
}

#[test]
fn rights_are_the_owners() {
    let server = server();
    let (mut owner, mut guest, mut client) = (server.user("user2"), server.user("user1"), server.user("user3"));
    owner.ok("CREATE Shared");
    assert!(owner.append("Shared", MAIL).unwrap().starts_with("OK"));
    owner.ok("SETACL Shared user1 lr");
    let url = authorized(&mut guest, "~user2/Shared/;uid=1/;section=1;urlauth=anonymous");
    assert_eq!(fetched(&mut client, &url), TEXT);
    owner.ok("SETACL Shared user1 l");
    assert_eq!(fetched(&mut client, &url), "NIL");
    assert!(
        guest
            .command("GENURLAUTH \"imap://user1@x/~user2/Shared/;uid=1;urlauth=anonymous\" INTERNAL")
            .1
            .starts_with("BAD")
    );
    owner.ok("SETACL Shared user1 lr");
    assert_eq!(fetched(&mut client, &url), TEXT);
}

/// RFC 5524
#[test]
fn binary_and_structure() {
    let server = server();
    let mut owner = server.user("user1");
    let url = |owner: &mut Client, n: u32| authorized(owner, &format!("INBOX/;uid=1/;section={n};urlauth=anonymous"));
    let urls = [1, 2, 3, 9].map(|n| url(&mut owner, n));
    let mut fetch = |n: usize, wanted: &str| {
        let answer = owner.ok(&format!("URLFETCH (\"{}\"{wanted})", urls[n])).remove(0);
        answer.strip_prefix(&format!("* URLFETCH \"{}\" ", urls[n])).unwrap().to_string()
    };
    // 3.1: as RFC 4467 where nothing is wanted, or the part is not there
    assert_eq!(fetch(0, ""), TEXT);
    assert_eq!(fetch(3, " BODY BODYPARTSTRUCTURE"), "NIL");
    assert_eq!(fetch(0, " BODY"), format!("(BODY {TEXT})"));
    // 3.2: decoded, a literal8 where there are NULs, NIL where nobody can
    assert_eq!(fetch(0, " BINARY"), "(BINARY {5}\r\ncafé)");
    assert_eq!(fetch(1, " BINARY"), "(BINARY ~{3}\r\n\0\u{1}\u{2})");
    assert_eq!(fetch(2, " BINARY"), "(BINARY NIL)");
    let png = |encoding: &str, octets: u32| {
        format!("(BODYPARTSTRUCTURE (\"image\" \"png\" NIL NIL NIL \"{encoding}\" {octets} NIL NIL NIL NIL))")
    };
    assert_eq!(fetch(1, " BODYPARTSTRUCTURE"), png("base64", 4));
    assert_eq!(fetch(1, " BINARY BODYPARTSTRUCTURE"), png("BINARY", 3) + " (BINARY ~{3}\r\n\0\u{1}\u{2})");
    assert_eq!(fetch(2, " BODYPARTSTRUCTURE BINARY"), png("x-odd", 3) + " (BINARY NIL)");
    assert_eq!(fetch(1, " BODYPARTSTRUCTURE BODY"), png("base64", 4) + " (BODY {4}\r\nAAEC)");
}
