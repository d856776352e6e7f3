//! Goal: both kinds of connection work over real sockets, in every way to connect, and fail as they say. Method: the
//! session machine of the daemon behind a Unix socket and a TCP port, driven by a thread; a far end written by hand where
//! a daemon would not do.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use common::server::Server;
use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use ringfort_client::{
    Address, Cause, Connection, Error, Event, HandshakeError, Message, Multicast, NonBlocking,
    Options, Received, Rejection, RequestError, Service,
};
use ringfort_session::Config;

/// For what must happen; a test that waits so long has failed.
const LONG: Duration = Duration::from_secs(30);

fn server() -> Server {
    Server::start(Config::new("dmn1"))
}

fn connect(server: &Server, name: &str) -> Connection {
    Connection::connect(&server.unix(), &Options::named(name)).unwrap()
}

/// Joins, and waits for the view that says so.
fn join(bus: &mut Connection, group: &str) {
    bus.join(group).unwrap();
    let received = bus.receive_within(LONG).unwrap();
    assert!(matches!(received, Received::View(_)), "{received:?}");
}

fn message(bus: &mut Connection) -> Message {
    let received = bus.receive_within(LONG).unwrap();
    let Received::Message(message) = received else {
        panic!("{received:?}");
    };
    message
}

fn hello() -> Multicast<'static> {
    Multicast::new(Service::Agreed, &["g1"], "hello")
}

/// The same over a Unix socket and TCP, by both forms of the address.
#[test]
fn every_way_to_connect() {
    let server = server();
    let Address::Tcp { port, .. } = server.tcp() else {
        panic!("an address with a port");
    };
    let addresses = [
        server.unix(),
        server.tcp(),
        format!("{port}@localhost").parse().unwrap(),
        format!("127.0.0.1:{port}").parse().unwrap(),
    ];
    for address in addresses {
        let options = Options::named("al");
        let mut bus = Connection::connect_within(&address, &options, LONG).unwrap();
        assert_eq!(bus.private().as_str(), "#al#dmn1");
        assert_eq!(bus.server().major, 4);
        join(&mut bus, "g1");
        bus.multicast(&hello()).unwrap();
        assert_eq!(&message(&mut bus).data[..], b"hello");
        bus.leave("g1").unwrap();
        let left = bus.receive_within(LONG).unwrap();
        assert!(matches!(left, Received::Left { .. }), "{left:?}");
        bus.disconnect().unwrap(); // so the name is free for the next
    }
}

#[test]
fn refusals_are_typed() {
    let server = server();
    let _al = connect(&server, "al");
    let error = Connection::connect(&server.tcp(), &Options::named("al")).unwrap_err();
    let Error::Handshake(HandshakeError::Rejected(rejection)) = &error else {
        panic!("{error:?}");
    };
    assert_eq!((*rejection, error.code()), (Rejection::NotUnique, -6));
    assert!(error.is_final());
    let full = Server::start(Config {
        sessions: 1,
        ..Config::new("dmn1")
    });
    let _only = connect(&full, "al");
    for address in [full.unix(), full.tcp()] {
        let error = Connection::connect(&address, &Options::named("bo")).unwrap_err();
        assert_eq!(error.code(), -3, "{error}");
    }
    let error = Connection::connect(&server.unix(), &Options::named("a b")).unwrap_err();
    assert_eq!(error.code(), -5);
    let nowhere = Address::Unix(server.path().with_extension("none").display().to_string());
    let error = Connection::connect(&nowhere, &Options::default()).unwrap_err();
    assert_eq!(error.code(), -2);
    assert!(error.to_string().contains("is one running?"), "{error}");
}

/// Nobody answers: the limit of time holds in the handshake and afterwards, and the latter harms nothing.
#[test]
fn limits_of_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string().parse().unwrap();
    let limit = Duration::from_millis(20);
    let error = Connection::connect_within(&address, &Options::default(), limit).unwrap_err();
    assert!(matches!(error, Error::TimedOut), "{error:?}");
    let server = server();
    let mut bus = connect(&server, "al");
    for limit in [Duration::ZERO, limit] {
        let error = bus.receive_within(limit).unwrap_err();
        assert!(matches!(error, Error::TimedOut) && !error.is_final());
    }
    join(&mut bus, "g1");
}

