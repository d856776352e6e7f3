//! One console session: a socket, lines in, text out, both bounded.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{
    Interest, Registry, Token,
    event::Source as _,
    net::{TcpStream, UnixStream},
};

use crate::{lines::Lines, outbox::Outbox};

/// The longest line, in bytes; the longest command of the reference is far shorter.
const LINE_BYTES: usize = 16 << 10;
/// Answers that wait for a client which does not read.
const OUTBOX_BYTES: usize = 8 << 20;
/// How long the last answer may take to leave after the node has closed the session.
const LINGER: Duration = Duration::from_secs(5);
/// Bytes read in one turn.
const TURN_BYTES: usize = 32 << 10;

/// Either kind of socket.
#[derive(Debug)]
pub(super) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Socket {
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Unix(socket) => socket.register(registry, token, interest),
            Self::Tcp(socket) => socket.register(registry, token, interest),
        }
    }

    /// Says one line to a client that is turned away.
    pub(super) fn say(&mut self, line: &str) {
        let _ = self.write(format!("{line}\n").as_bytes());
    }

    fn shutdown(&self) {
        let _ = match self {
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.read(bytes),
            Self::Tcp(socket) => socket.read(bytes),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.write(bytes),
            Self::Tcp(socket) => socket.write(bytes),
        }
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.write_vectored(parts),
            Self::Tcp(socket) => socket.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    socket: Socket,
    lines: Lines,
    outbox: Outbox,
    pub(super) readable: bool,
    closing: bool,
    timeout: Duration,
    moved: Instant,
}

impl Session {
    pub(super) fn new(socket: Socket, timeout: Duration) -> Self {
        Self {
            socket,
            lines: Lines::new(LINE_BYTES),
            outbox: Outbox::new(OUTBOX_BYTES),
            readable: true,
            closing: false,
            timeout,
            moved: Instant::now(),
        }
    }

    /// Reads within the budget and gives whole lines. Returns whether there may be more at once; an error ends
    /// the session.
    pub(super) fn read(&mut self, mut take: impl FnMut(String)) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        let mut budget = TURN_BYTES;
        while self.readable && budget > 0 {
            match self.socket.read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    budget = budget.saturating_sub(count);
                    self.moved = Instant::now();
                    self.lines.push(&bytes[..count]);
                    loop {
                        match self.lines.take() {
                            Ok(Some(line)) if !self.closing => take(line),
                            Ok(Some(_)) => {}
                            Ok(None) => break,
                            Err(_) => {
                                self.socket.say("the line is too long");
                                return Err(io::ErrorKind::InvalidData.into());
                            }
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.readable)
    }

    pub(super) fn print(&mut self, text: &str) -> io::Result<()> {
        self.moved = Instant::now();
        self.outbox
            .push(Bytes::copy_from_slice(text.as_bytes()))
            .map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.flush()
    }

    /// Writes what waits; an error (also the end after the node's close) ends the session.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.outbox.write_to(&mut self.socket)?;
        if self.closing && self.outbox.is_empty() {
            self.socket.shutdown();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Closes once everything has left.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.closing = true;
        self.timeout = LINGER;
        self.flush()
    }

    pub(super) const fn closed_by_node(&self) -> bool {
        self.closing
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.outbox.is_empty()
    }

    pub(super) fn expired(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.moved) > self.timeout
    }

    pub(super) fn deregister(&mut self, registry: &Registry) {
        let _ = match &mut self.socket {
            Socket::Unix(socket) => socket.deregister(registry),
            Socket::Tcp(socket) => socket.deregister(registry),
        };
    }
}
