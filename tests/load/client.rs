//! A client that costs little itself: it looks for the tagged response and at nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;

/// No tagged response, with what may follow it, is longer.
const TAIL_BYTES: usize = 2048;

/// Octets that are read at once, once there are many.
const BUFFER_BYTES: usize = 256 * 1024;

#[derive(Clone)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    /// Of the server, for what its connections cost.
    pub pid: Option<u32>,
}

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What has been received and not been asked for yet.
    held: Vec<u8>,
    tag: u32,
}

impl Client {
    pub fn connect(target: &Target) -> Client {
        let stream = TcpStream::connect((target.host.as_str(), target.port)).expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(120))).expect("timeout");
        let mut client = Client { stream, buffer: vec![0; 16 * 1024], held: Vec::new(), tag: 0 };
        client.line();
        client
    }

    pub fn login(target: &Target) -> Client {
        let mut client = Client::connect(target);
        client.ok(&format!("LOGIN {} {}", target.user, target.password));
        client
    }

    fn receive(&mut self) -> usize {
        let length = self.stream.read(&mut self.buffer).expect("read");
        assert!(length > 0, "the server closed the connection");
        if length == self.buffer.len() {
            self.buffer.resize(BUFFER_BYTES, 0);
        }
        length
    }

    /// The next line.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.held) {
                let line: Vec<u8> = self.held.drain(..=end).collect();
                return String::from_utf8_lossy(&line).trim_end().to_string();
            }
            let length = self.receive();
            self.held.extend_from_slice(&self.buffer[..length]);
        }
    }

    pub fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).expect("write");
    }

    /// Sends a command; its tag.
    pub fn begin(&mut self, command: &[u8]) -> String {
        self.tag += 1;
        // No message has such a word at the beginning of a line.
        let tag = format!("zqx{}jv", self.tag);
        let line = [tag.as_bytes(), b" ", command, b"\r\n"].concat();
        self.send(&line);
        tag
    }

    /// Reads to the end of the tagged response: how many octets, and the response. It is the last that the server says, so
    /// that only the end of what has come is looked at.
    pub fn finish(&mut self, tag: &str) -> (u64, String) {
        let mark = format!("{tag} ").into_bytes();
        let (mut octets, mut tail) = (0, std::mem::take(&mut self.held));
        loop {
            if let Some(at) = memchr::memmem::find(&tail, &mark)
                && let Some(end) = memchr::memchr(b'\n', &tail[at..])
            {
                let response = String::from_utf8_lossy(&tail[at + mark.len()..at + end]).trim_end().to_string();
                octets += (at + end + 1) as u64;
                self.held = tail.split_off(at + end + 1);
                return (octets, response);
            }
            let length = self.receive();
            let keep = tail.len().min(TAIL_BYTES.saturating_sub(length));
            let skip = length.saturating_sub(TAIL_BYTES);
            octets += (tail.len() - keep + skip) as u64;
            tail.drain(..tail.len() - keep);
            tail.extend_from_slice(&self.buffer[skip..length]);
        }
    }

    /// A command that must succeed: octets of its responses.
    pub fn ok(&mut self, command: &str) -> u64 {
        let tag = self.begin(command.as_bytes());
        let (octets, response) = self.finish(&tag);
        assert!(response.starts_with("OK"), "{command}: {response}");
        octets
    }

    pub fn append(&mut self, mailbox: &str, message: &[u8]) {
        let command = [format!("APPEND {mailbox} {{{}+}}\r\n", message.len()).as_bytes(), message].concat();
        let tag = self.begin(&command);
        let (_, response) = self.finish(&tag);
        assert!(response.starts_with("OK"), "APPEND: {response}");
    }
}
