//! A connection's octets, in the clear or over TLS.
//!
//! The socket does not block; waiting to read is done in poll(2), without any lock held, so that the watchdog can write
//! while the session waits. A client that takes none of its octets for `write_timeout` is given up. No buffer is kept
//! while nothing is under way.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection};
use socket2::SockRef;

use super::deflate::{Deflater, Inflater};
use super::registry::SessionInfo;
use crate::metrics;
use crate::sys::{self, Bell, For};

/// What a TLS client says first, also to a port where it should not: a handshake record. RFC 8446 5.1
pub const TLS_HELLO: [u8; 2] = [0x16, 0x03];

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    Readable,
    Bell,
    TimedOut,
}

/// What a handshake agreed on, by the names of the RFCs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    pub version: String,
    pub cipher_suite: String,
}

pub struct Stream {
    socket: TcpStream,
    info: Arc<SessionInfo>,
    write_timeout: Duration,
    /// Held while octets are moved, and while a client that is slow is waited for to take some.
    tls: Mutex<Option<Box<ServerConnection>>>,
    /// Whether `tls` is set, without its lock.
    secure: AtomicBool,
    /// Both directions after COMPRESS, each behind a lock of its own.
    inflater: Mutex<Option<Box<Inflater>>>,
    deflater: Mutex<Option<Box<Deflater>>>,
    /// Whether the two are set, without their locks.
    compressed: AtomicBool,
    /// Whether the inflater has octets that are not read.
    inflated: AtomicBool,
    /// Whether rustls has octets that are decrypted but not read: poll(2) does not see them.
    buffered: AtomicBool,
}

/// Octets of TLS that rustls may hold while the socket takes no more.
const TLS_BUFFER_BYTES: usize = 64 * 1024;

impl Stream {
    pub(super) fn new(socket: TcpStream, info: Arc<SessionInfo>, write_timeout: Duration) -> io::Result<Stream> {
        socket.set_nonblocking(true)?;
        Ok(Stream {
            socket,
            info,
            write_timeout,
            tls: Mutex::new(None),
            secure: AtomicBool::new(false),
            inflater: Mutex::new(None),
            deflater: Mutex::new(None),
            compressed: AtomicBool::new(false),
            inflated: AtomicBool::new(false),
            buffered: AtomicBool::new(false),
        })
    }

    /// The number of the session that it is of.
    pub fn session(&self) -> u64 {
        self.info.id
    }

    pub fn peer(&self) -> SocketAddr {
        self.info.peer
    }

