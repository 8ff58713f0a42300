//! Connections at their door: real sockets on loopback.

mod pool;
mod tls;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

const REFUSAL: &[u8] = b"full\r\n";
const FAREWELL: &[u8] = b"broken\r\n";
/// More than anything takes, also where the machine is busy or has stood still.
const SOON: Duration = Duration::from_secs(60);

struct Site {
    server: Server,
    registry: Arc<Registry>,
    address: SocketAddr,
}

fn site(mode: Mode, options: Options, handler: impl Fn(Connection) + Send + Sync + 'static) -> Site {
    let listener = bind("test", "127.0.0.1:0".parse().unwrap(), mode).unwrap();
    let (address, registry) = (listener.address().unwrap(), Arc::new(Registry::default()));
    let server = Server::start(vec![listener], options, registry.clone(), handler).unwrap();
    Site { server, registry, address }
}

fn options(channels_max: usize) -> Options {
    let (refusal, farewell) = (REFUSAL.to_vec(), FAREWELL.to_vec());
    Options { channels_max, per_address_max: 1000, write_timeout: SOON, refusal, farewell }
}

/// Returns each line that it reads; `end` ends it, and so does the registry.
fn echo(connection: Connection) {
    let Connection { stream, ticket, .. } = connection;
    let mut gathered = Vec::new();
    while !ticket.info.is_ending() {
        if let Ok(Ready::Readable) = stream.wait(Some(&ticket.info.bell), SOON) {
            let mut buffer = [0; 7];
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => gathered.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        while let Some(at) = memchr::memchr(b'\n', &gathered) {
            let line: Vec<u8> = gathered.drain(..=at).collect();
            assert_ne!(line, b"panic\n");
            if line == b"end\n" || stream.write_all(&line).is_err() {
                return stream.close();
            }
        }
    }
    let _ = stream.write_all(b"bye\n");
    stream.close();
}

impl Site {
    fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(SOON)).unwrap();
        client
    }
}

/// What comes until the end.
fn rest(client: &mut impl Read) -> String {
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

fn asks(client: &mut (impl Read + Write), line: &str) {
    client.write_all(line.as_bytes()).unwrap();
    let mut answer = vec![0; line.len()];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, line.as_bytes());
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
