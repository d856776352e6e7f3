//! Service listeners and the connections of their clients.
//!
//! A listener is opened and closed as its address comes and goes; a closed listener lets standing connections
//! finish. A client that connects is announced and then left alone until the node has decided: greeted,
//! refused, dropped or relayed to a backend. What it sends meanwhile waits in the kernel.
//!
//! What it deliberately does not: know why. Limits, records and counters are the node's.

mod relay;

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
use ringfort_node::{
    ConnectionAction, ConnectionEvent, ConnectionId, ListenerAction, ListenerEvent, ListenerId,
};

use self::relay::{Pumped, Relay};
use crate::{
    listen::{Accept, accept_error, listen},
    outbox::Outbox,
    token::Source,
};

/// Connections at most. More wait in the backlog, then the kernel turns them away.
const CONNECTIONS: usize = 16 << 10;
/// Clients accepted in one turn, over all listeners.
const ACCEPTS: usize = 256;
/// The longest banner.
const BANNER_BYTES: usize = 64 << 10;
/// Connections that wait to be accepted, where the configuration's value is not at hand.
const BACKLOG: u32 = 500;
/// How long a client that was greeted may stay: enough to read the banner over a bad line, and a bound on what
/// one that never closes can hold.
const LINGER: Duration = Duration::from_secs(30);
/// How long a backend may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence in both directions after which a relay ends: the five minutes of RFC 5321, section 4.5.3.2.7.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    number: u64,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    phase: Phase,
    readable: bool,
    received: u64,
    sent: u64,
    moved: Instant,
}

#[derive(Debug)]
enum Phase {
    /// The node has not decided.
    Waiting,
    /// The banner is on its way; then our side is closed, and what the client still sends is thrown away, so
    /// that no reset overtakes the banner.
    Greeting(Outbox),
    /// Only its end is awaited.
    Ending,
    /// Bytes pass both ways.
    Relaying(Box<Relay>),
}

/// Everything that happened, for the node.
#[derive(Debug)]
pub(crate) enum Happened {
    Listener(ListenerEvent),
    Connection(ConnectionEvent),
}

/// All service listeners and their connections.
#[derive(Debug)]
pub(crate) struct Connections {
    registry: Registry,
    listeners: BTreeMap<ListenerId, Listener>,
    /// Which listener a token means: a listener that is opened again gets a new number.
    numbers: BTreeMap<u64, ListenerId>,
    acceptable: BTreeSet<u64>,
    connections: BTreeMap<u64, Connection>,
    ready: BTreeSet<u64>,
    opened: u64,
    accepted: u64,
    scratch: Vec<u8>,
}

