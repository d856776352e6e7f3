//! Passing bytes between a client and a backend, both ways, with bounded buffers.
//!
//! Each direction reads only what its buffer has room for, so that a slow reader slows the writer at the other
//! end and costs no more than one buffer. The end of one direction is passed on as a half-close once its
//! buffer is empty; the relay ends when both have ended.

use std::{
    io::{self, Read},
    net::Shutdown,
};

use bytes::Bytes;
use mio::{Registry, net::TcpStream};

use crate::{listen::connected, outbox::Outbox};

/// Bytes on their way in one direction.
const BUFFER_BYTES: usize = 256 << 10;
/// Reads in one turn.
const TURN_READS: usize = 32;

/// How far a connection got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// It waits for a socket.
    Blocked,
    /// It could go on, but it is the turn of others.
    More,
    /// It is over.
    Finished,
    /// The backend did not answer.
    Unreachable,
}

/// The client's side, as the relay needs it.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) socket: &'a mut TcpStream,
    pub(super) readable: &'a mut bool,
    pub(super) received: &'a mut u64,
    pub(super) sent: &'a mut u64,
}

/// The backend's side, and what is between the two.
#[derive(Debug)]
pub(super) struct Relay {
    backend: TcpStream,
    connected: bool,
    pub(super) readable: bool,
    to_backend: Direction,
    to_client: Direction,
}

#[derive(Debug)]
struct Direction {
    buffer: Outbox,
    /// The source has closed its side.
    ended: bool,
    /// That has been passed on.
    closed: bool,
}

impl Direction {
    fn new() -> Self {
        Self {
            buffer: Outbox::new(BUFFER_BYTES),
            ended: false,
            closed: false,
        }
    }

    /// Reads what there is room for. Returns the bytes read and whether the budget was used up.
    fn fill(
        &mut self,
        from: &mut TcpStream,
        readable: &mut bool,
        reads: &mut usize,
        scratch: &mut [u8],
    ) -> io::Result<u64> {
        let mut total = 0;
        while *readable && !self.ended && *reads > 0 {
            let room = self.buffer.room().min(scratch.len());
            if room == 0 {
                break;
            }
            *reads -= 1;
            match from.read(&mut scratch[..room]) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    total += count as u64;
                    self.buffer
                        .push(Bytes::copy_from_slice(&scratch[..count]))
                        .map_err(|_| io::ErrorKind::OutOfMemory)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => *readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Writes what there is, and passes the end on behind the last byte.
    fn empty(&mut self, to: &mut TcpStream) -> io::Result<u64> {
        let written = self.buffer.write_to(to)?;
        if self.ended && !self.closed && self.buffer.is_empty() {
            self.closed = true;
            match to.shutdown(Shutdown::Write) {
                Err(error) if error.kind() != io::ErrorKind::NotConnected => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(written as u64)
    }
}

impl Relay {
    /// A relay to `backend`, whose connection is under way; `header` goes first.
    pub(super) fn new(backend: TcpStream, header: Bytes) -> Self {
        let mut to_backend = Direction::new();
        // A header is a few dozen bytes and the buffer is empty.
        let _ = to_backend.buffer.push(header);
        Self {
            backend,
            connected: false,
            readable: false,
            to_backend,
            to_client: Direction::new(),
        }
    }

    /// Whether the backend has answered.
    pub(super) const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Moves bytes until both sides block or the budget is used up.
    pub(super) fn pump(&mut self, client: &mut Client<'_>, scratch: &mut [u8]) -> Pumped {
        if !self.connected {
            match connected(&self.backend) {
                Ok(()) => {
                    self.connected = true;
                    let _ = self.backend.set_nodelay(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Pumped::Blocked,
                Err(_) => return Pumped::Unreachable,
            }
        }
        let mut reads = TURN_READS;
        loop {
            match self.round(client, &mut reads, scratch) {
                Err(_) => return Pumped::Finished, // a reset of one side ends the other
                Ok(_) if self.to_backend.closed && self.to_client.closed => {
                    return Pumped::Finished;
                }
                Ok(_) if reads == 0 => return Pumped::More,
                // Whatever moved may have made room for bytes of which no socket will tell again.
                Ok(moved) if moved > 0 => {}
                Ok(_) => return Pumped::Blocked,
            }
        }
    }

    /// Reads and writes once in each direction; returns the bytes that were moved.
    fn round(
        &mut self,
        client: &mut Client<'_>,
        reads: &mut usize,
        scratch: &mut [u8],
    ) -> io::Result<u64> {
        let received = self
            .to_backend
            .fill(client.socket, client.readable, reads, scratch)?;
        *client.received += received;
        let passed = self.to_backend.empty(&mut self.backend)?;
        let fetched = self
            .to_client
            .fill(&mut self.backend, &mut self.readable, reads, scratch)?;
        let sent = self.to_client.empty(client.socket)?;
        *client.sent += sent;
        Ok(received + passed + fetched + sent)
    }

    pub(super) fn deregister(&mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.backend);
    }
}
