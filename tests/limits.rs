//! MESSAGELIMIT and SAVELIMIT.                      RFC 9738

mod common;

use common::{Client, Server};

/// A server of this limit, a mailbox with so many messages, and a client that has selected it.
fn with(limit: &str, messages: usize) -> (Server, Client) {
    let server = Server::start(limit);
    let mut client = server.user("user1");
    client.ok("CREATE box");
    for _ in 0..messages {
        client.append("box", b"A: 1\r\n").unwrap();
    }
    client.ok("SELECT box");
    (server, client)
}

fn uids(responses: &[String]) -> Vec<u32> {
    let uid = |line: &String| line.split("UID ").nth(1)?.split([' ', ')']).next()?.parse().ok();
    responses.iter().filter_map(uid).collect()
}

// 3: one of the two is listed, where there is a limit.
#[test]
fn the_limit_is_listed() {
    let capabilities = |limit: &str| {
        let server = Server::start(limit);
        server.user("user1").ok("CAPABILITY").remove(0)
    };
    let none = capabilities("");
    assert!(!none.contains("MESSAGELIMIT") && !none.contains("SAVELIMIT"), "{none}");
    let both = capabilities("Message Limit = 1000\nSave Limit = 5");
    assert!(both.contains(" MESSAGELIMIT=1000") && !both.contains("SAVELIMIT"), "{both}");
    assert!(capabilities("Save Limit = 2000").contains(" SAVELIMIT=2000"));
}

// 3.1: FETCH, STORE, SEARCH, MOVE and UID EXPUNGE deal with the highest UIDs, from the highest down, and say so.
#[test]
fn what_can_be_done_in_parts_is() {
    let (_server, mut client) = with("Message Limit = 3", 8);
    let (said, end) = client.command("FETCH 2:7 (UID FLAGS)");
    assert_eq!(uids(&said), [7, 6, 5]);
    assert!(end.starts_with("OK [MESSAGELIMIT 3 5] "), "{end}");
    // One more than the limit.
    let (said, end) = client.command("UID FETCH 5:8 UID");
    assert_eq!(uids(&said), [8, 7, 6]);
    assert!(end.starts_with("OK [MESSAGELIMIT 3 6] "), "{end}");
    let (said, end) = client.command("UID SEARCH UID 5:8");
    assert_eq!(said, ["* SEARCH 6 7 8"]);
    assert!(end.starts_with("OK [MESSAGELIMIT 3 6] "), "{end}");
    let (said, end) = client.command("UID FETCH 3:4,8 BODY[]");
    assert_eq!((uids(&said), end.as_str()), (vec![3, 4, 8], "OK FETCH completed"));
    let (said, end) = client.command("UID FETCH 1:* (BODY[])");
    assert_eq!(uids(&said), [8, 7, 6], "and it sets \\Seen from the highest down: {said:?}");
    assert!(end.starts_with("OK [MESSAGELIMIT 3 6] "), "{end}");
    let (said, end) = client.command("UID STORE 1:5 +FLAGS (\\Deleted)");
    assert_eq!(said.len(), 3);
    assert!(said[0].starts_with("* 5 FETCH") && said[2].starts_with("* 3 FETCH"), "{said:?}");
    assert!(end.starts_with("OK [MESSAGELIMIT 3 3] "), "{end}");
    assert_eq!(client.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)").1, "OK STORE completed");
    // Messages that are searched count, not those that are found.
    let (said, end) = client.command("UID SEARCH UNDELETED");
    assert_eq!(said, ["* SEARCH 6 7 8"]);
    assert!(end.starts_with("OK [MESSAGELIMIT 3 6] "), "{end}");
    let (said, end) = client.command("UID SEARCH UID 2:6 DELETED");
    assert_eq!(said, ["* SEARCH 4 5"]);
    assert!(end.starts_with("OK [MESSAGELIMIT 3 4] "), "{end}");
    assert_eq!(client.command("SEARCH 1:3").1, "OK SEARCH completed");
    // 3.1: those that are marked count.
    let (said, end) = client.command("UID EXPUNGE 1:7");
    assert_eq!(said, ["* 5 EXPUNGE", "* 4 EXPUNGE", "* 3 EXPUNGE"]);
    assert!(end.starts_with("OK [MESSAGELIMIT 3 3] "), "{end}");
    let (said, end) = client.command("UID EXPUNGE 1:7");
    assert_eq!((said.len(), end.as_str()), (2, "OK EXPUNGE completed"));
    client.ok("CREATE other");
    client.ok("UID COPY 6:8 box");
    let (said, end) = client.command("UID MOVE 6:11 other");
    assert!(said[0].starts_with("* OK [COPYUID ") && said[0].contains(" 9:11 1:3]"), "{said:?}");
    assert_eq!(said[1..], ["* 6 EXPUNGE", "* 5 EXPUNGE", "* 4 EXPUNGE"]);
    assert!(end.starts_with("OK [MESSAGELIMIT 3 9] "), "{end}");
    // With another code in the tagged response it is said before.
    client.ok("ENABLE QRESYNC");
    client.ok("UID COPY 6:8 box");
    let (said, end) = client.command("UID MOVE 1:* other");
    assert!(end.starts_with("OK [HIGHESTMODSEQ "), "{end}");
    assert!(said.last().unwrap().starts_with("* NO [MESSAGELIMIT 3 12] "), "{said:?}");
    client.ok("UID COPY 6:8 box");
    let (said, end) = client.command("UID STORE 1:* (UNCHANGEDSINCE 1) +FLAGS (\\Seen)");
    assert!(end.starts_with("OK [MODIFIED 15:17] "), "{end}");
    assert!(said.last().unwrap().starts_with("* NO [MESSAGELIMIT 3 15] "), "{said:?}");
}

