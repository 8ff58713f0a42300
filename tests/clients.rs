//! Real clients, as their users run them.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{Server, installed};

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn with_mail() -> Server {
    let server = Server::start("");
    let imported = server.ctl(&["import", "--account", "user0", "tests/data/demo.mbox"]);
    assert!(imported.status.success(), "{imported:?}");
    server
}

/// Messages in the set that comes with the repository.
fn demo_messages() -> usize {
    let text = std::fs::read("tests/data/demo.mbox").unwrap();
    let text = String::from_utf8_lossy(&text);
    1 + text.match_indices("\n\nFrom ").count()
}

#[test]
fn curl_reads_over_tls_and_starttls() {
    if !installed("curl") {
        return;
    }
    let server = with_mail();
    let login = ["-sS", "-k", "--user", "user0:secret"];
    let url = format!("imaps://127.0.0.1:{}/INBOX;MAILINDEX=1", server.tls_port);
    let one = run(Command::new("curl").args(login).arg(url));
    assert!(String::from_utf8_lossy(&one.stdout).contains("Subject:"));
    let url = format!("imap://127.0.0.1:{}/INBOX?ALL", server.port);
    let all = run(Command::new("curl").args(login).arg("--ssl-reqd").arg(url));
    let found = String::from_utf8_lossy(&all.stdout).split_whitespace().count();
    assert_eq!(found, 2 + demo_messages(), "* SEARCH and a number for each message");
    let put = server.path("put.eml");
    std::fs::write(&put, "Subject: put\r\n\r\nby curl\r\n").unwrap();
    let url = format!("imap://127.0.0.1:{}/INBOX", server.port);
    run(Command::new("curl").args(login).arg("-T").arg(&put).arg(url));
    assert!(
        server.user("user0").ok("STATUS INBOX (MESSAGES)")[0].contains(&format!("MESSAGES {}", demo_messages() + 1))
    );
}

#[test]
fn mbsync_synchronises_both_ways() {
    if !installed("mbsync") {
        return;
    }
    let server = with_mail();
    server.user("user0").ok("CREATE Sub/Deep");
    let home = server.path("home");
    std::fs::create_dir_all(home.join("mail")).unwrap();
    let config = home.join("mbsyncrc");
    let text = format!(
        "IMAPAccount a\nTimeout 120\nHost 127.0.0.1\nPort {}\nUser user0\nPass secret\nSSLType None\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount a\n\nMaildirStore near\nPath {h}/mail/\nInbox {h}/mail/INBOX\nSubFolders Verbatim\n\n\
         Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
        server.port,
        h = home.display()
    );
    std::fs::write(&config, text).unwrap();
    let sync = || drop(run(Command::new("mbsync").arg("-c").arg(&config).arg("-a").env("HOME", &home)));
    sync();
    let count = |part: &str| std::fs::read_dir(home.join("mail/INBOX").join(part)).unwrap().count();
    assert_eq!(count("cur") + count("new"), demo_messages());
    assert!(home.join("mail/Sub/Deep").is_dir());
    // One new on this side, one flagged and one expunged on the other.
    std::fs::write(home.join("mail/INBOX/new/1.new"), "Subject: from-this-side\n\nx\n").unwrap();
    let mut client = server.user("user0");
    client.ok("SELECT INBOX");
    client.ok("STORE 1 +FLAGS (\\Flagged)");
    client.ok("STORE 2 +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    sync();
    client.ok("NOOP");
    assert_eq!(
        client.ok("UID SEARCH SUBJECT from-this-side").iter().filter(|line| line.starts_with("* SEARCH ")).count(),
        1
    );
    assert_eq!(count("cur") + count("new"), demo_messages());
    let flagged = std::fs::read_dir(home.join("mail/INBOX/cur")).unwrap();
    let flagged =
        flagged.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(":2,F")).count();
    assert_eq!(flagged, 1);
}

