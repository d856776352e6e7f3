//! The TCP/IP stack of one simulated host: smoltcp behind an Ethernet interface, with ARP.
//!
//! Everything that needs a real stack goes through here: streams between nodes, client connections, probes of
//! addresses. A stack outlives the processes of its host, as a kernel does: it answers ARP for the addresses
//! of a killed process, and resets its connections. What this is not: a socket API. The world drives it with
//! frames and time, and collects [`Happening`]s.
//!
//! Facts of smoltcp that shape this file: one listening socket takes one connection (so several wait, and each
//! taken one is replaced); removing an address closes the sockets bound to it; a gratuitous ARP is ignored,
//! since only ARP addressed to an own address fills the neighbour cache (so an announcement is a reply sent to
//! each neighbour); the shortest retransmission timeout is one second.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use bytes::{Buf, Bytes};
use ipnet::IpNet;
use ringfort_machine::{Instant, Rng, Seed};
use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet},
    socket::tcp,
    time,
    wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint, IpListenEndpoint},
};

use crate::fabric::{Body, Frame, Mac};

mod announce;
mod device;
mod listener;

use announce::{arp_reply, arp_request};
use device::Device;
use listener::Listener;

/// Bytes of receive and of send buffer of one socket.
const BUFFER_BYTES: usize = 16 * 1024;
/// What may wait for room in a send buffer; beyond it the connection is reset.
const BACKLOG_BYTES: usize = 4 << 20;
/// A peer that acknowledges nothing for this long is gone.
const GIVE_UP: time::Duration = time::Duration::from_secs(12);
/// An idle connection is probed this often, so that a vanished peer is noticed.
const KEEP_ALIVE: time::Duration = time::Duration::from_secs(4);
/// Ports for outgoing connections.
const EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// Names a connection of a stack; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection(pub u64);

/// Names a listener of a stack; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listening(pub u64);

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both sides have closed.
    Finished,
    /// It never came to be.
    Unreachable,
    /// It was reset, or the peer vanished, or an address went away.
    Reset,
    /// The peer does not read.
    Overrun,
}

/// What a stack reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A peer connected to a listener.
    Accepted {
        /// Which listener.
        listening: Listening,
        /// The new connection.
        connection: Connection,
        /// The far end.
        peer: SocketAddr,
        /// The near end.
        local: SocketAddr,
    },
    /// A connection asked for stands.
    Connected(Connection),
    /// Bytes arrived.
    Data(Connection, Bytes),
    /// The peer sends no more.
    PeerFinished(Connection),
    /// It is over.
    Closed(Connection, Ending),
}

#[derive(Debug)]
struct Open {
    handle: SocketHandle,
    outgoing: VecDeque<Bytes>,
    outgoing_bytes: usize,
    established: bool,
    peer_finished: bool,
    /// To be closed when everything is handed over.
    closing: bool,
    /// Closed on this side.
    finished: bool,
}

/// The stack of one host.
pub struct Stack {
    mac: Mac,
    device: Device,
    interface: Interface,
    sockets: SocketSet<'static>,
    open: BTreeMap<Connection, Open>,
    listeners: BTreeMap<Listening, Listener>,
    names: u64,
    next_port: u16,
    touched: bool,
    due: Option<Instant>,
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack")
            .field("mac", &self.mac)
            .field("addresses", &self.interface.ip_addrs())
            .field("open", &self.open)
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}

impl Stack {
    /// A stack with the one address `base`.
    pub fn new(mac: Mac, base: IpNet, seed: Seed, now: Instant) -> Self {
        let mut rng = Rng::new(seed);
        let mut device = Device::default();
        let mut config = Config::new(EthernetAddress(mac.0).into());
        config.random_seed = rng.next_u64();
        let interface = Interface::new(config, &mut device, micros(now));
        let (low, high) = EPHEMERAL;
        let mut stack = Self {
            mac,
            device,
            interface,
            sockets: SocketSet::new(Vec::new()),
            open: BTreeMap::new(),
            listeners: BTreeMap::new(),
            names: 0,
            next_port: low + rng.below(u64::from(high - low)) as u16,
            touched: false,
            due: None,
        };
        stack.add_address(base);
        stack
    }

