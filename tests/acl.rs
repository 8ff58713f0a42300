//! Mailboxes of others: who may see and do what, by name, in LIST, and by aliases. RFC 4314; CommuniGate Pro

mod common;

use common::{Client, Server};

const MAIL: &[u8] = b"Subject: shared\r\n\r\nsome text\r\n";

fn no(client: &mut Client, command: &str, code: &str) {
    let (_, end) = client.command(command);
    assert!(end.starts_with(&format!("NO [{code}]")), "{command}: {end}");
}

/// A mailbox of user1, with one message, and a client of each of two users.
fn shared() -> (Server, Client, Client) {
    let server = Server::start("");
    let (mut owner, mut other) = (server.user("user1"), server.user("user2"));
    owner.ok("CREATE Shared");
    owner.append("Shared", MAIL).unwrap();
    other.ok("NOOP");
    (server, owner, other)
}

#[test]
fn what_may_not_be_seen_does_not_exist() {
    let (_server, mut owner, mut other) = shared();
    for command in [
        "SELECT {}",
        "STATUS {} (MESSAGES)",
        "DELETE {}",
        "GETACL {}",
        "MYRIGHTS {}",
        "RENAME {} x",
        "GETQUOTAROOT {}",
        "CREATE {}/x",
    ] {
        let answers = ["~user1/Shared", "~user1/Nothing", "~nobody/Shared"].map(|name| {
            let (untagged, end) = other.command(&command.replace("{}", name));
            assert!(untagged.is_empty(), "{command}: {untagged:?}");
            end
        });
        assert!(answers[0].starts_with("NO [NONEXISTENT]"), "{command}: {}", answers[0]);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{command}: {answers:?}");
    }
    no(&mut other, "APPEND ~user1/Shared {1+}\r\nx", "NONEXISTENT");
    assert!(other.ok("LIST \"\" ~user1/*").is_empty());
    assert!(other.ok("LIST \"\" ~nobody/*").is_empty());
    // Rights that do not say that the mailbox may be seen are of no use.
    owner.ok("SETACL Shared user2 rswi");
    no(&mut other, "SELECT ~user1/Shared", "NONEXISTENT");
}