impl Connections {
    /// No listener.
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            listeners: BTreeMap::new(),
            numbers: BTreeMap::new(),
            acceptable: BTreeSet::new(),
            connections: BTreeMap::new(),
            ready: BTreeSet::new(),
            opened: 0,
            accepted: 0,
            scratch: vec![0; 16 << 10],
        }
    }

    /// Opens or closes a listener.
    pub(crate) fn perform_listener(
        &mut self,
        action: ListenerAction,
        out: &mut impl FnMut(Happened),
    ) {
        match action {
            ListenerAction::Open { listener, address } => {
                self.close_listener(listener);
                match self.open_listener(listener, address) {
                    Ok(()) => out(Happened::Listener(ListenerEvent::Opened { listener })),
                    Err(error) => out(Happened::Listener(ListenerEvent::Failed {
                        listener,
                        reason: format!("{address}: {error}"),
                    })),
                }
            }
            ListenerAction::Close { listener } => self.close_listener(listener),
        }
    }

    fn open_listener(&mut self, listener: ListenerId, address: SocketAddr) -> io::Result<()> {
        let mut socket = listen(address, BACKLOG)?;
        let number = self.opened;
        self.opened += 1;
        self.registry.register(
            &mut socket,
            Source::ServiceListener(number).token(),
            Interest::READABLE,
        )?;
        self.numbers.insert(number, listener);
        self.listeners.insert(listener, Listener { socket, number });
        Ok(())
    }

    fn close_listener(&mut self, listener: ListenerId) {
        if let Some(mut open) = self.listeners.remove(&listener) {
            self.numbers.remove(&open.number);
            self.acceptable.remove(&open.number);
            let _ = self.registry.deregister(&mut open.socket);
        }
    }

    /// Does what the node wants with a connection.
    pub(crate) fn perform(&mut self, action: ConnectionAction, out: &mut impl FnMut(Happened)) {
        let number = match action {
            ConnectionAction::Greet { connection, banner }
            | ConnectionAction::Refuse { connection, banner } => {
                if let Some(open) = self.connections.get_mut(&connection.0) {
                    let mut outbox = Outbox::new(BANNER_BYTES);
                    // A banner is configured text of a few lines; one that does not fit is cut.
                    let fits = banner.len().min(BANNER_BYTES);
                    let _ = outbox.push(banner.slice(..fits));
                    open.phase = Phase::Greeting(outbox);
                    open.moved = Instant::now();
                }
                connection.0
            }
            ConnectionAction::Drop { connection } => {
                return self.end(connection.0, out);
            }
            ConnectionAction::Relay {
                connection,
                to,
                header,
            } => {
                self.relay(connection, to, header, out);
                connection.0
            }
        };
        self.advance(number, out);
    }

    fn relay(
        &mut self,
        connection: ConnectionId,
        to: SocketAddr,
        header: Bytes,
        out: &mut impl FnMut(Happened),
    ) {
        let Some(open) = self.connections.get_mut(&connection.0) else {
            return;
        };
        let backend = TcpStream::connect(to).and_then(|mut backend| {
            self.registry.register(
                &mut backend,
                Source::Backend(connection.0).token(),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            Ok(backend)
        });
        open.moved = Instant::now();
        match backend {
            Ok(backend) => open.phase = Phase::Relaying(Box::new(Relay::new(backend, header))),
            Err(_) => self.relay_failed(connection.0, out),
        }
    }

    /// A listener has somebody waiting.
    pub(crate) fn listener_ready(&mut self, number: u64) {
        self.acceptable.insert(number);
    }

    /// The client's side of a connection moved.
    pub(crate) fn client_ready(
        &mut self,
        number: u64,
        readable: bool,
        out: &mut impl FnMut(Happened),
    ) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.readable |= readable;
            self.advance(number, out);
        }
    }

    /// The backend's side of a connection moved.
    pub(crate) fn backend_ready(
        &mut self,
        number: u64,
        readable: bool,
        out: &mut impl FnMut(Happened),
    ) {
        if let Some(connection) = self.connections.get_mut(&number)
            && let Phase::Relaying(relay) = &mut connection.phase
        {
            relay.readable |= readable;
            self.advance(number, out);
        }
    }

    /// One turn: accepts, and goes on with connections that used up their budget. Returns whether something is
    /// left to do at once.
    pub(crate) fn turn(&mut self, out: &mut impl FnMut(Happened)) -> bool {
        let more = self.accept(out);
        for number in std::mem::take(&mut self.ready) {
            self.advance(number, out);
        }
        more || !self.ready.is_empty()
    }

    /// Ends what has been silent for too long. Called about once a second.
    pub(crate) fn sweep(&mut self, now: Instant, out: &mut impl FnMut(Happened)) {
        let mut late = Vec::new();
        for (number, connection) in &self.connections {
            let limit = match &connection.phase {
                Phase::Waiting => continue, // the node has its own deadline for what it waits for
                Phase::Greeting(_) | Phase::Ending => LINGER,
                Phase::Relaying(relay) if relay.is_connected() => IDLE_TIMEOUT,
                Phase::Relaying(_) => CONNECT_TIMEOUT,
            };
            if now.saturating_duration_since(connection.moved) > limit {
                let unanswered =
                    matches!(&connection.phase, Phase::Relaying(relay) if !relay.is_connected());
                late.push((*number, unanswered));
            }
        }
        for (number, unanswered) in late {
            if unanswered {
                self.relay_failed(number, out);
            } else {
                self.end(number, out);
            }
        }
        self.acceptable.extend(self.numbers.keys());
    }

    /// Accepts within the budget; returns whether more may be waiting.
    fn accept(&mut self, out: &mut impl FnMut(Happened)) -> bool {
        let mut budget = ACCEPTS;
        for number in std::mem::take(&mut self.acceptable) {
            while self.connections.len() < CONNECTIONS {
                let Some(listener) = self.numbers.get(&number).copied() else {
                    break;
                };
                if budget == 0 {
                    self.acceptable.insert(number);
                    break;
                }
                let Some(open) = self.listeners.get(&listener) else {
                    break;
                };
                match open.socket.accept() {
                    Ok((client, peer)) => {
                        budget -= 1;
                        self.accepted(listener, client, peer, out);
                    }
                    Err(error) => match accept_error(&error) {
                        Accept::Skip => {}
                        Accept::Drained | Accept::Later => break,
                    },
                }
            }
        }
        budget == 0
    }

    fn accepted(
        &mut self,
        listener: ListenerId,
        mut client: TcpStream,
        peer: SocketAddr,
        out: &mut impl FnMut(Happened),
    ) {
        let Ok(local) = client.local_addr() else {
            return; // gone already
        };
        let number = self.accepted;
        self.accepted += 1;
        let _ = client.set_nodelay(true);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Source::Client(number).token();
        if self
            .registry
            .register(&mut client, token, interest)
            .is_err()
        {
            return;
        }
        let connection = Connection {
            client,
            phase: Phase::Waiting,
            readable: false,
            received: 0,
            sent: 0,
            moved: Instant::now(),
        };
        self.connections.insert(number, connection);
        out(Happened::Connection(ConnectionEvent::Accepted {
            connection: ConnectionId(number),
            listener,
            peer,
            local,
        }));
    }

    /// Moves a connection as far as it goes within its budget.
    fn advance(&mut self, number: u64, out: &mut impl FnMut(Happened)) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        let outcome = match &mut connection.phase {
            Phase::Waiting => return,
            Phase::Greeting(outbox) => match outbox.write_to(&mut connection.client) {
                Ok(written) => {
                    connection.sent += written as u64;
                    if outbox.is_empty() {
                        let _ = connection.client.shutdown(Shutdown::Write);
                        connection.phase = Phase::Ending;
                        drain(connection, &mut self.scratch)
                    } else {
                        Pumped::Blocked
                    }
                }
                Err(_) => Pumped::Finished,
            },
            Phase::Ending => drain(connection, &mut self.scratch),
            Phase::Relaying(relay) => {
                let before = (connection.received, connection.sent);
                let mut side = relay::Client {
                    socket: &mut connection.client,
                    readable: &mut connection.readable,
                    received: &mut connection.received,
                    sent: &mut connection.sent,
                };
                let outcome = relay.pump(&mut side, &mut self.scratch);
                if before != (connection.received, connection.sent) {
                    connection.moved = Instant::now();
                }
                outcome
            }
        };
        match outcome {
            Pumped::Blocked => {}
            Pumped::More => {
                self.ready.insert(number);
            }
            Pumped::Finished => self.end(number, out),
            Pumped::Unreachable => self.relay_failed(number, out),
        }
    }

    fn relay_failed(&mut self, number: u64, out: &mut impl FnMut(Happened)) {
        out(Happened::Connection(ConnectionEvent::RelayFailed {
            connection: ConnectionId(number),
        }));
        self.end(number, out);
    }

    fn end(&mut self, number: u64, out: &mut impl FnMut(Happened)) {
        self.ready.remove(&number);
        if let Some(mut connection) = self.connections.remove(&number) {
            let _ = self.registry.deregister(&mut connection.client);
            if let Phase::Relaying(relay) = &mut connection.phase {
                relay.deregister(&self.registry);
            }
            out(Happened::Connection(ConnectionEvent::Closed {
                connection: ConnectionId(number),
                received: connection.received,
                sent: connection.sent,
            }));
        }
    }
}

/// Throws away what the client sends until it closes.
fn drain(connection: &mut Connection, scratch: &mut [u8]) -> Pumped {
    let mut budget = 4;
    while connection.readable {
        if budget == 0 {
            return Pumped::More;
        }
        budget -= 1;
        match connection.client.read(scratch) {
            Ok(0) => return Pumped::Finished,
            Ok(count) => connection.received += count as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => connection.readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Pumped::Finished,
        }
    }
    Pumped::Blocked
}