    /// The address that the client came to.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub fn is_tls(&self) -> bool {
        self.secure.load(Ordering::Acquire)
    }

    pub fn is_compressed(&self) -> bool {
        self.compressed.load(Ordering::Acquire)
    }

    /// From here on both directions are deflated. RFC 4978
    pub fn start_compression(&self) {
        *self.inflater.lock() = Some(Box::new(Inflater::new()));
        *self.deflater.lock() = Some(Box::default());
        self.compressed.store(true, Ordering::Release);
    }

    /// Gives back what a session that rests does not need.
    pub fn rest(&self) {
        if let Some(deflater) = self.deflater.lock().as_mut() {
            deflater.rest();
        }
    }

    /// `None` in the clear.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        let tls = self.tls.lock();
        let tls = tls.as_ref()?;
        let version = format!("{:?}", tls.protocol_version()?);
        Some(TlsInfo { version, cipher_suite: format!("{:?}", tls.negotiated_cipher_suite()?.suite()) })
    }

    /// The name of the server that the client has asked for in TLS. RFC 6066 3
    pub fn server_name(&self) -> Option<String> {
        self.tls.lock().as_ref().and_then(|tls| tls.server_name().map(str::to_string))
    }

    /// Waits for octets from the client, the bell, or the end of `timeout`. The end of the connection is readable.
    pub fn wait(&self, bell: Option<&Bell>, timeout: Duration) -> io::Result<Ready> {
        if self.has_buffered() {
            return Ok(Ready::Readable);
        }
        match sys::wait(self.socket.as_raw_fd(), For::Reading, bell, Some(timeout))? {
            sys::Ready::Socket => Ok(Ready::Readable),
            sys::Ready::Bell => Ok(Ready::Bell),
            sys::Ready::TimedOut => Ok(Ready::TimedOut),
        }
    }

    /// Whether a `read` would have octets without asking the socket.
    pub fn has_buffered(&self) -> bool {
        self.buffered.load(Ordering::Acquire) || self.inflated.load(Ordering::Acquire)
    }

    /// Octets that are there, 0 at the connection's end, `WouldBlock` where none are.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.is_compressed() {
            false => self.read_plain(buffer)?,
            true => self.read_inflated(buffer)?,
        };
        metrics::BYTES_READ.add(read as u64);
        Ok(read)
    }

    fn read_plain(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.is_tls() {
            false => (&self.socket).read(buffer),
            true => self.tls.lock().as_mut().map_or(Ok(0), |tls| self.read_tls(tls, buffer)),
        }
    }

    fn read_inflated(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut inflater = self.inflater.lock();
        let Some(inflater) = inflater.as_mut() else { return Ok(0) };
        let read = inflater.read(buffer, |piece| self.read_plain(piece));
        self.inflated.store(inflater.has_more(), Ordering::Release);
        read
    }

    fn read_tls(&self, tls: &mut ServerConnection, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Closed without a word of TLS: a client that ends so has said all it wanted.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(error),
                Ok(read) => {
                    self.note_buffered(tls);
                    return Ok(read);
                }
            }
            if tls.read_tls(&mut &self.socket)? == 0 {
                return Ok(0);
            }
            let processed = tls.process_new_packets();
            // An alert, or the answer to a key update.
            self.send_tls(tls)?;
            processed.map_err(io::Error::other)?;
        }
    }

    fn note_buffered(&self, tls: &mut ServerConnection) {
        let left = tls.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0);
        self.buffered.store(left, Ordering::Release);
    }

    /// Writes all of it, or fails when the client has not taken any for the time that it is given.
    pub fn write_all(&self, octets: &[u8]) -> io::Result<()> {
        self.write_parts(&[octets])
    }

    /// Writes all parts, one behind the other, without copying them together.
    pub fn write_parts(&self, parts: &[&[u8]]) -> io::Result<()> {
        match self.is_compressed() {
            false => self.write_plain(parts)?,
            true => self.write_deflated(parts)?,
        }
        metrics::BYTES_WRITTEN.add(parts.iter().map(|part| part.len() as u64).sum());
        Ok(())
    }

    /// Apart, as deflating wants 64 kilobytes of stack, which connections without it shall not touch.
    #[inline(never)]
    fn write_deflated(&self, parts: &[&[u8]]) -> io::Result<()> {
        // Held until it is written: what was deflated first is sent first.
        match self.deflater.lock().as_mut() {
            Some(deflater) => self.write_plain(&[&deflater.deflate(parts)?]),
            None => Ok(()),
        }
    }

    fn write_plain(&self, parts: &[&[u8]]) -> io::Result<()> {
        match self.is_tls() {
            false => self.write_socket(parts),
            true => self.tls.lock().as_mut().map_or(Ok(()), |tls| self.write_tls(tls, parts)),
        }
    }

    fn write_tls(&self, tls: &mut ServerConnection, parts: &[&[u8]]) -> io::Result<()> {
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                let taken = tls.writer().write(rest)?;
                rest = rest.get(taken..).unwrap_or_default();
                // What is left found the buffer full.
                if !rest.is_empty() {
                    self.send_tls(tls)?;
                }
            }
        }
        self.send_tls(tls)
    }

    fn send_tls(&self, tls: &mut ServerConnection) -> io::Result<()> {
        while tls.wants_write() {
            match tls.write_tls(&mut &self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) => self.bear(error)?,
            }
        }
        Ok(())
    }

    fn write_socket(&self, parts: &[&[u8]]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> =
            parts.iter().filter(|part| !part.is_empty()).map(|part| IoSlice::new(part)).collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match (&self.socket).write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => IoSlice::advance_slices(&mut rest, taken),
                Err(error) => self.bear(error)?,
            }
        }
        Ok(())
    }

    /// Waits where the socket takes no more; any other error stays one.
    fn bear(&self, error: io::Error) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock => {
                match sys::wait(self.socket.as_raw_fd(), For::Writing, None, Some(self.write_timeout))? {
                    sys::Ready::TimedOut => Err(io::ErrorKind::TimedOut.into()),
                    _ => Ok(()),
                }
            }
            _ => Err(error),
        }
    }

    /// Whether a line would be taken at once: for who must not wait for one client, such as the watchdog.
    pub fn is_writable(&self) -> bool {
        let now = Some(Duration::ZERO);
        matches!(sys::wait(self.socket.as_raw_fd(), For::Writing, None, now), Ok(sys::Ready::Socket))
    }

    /// The server's side of a TLS handshake, within `timeout`. Nothing of the client's may have been read ahead. A
    /// session that is asked to end does so.
    pub fn start_tls(&self, config: Arc<ServerConfig>, timeout: Duration) -> io::Result<()> {
        let shaken = ServerConnection::new(config).map_err(io::Error::other).and_then(|tls| {
            let mut tls = Box::new(tls);
            tls.set_buffer_limit(Some(TLS_BUFFER_BYTES));
            self.shake_hands(&mut tls, Instant::now() + timeout).map(|()| tls)
        });
        let outcome = if shaken.is_ok() { &metrics::TLS_HANDSHAKES } else { &metrics::TLS_FAILURES };
        outcome.add(1);
        let mut tls = shaken?;
        // The client may have sent a command behind its part of the handshake.
        self.note_buffered(&mut tls);
        *self.tls.lock() = Some(tls);
        self.secure.store(true, Ordering::Release);
        Ok(())
    }

    fn shake_hands(&self, tls: &mut ServerConnection, deadline: Instant) -> io::Result<()> {
        let mut heard = 0;
        while tls.is_handshaking() {
            self.wait_for_handshake(deadline)?;
            match tls.read_tls(&mut &self.socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => heard += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            let processed = tls.process_new_packets();
            self.send_tls(tls)?;
            processed.map_err(|error| match error {
                rustls::Error::InvalidMessage(_) => {
                    io::Error::other(format!("the client does not speak TLS ({heard} octets, {error})"))
                }
                error => io::Error::other(error),
            })?;
        }
        self.send_tls(tls)
    }

    fn wait_for_handshake(&self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match sys::wait(self.socket.as_raw_fd(), For::Reading, Some(&self.info.bell), Some(left))? {
                sys::Ready::Socket => return Ok(()),
                sys::Ready::TimedOut => return Err(io::ErrorKind::TimedOut.into()),
                sys::Ready::Bell if self.info.is_ending() => {
                    return Err(io::Error::other("the session was asked to end"));
                }
                // There is no mailbox yet that could have rung.
                sys::Ready::Bell => self.info.bell.hear(),
            }
        }
    }

    /// Writes the last words and closes, as the client has asked: they go together with the end, in one segment where they
    /// fit, and the client is not waited for. Over TLS it may still say that it ends as well.
    pub fn close_after(&self, last: &[u8]) {
        let _ = SockRef::from(&self.socket).set_tcp_cork(true);
        // A client that is gone does not miss them.
        let _ = self.write_all(last);
        self.end(if self.is_tls() { LINGER } else { Duration::ZERO });
    }

    /// Says goodbye and closes; a client that is gone already is no error.
    pub fn close(&self) {
        self.end(LINGER);
    }

    fn end(&self, linger: Duration) {
        if let Some(tls) = self.tls.lock().as_mut() {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut &self.socket);
        }
        part_gently(&self.socket, linger);
    }
}

/// How long a connection that we end may take to end on the client's side: a few round trips.
const LINGER: Duration = Duration::from_millis(200);

/// Ends what we say, and for so long takes what the client still says: a socket that is closed with octets unread is
/// reset by the kernel, and the reset can overtake our last words. A client that ends as well is not waited for.
pub(super) fn part_gently(socket: &TcpStream, linger: Duration) {
    const READS_MAX: usize = 64;
    let (mut buffer, deadline) = ([0; 4096], Instant::now() + linger);
    if socket.shutdown(Shutdown::Write).is_err() {
        return;
    }
    for _ in 0..READS_MAX {
        let left = deadline.saturating_duration_since(Instant::now());
        if !matches!(sys::wait(socket.as_raw_fd(), For::Reading, None, Some(left)), Ok(sys::Ready::Socket)) {
            return;
        }
        match (&*socket).read(&mut buffer) {
            Ok(n) if n > 0 => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}