#[test]
fn imaplib_does_all_it_can() {
    if !installed("python3") {
        return;
    }
    let server = with_mail();
    let script = r#"
import imaplib, sys, threading, ssl
port, count = int(sys.argv[1]), int(sys.argv[2])
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
m = imaplib.IMAP4('127.0.0.1', port); m.starttls(context); m.login('user0', 'secret')
def ok(answer):
    assert answer[0] == 'OK', answer
    return answer[1]
assert int(ok(m.select())[0]) == count
assert len([x for x in ok(m.fetch('1:*', '(UID ENVELOPE BODYSTRUCTURE)')) if x]) >= count
ok(m.create('Box')); ok(m.subscribe('Box')); ok(m.copy('1:3', 'Box')); ok(m.store('1', '+FLAGS', r'(\Deleted)'))
assert ok(m.expunge()) == [b'1']
assert int(ok(m.select('Box'))[0]) == 3
assert ok(m.search(None, 'ALL'))[0] == b'1 2 3'
ok(m.append('Box', r'(\Seen)', None, b'Subject: a\r\n\r\n' + b'x' * 300000))
data = ok(m.fetch('4', '(RFC822)'))
assert data[0][1] == b'Subject: a\r\n\r\n' + b'x' * 300000
ok(m.rename('Box', 'Other')); ok(m.close()); ok(m.status('Other', '(MESSAGES)')); ok(m.delete('Other'))
assert b'Box' in b''.join(ok(m.lsub())); m.logout()
"#;
    let (port, count) = (server.port.to_string(), demo_messages().to_string());
    run(Command::new("python3").args(["-c", script, &port, &count]));
}

/// Whether Python has a module; where it must be (`CI`), it is an error that it has not.
fn module(name: &str) -> bool {
    let found = installed("python3")
        && Command::new("python3").args(["-c", &format!("import {name}")]).output().unwrap().status.success();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "Python's {name} is not installed");
        eprintln!("skipped: Python's {name} is not installed");
    }
    found
}

#[test]
fn imapclient_uses_the_extensions() {
    if !module("imapclient") {
        return;
    }
    let server = with_mail();
    let script = r#"
import sys
from imapclient import IMAPClient
port = int(sys.argv[1])
c = IMAPClient('127.0.0.1', port=port, ssl=False)
c.login('user6', 'secret')
assert c.enable('CONDSTORE') == [b'CONDSTORE']
c.create_folder('Entw\u00fcrfe')
assert sorted(f[2] for f in c.list_folders()) == ['Entw\u00fcrfe', 'INBOX']
for n in range(10):
    head = 'Subject: Re: n%d\r\nMessage-ID: <%d@x>\r\nReferences: <%d@x>\r\n' % (n % 3, n, n - 1)
    c.append('INBOX', head.encode() + b'\r\nbody\r\n', flags=[b'\\Seen'] if n % 2 else [])
opened = c.select_folder('INBOX')
assert opened[b'EXISTS'] == 10 and opened[b'HIGHESTMODSEQ'] > 0
found = c.search(['UNSEEN'])
assert list(found) == [1, 3, 5, 7, 9]
assert c.sort(['SUBJECT']) == [1, 4, 7, 10, 2, 5, 8, 3, 6, 9]
assert c.thread('REFERENCES') == ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10),)
before = c.search(['MODSEQ', '1']).modseq
c.add_flags([1], [b'\\Flagged', 'label'])
changed = c.fetch(range(1, 11), ['FLAGS'], ['CHANGEDSINCE %d' % before])
assert list(changed) == [1] and b'label' in changed[1][b'FLAGS']
c.copy([1, 2], 'Entw\u00fcrfe')
c.move([3], 'Entw\u00fcrfe')
assert c.folder_status('Entw\u00fcrfe', ['MESSAGES'])[b'MESSAGES'] == 3
c.setacl('INBOX', 'user7', 'lr')
assert c.getacl('INBOX')[1] == (b'user7', b'lr')
assert c.get_quota_root('INBOX')[0].quota_roots == ['user6']
c.idle()
d = IMAPClient('127.0.0.1', port=port, ssl=False)
d.login('user7', 'secret')
assert d.select_folder('~user6/INBOX', readonly=True)[b'EXISTS'] == 9
e = IMAPClient('127.0.0.1', port=port, ssl=False)
e.login('user6', 'secret')
e.append('INBOX', b'A: 1\r\n\r\nx')
assert (10, b'EXISTS') in c.idle_check(timeout=100)
c.idle_done()
c.delete_messages([1])
c.expunge()
c.logout()
"#;
    run(Command::new("python3").args(["-c", script, &server.port.to_string()]));
}

