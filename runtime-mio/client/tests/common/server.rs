//! The daemon of [`super::bus`] behind a Unix socket and a TCP port, in a thread.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, Read, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use ringfort_client::Address;
use ringfort_session::{Config, Event, SessionId};

use super::bus::Bus;

const UNIX: Token = Token(0);
const TCP: Token = Token(1);
const WAKE: Token = Token(2);
const FIRST: u64 = 3;

/// A running daemon; it ends when this is dropped.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    port: u16,
    ended: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(config: Config) -> Self {
        Self::start_with(Bus::new(config))
    }

    pub(crate) fn start_with(bus: Bus) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), WAKE).unwrap();
        let mut unix = UnixListener::bind(directory.path().join("4803")).unwrap();
        let mut tcp = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let registry = poll.registry();
        registry
            .register(&mut unix, UNIX, Interest::READABLE)
            .unwrap();
        registry
            .register(&mut tcp, TCP, Interest::READABLE)
            .unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let run = Run {
            poll,
            unix,
            tcp,
            ended: ended.clone(),
            bus,
            streams: BTreeMap::new(),
            next: FIRST,
        };
        Self {
            directory,
            port,
            ended,
            waker,
            thread: Some(thread::spawn(move || run.run())),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("4803")
    }

    pub(crate) fn unix(&self) -> Address {
        Address::Unix(self.path().to_str().unwrap().into())
    }

    pub(crate) fn tcp(&self) -> Address {
        format!("{}@127.0.0.1", self.port).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.waker.wake();
        let failed = self.thread.take().unwrap().join().is_err();
        assert!(!failed || thread::panicking(), "the daemon failed");
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }
}

struct Run {
    poll: Poll,
    unix: UnixListener,
    tcp: TcpListener,
    ended: Arc<AtomicBool>,
    bus: Bus,
    streams: BTreeMap<SessionId, Stream>,
    next: u64,
}

impl Run {
    fn run(mut self) {
        let mut events = Events::with_capacity(64);
        while !self.ended.load(Ordering::Relaxed) {
            self.poll.poll(&mut events, None).unwrap();
            self.accept();
            let all: Vec<SessionId> = self.streams.keys().copied().collect();
            for session in all {
                self.read(session);
            }
            self.write();
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.unix.accept() {
            self.opened(Stream::Unix(stream));
        }
        while let Ok((stream, _)) = self.tcp.accept() {
            self.opened(Stream::Tcp(stream));
        }
    }

    fn opened(&mut self, mut stream: Stream) {
        let session = SessionId(self.next);
        let token = Token(self.next as usize);
        self.next += 1;
        let both = Interest::READABLE | Interest::WRITABLE;
        match &mut stream {
            Stream::Tcp(stream) => self.poll.registry().register(stream, token, both),
            Stream::Unix(stream) => self.poll.registry().register(stream, token, both),
        }
        .unwrap();
        self.streams.insert(session, stream);
        self.bus.open(session);
    }

    /// Reads all that is here: readiness is told once.
    fn read(&mut self, session: SessionId) {
        let mut buffer = [0; 8192];
        while let Some(stream) = self.streams.get_mut(&session) {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => self.bus.bytes(session, &buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {
                    self.streams.remove(&session);
                    self.bus.event(Event::Closed { session });
                }
            }
            self.write();
        }
    }

    fn write(&mut self) {
        let waiting: Vec<SessionId> = self.bus.sent.keys().copied().collect();
        for session in waiting {
            while self.write_to(session) {}
        }
        let sent = &self.bus.sent;
        let over = |session: &SessionId, flush: &mut bool| !*flush || !sent.contains_key(session);
        for (session, _) in self.bus.closed.extract_if(.., over) {
            self.streams.remove(&session);
        }
    }
    /// Writes what there is for a client. `true`: its socket took that, and there may be more.
    fn write_to(&mut self, session: SessionId) -> bool {
        let Some(bytes) = self.bus.sent.get_mut(&session) else {
            return false;
        };
        let Some(stream) = self.streams.get_mut(&session) else {
            self.bus.sent.remove(&session);
            return false;
        };
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(count) => drop(bytes.drain(..count)),
                Err(_) => return false, // full; or gone, which reading sees
            }
        }
        self.bus.sent.remove(&session);
        self.bus.event(Event::Drained { session });
        true
    }
}
