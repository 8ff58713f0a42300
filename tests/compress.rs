//! COMPRESS=DEFLATE beside zlib itself, by way of Python: in the clear, over TLS, in small pieces, large, and hostile.
//! RFC 4978
//!
//! 3: once and no more, what follows OK is compressed, and TLS is outside of it.

mod common;

use std::process::Command;

use common::Server;

const SCRIPT: &str = r#"
import socket, ssl, sys, zlib
port, tls_port = int(sys.argv[1]), int(sys.argv[2])

class Client:
    def __init__(self, sock, step):
        self.sock, self.step, self.text = sock, step, b''
        self.unzip = self.zip = None
        self.line()

    def send(self, data):
        if self.zip:
            data = self.zip.compress(data) + self.zip.flush(zlib.Z_SYNC_FLUSH)
        for at in range(0, len(data), self.step):
            self.sock.sendall(data[at:at + self.step])

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.text += self.unzip.decompress(data) if self.unzip else data

    def line(self):
        while b'\r\n' not in self.text:
            self.fill()
        line, self.text = self.text.split(b'\r\n', 1)
        return line

    def take(self, n):
        while len(self.text) < n:
            self.fill()
        data, self.text = self.text[:n], self.text[n:]
        return data

    def ok(self, command):
        self.send(b'a ' + command + b'\r\n')
        lines = []
        while True:
            line = self.line()
            if line.startswith(b'a '):
                assert line.startswith(b'a OK'), line
                return lines
            if line.endswith(b'}'):
                line += self.take(int(line[line.rindex(b'{') + 1:-1]))
            lines.append(line)

    def compress(self):
        self.ok(b'COMPRESS DEFLATE')
        self.unzip, self.zip = zlib.decompressobj(-15), zlib.compressobj(6, zlib.DEFLATED, -15)

def clear():
    return socket.create_connection(('127.0.0.1', port))

def secure():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(('127.0.0.1', tls_port)))

for make, step in ((clear, 100000), (secure, 100000), (clear, 1)):
    c = Client(make(), step)
    c.ok(b'LOGIN user1 secret')
    assert b'COMPRESS=DEFLATE' in c.ok(b'CAPABILITY')[0]
    c.compress()
    assert b'COMPRESS=DEFLATE' not in c.ok(b'CAPABILITY')[0]
    c.send(b'b COMPRESS DEFLATE\r\n')
    assert c.line().startswith(b'b NO [COMPRESSIONACTIVE]')
    size = 3000000 if step > 1 else 3000
    mail = b'Subject: large\r\n\r\n' + b'all the same ' * (size // 13) + b'\r\n'
    c.ok(b'APPEND INBOX {%d+}\r\n' % len(mail) + mail)
    c.ok(b'SELECT INBOX')
    assert mail in c.ok(b'FETCH * BODY.PEEK[]')[0]
    # Many commands at once, and IDLE, which rests.
    c.send(b''.join(b'x%d NOOP\r\n' % n for n in range(200)))
    for n in range(200):
        assert c.line() == b'x%d OK Completed' % n
    other = Client(clear(), 100000)
    other.ok(b'LOGIN user1 secret')
    c.send(b'i IDLE\r\n')
    assert c.line().startswith(b'+')
    other.ok(b'APPEND INBOX {6+}\r\nA: 1\r\n')
    assert c.line().endswith(b'EXISTS')
    c.send(b'DONE\r\n')
    while not c.line().startswith(b'i OK'):
        pass
    c.ok(b'UNSELECT')

# A bomb: a line of a hundred megabytes in a hundred kilobytes. It is refused as any line that is too long.
c = Client(clear(), 100000)
c.ok(b'LOGIN user1 secret')
c.compress()
try:
    c.send(b'x' * 100000000)
    assert b'BAD' in c.line()
except (EOFError, ConnectionError):
    pass

# What is not deflated ends the connection.
c = Client(clear(), 100000)
c.ok(b'LOGIN user1 secret')
c.compress()
c.sock.sendall(b'\xff\xff\xff\xff a NOOP\r\n')
try:
    c.line()
    raise SystemExit('an answer to nonsense')
except (EOFError, ConnectionError, zlib.error):
    pass
print('done')
"#;

#[test]
fn zlib_understands_us() {
    if !common::installed("python3") {
        return;
    }
    let server = Server::start("");
    let script = server.path("compress.py");
    std::fs::write(&script, SCRIPT).unwrap();
    let ports = [server.port.to_string(), server.tls_port.to_string()];
    let done = Command::new("python3").arg(&script).args(ports).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(done.stdout, b"done\n");
}