#[test]
fn each_right_is_needed_for_something() {
    let (_server, mut owner, mut other) = shared();
    owner.ok("SETACL Shared user2 l");
    assert_eq!(other.ok("MYRIGHTS ~user1/Shared"), ["* MYRIGHTS ~user1/Shared l"]);
    no(&mut other, "SELECT ~user1/Shared", "NOPERM");
    no(&mut other, "STATUS ~user1/Shared (MESSAGES)", "NOPERM");
    owner.ok("SETACL Shared user2 +r");
    let opened = other.ok("SELECT ~user1/Shared");
    assert!(opened.iter().any(|line| line.starts_with("* OK [PERMANENTFLAGS ()]")), "{opened:?}");
    no(&mut other, "STORE 1 +FLAGS (\\Flagged)", "NOPERM");
    // Reading leaves \\Seen alone.
    other.ok("FETCH 1 BODY[]");
    assert!(other.ok("FETCH 1 FLAGS")[0].contains("FLAGS (\\Recent)"));
    owner.ok("SETACL Shared user2 +s");
    let opened = other.ok("SELECT ~user1/Shared");
    assert!(opened.iter().any(|line| line.contains("[PERMANENTFLAGS (\\Seen)]")), "{opened:?}");
    other.ok("FETCH 1 BODY[TEXT]");
    assert!(other.ok("FETCH 1 FLAGS")[0].contains("\\Seen"));
    no(&mut other, "STORE 1 +FLAGS (\\Flagged)", "NOPERM");
    no(&mut other, "STORE 1 FLAGS (\\Seen)", "NOPERM");
    // Of several flags those that may be changed are.
    owner.ok("SETACL Shared user2 +w");
    other.ok("SELECT ~user1/Shared");
    other.ok("STORE 1 +FLAGS (\\Flagged \\Deleted)");
    let flags = other.ok("FETCH 1 FLAGS").remove(0);
    assert!(flags.contains("\\Flagged") && !flags.contains("\\Deleted"), "{flags}");
    no(&mut other, "EXPUNGE", "NOPERM");
    no(&mut other, "MOVE 1 INBOX", "NOPERM");
    no(&mut other, "APPEND ~user1/Shared {1+}\r\nx", "NOPERM");
    owner.ok("SETACL Shared user2 +i");
    assert!(other.append("~user1/Shared", MAIL).unwrap().starts_with("OK [APPENDUID"));
    no(&mut other, "CREATE ~user1/Shared/below", "NOPERM");
    owner.ok("SETACL Shared user2 +k");
    other.ok("CREATE ~user1/Shared/below");
    // It has the list of the mailbox above.
    assert_eq!(
        other.ok("MYRIGHTS ~user1/Shared/below")[0],
        other.ok("MYRIGHTS ~user1/Shared")[0].replace("Shared", "Shared/below")
    );
    no(&mut other, "DELETE ~user1/Shared/below", "NOPERM");
    no(&mut other, "GETACL ~user1/Shared", "NOPERM");
    owner.ok("SETACL Shared user2 lrswikd");
    owner.ok("SETACL Shared/below user2 lrswikd");
    other.ok("DELETE ~user1/Shared/below");
    other.ok("SELECT ~user1/Shared");
    other.ok("COPY 1 INBOX");
    other.ok("MOVE 1 INBOX");
    assert!(other.ok("STATUS INBOX (MESSAGES)")[0].contains("MESSAGES 2"));
    owner.ok("SETACL Shared user2 +a");
    let acl = other.ok("GETACL ~user1/Shared");
    assert_eq!(acl, ["* ACL ~user1/Shared user1 lrswipkxteancd user2 lrswikxteacd"]);
    other.ok("DELETEACL ~user1/Shared user2");
    no(&mut other, "SELECT ~user1/Shared", "NONEXISTENT");
    assert_eq!(owner.ok("GETACL Shared"), ["* ACL Shared user1 lrswipkxteancd"]);
    // Another account has octets of its own: what was copied stays when the source is gone.
    owner.ok("DELETE Shared");
    other.ok("SELECT INBOX");
    assert!(other.ok("FETCH 2 BODY[TEXT]").concat().contains("some text"));
}

/// Whoever has a mailbox selected has no more rights there than its list gives now. RFC 4314 4
#[test]
fn rights_are_taken_away_while_the_mailbox_is_selected() {
    let (server, mut owner, mut other) = shared();
    let mut searching = server.user("user2");
    owner.ok("SETACL Shared user2 lrswite");
    for client in [&mut other, &mut searching] {
        client.ok("SELECT ~user1/Shared");
    }
    searching.ok("SEARCH RETURN (UPDATE ALL CONTEXT) ALL");
    other.ok("STORE 1 +FLAGS (\\Deleted)");
    owner.ok("SETACL Shared user2 lr");
    owner.append("Shared", MAIL).unwrap();
    assert!(other.ok("NOOP").contains(&"* 2 EXISTS".to_string()));
    other.ok("FETCH 1:2 BODY[]");
    for command in ["STORE 2 +FLAGS (\\Flagged)", "EXPUNGE", "MOVE 1 INBOX", "APPEND ~user1/Shared {1+}\r\nx"] {
        no(&mut other, command, "NOPERM");
    }
    other.ok("CLOSE");
    assert_eq!(owner.ok("STATUS Shared (MESSAGES)"), ["* STATUS Shared (MESSAGES 2)"]);
    other.ok("SELECT ~user1/Shared");
    owner.ok("SETACL Shared user2 l");
    no(&mut other, "FETCH 1 BODY[]", "NOPERM");
    owner.ok("DELETEACL Shared user2");
    owner.append("Shared", MAIL).unwrap();
    owner.ok("SELECT Shared");
    owner.ok("STORE 1 +FLAGS (\\Flagged)");
    for client in [&mut other, &mut searching] {
        assert!(client.ok("NOOP").is_empty());
        for command in [
            "FETCH 1:* BODY[]",
            "SEARCH ALL",
            "ESEARCH IN (selected) RETURN (COUNT) ALL",
            "SORT (SUBJECT) UTF-8 ALL",
            "STORE 1 +FLAGS (\\Seen)",
            "COPY 1 INBOX",
            "EXPUNGE",
        ] {
            no(client, command, "NONEXISTENT");
        }
        let (untagged, _) = client.command("STATUS INBOX (MESSAGES)");
        assert_eq!(untagged, ["* STATUS INBOX (MESSAGES 0)"]);
        client.ok("NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange))");
    }
    owner.ok("STORE 2 +FLAGS (\\Flagged)");
    assert!(other.ok("NOOP").is_empty());
    // Rights that come back are there again.
    owner.ok("SETACL Shared user2 lrs");
    assert!(other.ok("NOOP").contains(&"* 3 EXISTS".to_string()));
    other.ok("CLOSE");
}

