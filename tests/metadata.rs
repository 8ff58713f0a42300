//! Annotations: their bounds, that they are kept, and what administrators set. RFC 5464; those of messages, RFC 5257

mod common;

use common::{Client, Server};

fn no(client: &mut Client, command: &str, code: &str) {
    let (_, end) = client.command(command);
    assert!(end.starts_with(&format!("NO [{code}]")), "{command}: {end}");
}

fn set(client: &mut Client, mailbox: &str, entry: &str, octets: usize) -> String {
    let value = "x".repeat(octets);
    client.command(&format!("SETMETADATA {mailbox} ({entry} {{{octets}+}}\r\n{value})")).1
}

#[test]
fn bounds() {
    let server = Server::start(
        "Literal Memory = 4K\n[Metadata]\nMaximum Value Size = 8K\nMaximum Entries = 20\nMaximum Total Size = 64K\n",
    );
    let mut client = server.user("user1");
    client.ok("CREATE M");
    // 4.1: 1024 octets and 10 entries are always taken.
    for n in 0..10 {
        assert!(set(&mut client, "M", &format!("/private/e{n}"), 1024).starts_with("OK"));
    }
    // 4.3: the largest that there can be, from a spool file; one octet more is too many, however large it is.
    assert!(set(&mut client, "M", "/private/big", 8192).starts_with("OK"));
    for octets in [8193, 100_000] {
        assert!(set(&mut client, "M", "/private/big", octets).starts_with("NO [METADATA MAXSIZE 8192]"));
    }
    let read = client.ok("GETMETADATA M /private/big").concat();
    assert!(read.contains("{8192}\r\nxxx"), "{read:.80}");
    // Nothing else of the command is done.
    let both = format!("SETMETADATA M (/private/e0 NIL /private/big {{8193+}}\r\n{})", "x".repeat(8193));
    no(&mut client, &both, "METADATA MAXSIZE 8192");
    assert!(client.ok("GETMETADATA M /private/e0")[0].contains("{1024}"));
    // 4.3: no more entries than there may be, of each scope; what is there can be changed.
    for n in 11..20 {
        client.ok(&format!("SETMETADATA M (/private/e{n} \"\")"));
    }
    no(&mut client, "SETMETADATA M (/private/more \"\")", "METADATA TOOMANY");
    no(&mut client, "SETMETADATA M (/private/e0 \"1\" /private/more \"\")", "METADATA TOOMANY");
    client.ok("SETMETADATA M (/private/e0 \"\" /private/e1 NIL /private/more \"\")");
    client.ok("SETMETADATA M (/shared/comment \"\")");
    // 7: not in many mailboxes either.
    let mut taken = 0;
    for n in 0..20 {
        client.ok(&format!("CREATE N{n}"));
        let end = set(&mut client, &format!("N{n}"), "/shared/comment", 8000);
        taken += u32::from(end.starts_with("OK"));
        assert!(end.starts_with("OK") || end.starts_with("NO [METADATA TOOMANY]"), "{end}");
    }
    assert_eq!(taken, 8);
    client.ok("SETMETADATA N0 (/shared/comment NIL)");
    assert!(set(&mut client, "N19", "/shared/comment", 8000).starts_with("OK"));
}

#[test]
fn what_is_set_is_kept() {
    let mut server = Server::start("");
    let path = server.path("gatepost.ini");
    let config = std::fs::read_to_string(&path).unwrap();
    let config = config.replace("[Auth]\n", "[Auth]\nAdministrators = user1\n");
    let config = config.replace("[Server]\n", "[Server]\nAdministrator Contact = mailto:root@example.com\n");
    std::fs::write(&path, config).unwrap();
    server.restart();
    let mut client = server.user("user1");
    client.ok("CREATE M");
    client.ok("SETACL M user2 lr");
    client.ok("SETMETADATA M (/private/comment \"mine\" /shared/comment \"ours\")");
    client.ok("SETMETADATA \"\" (/shared/comment \"all's\" /private/vendor/x/y \"mine\")");
    no(&mut client, "SETMETADATA \"\" (/shared/admin \"x\")", "NOPERM");
    let mut other = server.user("user2");
    other.ok("SETMETADATA ~user1/M (/private/comment \"another's\")");
    // 1: what was acknowledged is there after a kill, and in a copy.
    server.kill();
    let copy = server.path("copy");
    assert!(server.ctl(&["backup", copy.to_str().unwrap()]).status.success());
    std::fs::remove_dir_all(server.path("data")).unwrap();
    let restored = server.ctl(&["restore", copy.to_str().unwrap()]);
    assert!(restored.status.success(), "{restored:?}");
    server.restart();
    let (mut client, mut other) = (server.user("user1"), server.user("user2"));
    assert_eq!(
        client.ok("GETMETADATA M (/private/comment /shared/comment)"),
        ["* METADATA M (/private/comment \"mine\" /shared/comment \"ours\")"]
    );
    assert_eq!(
        other.ok("GETMETADATA ~user1/M /private/comment"),
        ["* METADATA ~user1/M (/private/comment \"another's\")"]
    );
    let all = other.ok("GETMETADATA (DEPTH infinity) \"\" (/shared /private)");
    assert_eq!(all, ["* METADATA \"\" (/shared/admin \"mailto:root@example.com\" /shared/comment \"all's\")"]);
    assert_eq!(client.ok("GETMETADATA \"\" /private/vendor/x/y"), ["* METADATA \"\" (/private/vendor/x/y \"mine\")"]);
    // A deleted mailbox that is brought back has them again; its name does not.
    client.ok("DELETE M");
    client.ok("CREATE M");
    assert_eq!(client.ok("GETMETADATA M /private/comment"), ["* METADATA M (/private/comment NIL)"]);
    client.ok("DELETE M");
    assert!(server.ctl(&["undelete", "--account", "user1"]).status.success());
    let back = client.ok("LIST \"\" M*").len();
    let has = client.ok("GETMETADATA M /shared/comment").concat()
        + &client.ok("GETMETADATA \"M (undeleted 1)\" /shared/comment").concat();
    assert!(back == 2 && has.contains("\"ours\"") && has.contains("NIL"), "{has}");
    assert!(server.ctl(&["check"]).status.success());
}

