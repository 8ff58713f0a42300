//! Listening sockets, bound before the process gives up root.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// When a connection speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Never,
    /// When the client asks.
    StartTls,
    /// From its first octet.
    Implicit,
}

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 1024;

pub struct BoundListener {
    pub(super) socket: TcpListener,
    pub mode: Mode,
    pub name: String,
}

impl BoundListener {
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

pub fn bind(name: &str, address: SocketAddr, mode: Mode) -> io::Result<BoundListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // An IPv6 address means IPv6 alone: IPv4 has a listener of its own.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(BoundListener { socket: socket.into(), mode, name: name.to_string() })
}
