//! The admin's tool at its edges: what it is given that it cannot take, and what it must not do then.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use common::Server;

fn with_mail() -> Server {
    let server = Server::start("");
    let imported = server.ctl(&["import", "--account", "user0", "tests/data/demo.mbox"]);
    assert!(imported.status.success(), "{imported:?}");
    server
}

#[test]
fn what_cannot_be_imported_keeps_nothing_else_out() {
    let server = Server::start("Maximum Message Size = 1K");
    let import =
        |name: &str| server.ctl(&["--json", "import", "--account", "user0", server.path(name).to_str().unwrap()]);
    let result = |name: &str| {
        let done = import(name);
        let ok: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        (
            done.status.code(),
            ok["messages"].as_u64(),
            ok["left_out"].to_string(),
            String::from_utf8(done.stderr).unwrap(),
        )
    };
    // An empty file, as a delivery leaves it that was cut short, was taken for the end.
    for part in ["Maildir/cur", "empty/old"] {
        std::fs::create_dir_all(server.path(part)).unwrap();
    }
    for (name, octets) in [("1.a:2,P", "Subject: 1\n\nx\n"), ("2.b", ""), ("3.c", "Subject: 3\n\nx\n")] {
        std::fs::write(server.path("Maildir/cur").join(name), octets).unwrap();
    }
    assert_eq!(result("Maildir"), (Some(0), Some(2), "[]".into(), String::new()));
    let mut client = server.user("user0");
    client.ok("EXAMINE INBOX");
    assert_eq!(client.ok("FETCH 1 (UID FLAGS)"), ["* 1 FETCH (UID 1 FLAGS ($Forwarded \\Recent))"]);

    let mail =
        |subject: &str, line: &str| format!("From a Thu Aug 22 12:36:23 2002\nSubject: {subject}\n\n{line}\n\n");
    let mbox = [mail("1", "x"), mail("2", &"x".repeat(2000)), mail("3", "x")].concat();
    std::fs::write(server.path("large.mbox"), mbox).unwrap();
    let (code, messages, left_out, said) = result("large.mbox");
    assert_eq!((code, messages), (Some(65), Some(2)));
    assert!(left_out.contains("message 2, 2016 octets: ") && said.contains("listed (1)"), "{left_out} {said}");

    // What is no source is said to be none, and makes no mailbox.
    std::fs::write(server.path("one.eml"), "Subject: 1\n\nx\n").unwrap();
    for name in ["one.eml", "empty"] {
        let path = server.path(name);
        let done = server.ctl(&["import", "--account", "user0", "--mailbox", "New", path.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(65), "{done:?}");
    }
    assert!(!client.ok("LIST \"\" New").iter().any(|line| line.starts_with("* LIST")));
}

#[test]
fn what_an_export_would_replace_stays_until_there_is_something_to_write() {
    let server = with_mail();
    let kept = server.path("kept.mbox");
    std::fs::write(&kept, "precious ".repeat(100_000)).unwrap();
    let export = |account: &str, mailbox: &str| {
        let done = server.ctl(&["export", "--account", account, "--mailbox", mailbox, kept.to_str().unwrap()]);
        (done.status.code(), std::fs::read_to_string(&kept).unwrap_or_default())
    };
    let (code, text) = export("user0", "Nowhere");
    assert!(code == Some(67) && text.len() == 900_000, "{code:?} {}", text.len());
    let (code, text) = export("nobody", "INBOX");
    assert!(code == Some(67) && text.len() == 900_000, "{code:?} {}", text.len());
    let nothing = server.path("nothing.mbox");
    let refused = server.ctl(&["export", "--account", "user0", "--mailbox", "Nowhere", nothing.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Nowhere: No such mailbox"), "{refused:?}");
    assert!(!nothing.exists(), "a file without anything in it");
    std::fs::write(server.path("small.mbox"), "From a Thu Aug 22 12:36:23 2002\nSubject: 1\n\nx\n").unwrap();
    let small = server.path("small.mbox");
    assert!(server.ctl(&["import", "--account", "user1", small.to_str().unwrap()]).status.success());
    let (code, text) = export("user1", "INBOX");
    let fresh = server.path("fresh.mbox");
    assert!(server.ctl(&["export", "--account", "user1", fresh.to_str().unwrap()]).status.success());
    assert_eq!(std::fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(code == Some(0) && text.ends_with("Subject: 1\n\nx\n\n") && !text.contains("precious"), "{code:?}");
}

#[test]
fn options_belong_to_their_verbs() {
    let server = Server::start("");
    let misplaced: [&[&str]; 8] = [
        &["account", "remove", "user1", "--mailbox", "Old"],
        &["account", "list", "--account", "user1"],
        &["account", "certificate", "user1", "cert.pem", "--remove"],
        &["backup", "--account", "user1", "/nonexistent/backup"],
        &["mailbox", "remove", "--class", "x", "user1", "Old"],
        &["check", "--account", "user1", "--account", "user2"],
        &["quota", "show", "user1", "--storage", "1G"],
        &["who", "--repair"],
    ];
    for arguments in misplaced {
        assert_eq!(server.ctl(arguments).status.code(), Some(64), "{arguments:?}");
    }
    server.user("user1").ok("NOOP");
}

#[test]
fn who_errs_is_shown_what_there_is_of_the_kind() {
    let server = Server::start("");
    let said = |arguments: &[&str]| {
        let refused = server.ctl(arguments);
        assert_eq!(refused.status.code(), Some(64), "{refused:?}");
        String::from_utf8(refused.stderr).unwrap()
    };
    let of_mailboxes = said(&["mailbox", "lst", "user0"]);
    assert!(
        of_mailboxes.contains("\n  mailbox list ACCOUNT\n") && !of_mailboxes.contains("backup"),
        "{of_mailboxes}"
    );
    let all = said(&["mailbx", "list", "user0"]);
    assert!(all.contains("did you mean 'mailbox'?") && all.contains("\n  backup DIRECTORY\n"), "{all}");
    assert!(!said(&["--json"]).contains("did you mean"));
}

#[test]
fn names_that_mean_something_else_are_no_new_accounts() {
    let server = Server::start("");
    for name in ["anyone", "anyone@example.com", "a,b", "<x>", "a b", "a:b", ""] {
        assert_eq!(server.ctl_with(&["account", "add", name], b"pw\n").status.code(), Some(65), "{name}");
    }
    assert_eq!(server.ctl_with(&["account", "add", "--", "-joe"], b"pw\n").status.code(), Some(65));
    assert_eq!(server.ctl_with(&["account", "add", "joe"], b"p\0w\n").status.code(), Some(65));
    let added = server.ctl_with(&["--json", "account", "add", "joe"], b"pw\n");
    assert_eq!(added.stdout, b"{\"account\":\"joe\"}\n");
    let mut stranger = server.client();
    assert_eq!(server.ctl(&["kick", ""]).status.code(), Some(67));
    stranger.ok("NOOP");
}

#[test]
fn who_reads_no_further_ends_nothing() {
    let server = with_mail();
    for arguments in [["check", "--account", "user0"].as_slice(), &["--json", "check"], &["--help"], &["who"]] {
        let mut tool = server.tool().command(arguments);
        let mut child = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{arguments:?}: {done:?}");
    }
}

#[test]
fn an_alert_is_gone_with_its_account() {
    let server = Server::start("");
    let done = |arguments: &[&str], input: &[u8]| {
        let done = server.ctl_with(arguments, input);
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    for mail in ["without", "with"] {
        done(&["account", "add", "joe"], b"secret\n");
        if mail == "with" {
            done(&["mailbox", "create", "joe", "Old"], b"");
        }
        done(&["alert", "post", "account", "joe", "for the old joe"], b"");
        done(&["alert", "post", "server", "for all"], b"");
        // Where there was no mail the line in the passwd file was all that there was of it.
        done(&["account", "remove", "joe"], b"");
        let left = done(&["alert", "list"], b"");
        assert!(left.contains("for all") && !left.contains("old joe"), "{mail} mail: {left}");
    }
}

#[test]
fn undelete_knows_the_mailboxes_that_there_were() {
    let server = with_mail();
    let mut client = server.user("user0");
    client.ok("CREATE Old");
    client.ok("DELETE Old");
    let undelete = |mailbox: &str| {
        let done = server.ctl(&["undelete", "--account", "user0", "--mailbox", mailbox]);
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    assert_eq!(undelete("Olt"), (Some(67), String::new()));
    assert_eq!(undelete("Old"), (Some(0), "mailbox Old is back\n0 messages are back\n".into()));
    assert_eq!(undelete("INBOX"), (Some(0), "0 messages are back\n".into()));
}

#[test]
fn no_mailbox_is_made_that_no_client_can_reach() {
    let server = with_mail();
    let mbox = server.path("one.mbox");
    std::fs::write(&mbox, "From a Thu Aug 22 12:36:23 2002\nSubject: 1\n\nx\n").unwrap();
    let refused: [&[&str]; 4] = [
        &["mailbox", "create", "user0", "~user1/Box"],
        &["mailbox", "rename", "user0", "INBOX", "~user1/Box"],
        &["alias", "add", "user0", "~user1/Box", "INBOX"],
        &["import", "--account", "user0", "--mailbox", "~user1/INBOX", mbox.to_str().unwrap()],
    ];
    for arguments in refused {
        assert_eq!(server.ctl(arguments).status.code(), Some(65), "{arguments:?}");
    }
    let list = String::from_utf8(server.ctl(&["mailbox", "list", "user0"]).stdout).unwrap();
    assert!(list.contains("INBOX") && !list.contains('~'), "{list}");
    assert!(server.ctl(&["alias", "add", "user0", "Theirs", "~user1/INBOX"]).status.success());
}