// 3.1: what is done for all or none is refused.
#[test]
fn what_cannot_is_refused() {
    let (_server, mut client) = with("Message Limit = 3", 5);
    for command in ["COPY 1:* box", "UID COPY 1:* box"] {
        let (said, end) = client.command(command);
        assert!(said.is_empty() && end.starts_with("NO [MESSAGELIMIT 3 3] "), "{said:?} {end}");
    }
    assert!(client.command("COPY 1:4 box").1.starts_with("NO [MESSAGELIMIT 3 2] "));
    assert!(client.ok("STATUS box (MESSAGES)")[0].contains("MESSAGES 5"));
    let messages = " {6+}\r\nA: 1\r\n".repeat(4);
    assert!(client.command(&format!("APPEND box{messages}")).1.starts_with("NO [MESSAGELIMIT 3] "));
    assert!(client.command(&format!("APPEND box{}", " {6+}\r\nA: 1\r\n".repeat(3))).1.starts_with("OK "));
    // 3.3
    assert!(client.command("THREAD REFERENCES UTF-8 ALL").1.starts_with("NO [MESSAGELIMIT 3] "));
    // SORT has an index; ESEARCH of the selected mailbox is as SEARCH, of several it is done in whole or not.
    assert_eq!(client.ok("UID SORT (REVERSE ARRIVAL) UTF-8 ALL").len(), 1);
    let (said, end) = client.command("ESEARCH RETURN (ALL) ALL");
    assert!(said[0].ends_with("UID ALL 6:8") && end.starts_with("OK [MESSAGELIMIT 3 6] "), "{said:?} {end}");
    let (said, end) = client.command("ESEARCH IN (selected mailboxes INBOX) RETURN (ALL) ALL");
    assert!(said.is_empty() && end.starts_with("NO [MESSAGELIMIT 3] "), "{said:?} {end}");
    let (said, end) = client.command("ESEARCH IN (mailboxes (INBOX box)) RETURN (COUNT) UID 7:*");
    assert!(said.len() == 1 && end == "OK ESEARCH completed", "{said:?} {end}");
    let (said, end) = client.command("UID FETCH 1:* UID (PARTIAL -1:-4)");
    assert!(said.is_empty() && end.starts_with("NO [MESSAGELIMIT 3] "), "{said:?} {end}");
    assert_eq!(uids(&client.ok("UID FETCH 1:* UID (PARTIAL -1:-3)")), [6, 7, 8]);
}

