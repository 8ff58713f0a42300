//! Clients that keep a copy of a mailbox and ask what has changed: OfflineIMAP, NeoMutt, imapflow.
//!
//! Each is run, the mailbox is changed by somebody else, and it is run again. The server's log tells which extensions it
//! has used.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{Server, installed};

const LOGGED: &str = "Log Level = Low-Level";

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    output
}

/// Ten messages in INBOX of `user0`.
fn with_ten() -> Server {
    let server = Server::start(LOGGED);
    let mut client = server.user("user0");
    for n in 1..=10 {
        client.append("INBOX", format!("Subject: number {n}\r\nFrom: a@example.com\r\n\r\nbody {n}\r\n").as_bytes());
    }
    server
}

/// What the clients have said so far.
fn said(server: &Server) -> String {
    std::fs::read_to_string(server.path("log")).unwrap()
}

fn home(server: &Server) -> PathBuf {
    let home = server.path("home");
    std::fs::create_dir_all(&home).unwrap();
    home
}

#[test]
fn offlineimap_synchronises_both_ways() {
    if !installed("offlineimap") {
        return;
    }
    let server = with_ten();
    let home = home(&server);
    let config = format!(
        "[general]\naccounts = a\nmetadata = {h}/state\n[Account a]\nlocalrepository = near\nremoterepository = far\n\
         [Repository near]\ntype = Maildir\nlocalfolders = {h}/mail\n\
         [Repository far]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {}\nremoteuser = user0\nremotepass = secret\n\
         ssl = no\nstarttls = no\n",
        server.port,
        h = home.display()
    );
    std::fs::write(home.join("rc"), config).unwrap();
    let sync = || {
        drop(run(Command::new("offlineimap")
            .args(["-o", "-u", "basic", "-c"])
            .arg(home.join("rc"))
            .env("HOME", &home)))
    };
    sync();
    let inbox = home.join("mail/INBOX");
    let count = |part: &str| std::fs::read_dir(inbox.join(part)).unwrap().count();
    assert_eq!(count("cur") + count("new"), 10);

    let mut client = server.user("user0");
    client.ok("SELECT INBOX");
    client.ok("STORE 1 +FLAGS (\\Flagged)");
    client.ok("STORE 2:3 +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    std::fs::write(inbox.join("new/1.new"), "Subject: from-this-side\n\nx\n").unwrap();
    sync();
    let names: Vec<String> = ["cur", "new"]
        .iter()
        .flat_map(|part| std::fs::read_dir(inbox.join(part)).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 9);
    assert_eq!(names.iter().filter(|name| name.contains(":2,F")).count(), 1, "{names:?}");
    client.ok("NOOP");
    assert_eq!(client.ok("SEARCH SUBJECT from-this-side"), ["* SEARCH 9"]);
}

/// Two runs in a terminal; the second finds in its cache what has not changed.
#[test]
fn neomutt_resynchronises() {
    if !installed("neomutt") || !installed("expect") {
        return;
    }
    let server = with_ten();
    let home = home(&server);
    ["cache", "Mail"].iter().for_each(|name| std::fs::create_dir(home.join(name)).unwrap());
    let rc = format!(
        "set ssl_starttls=no\nset ssl_force_tls=no\nset imap_user=user0\nset imap_pass=secret\nset imap_qresync=yes\n\
         set imap_condstore=yes\nset header_cache={}/cache\nset quit=yes\nset mark_old=no\n",
        home.display()
    );
    std::fs::write(home.join("rc"), rc).unwrap();
    let shows = |messages: usize, newest: &str| {
        let script = format!(
            "set timeout 120\nspawn neomutt -F {}/rc -f imap://127.0.0.1:{}/INBOX\n\
             expect -re {{{newest}}} {{}} timeout {{exit 2}} eof {{exit 3}}\n\
             expect -re {{Msgs:{messages}}} {{}} timeout {{exit 4}} eof {{exit 5}}\nsend \"q\"\nexpect eof\n",
            home.display(),
            server.port
        );
        run(Command::new("expect").args(["-c", &script]).env("HOME", &home).env("TERM", "xterm"));
    };
    shows(10, "number 10");
    let mut client = server.user("user0");
    client.ok("SELECT INBOX");
    client.ok("STORE 2:3 +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    client.append("INBOX", b"Subject: number 11\r\nFrom: a@example.com\r\n\r\nbody\r\n");
    shows(9, "number 11");
    let asked = |line: &str| line.contains("(FLAGS) (CHANGEDSINCE ") && line.contains(" VANISHED)");
    assert!(said(&server).lines().any(asked), "the second run asks for what has changed:\n{}", said(&server));
}

#[test]
fn imapflow_uses_the_extensions() {
    let modules = Path::new("target/node/node_modules");
    if !installed("node") {
        return;
    }
    if !modules.join("imapflow").exists() {
        assert!(std::env::var_os("CI").is_none(), "Node's imapflow is not installed");
        return eprintln!("skipped: Node's imapflow is not installed");
    }
    let server = with_ten();
    let script = r#"
const { ImapFlow } = require('imapflow');
const assert = require('assert');
const connect = async () => {
    const client = new ImapFlow({
        host: '127.0.0.1', port: Number(process.argv[1]), secure: false, doSTARTTLS: false,
        auth: { user: 'user0', pass: 'secret' }, logger: false, qresync: true,
    });
    await client.connect();
    return client;
};
const until = (client, event) => new Promise((done, failed) => {
    setTimeout(() => failed(new Error('no ' + event)), 20000).unref();
    client.once(event, done);
});
(async () => {
    const a = await connect(), b = await connect();
    assert(a.enabled.has('QRESYNC') && a.enabled.has('CONDSTORE'), [...a.enabled].join());
    assert(a.capabilities.has('COMPRESS=DEFLATE') || a._deflate, 'compressed or could be');
    const opened = await a.mailboxOpen('INBOX');
    assert.equal(opened.exists, 10);
    const before = opened.highestModseq;
    assert(before > 0n);
    await b.mailboxOpen('INBOX');
    await b.messageFlagsAdd('1:2', ['\\Flagged', '$Label']);
    const changed = await a.fetchAll('1:*', { flags: true }, { changedSince: before });
    assert.deepEqual(changed.map(message => message.seq), [1, 2]);
    assert(changed[0].flags.has('$Label'));
    const found = await a.search({ flagged: true }, { uid: true });
    assert.deepEqual(found, [1, 2]);
    // IDLE begins by itself where nothing else is asked.
    a.idle();
    let heard = until(a, 'exists');
    await b.append('INBOX', 'Subject: number 11\r\n\r\nbody\r\n', ['\\Seen']);
    assert.equal((await heard).count, 11);
    heard = until(a, 'expunge');
    await b.messageDelete('1', { uid: true });
    const gone = await heard;
    assert.equal(gone.uid, 1);
    assert(gone.vanished);
    await b.mailboxCreate('Entwürfe');
    const moved = await b.messageMove('2:3', 'Entwürfe', { uid: true });
    assert.equal(moved.uidMap.size, 2);
    const message = await b.fetchOne('11', { envelope: true, bodyStructure: true, source: true, size: true }, { uid: true });
    assert.equal(message.envelope.subject, 'number 11');
    assert.equal(message.source.toString(), 'Subject: number 11\r\n\r\nbody\r\n');
    const { content } = await b.download('11', '1', { uid: true });
    let text = '';
    for await (const piece of content) text += piece;
    assert.equal(text, 'body\r\n');
    const list = await a.list({ statusQuery: { messages: true, unseen: true, highestModseq: true } });
    const drafts = list.find(mailbox => mailbox.path === 'Entwürfe');
    assert.equal(drafts.status.messages, 2);
    const quota = await a.getQuota('INBOX');
    assert(quota !== undefined);
    await a.logout();
    await b.logout();
})().catch(error => { console.error(error); process.exit(1); });
"#;
    let mut node = Command::new("node");
    node.args(["-e", script, &server.port.to_string()]).env("NODE_PATH", modules.canonicalize().unwrap());
    run(&mut node);
    let log = said(&server);
    for used in ["ENABLE", "COMPRESS DEFLATE", "IDLE", "CHANGEDSINCE", "UID MOVE"] {
        assert!(log.contains(used), "{used} was not used");
    }
}