/// RFC 5466
#[test]
fn shared_filters_are_for_all() {
    let mut server = Server::start("");
    let path = server.path("gatepost.ini");
    let config = std::fs::read_to_string(&path).unwrap().replace("[Auth]\n", "[Auth]\nAdministrators = user1\n");
    std::fs::write(&path, config).unwrap();
    server.restart();
    let (mut admin, mut user) = (server.user("user1"), server.user("user2"));
    user.ok("APPEND INBOX (\\Flagged) {16+}\r\nSubject: one\r\n\r\n");
    user.ok("APPEND INBOX (\\Seen) {16+}\r\nSubject: two\r\n\r\n");
    user.ok("SELECT INBOX");
    no(&mut user, "SETMETADATA \"\" (/shared/filters/values/mine \"SEEN\")", "NOPERM");
    no(&mut user, "SEARCH FILTER all", "UNDEFINED-FILTER all");
    admin.ok("SETMETADATA \"\" (/shared/filters/values/all \"FLAGGED\")");
    assert_eq!(user.ok("SEARCH FILTER all"), ["* SEARCH 1"]);
    // 3.2: the user's own comes first, for the user alone.
    user.ok("SETMETADATA \"\" (/private/filters/values/all \"SEEN\")");
    assert_eq!(user.ok("SEARCH FILTER all"), ["* SEARCH 2"]);
    user.ok("SETMETADATA \"\" (/private/filters/values/all NIL)");
    assert_eq!(user.ok("SEARCH FILTER all"), ["* SEARCH 1"]);
    admin.ok("SETMETADATA \"\" (/shared/filters/values/all NIL)");
    no(&mut user, "SEARCH FILTER all", "UNDEFINED-FILTER all");
}

/// RFC 5257
#[test]
fn bounds_of_annotations_of_messages() {
    let server = Server::start(
        "Literal Memory = 4K\n[Metadata]\nMaximum Value Size = 8K\nMaximum Entries = 20\nMaximum Total Size = 64K\n",
    );
    let mut client = server.user("user1");
    for n in 0..30 {
        client.ok(&format!("APPEND INBOX {{{}+}}\r\nA: {n:02}\r\n\r\nx\r\n", 12));
    }
    // 4.1: the largest value is what SELECT says, 1024 octets at least.
    let selected = client.ok("SELECT INBOX").concat();
    assert!(selected.contains("[ANNOTATIONS 8192]"), "{selected}");
    let mut store = |set: &str, entry: &str, octets: usize| {
        let value = "x".repeat(octets);
        client.command(&format!("STORE {set} ANNOTATION (/{entry} (value.priv {{{octets}+}}\r\n{value}))")).1
    };
    // 4.1: 10 entries and more; the largest value, from a spool file.
    for n in 0..19 {
        assert!(store("1", &format!("e{n}"), 1024).starts_with("OK"));
    }
    assert!(store("1", "big", 8192).starts_with("OK"));
    // 4.5: one octet more is too many, one entry more as well; nothing of the command is done.
    for octets in [8193, 100_000] {
        assert!(store("1", "big", octets).starts_with("NO [ANNOTATE TOOBIG]"));
    }
    assert!(store("2,1", "more", 1).starts_with("NO [ANNOTATE TOOMANY]"));
    assert!(store("1", "e0", 1).starts_with("OK"));
    no(
        &mut client,
        "STORE 1 ANNOTATION (/e0 (value.priv NIL) /a (value.priv \"\") /b (value.priv \"\"))",
        "ANNOTATE TOOMANY",
    );
    client.ok("STORE 1 ANNOTATION (/e0 (value.priv NIL) /a (value.priv \"\") /a (value.shared \"\"))");
    let big = "x".repeat(8193);
    let append = format!("APPEND INBOX ANNOTATION (/a (value.priv {{8193+}}\r\n{big})) {{6+}}\r\nA: 1\r\n");
    no(&mut client, &append, "ANNOTATE TOOBIG");
    let many: Vec<String> = (0..21).map(|n| format!("/e{n} (value.shared \"\")")).collect();
    no(&mut client, &format!("APPEND INBOX ANNOTATION ({}) {{6+}}\r\nA: 1\r\n", many.join(" ")), "ANNOTATE TOOMANY");
    assert_eq!(client.ok("FETCH 2 (ANNOTATION (* value))"), ["* 2 FETCH (UID 2)"]);
    // Not of all messages of a mailbox either, by STORE or COPY; fewer are always taken.
    let value = "x".repeat(4000);
    let shared = |set: &str| format!("STORE {set} ANNOTATION (/comment (value.shared {{4000+}}\r\n{value}))");
    client.ok(&shared("1:10"));
    no(&mut client, &shared("1:30"), "ANNOTATE TOOMANY");
    client.ok(&shared("11:15"));
    no(&mut client, "COPY 1:2 INBOX", "ANNOTATE TOOMANY");
    client.ok("COPY 30 INBOX");
    client.ok("STORE 1:15 ANNOTATION (/comment (value.shared \"\"))");
    client.ok(&shared("1:14"));
    // What is expunged counts no more.
    client.ok("STORE 1:14 +FLAGS.SILENT (\\Deleted)");
    client.ok("EXPUNGE");
    client.ok(&shared("1:14"));
}

