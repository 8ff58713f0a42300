//! Listening sockets, bound before the process gives up root.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// When a connection speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Never,
    /// When the client asks.
    StartTls,
    /// From its first octet.
    Implicit,
}

/// Connections that the kernel holds until they are accepted: more than any burst of clients that come back at once,
/// and the kernel has a bound of its own.
const BACKLOG: i32 = 1024;

/// The kernel asks a silent client whether it is there: a phone that left its network would keep its place until the
/// idle time-out. Not so often that phones are woken for it, and often enough for routers that forget quiet connections.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(300)).with_interval(Duration::from_secs(30));

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
    // Accepted sockets have these from their listener, without a system call for each. Responses are written whole:
    // none is to wait for the acknowledgement of the one before.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&KEEPALIVE)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(BoundListener { socket: socket.into(), mode, name: name.to_string() })
}