#[test]
fn others_see_who_goes() {
    let server = server();
    let (mut al, mut bo) = (connect(&server, "al"), connect(&server, "bo"));
    join(&mut al, "g1");
    join(&mut bo, "g1");
    assert!(matches!(
        al.receive_within(LONG).unwrap(),
        Received::View(_)
    ));
    bo.multicast(&hello()).unwrap();
    bo.disconnect().unwrap();
    assert_eq!(message(&mut al).sender.as_str(), "#bo#dmn1");
    let Received::View(view) = al.receive_within(LONG).unwrap() else {
        panic!("a view");
    };
    let gone = ringfort_client::Name::new("#bo#dmn1").unwrap();
    assert_eq!(view.cause, Cause::Disconnect(gone));
    drop(connect(&server, "bo")); // a plain close frees the name as well, when the daemon has seen it
    let again = (0..1000).find_map(|_| {
        thread::yield_now();
        Connection::connect(&server.unix(), &Options::named("bo")).ok()
    });
    assert!(again.is_some());
}

/// A client that sends much more than all buffers and the daemon's queue hold, to itself, without receiving between: the
/// daemon would end its session if it did not read while it sends.
#[test]
fn sending_much_to_oneself_is_not_too_slow() {
    let server = server();
    let mut bus = connect(&server, "al");
    join(&mut bus, "g1");
    const COUNT: u32 = 3000; // 6 MB, where the daemon keeps 1000 messages
    for number in 0..COUNT {
        let mut data = vec![0; 2000];
        data[..4].copy_from_slice(&number.to_le_bytes());
        bus.queue(&Multicast::new(Service::Fifo, &["g1"], data))
            .unwrap();
    }
    bus.flush().unwrap();
    for number in 0..COUNT {
        let message = message(&mut bus);
        assert_eq!(message.data[..4], number.to_le_bytes());
        assert_eq!(message.data.len(), 2000);
    }
}

#[test]
fn a_thread_for_each_direction() {
    let server = Server::start(Config {
        queue_messages: 100_000,
        ..Config::new("dmn1")
    });
    let mut bus = connect(&server, "al");
    join(&mut bus, "g1");
    let (mut sender, mut receiver) = bus.split().unwrap();
    const COUNT: usize = 20_000;
    let reading = thread::spawn(move || {
        for number in 0..COUNT {
            let Received::Message(message) = receiver.receive_within(LONG).unwrap() else {
                panic!("a message");
            };
            assert_eq!(usize::from(message.tag.cast_unsigned()), number);
        }
        receiver
    });
    for number in 0..COUNT {
        sender
            .queue(&hello().tag((number as u16).cast_signed()))
            .unwrap();
    }
    sender.flush().unwrap();
    let mut receiver = reading.join().unwrap();
    sender.disconnect().unwrap();
    let end = receiver.receive_within(LONG).unwrap_err();
    assert!(matches!(end, Error::Closed), "{end:?}");
}

