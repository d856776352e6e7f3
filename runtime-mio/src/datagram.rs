//! The bus socket: datagrams in and out in batches, over UDP.
//!
//! In: up to 16 buffers a system call, each with up to 64 datagrams of one sender that came together; what is
//! handed on are slices of one allocation for each buffer. Out: collected while actions are executed and sent
//! in one go ([`lanes`]); one datagram to many peers is one buffer under many addresses. UDP may lose, so a datagram that the system will not take is dropped and counted, never
//! retried for ever: the ring repairs losses, and its timers know nothing of our queues.
//!
//! What it deliberately does not: look into a datagram. Garbage goes to the node, which refuses and counts it.

mod lanes;

use std::{
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
    sys::udp::{self, Arrival, BUFFER_BYTES},
};
use lanes::Lanes;

/// What is asked of the kernel for each direction, in bytes; it may give less (`net.core.rmem_max`).
const SOCKET_BYTES: usize = 4 << 20;
/// Datagrams that may wait for a full socket buffer. More than a ring may have in flight in one round.
const WAITING: usize = 4096;
/// Any Ethernet frame is let through, whatever the limit of the ring.
const FRAME_BYTES: usize = 2048;
/// Buffers that one call receives into. Memory is touched only as far as datagrams fill it.
const BUFFERS: usize = 16;

/// What happened on the bus socket, for the log and the live view.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// Datagrams received.
    pub(crate) received: u64,
    /// Datagrams handed to the system.
    pub(crate) sent: u64,
    /// Datagrams dropped because they were longer than the largest frame.
    pub(crate) too_long: u64,
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
    buffers: Vec<Box<[u8]>>,
    arrivals: Vec<Arrival>,
    /// Longer ones than this many bytes are no frames.
    longest: usize,
    lanes: Lanes,
    /// Datagrams longer than this are sent one by one: the system has refused to cut such ones apart.
    offload_limit: usize,
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
            buffers: vec![vec![0; BUFFER_BYTES].into(); BUFFERS],
            arrivals: Vec::with_capacity(BUFFERS),
            longest: options.datagram_limit.max(FRAME_BYTES),
            lanes: Lanes::default(),
            offload_limit: BUFFER_BYTES,
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
        if let Err(error) = udp::receive(socket.as_fd(), &mut self.buffers, &mut self.arrivals) {
            // An error of an earlier send (port unreachable) may be reported here: it is used up now.
            let blocked = error.kind() == io::ErrorKind::WouldBlock;
            self.counters.refused += u64::from(!blocked);
            return !blocked;
        }
        for (arrival, buffer) in self.arrivals.iter().zip(&self.buffers) {
            if arrival.truncated {
                self.counters.too_long += 1;
                continue;
            }
            // Right-sized, so that a message which is kept for long keeps nothing but its neighbours.
            let kept = if arrival.segment <= self.longest {
                arrival.length
            } else {
                0
            };
            let whole = Bytes::copy_from_slice(&buffer[..kept]);
            let mut first = 0;
            for datagram in buffer[..arrival.length].chunks(arrival.segment) {
                let end = first + datagram.len();
                let bytes = match whole.get(first..end) {
                    Some(_) => whole.slice(first..end),
                    None if datagram.len() <= self.longest => Bytes::copy_from_slice(datagram),
                    None => {
                        self.counters.too_long += 1;
                        continue;
                    }
                };
                first = end;
                self.counters.received += 1;
                take(arrival.from, bytes);
            }
        }
        // A batch that is not full has emptied the socket; edge-triggered readiness tells of what comes later.
        self.arrivals.len() == BUFFERS
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
        if self.lanes.len() >= WAITING {
            self.flush();
        }
        if self.lanes.len() >= WAITING {
            self.counters.overflowed += 1;
            return;
        }
        self.lanes.push(to, bytes.clone());
    }

    /// Sends what is queued, as far as the socket takes it. What stays is sent on the next call; the socket
    /// tells when it is writable.
    pub(crate) fn flush(&mut self) {
        while self.lanes.len() > 0 {
            let (runs, pieces) = self.lanes.plan(self.offload_limit);
            match udp::send(self.socket.as_fd(), runs, pieces) {
                Ok(count) => self.counters.sent += self.lanes.sent(count) as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => match self.lanes.first_run() {
                    // The path does not carry so much at once, or the device cannot do it: one by one.
                    Some(run) if run.count > 1 => self.offload_limit = run.segment - 1,
                    Some(_) | None => {
                        // About the first of them only: unreachable, filtered, or too long for the path.
                        self.counters.refused += 1;
                        self.lanes.drop_first();
                    }
                },
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
    let _ = socket.set_recv_buffer_size(SOCKET_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BYTES);
    // Without it every datagram is a buffer of its own, which costs time and nothing else.
    let _ = udp::set_receive_offload(socket.as_fd());
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
