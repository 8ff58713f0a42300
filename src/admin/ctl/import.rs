//! Import, at the admin's end: messages go out, and answers are heard meanwhile.

use std::io;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::super::failed::{EX_IOERR, Failed};
use super::super::mail_source::{Mail, MailAnnotation, Mails};
use super::super::wire::{Reader, Wire, Writer};
use super::requests::next_answer;
use crate::types::Counted;

/// Sends all messages; what the other end says of them at last. An error says how many are in.
///
/// Were nobody to listen until all is sent, the other end would fill the socket with its progress, wait, and read no
/// more: both ends would wait for ever. It took some 50,000 messages.
pub(super) fn send_all(wire: &mut Wire, mails: Mails, source: &str, bar: &ProgressBar) -> Result<Value, Failed> {
    let Wire { reader, writer } = wire;
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| last_answer(reader));
        let sent = send(writer, mails, bar);
        if sent.is_err() {
            // Without more to come the other end ends too; what it has stays.
            writer.close();
        }
        let (are_in, answer) = answer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let done = sent.map_err(|error| Failed::new(EX_IOERR, format!("{source}: {error}"))).and(answer);
        done.map_err(|failed| match are_in {
            0 => failed,
            n => Failed::new(failed.exit, format!("{}; the first {} in", failed.text, Counted(n, "message").are())),
        })
    })
}

/// The error is that of reading the messages.
fn send(writer: &mut Writer, mails: Mails, bar: &ProgressBar) -> io::Result<()> {
    for mail in mails {
        let mail = mail?;
        // The other end may have refused and gone; its answer says why.
        if send_mail(writer, &mail).is_err() {
            return Ok(());
        }
        bar.inc(mail.octets.len() as u64);
    }
    // As above.
    let _ = writer.send(&json!({ "end": true })).and_then(|()| writer.flush());
    Ok(())
}

fn send_mail(writer: &mut Writer, mail: &Mail) -> io::Result<()> {
    let Mail { octets, flags, secs, zone_mins, annotations } = mail;
    let count = annotations.len();
    writer.send(&json!({
        "size": octets.len(), "flags": flags, "secs": secs, "zone": zone_mins, "annotations": count
    }))?;
    writer.send_octets(octets)?;
    for MailAnnotation { entry, user, value } in annotations {
        writer.send(&json!({ "entry": entry, "user": user, "size": value.len() }))?;
        writer.send_octets(value)?;
    }
    Ok(())
}

/// How many messages are in, and what comes after all progress.
fn last_answer(reader: &mut Reader) -> (u64, Result<Value, Failed>) {
    let mut are_in = 0;
    loop {
        match next_answer(reader) {
            Ok(answer) => match answer.get("ok") {
                Some(ok) => return (are_in, Ok(ok.clone())),
                None => are_in = answer["progress"].as_u64().unwrap_or(are_in),
            },
            Err(failed) => return (are_in, Err(failed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;
    use std::time::Duration;

    fn mails(last: Option<io::Error>) -> Mails {
        let mail = || {
            Ok(Mail {
                octets: vec![b'x'; 1000],
                flags: Vec::new(),
                secs: None,
                zone_mins: 0,
                annotations: Vec::new(),
            })
        };
        Box::new((0..2000).map(move |_| mail()).chain(last.map(Err)))
    }

    /// An other end that says much before it reads anything.
    fn answer(stream: UnixStream) -> Option<()> {
        let mut wire = Wire::new(stream);
        for n in 0..5000 {
            wire.send(&json!({ "progress": n })).and_then(|()| wire.flush()).ok()?;
        }
        let mut count = 0;
        while let Some(head) = wire.receive().ok()? {
            match head["size"].as_u64() {
                None => {
                    wire.send(&json!({ "ok": { "messages": count } })).and_then(|()| wire.flush()).ok()?;
                    break;
                }
                Some(size) => count += wire.octets(size).ok().map(|_| 1)?,
            }
        }
        Some(())
    }

    fn import(last: Option<io::Error>) -> Result<Value, Failed> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || answer(theirs));
        let (done, result) = mpsc::channel();
        std::thread::spawn(move || {
            let mut wire = Wire::new(ours);
            done.send(send_all(&mut wire, mails(last), "x.mbox", &ProgressBar::hidden()))
        });
        result.recv_timeout(Duration::from_secs(20)).expect("both ends wait for each other")
    }

    #[test]
    fn an_other_end_that_says_much() {
        assert_eq!(import(None).unwrap(), json!({ "messages": 2000 }));
    }

    #[test]
    fn a_source_that_cannot_be_read() {
        let failed = import(Some(io::Error::other("torn"))).unwrap_err();
        let text = "x.mbox: torn; the first 4999 messages are in";
        assert_eq!((failed.text.as_str(), failed.exit), (text, EX_IOERR));
    }
}