#[test]
fn annotations_of_messages_are_kept() {
    let mut server = Server::start("");
    let mut client = server.user("user1");
    client.ok("CREATE M");
    client.ok("SETACL M user2 lr");
    for n in 0..3 {
        client.ok(&format!("APPEND M ANNOTATION (/comment (value.priv \"{n}\")) {{6+}}\r\nA: {n}\r\n"));
    }
    client.ok("SELECT M");
    client.ok("STORE 1 ANNOTATION (/comment (value.shared \"ours\") /vendor/x/y (value.priv ~{3+}\r\na\0b))");
    let mut other = server.user("user2");
    other.ok("SELECT ~user1/M");
    other.ok("STORE 1 ANNOTATION (/comment (value.priv \"another's\"))");
    let all = "FETCH 1:* (ANNOTATION (* value))";
    let mine = client.ok(all);
    let theirs = other.ok(all);
    assert!(theirs.concat().contains("another's") && !mine.concat().contains("another's"));
    // 1: what was acknowledged is there after a kill, and in a copy.
    server.kill();
    let copy = server.path("copy");
    assert!(server.ctl(&["backup", copy.to_str().unwrap()]).status.success());
    std::fs::remove_dir_all(server.path("data")).unwrap();
    assert!(server.ctl(&["restore", copy.to_str().unwrap()]).status.success());
    server.restart();
    let (mut client, mut other) = (server.user("user1"), server.user("user2"));
    client.ok("SELECT M");
    other.ok("SELECT ~user1/M");
    assert_eq!((client.ok(all), other.ok(all)), (mine.clone(), theirs));
    // An expunged message that is brought back has them, whosever they are; what is there is as the check expects it.
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    client.ok("EXPUNGE");
    assert!(!client.ok(all).concat().contains("ours"));
    assert!(server.ctl(&["check"]).status.success());
    assert!(server.ctl(&["undelete", "--account", "user1"]).status.success());
    client.ok("NOOP");
    other.ok("NOOP");
    let (back, theirs) =
        (client.ok("FETCH 3 (UID ANNOTATION (* value))"), other.ok("FETCH 3 (ANNOTATION (* value))"));
    assert!(
        back[0].contains("UID 4") && back.concat().contains("\"ours\"") && back.concat().contains("a\0b"),
        "{back:?}"
    );
    assert!(theirs.concat().contains("another's"));
    assert!(server.ctl(&["check"]).status.success());
    // What comes back into an account from a backup has them as well.
    client.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)");
    client.ok("EXPUNGE");
    let restored = server.ctl(&["restore", "--account", "user1", copy.to_str().unwrap()]);
    assert!(restored.status.success(), "{restored:?}");
    client.ok("NOOP");
    other.ok("NOOP");
    assert_eq!(client.ok(all), mine);
    assert!(other.ok(all).concat().contains("another's"));
    // So does a deleted mailbox.
    client.ok("UNSELECT");
    client.ok("DELETE M");
    assert!(server.ctl(&["undelete", "--account", "user1"]).status.success());
    client.ok("SELECT M");
    assert!(client.ok(all).concat().contains("\"ours\""));
    assert!(server.ctl(&["check"]).status.success());
}
