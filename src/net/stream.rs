//! A connection's octets, in the clear or over TLS.
//!
//! The socket does not block; waiting is done in poll(2), without any lock held, so that the watchdog can write while
//! the session waits to read. A client that does not take its octets for `write_timeout` is given up.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection};

use crate::sys::{self, Bell, For};

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    Readable,
    Bell,
    TimedOut,
}

pub struct Stream {
    socket: TcpStream,
    peer: SocketAddr,
    write_timeout: Duration,
    tls: Mutex<Option<Box<ServerConnection>>>,
    /// Whether `tls` is set, without its lock.
    secure: std::sync::atomic::AtomicBool,
}

/// Octets of TLS that rustls may hold while the socket takes no more.
const TLS_BUFFER_BYTES: usize = 64 * 1024;

impl Stream {
    pub fn new(socket: TcpStream, write_timeout: Duration) -> io::Result<Stream> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let peer = socket.peer_addr()?;
        Ok(Stream { socket, peer, write_timeout, tls: Mutex::new(None), secure: false.into() })
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub fn is_tls(&self) -> bool {
        self.secure.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Waits for octets from the client, a bell, or the end of `timeout`. The end of the connection is readable.
    pub fn wait(&self, bells: &[&Bell], timeout: Duration) -> io::Result<Ready> {
        match sys::wait(self.socket.as_raw_fd(), For::Reading, bells, Some(timeout))? {
            sys::Ready::Socket => Ok(Ready::Readable),
            sys::Ready::Bell => Ok(Ready::Bell),
            sys::Ready::TimedOut => Ok(Ready::TimedOut),
        }
    }

    /// Octets that are there, 0 at the connection's end, `WouldBlock` where none are.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_tls() {
            return (&self.socket).read(buffer);
        }
        let mut tls = self.tls.lock();
        let Some(tls) = tls.as_mut() else { return Ok(0) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
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

    /// Writes all of it, or fails when the client has not taken any for the time that it is given.
    pub fn write_all(&self, octets: &[u8]) -> io::Result<()> {
        if !self.is_tls() {
            return self.write_socket(octets);
        }
        let mut tls = self.tls.lock();
        let Some(tls) = tls.as_mut() else { return Ok(()) };
        let mut rest = octets;
        while !rest.is_empty() {
            let taken = tls.writer().write(rest)?;
            rest = &rest[taken..];
            self.send_tls(tls)?;
        }
        Ok(())
    }

    fn send_tls(&self, tls: &mut ServerConnection) -> io::Result<()> {
        while tls.wants_write() {
            match tls.write_tls(&mut &self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_to_write()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_socket(&self, octets: &[u8]) -> io::Result<()> {
        let mut rest = octets;
        while !rest.is_empty() {
            match (&self.socket).write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => rest = &rest[taken..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_to_write()?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn wait_to_write(&self) -> io::Result<()> {
        match sys::wait(self.socket.as_raw_fd(), For::Writing, &[], Some(self.write_timeout))? {
            sys::Ready::TimedOut => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// The server's side of a TLS handshake, within `timeout`. Nothing of the client's may have been read ahead.
    pub fn start_tls(&self, config: Arc<ServerConfig>, timeout: Duration) -> io::Result<()> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        tls.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        let deadline = Instant::now() + timeout;
        while tls.is_handshaking() {
            self.send_tls(&mut tls)?;
            if !tls.is_handshaking() {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.wait(&[], left)? == Ready::TimedOut {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match tls.read_tls(&mut &self.socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            let processed = tls.process_new_packets();
            self.send_tls(&mut tls)?;
            processed.map_err(io::Error::other)?;
        }
        self.send_tls(&mut tls)?;
        *self.tls.lock() = Some(Box::new(tls));
        self.secure.store(true, std::sync::atomic::Ordering::Release);
        Ok(())
    }

    /// TLS octets may be in rustls's buffer, where poll(2) does not see them.
    pub fn has_buffered(&self) -> bool {
        self.is_tls()
            && self
                .tls
                .lock()
                .as_mut()
                .is_some_and(|tls| tls.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0))
    }

    /// Says goodbye and closes; a client that is gone already is no error.
    pub fn close(&self) {
        if let Some(tls) = self.tls.lock().as_mut() {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut &self.socket);
        }
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}
