//! TCP streams between nodes: the cluster listener and connections to those of others.
//!
//! Bytes in, bytes out; frames are the node's business. Each stream has a bounded outbox, a budget for each
//! turn of the loop, and an end for silence. Streams are numbered by whoever opens them: odd numbers are
//! accepted here, even ones are the node's.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    net::{Shutdown, SocketAddr},
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{
    Interest, Registry,
    net::{TcpListener, TcpStream},
};
use ringfort_node::{CloseReason, StreamAction, StreamEvent, StreamId};

use crate::{
    BootError,
    listen::{Accept, accept_error, connected, listen},
    outbox::Outbox,
    token::Source,
};

/// Streams accepted at most; more wait in the backlog. Several for each of the most members.
const ACCEPTED: usize = 1024;
/// Bytes read from one stream in one turn.
const TURN_BYTES: usize = 256 << 10;
/// Bytes that wait for a far end which does not read: a few of the largest frames.
const OUTBOX_BYTES: usize = 16 << 20;
/// How long what was sent before a close may take to leave.
const LINGER: Duration = Duration::from_secs(10);

/// Times of streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How long a connection may take to be made.
    pub(crate) connect_timeout: Duration,
    /// Silence after which a stream is closed.
    pub(crate) idle_timeout: Duration,
    /// Connections that wait to be accepted.
    pub(crate) backlog: u32,
}

#[derive(Debug)]
struct Stream {
    socket: TcpStream,
    outbox: Outbox,
    phase: Phase,
    readable: bool,
    moved: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting,
    Open,
    /// The node has closed it: it ends once the outbox is empty.
    Closing,
}

/// All streams of one node.
#[derive(Debug)]
pub(crate) struct Streams {
    registry: Registry,
    options: Options,
    listeners: Vec<TcpListener>,
    acceptable: BTreeSet<usize>,
    streams: BTreeMap<u64, Stream>,
    ready: BTreeSet<u64>,
    accepted: u64,
    scratch: Vec<u8>,
}

impl Streams {
    /// Listens on `addresses`.
    ///
    /// # Errors
    /// [`BootError::Listen`].
    pub(crate) fn open(
        registry: Registry,
        addresses: &[SocketAddr],
        options: Options,
    ) -> Result<Self, BootError> {
        let mut listeners = Vec::new();
        for (number, address) in addresses.iter().enumerate() {
            let failed = |source| BootError::listen("cluster listener", address, source);
            let mut listener = listen(*address, options.backlog).map_err(failed)?;
            registry
                .register(
                    &mut listener,
                    Source::StreamListener(number as u64).token(),
                    Interest::READABLE,
                )
                .map_err(failed)?;
            listeners.push(listener);
        }
        Ok(Self {
            registry,
            options,
            listeners,
            acceptable: BTreeSet::new(),
            streams: BTreeMap::new(),
            ready: BTreeSet::new(),
            accepted: 0,
            scratch: vec![0; 64 << 10],
        })
    }

    /// A listener has somebody waiting.
    pub(crate) fn listener_ready(&mut self, number: u64) {
        self.acceptable.insert(number as usize);
    }