#[test]
fn groups_domains_and_negative_rights() {
    let mut server = Server::start("");
    let path = server.path("gatepost.ini");
    let groups = format!("[Auth]\nGroups File = {}\n", server.path("groups").display());
    let config = std::fs::read_to_string(&path).unwrap().replace("[Auth]\n", &groups);
    std::fs::write(&path, config).unwrap();
    std::fs::write(server.path("groups"), "sales: user2, user3\n").unwrap();
    server.restart();
    let mut owner = server.user("user1");
    owner.ok("CREATE Orders");
    owner.ok("SETACL Orders #sales lr");
    owner.ok("SETACL Orders -user3 r");
    for (user, rights) in [("user2", "lr"), ("user3", "l")] {
        let answer = server.user(user).ok("MYRIGHTS ~user1/Orders").remove(0);
        assert_eq!(answer, format!("* MYRIGHTS ~user1/Orders {rights}"));
    }
    no(&mut server.user("user4"), "MYRIGHTS ~user1/Orders", "NONEXISTENT");
    owner.ok("SETACL Orders anyone lrs");
    assert!(server.user("user4").ok("MYRIGHTS ~user1/Orders")[0].ends_with(" lrs"));
    assert_eq!(owner.ok("LISTRIGHTS Orders user2")[0], "* LISTRIGHTS Orders user2 \"\" l r s w i p k x t e a n c d");
    assert!(owner.command("SETACL Orders \"a b\" l").1.starts_with("BAD"));
    assert!(owner.command("SETACL Orders user2 lq").1.starts_with("BAD"));
    // A file that is wrong changes nothing.
    std::fs::write(server.path("groups"), "nonsense\n").unwrap();
    server.ctl(&["reload"]);
    owner.ok("DELETEACL Orders anyone");
    let mut member = server.user("user2");
    assert!(member.ok("MYRIGHTS ~user1/Orders")[0].ends_with(" lr"));
    // Who is in a group no more has nothing by it, connected or not.
    member.ok("SELECT ~user1/Orders");
    std::fs::write(server.path("groups"), "sales: user3\n").unwrap();
    server.ctl(&["reload"]);
    for _ in 0..1000 {
        if !member.command("SEARCH ALL").1.starts_with("OK") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    no(&mut member, "SEARCH ALL", "NONEXISTENT");
    no(&mut member, "MYRIGHTS ~user1/Orders", "NONEXISTENT");
}

#[test]
fn others_mailboxes_in_lists() {
    let server = Server::start("");
    let (mut owner, mut other) = (server.user("user1"), server.user("user2"));
    for name in ["a/b/c", "a/x", "d"] {
        owner.ok(&format!("CREATE {name}"));
    }
    owner.ok("SETACL a/b/c user2 lr");
    owner.ok("SETACL d user2 lr");
    let listed = |client: &mut Client, command: &str| {
        let mut lines = client.ok(command);
        lines.sort();
        lines
    };
    assert_eq!(
        listed(&mut other, "LIST \"\" ~user1/%"),
        ["* LIST (\\HasNoChildren) \"/\" ~user1/d", "* LIST (\\Noselect \\HasChildren) \"/\" ~user1/a",]
    );
    let all = listed(&mut other, "LIST \"\" ~user1/*");
    assert!(
        all.iter().any(|line| line.ends_with("~user1/a/b/c")) && !all.iter().any(|line| line.contains("x")),
        "{all:?}"
    );
    assert!(!listed(&mut other, "LIST \"\" *").iter().any(|line| line.contains('~')));
    assert_eq!(listed(&mut other, "LIST ~user1/a/ *").len(), 2);
    let rights = other.ok("LIST \"\" ~user1/d RETURN (MYRIGHTS STATUS (MESSAGES))");
    assert_eq!(rights[1..], ["* MYRIGHTS ~user1/d lr", "* STATUS ~user1/d (MESSAGES 0)"]);
    // Any name can be subscribed to.
    for name in ["~user1/d", "~user1/gone", "none"] {
        other.ok(&format!("SUBSCRIBE {name}"));
    }
    assert_eq!(listed(&mut other, "LSUB \"\" *").len(), 3);
    assert_eq!(
        listed(&mut other, "LIST (SUBSCRIBED) \"\" *"),
        [
            "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" none",
            "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" ~user1/gone",
            "* LIST (\\Subscribed \\HasNoChildren) \"/\" ~user1/d",
        ]
    );
    assert_eq!(other.ok("NAMESPACE"), ["* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) NIL"]);
    // One's own mailboxes have that form as well.
    owner.ok("SELECT ~user1/d");
    // The account `public` has a namespace of its own, as soon as it is there.
    let passwd = std::fs::read_to_string(server.path("passwd")).unwrap();
    std::fs::write(server.path("passwd"), passwd + "public:{PLAIN}secret\n").unwrap();
    assert!(server.ctl(&["mailbox", "create", "public", "News"]).status.success());
    server.user("public").ok("SETACL News anyone lrs");
    assert_eq!(other.ok("NAMESPACE"), ["* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) ((\"~public/\" \"/\"))"]);
    other.ok("SELECT ~public/News");
}

#[test]
fn aliases_lead_to_mailboxes() {
    let (server, mut owner, mut other) = shared();
    owner.ok("CREATE Shared/below");
    owner.ok("SETACL Shared user2 lrswi");
    owner.ok("SETACL Shared/below user2 lr");
    let alias = |arguments: &[&str]| {
        let done = server.ctl(&[&["alias"], arguments].concat());
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    alias(&["add", "user2", "Orders", "~user1/Shared"]);
    alias(&["add", "user2", "Mine", "INBOX"]);
    assert!(alias(&["list", "user2"]).contains("~user1/Shared"));
    let names: Vec<String> =
        other.ok("LIST \"\" *").iter().map(|line| line.rsplit(' ').next().unwrap().into()).collect();
    assert_eq!(names, ["INBOX", "Mine", "Orders", "Orders/below"]);
    other.ok("SELECT Orders");
    assert!(other.ok("FETCH 1 BODY[TEXT]").concat().contains("some text"));
    assert!(other.append("Orders", MAIL).unwrap().starts_with("OK"));
    other.ok("SELECT Orders/below");
    assert!(owner.ok("STATUS Shared (MESSAGES)")[0].contains("MESSAGES 2"));
    other.append("Mine", MAIL).unwrap();
    assert!(other.ok("STATUS INBOX (MESSAGES)")[0].contains("MESSAGES 1"));
    alias(&["remove", "user2", "Mine"]);
    no(&mut other, "SELECT Mine", "NONEXISTENT");
    assert_eq!(server.ctl(&["alias", "add", "user2", "INBOX", "x"]).status.code(), Some(73));
}

#[test]
fn aliases_by_metadata() {
    let (server, mut owner, mut other) = shared();
    owner.ok("CREATE Shared/below");
    for name in ["Shared", "Shared/below"] {
        owner.ok(&format!("SETACL {name} user2 lrswi"));
    }
    let entry = "/private/vendor/gatepost/alias";
    other.ok(&format!("SETMETADATA \"\" ({entry}/Work/Orders \"~user1/Shared\" {entry}/Entw&APw-rfe \"INBOX\")"));
    let listed = |client: &mut Client, command: &str| client.ok(command);
    assert_eq!(
        listed(&mut other, "LIST \"\" *"),
        [
            "* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe",
            "* LIST (\\HasNoChildren) \"/\" INBOX",
            "* LIST (\\Noselect \\HasChildren) \"/\" Work",
            "* LIST (\\HasChildren) \"/\" Work/Orders",
            "* LIST (\\HasNoChildren) \"/\" Work/Orders/below",
        ]
    );
    assert_eq!(listed(&mut other, "LIST \"\" Work/%"), ["* LIST (\\HasChildren) \"/\" Work/Orders"]);
    other.ok("SELECT Work/Orders/below");
    assert!(other.append("Entw&APw-rfe", MAIL).unwrap().starts_with("OK"));
    assert_eq!(
        other.ok(&format!("GETMETADATA (DEPTH infinity) \"\" {entry}")),
        [format!("* METADATA \"\" ({entry}/Entw&APw-rfe \"INBOX\" {entry}/Work/Orders \"~user1/Shared\")")]
    );
    assert!(String::from_utf8(server.ctl(&["alias", "list", "user2"]).stdout).unwrap().contains("Entwürfe"));
    // Subscribed by its alias.
    other.ok("SUBSCRIBE Work/Orders");
    assert_eq!(
        listed(&mut other, "LIST (SUBSCRIBED) \"\" *"),
        ["* LIST (\\Subscribed \\HasChildren) \"/\" Work/Orders"]
    );
    no(&mut other, &format!("SETMETADATA \"\" ({entry}/INBOX \"~user1/Shared\")"), "ALREADYEXISTS");
    no(&mut other, &format!("SETMETADATA \"\" ({entry}/x \"a//b\")"), "CANNOT");
    no(&mut other, &format!("SETMETADATA \"\" ({entry}/&bad \"INBOX\")"), "CANNOT");
    // The mailbox is no longer to be seen, then the alias is no longer there.
    owner.ok("DELETEACL Shared user2");
    assert_eq!(listed(&mut other, "LIST \"\" Work*").len(), 3);
    owner.ok("DELETEACL Shared/below user2");
    assert!(listed(&mut other, "LIST \"\" Work/*").is_empty());
    other.ok(&format!("SETMETADATA \"\" ({entry}/Work/Orders NIL {entry}/none NIL)"));
    assert!(listed(&mut other, "LIST \"\" Work*").is_empty());
}

#[test]
fn foreign_names_for_clients_that_know_none() {
    let (_server, mut owner, mut other) = shared();
    owner.ok("CREATE Shared/below");
    for name in ["Shared", "Shared/below"] {
        owner.ok(&format!("SETACL {name} user2 lr"));
    }
    // Nothing is known of other accounts as long as nothing leads there.
    assert!(other.ok("LIST \"\" ~%").is_empty() && other.ok("LIST \"\" ~*").is_empty());
    for name in ["~user1/Shared", "~user1/later", "~nobody/x"] {
        other.ok(&format!("SUBSCRIBE {name}"));
    }
    assert_eq!(other.ok("LIST \"\" ~%"), ["* LIST (\\Noselect \\HasChildren) \"/\" ~user1"]);
    assert_eq!(
        other.ok("LIST \"\" ~*"),
        [
            "* LIST (\\Noselect \\HasChildren) \"/\" ~user1",
            "* LIST (\\HasChildren) \"/\" ~user1/Shared",
            "* LIST (\\HasNoChildren) \"/\" ~user1/Shared/below",
        ]
    );
    assert_eq!(
        other.ok("LIST (SUBSCRIBED) \"\" *"),
        [
            "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" ~nobody/x",
            "* LIST (\\Subscribed \\HasChildren) \"/\" ~user1/Shared",
            "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" ~user1/later",
        ]
    );
    assert_eq!(other.ok("LSUB \"\" %"), ["* LSUB (\\Noselect) \"/\" ~nobody", "* LSUB (\\Noselect) \"/\" ~user1"]);
    assert_eq!(other.ok("LSUB \"\" ~user1/%"), ["* LSUB () \"/\" ~user1/Shared", "* LSUB () \"/\" ~user1/later"]);
    other.ok("SELECT ~user1/Shared");
    // What is not mail is not shown, whosever it is.
    owner.ok("SETMETADATA Shared/below (/shared/vendor/gatepost/class \"IPF.Contact\")");
    assert_eq!(other.ok("LIST \"\" ~user1/*"), ["* LIST (\\HasNoChildren) \"/\" ~user1/Shared"]);
    other.ok("SUBSCRIBE ~user1/Shared/below");
    assert_eq!(other.ok("LSUB \"\" *below").len(), 0);
    assert_eq!(other.ok("LIST (SUBSCRIBED CLASS) \"\" *below").len(), 1);
}

#[test]
fn classes_by_the_administrator() {
    let mut server = Server::start("[Domain example.com]\nShow Non-Mail Mailboxes = yes\n");
    let passwd = std::fs::read_to_string(server.path("passwd")).unwrap();
    std::fs::write(server.path("passwd"), passwd + "joe@example.com:{PLAIN}secret\n").unwrap();
    server.restart();
    let ctl = |server: &Server, arguments: &[&str]| {
        let done = server.ctl(arguments);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let names = |server: &Server, user: &str| server.user(user).ok("LIST \"\" *").len();
    for user in ["user1", "joe@example.com"] {
        ctl(&server, &["mailbox", "create", "--class", "IPF.Contact", user, "People"]);
        ctl(&server, &["mailbox", "create", user, "Plain"]);
        ctl(&server, &["mailbox", "class", user, "Plain", "Own.Class"]);
        assert!(ctl(&server, &["mailbox", "class", user, "People"]).contains("IPF.Contact"));
        assert!(ctl(&server, &["mailbox", "class", user, "INBOX"]).contains("IPF.Note"));
    }
    assert_eq!((names(&server, "user1"), names(&server, "joe@example.com")), (1, 3));
    // The account's own word goes before the domain's, and is kept.
    assert!(ctl(&server, &["account", "settings", "user1", "--show-non-mail", "yes"]).contains("yes"));
    ctl(&server, &["account", "settings", "joe@example.com", "--show-non-mail", "no"]);
    server.restart();
    assert_eq!((names(&server, "user1"), names(&server, "joe@example.com")), (3, 1));
    ctl(&server, &["account", "settings", "joe@example.com", "--show-non-mail", "default"]);
    ctl(&server, &["mailbox", "class", "user1", "Plain", "ipf.note"]);
    ctl(&server, &["account", "settings", "user1", "--show-non-mail", "no"]);
    assert_eq!((names(&server, "user1"), names(&server, "joe@example.com")), (2, 3));
    assert!(ctl(&server, &["mailbox", "list", "user1"]).contains("IPF.Contact"));
    assert_eq!(server.ctl(&["mailbox", "class", "user1", "INBOX", "IPF.Task"]).status.code(), Some(73));
    assert_eq!(server.ctl(&["mailbox", "class", "user1", "Plain", "ä"]).status.code(), Some(65));
    assert_eq!(server.ctl(&["account", "settings", "user1", "--show-non-mail", "perhaps"]).status.code(), Some(64));
}
