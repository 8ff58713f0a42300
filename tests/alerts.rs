//! Alerts: shown after login and during a session, IDLE included, once. CommuniGate Pro; RFC 9051 7.1

mod common;

use common::{Client, Server};

fn post(server: &Server, arguments: &[&str]) {
    let done = server.ctl(&[&["alert", "post"], arguments].concat());
    assert!(done.status.success(), "{done:?}");
}

/// The alerts that come with a login.
fn at_login(server: &Server, user: &str) -> (Client, Vec<String>) {
    let mut client = server.client();
    client.greeting();
    client.ok(&format!("LOGIN {user} secret"));
    let said = client.ok("NOOP");
    (client, said)
}

#[test]
fn at_login_and_during_a_session() {
    let mut server = Server::start("");
    let mut client = server.user("user1");
    post(&server, &["account", "user1", "for you"]);
    assert_eq!(client.response().unwrap(), "* OK [ALERT] for you");
    // It has been delivered.
    assert!(at_login(&server, "user1").1.is_empty());
    post(&server, &["account", "user2", "for two"]);
    post(&server, &["server", "for all"]);
    assert_eq!(client.response().unwrap(), "* OK [ALERT] for all");
    server.restart();
    let (mut two, said) = at_login(&server, "user2");
    assert_eq!(said, ["* OK [ALERT] for two", "* OK [ALERT] for all"]);
    assert!(two.ok("NOOP").is_empty(), "once to each session");
    assert_eq!(at_login(&server, "user2").1, ["* OK [ALERT] for all"]);
    let (mut idle, _) = at_login(&server, "user3");
    idle.send(b"i IDLE\r\n");
    assert!(idle.response().unwrap().starts_with('+'));
    post(&server, &["server", "to the idle"]);
    assert_eq!(idle.response().unwrap(), "* OK [ALERT] to the idle");
    let list = server.ctl(&["--json", "alert", "list"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["rows"].as_array().unwrap().len(), 2);
    for row in list["rows"].as_array().unwrap() {
        assert!(server.ctl(&["alert", "remove", &row["alert"].to_string()]).status.success());
    }
    assert!(at_login(&server, "user4").1.is_empty());
    assert_eq!(server.ctl(&["alert", "remove", "1"]).status.code(), Some(67));
    assert_eq!(server.ctl(&["alert", "post", "server", "two\nlines"]).status.code(), Some(73));
    assert_eq!(server.ctl(&["alert", "post", "account", "nobody", "x"]).status.code(), Some(67));
}

#[test]
fn domains_have_their_own() {
    let server = Server::start("");
    let passwd = std::fs::read_to_string(server.path("passwd")).unwrap();
    std::fs::write(server.path("passwd"), passwd + "joe@example.com:{PLAIN}secret\n").unwrap();
    post(&server, &["domain", "Example.com", "for the domain"]);
    assert!(at_login(&server, "user1").1.is_empty());
    assert_eq!(at_login(&server, "joe@example.com").1, ["* OK [ALERT] for the domain"]);
    assert_eq!(at_login(&server, "joe@example.com").1, ["* OK [ALERT] for the domain"]);
}

#[test]
fn who_comes_near_the_quota_is_warned() {
    let server = Server::start("");
    assert!(server.ctl(&["quota", "set", "user1", "--messages", "10"]).status.success());
    let mut client = server.user("user1");
    for _ in 0..8 {
        client.append("INBOX", b"A: 1\r\n").unwrap();
    }
    assert!(client.ok("NOOP").is_empty());
    // Before the end of the command or behind it.
    let said = [client.ok("APPEND INBOX {6+}\r\nA: 1\r\n"), client.ok("NOOP")].concat();
    assert_eq!(said, ["* OK [ALERT] Your mail takes 90% of what it may; delete some messages"]);
    client.append("INBOX", b"A: 1\r\n").unwrap();
    assert!(client.ok("NOOP").is_empty());
}

/// Wherever the mail comes from, and whatever the owner is at.
#[test]
fn the_owner_hears_of_the_quota_at_once() {
    let server = Server::start("");
    assert!(server.ctl(&["quota", "set", "user1", "--messages", "10"]).status.success());
    let mut owner = server.user("user1");
    owner.ok("CREATE Shared");
    owner.ok("CREATE Elsewhere");
    owner.ok("SETACL Shared user2 lri");
    owner.ok("SELECT Elsewhere");
    owner.send(b"i IDLE\r\n");
    assert!(owner.response().unwrap().starts_with('+'));
    let mut other = server.user("user2");
    for _ in 0..9 {
        assert!(other.append("~user1/Shared", b"A: 1\r\n").unwrap().starts_with("OK"));
    }
    let told = owner.response().unwrap();
    assert_eq!(told, "* OK [ALERT] Your mail takes 90% of what it may; delete some messages");
    assert!(other.ok("NOOP").is_empty(), "it is the owner's alone");
}