/// Readiness that is told once, a queue that is bounded, and everything that is asked for.
#[test]
fn a_loop_of_ones_own() {
    let server = Server::start(Config {
        queue_messages: 100_000,
        queue_bytes: 64 << 20,
        ..Config::new("dmn1")
    });
    let options = Options {
        queue_bytes: 20_000,
        ..Options::named("al")
    };
    let mut bus = NonBlocking::connect(&server.unix(), &options, LONG).unwrap();
    assert_eq!(bus.join("g1"), Err(RequestError::NotOpen));
    let mut poll = Poll::new().unwrap();
    let both = Interest::READABLE | Interest::WRITABLE;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&bus);
    let register = poll.registry();
    register
        .register(&mut SourceFd(&fd), Token(0), both)
        .unwrap();
    let mut events = Events::with_capacity(4);
    const COUNT: u32 = 5000;
    let (mut asked, mut heard, mut full) = (0, 0, 0);
    let mut joined = false;
    while heard < COUNT {
        poll.poll(&mut events, Some(LONG)).unwrap();
        assert!(!events.is_empty(), "{asked} asked, {heard} heard");
        loop {
            let more = bus.on_readable().unwrap();
            while let Some(event) = bus.next().unwrap() {
                match event {
                    Event::Open(welcome) => {
                        assert_eq!(Some(&welcome), bus.welcome());
                        bus.join("g1").unwrap();
                    }
                    Event::Received(Received::View(_)) => joined = true,
                    Event::Received(Received::Message(message)) => {
                        assert_eq!(message.data, heard.to_le_bytes()[..]);
                        heard += 1;
                    }
                    Event::Received(other) => panic!("{other:?}"),
                }
            }
            if !more {
                break;
            }
        }
        while bus.on_writable().unwrap() && joined && asked < COUNT {
            while asked < COUNT {
                let data = asked.to_le_bytes();
                match bus.multicast(&Multicast::new(Service::Agreed, &["g1"], &data)) {
                    Ok(()) => asked += 1,
                    Err(RequestError::Full { queued }) => {
                        assert!(queued <= 20_000 && bus.queued_bytes() == queued);
                        full += 1;
                        break;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
    assert!(full > 0, "the queue never filled");
    bus.disconnect().unwrap();
    assert!(bus.on_writable().unwrap() && !bus.wants_write());
    loop {
        match bus.on_readable() {
            Ok(true) => {}
            Ok(false) => poll.poll(&mut events, Some(LONG)).unwrap(),
            Err(end) => break assert!(matches!(end, Error::Closed)),
        }
    }
}

/// A daemon that says no and closes before it has read a word: the code counts, not the broken pipe.
#[test]
fn a_code_is_heard_even_if_nothing_can_be_written() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(&[0xfd]).unwrap();
    drop(theirs);
    let error = Connection::over(ours, &Options::named("al"), Some(LONG)).unwrap_err();
    assert_eq!(error.code(), -3, "{error}");
}

/// A daemon that goes away: what it said before is received, then the end, in both directions.
#[test]
fn what_was_said_before_the_end_is_heard() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let far = thread::spawn(move || {
        let mut greeting = [0; 7];
        theirs.read_exact(&mut greeting).unwrap();
        theirs.write_all(b"\x05NULL ").unwrap();
        let mut rest = [0; 90 + 80 + 85];
        theirs.read_exact(&mut rest[..90]).unwrap();
        theirs.write_all(b"\x01\x04\x04\x00\x08#al#dmn1").unwrap();
        theirs.read_exact(&mut rest[90..]).unwrap();
        theirs.write_all(&rest[170..]).unwrap(); // the message, as it came
        theirs.write_all(&rest[170..200]).unwrap(); // and the beginning of another
    });
    let mut bus = Connection::over(ours, &Options::named("al"), Some(LONG)).unwrap();
    bus.join("g1").unwrap();
    bus.multicast(&hello()).unwrap();
    far.join().unwrap();
    assert_eq!(&message(&mut bus).data[..], b"hello");
    assert!(matches!(bus.receive(), Err(Error::Closed)));
    let failed = (0..100).find_map(|_| bus.multicast(&hello()).err());
    assert!(matches!(failed, Some(Error::Closed)), "{failed:?}");
}

/// A daemon as strict and as chatty as Spread 4.4 (reference, section 2.2): it wants the greeting and the choice in one
/// read each, and says field after field in small writes.
#[test]
fn a_daemon_as_strict_as_spread() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let far = thread::spawn(move || {
        let mut buffer = [0; 200];
        assert_eq!(theirs.read(&mut buffer).unwrap(), 15);
        assert_eq!(&buffer[..15], b"\x04\x04\x00\x01\x0atencharact");
        theirs.write_all(&[8]).unwrap();
        theirs.write_all(b"NULL IP ").unwrap();
        assert_eq!(theirs.read(&mut buffer).unwrap(), 90);
        for byte in b"\x01\x04\x04\x00\x10#tencharact#dmn1" {
            theirs.write_all(&[*byte]).unwrap();
        }
        theirs.read(&mut buffer).unwrap()
    });
    let bus = Connection::over(ours, &Options::named("tencharact"), Some(LONG)).unwrap();
    assert_eq!(bus.private().as_str(), "#tencharact#dmn1");
    bus.disconnect().unwrap();
    assert_eq!(far.join().unwrap(), 80);
}

/// What answers and is no daemon.
#[test]
fn another_protocol_is_noticed() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs
        .write_all(b"\x10\x00\x00\x0015.1\r\n220 mx1 ESMTP\r\n")
        .unwrap();
    let error = Connection::over(ours, &Options::named("al"), Some(LONG)).unwrap_err();
    assert!(
        matches!(error, Error::Handshake(HandshakeError::Method { .. })),
        "{error}"
    );
}
