//! Clients of the bus: the listeners that programs written for Spread connect to, and their connections.
//!
//! Bytes in, bytes out; the protocol is the node's. Both directions are batched: a read takes what is there, up to
//! a quarter of a megabyte, and what the node sends in one turn of the loop leaves in as few writes as it fits
//! into, however many messages it is. A client that does not read costs what the node lets wait for it and no
//! time of anybody else: a socket that takes nothing is left alone until it does.
//!
//! What it deliberately does not: count what waits, or decide who is too slow; that is done where messages are
//! known. Here is only what the node has handed out, which it does in small portions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{
    Interest, Registry, Token,
    event::Source as _,
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};
use ringfort_config::settings::Endpoint;
use ringfort_node::{BusAction, BusEvent, BusPeer, BusSession};
use socket2::SockRef;

use crate::{
    BootError,
    listen::{Accept, accept_error, listen, listen_unix},
    outbox::Outbox,
    token::Source,
};

/// Clients that may stand at most, those included whom the node is about to refuse.
const CLIENTS: usize = 16 << 10;
/// Clients accepted in one turn.
const ACCEPTS: usize = 64;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 512;
/// Permissions of a socket in the file system: whoever is on the host may connect, as with Spread.
const MODE: u32 = 0o666;
/// Bytes read from one client in one turn. A client that is told to wait has sent no more than this since.
const TURN_BYTES: usize = 256 << 10;
/// Bytes that wait for a socket at which it is written to in the middle of a turn.
const BATCH: usize = 64 << 10;
/// Bytes that left after which the node is told that a client has taken everything: it hands out four times as much
/// before it waits to be told.
const TELL_BYTES: usize = 16 << 10;
/// How long a client that was refused may take to read why.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

#[derive(Debug)]
struct Listener {
    socket: Listening,
    endpoint: Endpoint,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

#[derive(Debug)]
struct Client {
    socket: Socket,
    outbox: Outbox,
    /// Something may be there to read.
    readable: bool,
    /// The socket took all it was given, so far.
    writable: bool,
    paused: bool,
    /// Bytes that left since the node was last told.
    untold: usize,
    /// The node has closed it, and what was sent is on its way; until when.
    ending: Option<Instant>,
}

/// All listeners and clients of the bus.
#[derive(Debug)]
pub(crate) struct Clients {
    registry: Registry,
    /// A listener that was closed leaves its place, since places are tokens.
    listeners: Vec<Option<Listener>>,
    acceptable: BTreeSet<usize>,
    clients: BTreeMap<u64, Client>,
    /// Clients to be read from.
    ready: BTreeSet<u64>,
    /// Clients to be written to.
    unsent: BTreeSet<u64>,
    accepted: u64,
    scratch: Vec<u8>,
}

impl Clients {
    /// Opens the listeners.
    ///
    /// # Errors
    /// [`BootError::Listen`]; for a Unix socket also when somebody listens on it.
    pub(crate) fn open(registry: Registry, endpoints: &[Endpoint]) -> Result<Self, BootError> {
        let mut clients = Self {
            registry,
            listeners: Vec::new(),
            acceptable: BTreeSet::new(),
            clients: BTreeMap::new(),
            ready: BTreeSet::new(),
            unsent: BTreeSet::new(),
            accepted: 0,
            scratch: vec![0; TURN_BYTES],
        };
        for endpoint in endpoints {
            clients.listen(endpoint)?;
        }
        Ok(clients)
    }

    /// Opens the listeners that are new and closes those that are gone, all of it or nothing. Clients stay.
    pub(crate) fn reload(&mut self, endpoints: &[Endpoint]) -> Result<(), BootError> {
        let before = self.listeners.len();
        for endpoint in endpoints {
            let known = |old: &Listener| old.endpoint == *endpoint;
            if self.listeners.iter().flatten().any(known) {
                continue;
            }
            if let Err(error) = self.listen(endpoint) {
                for number in before..self.listeners.len() {
                    self.close_listener(number);
                }
                return Err(error);
            }
        }
        for number in 0..self.listeners.len() {
            let gone = |old: &Listener| !endpoints.contains(&old.endpoint);
            if self.listeners[number].as_ref().is_some_and(gone) {
                self.close_listener(number);
            }
        }
        Ok(())
    }

