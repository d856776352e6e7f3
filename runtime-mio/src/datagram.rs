//! The bus socket: datagrams in and out in batches, over UDP.
//!
//! In: up to 64 a system call, each into a slot of a [`Pool`], handed on as slices of it. Out: collected while
//! actions are executed and sent in one go, up to 64 a call; one datagram to many peers is one buffer under
//! many addresses. UDP may lose, so a datagram that the system will not take is dropped and counted, never
//! retried for ever: the ring repairs losses, and its timers know nothing of our queues.
//!
//! What it deliberately does not: look into a datagram. Garbage goes to the node, which refuses and counts it.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    os::fd::AsFd,
};

use bytes::Bytes;
use mio::{Interest, Registry, Token, event::Source, net::UdpSocket};
use ringfort_node::Target;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    BootError,
    pool::Pool,
    sys::{self, Arrival, BATCH},
};

/// What is asked of the kernel for each direction, in bytes; it may give less (`net.core.rmem_max`).
const BUFFER_BYTES: usize = 4 << 20;
/// Datagrams that may wait for a full socket buffer. More than a ring may have in flight in one round.
const WAITING: usize = 4096;
/// Slots of the receive pool: more than a ring retains before it is stable, so that memory comes round again.
const SLOTS: usize = 1024;
/// The smallest slot: any Ethernet frame fits.
const SLOT_BYTES: usize = 2048;

/// What happened on the bus socket, for the log and the live view.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// Datagrams received.
    pub(crate) received: u64,
    /// Datagrams handed to the system.
    pub(crate) sent: u64,
    /// Datagrams received that were longer than the largest frame; their rest is lost and the node refuses them.
    pub(crate) truncated: u64,
    /// Datagrams dropped because the socket's buffer stayed full.
    pub(crate) overflowed: u64,
    /// Datagrams that the system refused (unreachable, filtered, too long), or errors it reported on receiving.
    pub(crate) refused: u64,
}

/// How to open the bus socket.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The local address.
    pub(crate) bind: SocketAddr,
    /// A multicast group to join, or a broadcast address to allow.
    pub(crate) group: Option<SocketAddr>,
    /// The largest datagram that is expected, in bytes.
    pub(crate) datagram_limit: usize,
}

/// The bus socket with its queues.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: UdpSocket,
    /// A second socket on the group's address where the first cannot hear it (bound to a unicast address).
    group_socket: Option<UdpSocket>,
    pool: Pool,
    arrivals: Vec<Arrival>,
    waiting: VecDeque<(SocketAddr, Bytes)>,
    counters: Counters,
}

impl Datagrams {
    /// Opens the socket.
    ///
    /// # Errors
    /// [`BootError::Listen`] with the address and what the system said.
    pub(crate) fn open(options: &Options) -> Result<Self, BootError> {
        let failed = |source| BootError::listen("bus", options.bind, source);
        let socket = socket(options.bind, false).map_err(failed)?;
        let group_socket = match options.group {
            Some(group) => open_group(&socket, options.bind, group)
                .map_err(|source| BootError::listen("bus group", group, source))?,
            None => None,
        };
        Ok(Self {
            socket: UdpSocket::from_std(socket.into()),
            group_socket: group_socket.map(|socket| UdpSocket::from_std(socket.into())),
            pool: Pool::new(SLOTS, options.datagram_limit.max(SLOT_BYTES)),
            arrivals: Vec::with_capacity(BATCH),
            waiting: VecDeque::new(),
            counters: Counters::default(),
        })
    }

    /// The local address, with the port that the system chose.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What happened so far.
    pub(crate) const fn counters(&self) -> Counters {
        self.counters
    }