    /// Its hardware address.
    pub const fn mac(&self) -> Mac {
        self.mac
    }

    /// Its addresses, the base address first.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> {
        self.interface
            .ip_addrs()
            .iter()
            .map(|cidr| from_cidr(*cidr))
    }

    /// Whether it has this address.
    pub fn has(&self, address: IpAddr) -> bool {
        self.interface.has_ip_addr(IpAddress::from(address))
    }

    /// Takes an address. False if it has it already, or has no room for another.
    pub fn add_address(&mut self, address: IpNet) -> bool {
        let mut added = false;
        if !self.has(address.addr()) {
            let cidr = to_cidr(address);
            self.interface
                .update_ip_addrs(|list| added = list.push(cidr).is_ok());
        }
        self.touched |= added;
        added
    }

    /// Gives an address up; its connections are reset. False if it does not have it.
    pub fn remove_address(&mut self, address: IpNet) -> bool {
        let wanted = IpAddress::from(address.addr());
        let had = self.has(address.addr());
        self.interface
            .update_ip_addrs(|list| list.retain(|cidr| cidr.address() != wanted));
        self.touched |= had;
        had
    }

    /// Asks the segment where `address` is. smoltcp asks by itself, but once a second at most for all addresses
    /// together, so that a host that talks to many would wait on those that are gone.
    pub fn ask(&self, address: Ipv4Addr, frames: &mut Vec<Frame>) {
        if let Some(own) = self.interface.ipv4_addr() {
            frames.push(arp_request((self.mac, own), address));
        }
    }

    /// Listens at `address`; an unspecified address means all of this host.
    pub fn listen(&mut self, address: SocketAddr) -> Listening {
        self.names += 1;
        let listening = Listening(self.names);
        let ip = address.ip();
        let endpoint = IpListenEndpoint {
            addr: (!ip.is_unspecified()).then(|| ip.into()),
            port: address.port(),
        };
        let mut listener = Listener::new(endpoint);
        listener.refill(&mut self.sockets);
        self.listeners.insert(listening, listener);
        listening
    }

    /// Stops listening; standing connections go on.
    pub fn stop_listening(&mut self, listening: Listening) {
        if let Some(listener) = self.listeners.remove(&listening) {
            listener.close(&mut self.sockets);
            self.touched = true;
        }
    }

    /// Connects to `to`. [`Happening::Connected`] or [`Happening::Closed`] follows.
    pub fn connect(&mut self, to: SocketAddr) -> Connection {
        let port = self.next_port;
        self.next_port = if port >= EPHEMERAL.1 {
            EPHEMERAL.0
        } else {
            port + 1
        };
        let mut socket = new_socket();
        // A refusal by smoltcp (no route, no address) leaves the socket closed, which the next poll reports.
        let _refused = socket.connect(self.interface.context(), IpEndpoint::from(to), port);
        let handle = self.sockets.add(socket);
        self.keep(handle, false)
    }

    fn keep(&mut self, handle: SocketHandle, established: bool) -> Connection {
        self.names += 1;
        let connection = Connection(self.names);
        let open = Open {
            handle,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            established,
            peer_finished: false,
            closing: false,
            finished: false,
        };
        self.open.insert(connection, open);
        self.touched = true;
        connection
    }

    /// The near end of a connection.
    pub fn local(&self, connection: Connection) -> Option<SocketAddr> {
        let open = self.open.get(&connection)?;
        let end = self
            .sockets
            .get::<tcp::Socket<'_>>(open.handle)
            .local_endpoint()?;
        Some(SocketAddr::new(end.addr.into(), end.port))
    }

    /// Sends bytes. Ignored on a connection that is over or closing.
    pub fn send(&mut self, connection: Connection, bytes: Bytes) {
        if let Some(open) = self.open.get_mut(&connection)
            && !open.closing
            && !bytes.is_empty()
        {
            open.outgoing_bytes += bytes.len();
            open.outgoing.push_back(bytes);
            self.touched = true;
        }
    }

    /// Closes after what was sent. [`Happening::Closed`] follows when it is over.
    pub fn close(&mut self, connection: Connection) {
        if let Some(open) = self.open.get_mut(&connection) {
            open.closing = true;
            self.touched = true;
        }
    }

    /// Resets at once.
    pub fn abort(&mut self, connection: Connection) {
        if let Some(open) = self.open.get_mut(&connection) {
            open.closing = true;
            open.outgoing.clear();
            self.sockets.get_mut::<tcp::Socket<'_>>(open.handle).abort();
            self.touched = true;
        }
    }

    /// The process of the host is gone: everything it had open is reset, nothing is reported.
    pub fn abandon(&mut self, now: Instant, frames: &mut Vec<Frame>) {
        for (_, listener) in std::mem::take(&mut self.listeners) {
            listener.close(&mut self.sockets);
        }
        let all: Vec<Connection> = self.open.keys().copied().collect();
        for connection in all {
            self.abort(connection);
        }
        let mut unreported = Vec::new();
        self.poll(now, true, frames, &mut unreported);
    }

    /// Takes a frame; [`Stack::poll`] looks at it.
    pub fn receive(&mut self, bytes: Bytes) {
        self.device.inbound.push_back(bytes);
        self.touched = true;
    }

    /// Tells each of `neighbours` that `address` is here.
    pub fn announce(
        &self,
        address: Ipv4Addr,
        neighbours: impl IntoIterator<Item = (Mac, Ipv4Addr)>,
        frames: &mut Vec<Frame>,
    ) {
        for (mac, ip) in neighbours.into_iter().filter(|(mac, _)| *mac != self.mac) {
            frames.push(arp_reply((self.mac, address), (mac, ip)));
        }
    }

    /// When it wants to be polled: at once after it was touched.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        if self.touched { Some(now) } else { self.due }
    }

    /// Lets the stack work. With `attended` false nobody reads: the process stands still.
    pub fn poll(
        &mut self,
        now: Instant,
        attended: bool,
        frames: &mut Vec<Frame>,
        happenings: &mut Vec<Happening>,
    ) {
        let at = micros(now);
        self.push_outgoing();
        loop {
            self.touched = false;
            self.interface.poll(at, &mut self.device, &mut self.sockets);
            if attended {
                self.accept(happenings);
                self.collect(at, happenings);
            }
            self.push_outgoing();
            if !self.touched {
                break;
            }
        }
        self.drain(frames);
        self.due = self
            .interface
            .poll_at(at, &self.sockets)
            .map(|due| Instant::from_nanos(due.total_micros().max(0) as u64 * 1000).max(now));
        if self.due == Some(now) {
            // It would go on at once; time has to pass between two polls, in its unit of a microsecond.
            self.due = Some(Instant::from_nanos(now.as_nanos() + 1000));
        }
    }

    fn push_outgoing(&mut self) {
        for open in self.open.values_mut() {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(open.handle);
            while let Some(front) = open.outgoing.front_mut() {
                let taken = if socket.can_send() {
                    socket.send_slice(front).unwrap_or(0)
                } else {
                    0
                };
                if taken == 0 {
                    break;
                }
                self.touched = true;
                open.outgoing_bytes -= taken;
                front.advance(taken);
                if front.is_empty() {
                    open.outgoing.pop_front();
                }
            }
            if open.closing && open.outgoing.is_empty() && !open.finished {
                open.finished = true;
                self.touched = true;
                socket.close();
            }
        }
    }

    fn accept(&mut self, happenings: &mut Vec<Happening>) {
        let mut taken = Vec::new();
        for (listening, listener) in &mut self.listeners {
            listener.take_established(&mut self.sockets, |handle| taken.push((*listening, handle)));
        }
        for (listening, handle) in taken {
            let socket = self.sockets.get::<tcp::Socket<'_>>(handle);
            let (Some(peer), Some(local)) = (socket.remote_endpoint(), socket.local_endpoint())
            else {
                self.sockets.remove(handle);
                continue;
            };
            let connection = self.keep(handle, true);
            happenings.push(Happening::Accepted {
                listening,
                connection,
                peer: SocketAddr::new(peer.addr.into(), peer.port),
                local: SocketAddr::new(local.addr.into(), local.port),
            });
        }
    }

    fn collect(&mut self, at: time::Instant, happenings: &mut Vec<Happening>) {
        let mut over = Vec::new();
        for (connection, open) in &mut self.open {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(open.handle);
            if !open.established && socket.may_send() {
                open.established = true;
                self.touched = true;
                happenings.push(Happening::Connected(*connection));
            }
            while socket.can_recv() {
                let read = socket.recv(|bytes| (bytes.len(), Bytes::copy_from_slice(bytes)));
                let Ok(bytes) = read else { break };
                self.touched = true;
                happenings.push(Happening::Data(*connection, bytes));
            }
            if open.outgoing_bytes > BACKLOG_BYTES {
                socket.abort();
                self.touched = true;
                over.push((*connection, Ending::Overrun));
                continue;
            }
            match socket.state() {
                tcp::State::Closed => over.push((*connection, open.ending())),
                tcp::State::TimeWait => over.push((*connection, Ending::Finished)),
                tcp::State::CloseWait | tcp::State::LastAck | tcp::State::Closing
                    if !open.peer_finished =>
                {
                    open.peer_finished = true;
                    happenings.push(Happening::PeerFinished(*connection));
                }
                tcp::State::Listen
                | tcp::State::SynSent
                | tcp::State::SynReceived
                | tcp::State::Established
                | tcp::State::FinWait1
                | tcp::State::FinWait2
                | tcp::State::CloseWait
                | tcp::State::Closing
                | tcp::State::LastAck => {}
            }
        }
        for (connection, ending) in over {
            if let Some(open) = self.open.remove(&connection) {
                // A reset still has to leave: the socket emits it when polled.
                self.interface
                    .poll_egress(at, &mut self.device, &mut self.sockets);
                self.sockets.remove(open.handle);
            }
            happenings.push(Happening::Closed(connection, ending));
        }
    }

    fn drain(&mut self, frames: &mut Vec<Frame>) {
        for bytes in self.device.outbound.drain(..) {
            let mut destination = [0; 6];
            destination.copy_from_slice(&bytes[..6]);
            let body = Body::Ethernet(bytes.into());
            frames.push(Frame {
                source: self.mac,
                destination: Mac(destination),
                body,
            });
        }
    }
}

impl Open {
    const fn ending(&self) -> Ending {
        if !self.established {
            Ending::Unreachable
        } else if self.peer_finished && self.closing && self.outgoing_bytes == 0 {
            Ending::Finished
        } else {
            Ending::Reset
        }
    }
}

fn new_socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER_BYTES]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket.set_timeout(Some(GIVE_UP));
    socket.set_keep_alive(Some(KEEP_ALIVE));
    socket
}

fn micros(at: Instant) -> time::Instant {
    time::Instant::from_micros((at.as_nanos() / 1000) as i64)
}

fn to_cidr(net: IpNet) -> IpCidr {
    IpCidr::new(net.addr().into(), net.prefix_len())
}

fn from_cidr(cidr: IpCidr) -> IpNet {
    IpNet::new(cidr.address().into(), cidr.prefix_len()).expect("a prefix fits its address")
}

#[cfg(test)]
mod tests;