    fn listen(&mut self, endpoint: &Endpoint) -> Result<(), BootError> {
        let token = Source::BusListener(self.listeners.len() as u64).token();
        let failed = |source| BootError::listen("bus client", endpoint, source);
        let mut socket = match endpoint {
            Endpoint::Tcp(address) => listen(*address, BACKLOG).map(Listening::Tcp),
            Endpoint::Unix(path) => listen_unix(path, MODE).map(Listening::Unix),
        }
        .map_err(failed)?;
        match &mut socket {
            Listening::Tcp(socket) => socket.register(&self.registry, token, Interest::READABLE),
            Listening::Unix(socket) => socket.register(&self.registry, token, Interest::READABLE),
        }
        .map_err(failed)?;
        self.listeners.push(Some(Listener {
            socket,
            endpoint: endpoint.clone(),
        }));
        Ok(())
    }

    fn close_listener(&mut self, number: usize) {
        self.acceptable.remove(&number);
        let Some(mut listener) = self.listeners[number].take() else {
            return;
        };
        let _ = match &mut listener.socket {
            Listening::Tcp(socket) => self.registry.deregister(socket),
            Listening::Unix(socket) => self.registry.deregister(socket),
        };
        if let Endpoint::Unix(path) = &listener.endpoint {
            let _ = fs::remove_file(path);
        }
    }

    /// A listener has somebody waiting.
    pub(crate) fn listener_ready(&mut self, number: u64) {
        self.acceptable.insert(number as usize);
    }

    /// A client became readable or writable, or failed.
    pub(crate) fn client_ready(&mut self, number: u64, readable: bool, writable: bool) {
        let Some(client) = self.clients.get_mut(&number) else {
            return; // closed in this very turn
        };
        client.readable |= readable;
        client.writable |= writable;
        if readable && !client.paused {
            self.ready.insert(number);
        }
        if writable && !client.outbox.is_empty() {
            self.unsent.insert(number);
        }
    }

    /// Does what the node wants. What is to be sent waits for [`Clients::flush`], unless there is enough for a
    /// write of its own.
    pub(crate) fn perform(&mut self, action: BusAction, out: &mut impl FnMut(BusEvent)) {
        match action {
            BusAction::Send { session, bytes } => {
                let Some(client) = self.clients.get_mut(&session.0) else {
                    return; // its end has been told or is being told
                };
                if client.outbox.push(bytes).is_err() {
                    return self.end(session.0, out); // the node hands out far less
                }
                self.unsent.insert(session.0);
                if client.outbox.len() >= BATCH {
                    self.write(session.0, out);
                }
            }
            BusAction::Pause { session } => {
                if let Some(client) = self.clients.get_mut(&session.0) {
                    client.paused = true;
                    self.ready.remove(&session.0);
                }
            }
            BusAction::Resume { session } => {
                if let Some(client) = self.clients.get_mut(&session.0) {
                    client.paused = false;
                    if client.readable {
                        self.ready.insert(session.0);
                    }
                }
            }
            BusAction::Close { session, flush } => self.close(session.0, flush),
        }
    }

    /// Ends a client for the node. One that is told why gets a moment to read it: what it still sends is thrown
    /// away meanwhile, so that no reset overtakes the answer.
    fn close(&mut self, number: u64, flush: bool) {
        let Some(client) = self.clients.get_mut(&number) else {
            return;
        };
        client.ending = Some(Instant::now() + LINGER);
        client.paused = false;
        if !flush {
            return self.forget(number);
        }
        self.unsent.insert(number);
        self.ready.insert(number);
    }

    /// One turn: accepts, and reads if `read` says so. Returns whether something is left to do at once.
    pub(crate) fn turn(&mut self, read: bool, out: &mut impl FnMut(BusEvent)) -> bool {
        self.accept(out);
        if read {
            for number in std::mem::take(&mut self.ready) {
                self.read(number, out);
            }
        }
        !self.ready.is_empty() || !self.acceptable.is_empty()
    }

    /// Writes what waits, each client's in one go.
    pub(crate) fn flush(&mut self, out: &mut impl FnMut(BusEvent)) {
        for number in std::mem::take(&mut self.unsent) {
            self.write(number, out);
        }
    }

