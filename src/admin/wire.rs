//! Lines of JSON and octets over a stream.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use serde_json::Value;

/// A line of a request or an answer: no honest one is longer.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Both directions; one thread can send while another receives.
pub(super) struct Wire {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
}

pub(super) struct Reader(BufReader<Shared>);

pub(super) struct Writer(BufWriter<Shared>);

/// One file for both directions: who comes for the last one there is is heard.
struct Shared(Arc<UnixStream>);

impl Read for Shared {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(octets)
    }
}

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        (&*self.0).write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    pub(super) fn new(stream: UnixStream) -> Wire {
        let stream = Arc::new(stream);
        let writer = Writer(BufWriter::with_capacity(64 * 1024, Shared(stream.clone())));
        Wire { reader: Reader(BufReader::new(Shared(stream))), writer }
    }

    pub(super) fn receive(&mut self) -> io::Result<Option<Value>> {
        self.reader.receive()
    }

    pub(super) fn octets(&mut self, length: u64) -> io::Result<Vec<u8>> {
        self.reader.octets(length)
    }

    pub(super) fn send(&mut self, value: &Value) -> io::Result<()> {
        self.writer.send(value)
    }

    pub(super) fn send_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.writer.send_octets(octets)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Reader {
    /// The next line; `None` at the end.
    pub(super) fn receive(&mut self) -> io::Result<Option<Value>> {
        let mut line = Vec::new();
        (&mut self.0).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        match line.is_empty() {
            true => Ok(None),
            false => serde_json::from_slice(&line).map(Some).map_err(io::Error::other),
        }
    }

    pub(super) fn octets(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        match (&mut self.0).take(length).read_to_end(&mut octets)? as u64 == length {
            true => Ok(octets),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Writer {
    pub(super) fn send(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.0, "{value}")
    }

    pub(super) fn send_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write_all(octets)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// Nothing more is sent; the other end sees the end.
    pub(super) fn close(&mut self) {
        // What cannot be flushed or closed is closed already.
        let _ = self.0.flush().and_then(|()| self.0.get_ref().0.shutdown(Shutdown::Write));
    }
}