    /// Registers both sockets: the first under `token`, the group's under `group_token`.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        group_token: Token,
    ) -> io::Result<()> {
        self.socket
            .register(registry, token, Interest::READABLE | Interest::WRITABLE)?;
        match &mut self.group_socket {
            Some(socket) => socket.register(registry, group_token, Interest::READABLE),
            None => Ok(()),
        }
    }

    /// Receives one batch from the first socket (or the group's) and hands each datagram to `take`. Returns
    /// whether there may be more.
    pub(crate) fn receive(&mut self, group: bool, mut take: impl FnMut(SocketAddr, Bytes)) -> bool {
        let socket = match (&self.group_socket, group) {
            (Some(socket), true) => socket,
            (None, true) => return false,
            (_, false) => &self.socket,
        };
        let slots = self.pool.batch();
        let arrivals = &mut self.arrivals;
        if let Err(error) = sys::receive_batch(socket.as_fd(), slots, arrivals) {
            // An error of an earlier send (port unreachable) may be reported here: it is used up now.
            let blocked = error.kind() == io::ErrorKind::WouldBlock;
            self.counters.refused += u64::from(!blocked);
            return !blocked;
        }
        self.counters.received += arrivals.len() as u64;
        for (arrival, bytes) in arrivals.iter().zip(self.pool.take(arrivals.len())) {
            self.counters.truncated += u64::from(arrival.truncated);
            take(arrival.from, bytes);
        }
        // A batch that is not full has emptied the socket; edge-triggered readiness tells of what comes later.
        self.arrivals.len() == BATCH
    }

    /// Queues a datagram.
    pub(crate) fn send(&mut self, to: &Target, bytes: &Bytes) {
        match to {
            Target::Peer(peer) | Target::Multicast(peer) => self.queue(*peer, bytes),
            Target::Peers(peers) => {
                for peer in peers.iter() {
                    self.queue(*peer, bytes);
                }
            }
        }
    }

    fn queue(&mut self, to: SocketAddr, bytes: &Bytes) {
        if self.waiting.len() >= WAITING {
            self.flush();
        }
        if self.waiting.len() >= WAITING {
            self.counters.overflowed += 1;
            return;
        }
        self.waiting.push_back((to, bytes.clone()));
    }

    /// Sends what is queued, as far as the socket takes it. What stays is sent on the next call; the socket
    /// tells when it is writable.
    pub(crate) fn flush(&mut self) {
        while !self.waiting.is_empty() {
            let batch = self.waiting.iter().map(|(to, bytes)| (to, &bytes[..]));
            match sys::send_batch(self.socket.as_fd(), batch) {
                Ok(count) => {
                    self.counters.sent += count as u64;
                    self.waiting.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // About the first of them only: unreachable, filtered, or too long for the path.
                    self.counters.refused += 1;
                    self.waiting.pop_front();
                }
            }
        }
    }
}

fn socket(bind: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(bind), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if shared {
        socket.set_reuse_address(true)?;
    }
    // Less than asked for is no error: the ring's flow control adapts to losses.
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    socket.bind(&bind.into())?;
    Ok(socket)
}

/// Lets the node hear `group`: joins a multicast group on the interface of `bind`, or allows broadcasts.
/// A socket bound to a unicast address hears neither, so a second one is bound to the group's own address.
fn open_group(sender: &Socket, bind: SocketAddr, group: SocketAddr) -> io::Result<Option<Socket>> {
    if !group.ip().is_multicast() {
        sender.set_broadcast(true)?;
        if bind.ip().is_unspecified() {
            return Ok(None);
        }
        return socket(group, true).map(Some);
    }
    let listener = socket(group, true)?;
    match (group.ip(), bind.ip()) {
        (IpAddr::V4(group), IpAddr::V4(interface)) => {
            listener.join_multicast_v4(&group, &interface)?;
            sender.set_multicast_if_v4(&interface)?;
            sender.set_multicast_loop_v4(true)?; // others on this host may be members
        }
        (IpAddr::V6(group), _) => {
            listener.join_multicast_v6(&group, 0)?;
            sender.set_multicast_loop_v6(true)?;
        }
        (IpAddr::V4(_), IpAddr::V6(_)) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the group is IPv4 and the local address IPv6: give both of one kind",
            ));
        }
    }
    Ok(Some(listener))
}

#[cfg(test)]
mod tests;