    /// Ends those who were refused and stay; looks at listeners again that were out of descriptors. Called about
    /// once a second.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let late = |(number, client): (&u64, &Client)| {
            let late = client.ending.is_some_and(|until| until <= now);
            late.then_some(*number)
        };
        let late: Vec<u64> = self.clients.iter().filter_map(late).collect();
        for number in late {
            self.forget(number);
        }
        let open = |number: &usize| self.listeners[*number].is_some();
        self.acceptable
            .extend((0..self.listeners.len()).filter(open));
    }

    /// Closes everything and removes the sockets from the file system.
    pub(crate) fn finish(&mut self) {
        for number in 0..self.listeners.len() {
            self.close_listener(number);
        }
        self.clients.clear();
    }

    fn accept(&mut self, out: &mut impl FnMut(BusEvent)) {
        let mut budget = ACCEPTS;
        for number in std::mem::take(&mut self.acceptable) {
            while let Some(listener) = &self.listeners[number]
                && self.clients.len() < CLIENTS
            {
                if budget == 0 {
                    self.acceptable.insert(number);
                    break;
                }
                let accepted = match &listener.socket {
                    Listening::Tcp(socket) => socket.accept().map(tcp),
                    Listening::Unix(socket) => {
                        let accepted = socket.accept();
                        accepted.map(|(socket, _)| (Socket::Unix(socket), BusPeer::Unix))
                    }
                };
                match accepted {
                    Ok((socket, peer)) => {
                        budget -= 1;
                        self.admit(socket, peer, out);
                    }
                    Err(error) => match accept_error(&error) {
                        Accept::Skip => {}
                        Accept::Drained | Accept::Later => break,
                    },
                }
            }
        }
    }

    fn admit(&mut self, mut socket: Socket, peer: BusPeer, out: &mut impl FnMut(BusEvent)) {
        let number = self.accepted;
        self.accepted += 1;
        let token = Source::BusClient(number).token();
        if socket.register(&self.registry, token).is_err() {
            return; // closed by the drop
        }
        let client = Client {
            socket,
            outbox: Outbox::new(usize::MAX), // the node's portions are small, and it counts
            readable: true,
            writable: true,
            paused: false,
            untold: 0,
            ending: None,
        };
        self.clients.insert(number, client);
        self.ready.insert(number); // its first bytes may already be there
        let session = BusSession(number);
        out(BusEvent::Accepted { session, peer });
    }

    fn read(&mut self, number: u64, out: &mut impl FnMut(BusEvent)) {
        let mut budget = TURN_BYTES;
        while let Some(client) = self.clients.get_mut(&number)
            && client.readable
        {
            if budget == 0 {
                self.ready.insert(number);
                return;
            }
            match client.socket.read(&mut self.scratch[..budget]) {
                Ok(0) => return self.end(number, out),
                Ok(count) => {
                    budget -= count;
                    if client.ending.is_none() {
                        let bytes = Bytes::copy_from_slice(&self.scratch[..count]);
                        let session = BusSession(number);
                        out(BusEvent::Data { session, bytes });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => client.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.end(number, out),
            }
        }
    }

    /// Writes as much as the socket takes.
    fn write(&mut self, number: u64, out: &mut impl FnMut(BusEvent)) {
        let Some(client) = self.clients.get_mut(&number) else {
            return;
        };
        if !client.writable {
            return; // it will tell
        }
        match client.outbox.write_to(&mut client.socket) {
            Ok(written) => client.untold += written,
            Err(_) => {
                // What it sent before it went is still to be read, and then its end.
                client.outbox.clear();
                client.writable = false;
                client.readable = true;
                if !client.paused {
                    self.ready.insert(number);
                }
                return;
            }
        }
        client.writable = client.outbox.is_empty();
        if !client.writable {
            return;
        }
        self.unsent.remove(&number);
        if client.ending.is_some() {
            client.socket.finish();
        } else if client.untold >= TELL_BYTES {
            client.untold = 0;
            let session = BusSession(number);
            out(BusEvent::Drained { session });
        }
    }

    /// The connection is over; the node is told unless it has closed it itself.
    fn end(&mut self, number: u64, out: &mut impl FnMut(BusEvent)) {
        let closed = self.clients.get(&number).map(|client| client.ending);
        self.forget(number);
        if closed == Some(None) {
            let session = BusSession(number);
            out(BusEvent::Closed { session });
        }
    }

    fn forget(&mut self, number: u64) {
        self.ready.remove(&number);
        self.unsent.remove(&number);
        if let Some(mut client) = self.clients.remove(&number) {
            client.socket.deregister(&self.registry);
        }
    }
}

/// A client over TCP: nothing it says waits for more, and a host that is gone is found one day.
fn tcp((socket, peer): (TcpStream, SocketAddr)) -> (Socket, BusPeer) {
    let _ = socket.set_nodelay(true);
    let _ = SockRef::from(&socket).set_keepalive(true);
    (Socket::Tcp(socket), BusPeer::Tcp(peer.ip()))
}

impl Socket {
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(socket) => registry.register(socket, token, interest),
            Self::Unix(socket) => registry.register(socket, token, interest),
        }
    }

    fn deregister(&mut self, registry: &Registry) {
        let _ = match self {
            Self::Tcp(socket) => registry.deregister(socket),
            Self::Unix(socket) => registry.deregister(socket),
        };
    }

    /// Says that nothing more comes.
    fn finish(&self) {
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(into),
            Self::Unix(socket) => socket.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write_vectored(slices),
            Self::Unix(socket) => socket.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