// 3.1: EXPUNGE, CLOSE and STATUS UNSEEN know no limit.
#[test]
fn what_has_no_limit() {
    let (_server, mut client) = with("Message Limit = 3", 8);
    assert!(client.ok("STATUS box (UNSEEN)")[0].contains("UNSEEN 8"));
    for set in ["1:3", "4:5"] {
        client.ok(&format!("STORE {set} +FLAGS.SILENT (\\Deleted)"));
    }
    assert_eq!(client.ok("EXPUNGE").len(), 5);
    client.ok("COPY 1:2 box");
    for set in ["1:3", "4:5"] {
        client.ok(&format!("STORE {set} +FLAGS.SILENT (\\Deleted)"));
    }
    client.ok("CLOSE");
    assert!(client.ok("STATUS box (MESSAGES)")[0].contains("MESSAGES 0"));
}

// 3.4: what is saved for $ is what was searched.
#[test]
fn saved_results_are_cut() {
    let (_server, mut client) = with("Message Limit = 3", 5);
    let (said, end) = client.command("UID SEARCH RETURN (SAVE) ALL");
    assert!(said.is_empty() && end.starts_with("OK [MESSAGELIMIT 3 3] "), "{said:?} {end}");
    assert_eq!(client.ok("UID SEARCH $"), ["* SEARCH 3 4 5"]);
    let (said, end) = client.command("SEARCH RETURN (COUNT) ALL");
    assert!(said[0].ends_with("COUNT 3") && end.starts_with("OK [MESSAGELIMIT 3 3] "), "{said:?} {end}");
}

// 3: SAVELIMIT is for COPY and APPEND alone.
#[test]
fn a_limit_of_saving_alone() {
    let (_server, mut client) = with("Save Limit = 3", 5);
    assert!(client.command("COPY 1:* box").1.starts_with("NO [MESSAGELIMIT 3 3] "));
    let messages = " {6+}\r\nA: 1\r\n".repeat(4);
    assert!(client.command(&format!("APPEND box{messages}")).1.starts_with("NO [MESSAGELIMIT 3] "));
    assert_eq!(client.ok("FETCH 1:* UID").len(), 5);
    assert_eq!(client.ok("SEARCH ALL"), ["* SEARCH 1 2 3 4 5"]);
    client.ok("MOVE 1:* INBOX");
}

// 3.2: UIDAFTER and UIDBEFORE.
#[test]
fn beside_a_uid() {
    let (_server, mut client) = with("", 5);
    assert_eq!(client.ok("UID SEARCH UIDAFTER 3"), ["* SEARCH 4 5"]);
    assert_eq!(client.ok("UID SEARCH UIDBEFORE 3"), ["* SEARCH 1 2"]);
    assert_eq!(client.ok("UID SEARCH UIDAFTER 5"), ["* SEARCH"]);
    assert_eq!(client.ok("UID SEARCH UIDBEFORE 1"), ["* SEARCH"]);
    assert_eq!(client.ok("UID SEARCH UIDAFTER 4294967295"), ["* SEARCH"]);
    assert_eq!(client.ok("UID SEARCH NOT UIDBEFORE 1"), ["* SEARCH 1 2 3 4 5"]);
    for bad in ["UIDAFTER 0", "UIDAFTER *", "UIDAFTER 1:2", "UIDBEFORE 1,2", "UIDBEFORE 4294967296", "UIDBEFORE"] {
        assert!(client.command(&format!("UID SEARCH {bad}")).1.starts_with("BAD "), "{bad}");
    }
}
