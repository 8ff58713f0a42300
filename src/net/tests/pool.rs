//! Places, workers, refusals, bells, the end.

use std::io::{self, ErrorKind};
use std::sync::mpsc;

use super::*;

#[test]
fn lines_come_back_whole_one_byte_at_a_time() {
    let site = site(Mode::Never, options(4), echo);
    let mut client = site.connect();
    client.set_nodelay(true).unwrap();
    for byte in b"a first line\nand another\n" {
        client.write_all(&[*byte]).unwrap();
    }
    client.write_all(b"end\n").unwrap();
    assert_eq!(rest(&mut client), "a first line\nand another\n");
    assert_eq!(site.connect().peer_addr().unwrap(), site.address);
}

#[test]
fn the_pool_is_bounded_and_refusal_is_heard() {
    let site = site(Mode::StartTls, options(2), echo);
    let mut inside = [site.connect(), site.connect()];
    inside.iter_mut().for_each(|client| asks(client, "here\n"));
    for _ in 0..20 {
        assert_eq!(rest(&mut site.connect()), "full\r\n");
    }
    assert_eq!((site.server.active(), site.server.workers()), (2, 2));
    inside[0].write_all(b"end\n").unwrap();
    assert_eq!(rest(&mut inside[0]), "");
    eventually("a place is free", || site.server.active() == 1);
    for _ in 0..20 {
        asks(&mut site.connect(), "let in\n");
        eventually("its place is free", || site.server.active() == 1);
    }
    assert!(site.server.workers() <= 3, "idle workers are used again; one may wait at the door beside them");
}

/// A socket that is closed with octets unread is reset, and the client's end is an error instead of an end.
#[test]
fn what_nobody_reads_costs_no_last_words() {
    let listener = bind("test", "127.0.0.1:0".parse().unwrap(), Mode::Never).unwrap();
    let mut client = TcpStream::connect(listener.address().unwrap()).unwrap();
    client.write_all(b"a command that nobody reads\n").unwrap();
    let mut socket = listener.socket.accept().unwrap().0;
    socket.peek(&mut [0]).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.write_all(REFUSAL).unwrap();
    stream::part_gently(&socket, Duration::ZERO);
    drop(socket);
    assert_eq!(rest(&mut client), "full\r\n");
}

/// The end is heard by who is still talking, and nobody is waited for in vain.
#[test]
fn a_session_that_ends_lets_the_client_finish() {
    let (say, hear) = mpsc::channel();
    let site = site(Mode::Never, options(2), move |connection| {
        connection.stream.wait(None, SOON).unwrap();
        connection.stream.write_all(b"enough\n").unwrap();
        let began = Instant::now();
        connection.stream.close();
        say.send(began.elapsed()).unwrap();
    });
    eventually("one that stays is not waited for without end", || {
        let mut client = site.connect();
        client.set_nodelay(true).unwrap();
        for _ in 0..20 {
            client.write_all(b"x").unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(rest(&mut client), "enough\n");
        hear.recv_timeout(SOON).unwrap() < Duration::from_secs(2)
    });
    eventually("one that ends as well is not waited for", || {
        let mut client = site.connect();
        client.write_all(b"x").unwrap();
        assert_eq!(rest(&mut client), "enough\n");
        drop(client);
        hear.recv_timeout(SOON).unwrap() < Duration::from_millis(100)
    });
}

#[test]
fn bounds_change_while_it_runs() {
    let site = site(Mode::Never, options(0), echo);
    assert_eq!(rest(&mut site.connect()), "full\r\n", "0 turns it off");
    site.server.set_bounds(2, 1);
    let mut first = site.connect();
    asks(&mut first, "here\n");
    assert_eq!(rest(&mut site.connect()), "full\r\n", "one a client");
    site.server.set_bounds(0, 1);
    asks(&mut first, "still here\n");
}

#[test]
fn a_tls_port_refuses_by_closing() {
    let site = site(Mode::Implicit, options(0), echo);
    assert_eq!(rest(&mut site.connect()), "");
}

#[test]
fn workers_retire_and_come_back() {
    let site = site(Mode::Never, options(50), echo);
    site.server.retire_after(Duration::from_millis(20));
    for _ in 0..3 {
        let mut clients: Vec<TcpStream> = (0..30).map(|_| site.connect()).collect();
        clients.iter_mut().for_each(|client| asks(client, "here\n"));
        assert!(site.server.workers() >= 30);
        drop(clients);
        eventually("all retire", || site.server.workers() == 0);
    }
}

/// A few take turns at the door; the others go, however steady the work is.
#[test]
fn a_burst_leaves_few_workers_behind() {
    let site = site(Mode::Never, options(200), echo);
    site.server.retire_after(Duration::from_millis(500));
    let mut clients: Vec<TcpStream> = (0..100).map(|_| site.connect()).collect();
    clients.iter_mut().for_each(|client| asks(client, "here\n"));
    assert!(site.server.workers() >= 100);
    drop(clients);
    eventually("most have gone", || {
        asks(&mut site.connect(), "here\n");
        site.server.workers() <= 17
    });
}

/// With one listener for each of many protocols and addresses, who waits at one door is none of another's.
#[test]
fn every_door_has_somebody() {
    let listeners: Vec<BoundListener> =
        (0..3).map(|_| bind("test", "127.0.0.1:0".parse().unwrap(), Mode::Never).unwrap()).collect();
    let addresses: Vec<SocketAddr> = listeners.iter().map(|listener| listener.address().unwrap()).collect();
    let server = Server::start(listeners, options(50), Arc::new(Registry::default()), echo).unwrap();
    for turn in 0..300 {
        let mut client = TcpStream::connect(addresses[turn * turn % 3]).unwrap();
        asks(&mut client, "here\n");
    }
    eventually("all have ended", || server.active() == 0);
    server.set_bounds(2, 1000);
    let mut inside = [0, 1].map(|at| TcpStream::connect(addresses[at]).unwrap());
    inside.iter_mut().for_each(|client| asks(client, "here\n"));
    let mut third = TcpStream::connect(addresses[2]).unwrap();
    assert_eq!(rest(&mut third), "full\r\n", "the bound is for all doors together");
    assert!(server.stop(SOON));
    for address in addresses {
        eventually("the port is closed", || TcpStream::connect(address).is_err());
    }
}

/// Workers that retire just as connections come: none is ever left waiting.
#[test]
fn no_connection_waits_for_a_worker_that_retires() {
    let site = site(Mode::Never, options(50), echo);
    site.server.retire_after(Duration::from_micros(200));
    for n in 0..2_000u64 {
        asks(&mut site.connect(), "here\n");
        std::thread::sleep(Duration::from_micros(n * 37 % 400));
    }
}

#[test]
fn a_panic_ends_its_own_session() {
    let site = site(Mode::Never, options(1), echo);
    for _ in 0..3 {
        let mut client = site.connect();
        client.write_all(b"panic\n").unwrap();
        assert_eq!(rest(&mut client), "broken\r\n");
        eventually("the place is free", || site.server.active() == 0);
    }
    asks(&mut site.connect(), "goes on\n");
    assert!(site.server.workers() <= 2, "who met with the panic works on");
}

#[test]
fn stop_says_bye_and_closes_the_port() {
    let site = site(Mode::Never, options(8), echo);
    let mut clients: Vec<TcpStream> = (0..5).map(|_| site.connect()).collect();
    clients.iter_mut().for_each(|client| asks(client, "here\n"));
    assert_eq!(site.registry.len(), 5);
    let began = Instant::now();
    assert!(site.server.stop(SOON));
    // None of them is waited for in vain.
    assert!(began.elapsed() < SOON / 2, "{:?}", began.elapsed());
    clients.iter_mut().for_each(|client| assert_eq!(rest(client), "bye\n"));
    eventually("the port is closed", || TcpStream::connect(site.address).is_err());
    eventually("all workers are gone", || site.server.workers() == 0);
}

#[test]
fn stop_is_bounded() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = parking_lot::Mutex::new(wait);
    let site = site(Mode::Never, options(8), move |connection| {
        let _ = wait.lock().recv_timeout(SOON);
        drop(connection);
    });
    let _client = site.connect();
    eventually("it is in", || site.server.active() == 1);
    assert!(!site.server.stop(Duration::from_millis(50)), "a session that does not listen");
    release.send(()).unwrap();
    assert!(site.server.stop(SOON));
}