#[test]
fn aioimaplib_idles() {
    if !module("aioimaplib") {
        return;
    }
    let server = with_mail();
    let script = r#"
import asyncio, sys
from aioimaplib import aioimaplib

async def client():
    c = aioimaplib.IMAP4(host='127.0.0.1', port=int(sys.argv[1]), timeout=100)
    await c.wait_hello_from_server()
    assert (await c.login('user8', 'secret')).result == 'OK'
    return c

async def main():
    c, d = await client(), await client()
    mail = b'Subject: x\r\n\r\nbody\r\n'
    assert (await c.append(mail, mailbox='INBOX')).result == 'OK'
    assert (await c.select('INBOX')).result == 'OK'
    assert (await c.search('ALL')).lines[0] == b'1'
    assert b'body' in (await c.fetch('1', '(FLAGS BODY[])')).lines[1]
    idle = await c.idle_start(timeout=100)
    await d.append(mail, mailbox='INBOX')
    assert b'2 EXISTS' in await c.wait_server_push()
    c.idle_done()
    await asyncio.wait_for(idle, 100)
    await c.logout()

asyncio.run(main())
"#;
    run(Command::new("python3").args(["-c", script, &server.port.to_string()]));
}

#[test]
fn mutt_shows_a_mailbox_in_a_terminal() {
    if !installed("mutt") || !installed("expect") {
        return;
    }
    let server = with_mail();
    let home = server.path("home");
    std::fs::create_dir_all(home.join("Mail")).unwrap();
    std::fs::write(
        home.join("rc"),
        "set ssl_starttls=no\nset ssl_force_tls=no\nset imap_authenticators=login\nset header_cache=\nset quit=yes\n",
    )
    .unwrap();
    let script = format!(
        "set timeout 120\nspawn mutt -F {}/rc -f imap://user0:secret@127.0.0.1:{}/INBOX\n\
         expect -re {{Msgs:{}}} {{}} timeout {{exit 3}}\nsend \"\\r\"\n\
         expect -re {{Subject:}} {{}} timeout {{exit 4}}\nsend \"qq\"\nexpect eof\n",
        home.display(),
        server.port,
        demo_messages()
    );
    run(Command::new("expect").args(["-c", &script]).env("HOME", &home).env("TERM", "xterm"));
}