    /// A stream became readable or writable, or failed.
    pub(crate) fn stream_ready(
        &mut self,
        number: u64,
        readable: bool,
        writable: bool,
        out: &mut impl FnMut(StreamEvent),
    ) {
        let Some(stream) = self.streams.get_mut(&number) else {
            return; // closed in this very turn
        };
        if stream.phase == Phase::Connecting {
            match connected(&stream.socket) {
                Ok(()) => {
                    stream.phase = Phase::Open;
                    stream.moved = Instant::now();
                    let _ = stream.socket.set_nodelay(true);
                    out(StreamEvent::Connected {
                        stream: StreamId(number),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.end(number, CloseReason::Unreachable, out),
            }
        }
        let Some(stream) = self.streams.get_mut(&number) else {
            return;
        };
        if readable {
            stream.readable = true;
            self.ready.insert(number);
        }
        if writable {
            self.flush(number, out);
        }
    }

    /// Does what the node wants.
    pub(crate) fn perform(&mut self, action: StreamAction, out: &mut impl FnMut(StreamEvent)) {
        match action {
            StreamAction::Connect { stream, to, .. } => self.connect(stream, to, out),
            StreamAction::Send { stream, bytes } => {
                let Some(open) = self.streams.get_mut(&stream.0) else {
                    return; // its end has been told or is being told
                };
                if open.outbox.is_empty() {
                    open.moved = Instant::now(); // silence is counted from here
                }
                if open.outbox.push(bytes).is_err() {
                    return self.end(stream.0, CloseReason::Overrun, out);
                }
                if open.phase != Phase::Connecting {
                    self.flush(stream.0, out);
                }
            }
            StreamAction::Close { stream } => {
                if let Some(open) = self.streams.get_mut(&stream.0) {
                    open.phase = Phase::Closing;
                    open.moved = Instant::now();
                    self.flush(stream.0, out);
                }
            }
        }
    }

    /// One turn: accepts and reads within the budget. Returns whether something is left to do at once.
    pub(crate) fn turn(&mut self, out: &mut impl FnMut(StreamEvent)) -> bool {
        self.accept(out);
        let ready: Vec<u64> = self.ready.iter().copied().collect();
        for number in ready {
            self.read(number, out);
        }
        !self.ready.is_empty()
    }

    /// Ends what has been silent for too long. Called about once a second.
    pub(crate) fn sweep(&mut self, now: Instant, out: &mut impl FnMut(StreamEvent)) {
        let options = self.options;
        let expired: Vec<(u64, CloseReason)> = self
            .streams
            .iter()
            .filter_map(|(number, stream)| {
                let (limit, reason) = match stream.phase {
                    Phase::Connecting => (options.connect_timeout, CloseReason::Unreachable),
                    Phase::Open => (options.idle_timeout, CloseReason::Idle),
                    Phase::Closing => (LINGER, CloseReason::Idle),
                };
                (now.saturating_duration_since(stream.moved) > limit).then_some((*number, reason))
            })
            .collect();
        for (number, reason) in expired {
            self.end(number, reason, out);
        }
        // A listener that was out of descriptors is tried again.
        self.acceptable.extend(0..self.listeners.len());
    }

    fn connect(&mut self, stream: StreamId, to: SocketAddr, out: &mut impl FnMut(StreamEvent)) {
        assert!(
            stream.0.is_multiple_of(2),
            "the node's streams have even numbers"
        );
        let opened = TcpStream::connect(to).and_then(|mut socket| {
            self.registry.register(
                &mut socket,
                Source::Stream(stream.0).token(),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => self.add(stream.0, socket, Phase::Connecting),
            Err(_) => out(StreamEvent::Closed {
                stream,
                reason: CloseReason::Unreachable,
            }),
        }
    }

    fn add(&mut self, number: u64, socket: TcpStream, phase: Phase) {
        let stream = Stream {
            socket,
            outbox: Outbox::new(OUTBOX_BYTES),
            phase,
            readable: false,
            moved: Instant::now(),
        };
        let before = self.streams.insert(number, stream);
        assert!(before.is_none(), "a stream's number is used once");
    }

    fn accept(&mut self, out: &mut impl FnMut(StreamEvent)) {
        for listener in std::mem::take(&mut self.acceptable) {
            loop {
                if self.streams.len() >= ACCEPTED {
                    break; // the sweep looks again
                }
                match self.listeners[listener].accept() {
                    Ok((socket, peer)) => self.accepted(socket, peer, out),
                    Err(error) => match accept_error(&error) {
                        Accept::Skip => {}
                        Accept::Drained | Accept::Later => break,
                    },
                }
            }
        }
    }

    fn accepted(
        &mut self,
        mut socket: TcpStream,
        peer: SocketAddr,
        out: &mut impl FnMut(StreamEvent),
    ) {
        let number = self.accepted * 2 + 1;
        self.accepted += 1;
        let _ = socket.set_nodelay(true);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Source::Stream(number).token();
        if self
            .registry
            .register(&mut socket, token, interest)
            .is_err()
        {
            return; // closed by the drop; the peer tries again
        }
        self.add(number, socket, Phase::Open);
        out(StreamEvent::Accepted {
            stream: StreamId(number),
            peer,
        });
    }

    fn read(&mut self, number: u64, out: &mut impl FnMut(StreamEvent)) {
        self.ready.remove(&number);
        let mut budget = TURN_BYTES;
        loop {
            let Some(stream) = self.streams.get_mut(&number) else {
                return;
            };
            if !stream.readable {
                return;
            }
            if budget == 0 {
                self.ready.insert(number);
                return;
            }
            match stream.socket.read(&mut self.scratch) {
                Ok(0) => return self.end(number, CloseReason::Finished, out),
                Ok(count) => {
                    budget = budget.saturating_sub(count);
                    stream.moved = Instant::now();
                    if stream.phase == Phase::Open {
                        out(StreamEvent::Data {
                            stream: StreamId(number),
                            bytes: Bytes::copy_from_slice(&self.scratch[..count]),
                        });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.end(number, CloseReason::Reset, out),
            }
        }
    }

    fn flush(&mut self, number: u64, out: &mut impl FnMut(StreamEvent)) {
        let Some(stream) = self.streams.get_mut(&number) else {
            return;
        };
        if stream.phase == Phase::Connecting {
            return;
        }
        match stream.outbox.write_to(&mut stream.socket) {
            Ok(written) => {
                if written > 0 {
                    stream.moved = Instant::now();
                }
                if stream.phase == Phase::Closing && stream.outbox.is_empty() {
                    let _ = stream.socket.shutdown(Shutdown::Write);
                    self.end(number, CloseReason::Finished, out);
                }
            }
            Err(_) => self.end(number, CloseReason::Reset, out),
        }
    }

    /// Forgets a stream, and tells the node unless it has closed it itself.
    fn end(&mut self, number: u64, reason: CloseReason, out: &mut impl FnMut(StreamEvent)) {
        self.ready.remove(&number);
        if let Some(mut stream) = self.streams.remove(&number) {
            let _ = self.registry.deregister(&mut stream.socket);
            if stream.phase != Phase::Closing {
                out(StreamEvent::Closed {
                    stream: StreamId(number),
                    reason,
                });
            }
        }
    }
}