#[test]
fn a_bell_wakes_at_once() {
    let (say, hear) = mpsc::channel();
    let site = site(Mode::Never, options(1), move |connection| {
        for _ in 0..20 {
            assert_eq!(connection.stream.wait(Some(&connection.ticket.info.bell), SOON).unwrap(), Ready::Bell);
            say.send(Instant::now()).unwrap();
            connection.ticket.info.bell.hear();
        }
        say.send(Instant::now()).unwrap();
    });
    let _client = site.connect();
    eventually("it is in", || site.registry.len() == 1);
    let mut took = Vec::new();
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(2));
        let rung = Instant::now();
        site.registry.sessions()[0].bell.ring();
        took.push(hear.recv_timeout(SOON).unwrap().saturating_duration_since(rung));
    }
    took.sort();
    // Far below the time that it would wait without a bell; how fast it is, the load driver measures.
    assert!(took[10] < SOON / 10, "median {:?}", took[10]);
}

#[test]
fn a_slow_client_is_given_up_and_delays_nobody() {
    let (say, hear) = mpsc::channel();
    let mut options = options(8);
    options.write_timeout = Duration::from_secs(2);
    let site = site(Mode::Never, options, move |connection| {
        let mut first = [0];
        connection.stream.wait(None, SOON).unwrap();
        connection.stream.read(&mut first).unwrap();
        if first == *b"h" {
            let began = Instant::now();
            let written = connection.stream.write_all(&vec![b'x'; 64 << 20]);
            assert!(!connection.stream.is_writable());
            say.send((written.unwrap_err().kind(), began.elapsed())).unwrap();
        } else {
            assert!(connection.stream.is_writable());
            connection.stream.write_all(b"ok").unwrap();
        }
    });
    // Again where the machine was too busy to serve them in that time.
    let delays_nobody = (0..10).any(|_| {
        let mut slow = site.connect();
        slow.write_all(b"h").unwrap();
        for _ in 0..50 {
            let mut quick = site.connect();
            quick.write_all(b"q").unwrap();
            assert_eq!(rest(&mut quick), "ok");
        }
        let (early, (kind, took)) = match hear.try_recv() {
            Ok(end) => (false, end),
            Err(_) => (true, hear.recv_timeout(SOON).unwrap()),
        };
        assert_eq!(kind, ErrorKind::TimedOut);
        assert!(took < SOON, "{took:?}");
        early
    });
    assert!(delays_nobody, "all others have been served before it is given up");
}

#[test]
fn an_address_in_use_is_an_error() {
    let first = bind("a", "127.0.0.1:0".parse().unwrap(), Mode::Never).unwrap();
    let error: io::Error = bind("b", first.address().unwrap(), Mode::Never).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}
