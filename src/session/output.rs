//! What a session says to its client.
//!
//! Responses gather in a buffer behind a lock that is held for whole responses only, so that the watchdog's
//! untagged "Running" never cuts into one. The buffer is written when it is full and when the session is about to
//! wait for its client; it is given back when it is empty, so that an idle session holds none.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::dialogue::Dialogue;
use crate::net::Stream;

/// Octets to gather before they are written: large enough that a system call is cheap beside them.
const SPILL_BYTES: usize = 64 * 1024;

/// Octets that most commands are answered in.
const USUAL_BYTES: usize = 1024;

/// The client is gone, or so slow that it was given up: nothing more can be said.
#[derive(Debug)]
pub(super) struct Gone;

impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Gone {
        log::debug!("write: {error}");
        Gone
    }
}

pub(super) struct Output {
    stream: Arc<Stream>,
    buffer: Mutex<Vec<u8>>,
}

/// A response in the making; the session's output is locked as long as it lives.
pub(super) struct Response<'a> {
    stream: &'a Stream,
    pub(super) buffer: &'a mut Vec<u8>,
    /// Of the buffer so many octets have been told to the log, or are not for it.
    told: usize,
    dialogue: Option<Dialogue>,
}

impl<'a> Response<'a> {
    fn new(stream: &'a Stream, buffer: &'a mut Vec<u8>) -> Response<'a> {
        Response { stream, told: buffer.len(), buffer, dialogue: Dialogue::wanted() }
    }

    /// The log is told of what has been written.
    fn tell(&mut self) {
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.hear(&self.buffer[self.told..]);
            self.told = self.buffer.len();
        }
    }

    /// Octets of a literal, which may be larger than any buffer.
    pub(super) fn octets(&mut self, octets: &[u8]) -> Result<(), Gone> {
        if self.buffer.len() + octets.len() < SPILL_BYTES {
            self.buffer.extend_from_slice(octets);
            return Ok(());
        }
        self.tell();
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.hear(octets);
        }
        if octets.len() >= SPILL_BYTES / 4 {
            self.stream.write_parts(&[self.buffer, octets])?;
            self.buffer.clear();
        } else {
            self.stream.write_all(self.buffer)?;
            self.buffer.clear();
            self.buffer.extend_from_slice(octets);
        }
        self.told = self.buffer.len();
        Ok(())
    }
}

impl Output {
    pub(super) fn new(stream: Arc<Stream>) -> Output {
        Output { stream, buffer: Mutex::new(Vec::new()) }
    }

    /// Adds one or more whole responses.
    pub(super) fn respond<T>(&self, write: impl FnOnce(&mut Response<'_>) -> Result<T, Gone>) -> Result<T, Gone> {
        let mut buffer = self.buffer.lock();
        if buffer.capacity() == 0 {
            buffer.reserve(USUAL_BYTES);
        }
        let mut response = Response::new(&self.stream, &mut buffer);
        let done = write(&mut response)?;
        response.tell();
        if buffer.len() >= SPILL_BYTES {
            self.stream.write_all(&buffer)?;
            buffer.clear();
        }
        Ok(done)
    }

    /// Adds whole lines that fit into memory.
    pub(super) fn say(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Gone> {
        self.respond(|response| {
            write(response.buffer);
            Ok(())
        })
    }

    /// Adds a line that is not for the log, which has another in its place.
    pub(super) fn say_masked(&self, logged: &str, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Gone> {
        self.respond(|response| {
            write(response.buffer);
            response.told = response.buffer.len();
            log::debug!("S: {logged}");
            Ok(())
        })
    }

    /// Writes what has gathered.
    pub(super) fn flush(&self) -> Result<(), Gone> {
        let mut buffer = self.buffer.lock();
        if !buffer.is_empty() {
            self.stream.write_all(&buffer)?;
            *buffer = Vec::new();
        }
        Ok(())
    }

    /// Ends the connection with what has gathered.
    pub(super) fn close(&self) {
        let last = std::mem::take(&mut *self.buffer.lock());
        self.stream.close_after(&last);
    }

    /// Says whole lines at once, unless a response is being written; `write` adds them, or nothing.
    pub(super) fn interject(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Gone> {
        let Some(mut buffer) = self.buffer.try_lock() else { return Ok(()) };
        // Not to a client that takes nothing now: the watchdog has others to look after.
        if !self.stream.is_writable() {
            return Ok(());
        }
        let before = buffer.len();
        let mut response = Response::new(&self.stream, &mut buffer);
        write(response.buffer);
        if response.buffer.len() == before {
            return Ok(());
        }
        let _tag = super::session::log_tag(self.stream.session());
        response.tell();
        self.stream.write_all(&buffer)?;
        buffer.clear();
        Ok(())
    }
}
