//! Annotations: their bounds, that they are kept, and what administrators set. RFC 5464

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
    // What was acknowledged is there after a kill, and in a copy.
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
