//! Lines of JSON and octets over a stream.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::Value;

/// A line of a request or an answer: no honest one is longer.
const LINE_BYTES_MAX: u64 = 1 << 20;

pub(super) struct Wire {
    reader: BufReader<UnixStream>,
    writer: io::BufWriter<UnixStream>,
}

impl Wire {
    pub(super) fn new(stream: UnixStream) -> io::Result<Wire> {
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Wire { reader, writer: io::BufWriter::with_capacity(64 * 1024, stream) })
    }

    /// The next line; `None` at the end.
    pub(super) fn receive(&mut self) -> io::Result<Option<Value>> {
        let mut line = String::new();
        (&mut self.reader).take(LINE_BYTES_MAX).read_line(&mut line)?;
        match line.is_empty() {
            true => Ok(None),
            false => serde_json::from_str(&line).map(Some).map_err(io::Error::other),
        }
    }

    pub(super) fn octets(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        match (&mut self.reader).take(length).read_to_end(&mut octets)? as u64 == length {
            true => Ok(octets),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    pub(super) fn send(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.writer, "{value}")
    }

    pub(super) fn send_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.writer.write_all(octets)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