#[test]
fn export_gives_back_what_was_imported() {
    let server = with_mail();
    let out = server.path("out.mbox");
    let done = server.ctl(&["export", "--account", "user0", out.to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
    let again = server.ctl(&["import", "--account", "user1", out.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&again.stdout).starts_with(&demo_messages().to_string()), "{again:?}");
    let hashes = |account: &str| server.user(account).ok("STATUS INBOX (MESSAGES SIZE)");
    assert_eq!(hashes("user0"), hashes("user1"));
    assert!(Path::new(&out).metadata().unwrap().len() > 1000);
}

#[test]
fn a_maildir_is_imported_with_its_flags() {
    let server = Server::start("");
    let maildir = server.path("Maildir");
    for part in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(maildir.join(part)).unwrap();
    }
    std::fs::write(maildir.join("cur/100.a:2,FS"), "Subject: one\n\nx\n").unwrap();
    std::fs::write(maildir.join("new/200.b"), "Subject: two\r\n\r\nx\r\n").unwrap();
    let done = server.ctl(&["import", "--account", "user0", "--mailbox", "Old/Mail", maildir.to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
    let mut client = server.user("user0");
    client.ok("EXAMINE Old/Mail");
    let got = client.ok("FETCH 1:* (FLAGS BODY.PEEK[])");
    assert_eq!(got[0], "* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent) BODY[] {19}\r\nSubject: one\r\n\r\nx\r\n)");
    assert_eq!(got[1], "* 2 FETCH (FLAGS (\\Recent) BODY[] {19}\r\nSubject: two\r\n\r\nx\r\n)");
    assert_eq!(server.ctl(&["import", "--account", "user0", "/nowhere"]).status.code(), Some(74));
}

#[test]
fn the_admin_sees_and_ends_sessions() {
    let mut server = with_mail();
    let mut client = server.user("user7");
    let who = String::from_utf8(server.ctl(&["who"]).stdout).unwrap();
    assert!(who.contains("user7") && who.contains("IMAP-"), "{who}");
    let json = String::from_utf8(server.ctl(&["--json", "who"]).stdout).unwrap();
    assert!(json.contains("\"account\":\"user7\""), "{json}");
    assert!(server.ctl(&["kick", "user7"]).status.success());
    assert_eq!(client.response().as_deref().map(|line| line.starts_with("* BYE")), Some(true));
    assert_eq!(server.ctl(&["kick", "nobody"]).status.code(), Some(67));
    assert_eq!(server.ctl(&["mailbox", "create", "user0", "INBOX"]).status.code(), Some(73));
    assert_eq!(server.ctl(&["frobnicate"]).status.code(), Some(64));

    assert!(server.ctl_with(&["account", "add", "new@example.com"], b"secret\n").status.success());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    server.user("new@example.com").ok("NOOP");
    assert!(server.ctl(&["account", "remove", "new@example.com"]).status.success());
    // The line has been taken away by hand: its mail can be removed still, once.
    server.user("user9").append("INBOX", b"Subject: x\r\n\r\n").unwrap();
    let passwd = std::fs::read_to_string(server.path("passwd")).unwrap();
    std::fs::write(server.path("passwd"), passwd.replace("user9:{PLAIN}secret\n", "")).unwrap();
    assert!(server.ctl(&["account", "remove", "user9"]).status.success());
    assert_eq!(server.ctl(&["account", "remove", "user9"]).status.code(), Some(67));
    assert!(!String::from_utf8(server.ctl(&["space"]).stdout).unwrap().contains("user9 "));

    // A reload keeps the sessions; a stop says BYE to them and ends with 0.
    let mut client = server.user("user8");
    assert!(server.ctl(&["reload"]).status.success());
    client.ok("NOOP");
    assert!(server.ctl(&["stop"]).status.success());
    assert_eq!(client.response().as_deref().map(|line| line.starts_with("* BYE")), Some(true));
    assert_eq!(server.wait(), Some(0));
    assert_eq!(server.ctl(&["who"]).status.code(), Some(69));
}

#[test]
fn a_second_daemon_on_the_same_directory_is_refused() {
    let server = Server::start("");
    let text = std::fs::read_to_string(server.path("gatepost.ini")).unwrap();
    let other = server.path("other.ini");
    std::fs::write(&other, text.replace("/run\n", "/run2\n")).unwrap();
    let second = Command::new(env!("CARGO_BIN_EXE_gatepostd")).args(["-f", "-c"]).arg(&other).output().unwrap();
    assert_eq!(second.status.code(), Some(78));
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains("in use by another process"), "{text}");
}

#[test]
fn channels_are_bounded() {
    let server = Server::start("Maximum Channels = 3");
    let mut clients: Vec<_> = (0..3).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| assert!(client.greeting().starts_with("* OK")));
    assert!(server.client().greeting().starts_with("* BYE [UNAVAILABLE]"));
    clients.pop();
    let again = (0..3000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        server.client().greeting().starts_with("* OK")
    });
    assert!(again, "a channel that was given back can be had again");
}

#[test]
fn a_large_message_costs_little_memory() {
    // Without the caches, which have bounds of their own.
    let server = Server::start("[Store]\nCache Size = 4M");
    let mut client = server.user("user0");
    let size = 100 << 20;
    client.send(format!("a APPEND INBOX {{{size}+}}\r\nSubject: large\r\n\r\n").as_bytes());
    let line = [b'x'; 98];
    let mut chunk: Vec<u8> = Vec::new();
    while chunk.len() < 1_000_000 {
        chunk.extend_from_slice(&line);
        chunk.extend_from_slice(b"\r\n");
    }
    let mut left = size - "Subject: large\r\n\r\n".len();
    while left > 0 {
        let n = left.min(chunk.len());
        assert!(client.send(&chunk[..n]));
        left -= n;
    }
    client.send(b"\r\n");
    assert!(client.response().unwrap().contains("APPENDUID"));
    client.ok("SELECT INBOX");
    let (untagged, end) = client.command("FETCH 1 BODY.PEEK[]");
    assert!(end.starts_with("OK") && untagged[0].len() > size);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let peak: u64 = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap()
        .trim()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    println!("peak memory {peak} kB");
    // The engine's write buffers are most of it; the message is never in memory as a whole.
    assert!(peak < 60_000, "peak memory {peak} kB");
}
