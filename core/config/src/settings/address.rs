//! Settings of addresses: listeners, bindings, topology and the timers of the address service (reference 1.6).

use alloc::{string::String, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;

use crate::Span;

/// Which protocol a listener speaks, from the scope it is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerKind {
    /// `ESMTP_Listener`.
    Esmtp,
    /// `ECStream_Listener`.
    Ecstream,
    /// `HTTP_Listener`.
    Http,
    /// `POP3_Listener`.
    Pop3,
    /// `XMLRPC_Listener`.
    Xmlrpc,
    /// `TCP_Listener`: bytes are relayed and nothing of the protocol is known.
    Tcp,
}

/// How many inbound connections one network may have in the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetblockLimit {
    /// Connections.
    pub limit: u32,
    /// Length of the prefix that counts as one network, IPv4.
    pub v4_bits: u8,
    /// The same for IPv6.
    pub v6_bits: u8,
}

/// A service address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name (`name` attribute), else its address as written.
    pub name: String,
    /// The protocol.
    pub kind: ListenerKind,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether the address is managed: written so, or because another service of the address is (DV-9).
    pub duravip: bool,
    /// Preferred owners, best first.
    pub preference: Vec<String>,
    /// Binding (name or address) that this address goes with.
    pub follow: Option<String>,
    /// The greeting of a listener without backend.
    pub banner: Option<String>,
    /// The server to which connections are relayed, with a PROXY header.
    pub backend: Option<SocketAddr>,
    /// Limit for each network over the whole cluster.
    pub max_connections_per_netblock: Option<NetblockLimit>,
    /// Connections that may wait to be accepted.
    pub listen_backlog: u32,
    /// Where it was written.
    pub span: Span,
}

/// A source address of outbound traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its name; compared with case (reference 2.1).
    pub name: String,
    /// The binding group it is nested in.
    pub group: Option<String>,
    /// The address (`Bind_Address`).
    pub address: Option<IpAddr>,
    /// Whether the address is managed.
    pub duravip: bool,
    /// Preferred owners, best first.
    pub preference: Vec<String>,
    /// Where it was written.
    pub span: Span,
}

/// Where addresses of a network are put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The network.
    pub net: IpNet,
    /// The interface.
    pub interface: String,
    /// Prefix length with which an address is added; default 32 or 128: anything else adds a route as well.
    pub cidrmask: u8,
    /// Where it was written.
    pub span: Span,
}

/// How addresses are added and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressMode {
    /// On the interface of the topology, announced to the neighbours.
    #[default]
    Netlink,
    /// No interface is touched: every address is taken to exist already, as all of 127.0.0.0/8 does. For
    /// clusters on one machine and for tests.
    Loopback,
}

/// Timers and switches of the address service (reference DV-16 to DV-19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duravip {
    /// How addresses are managed.
    pub address_mode: AddressMode,
    /// A view unchanged for so long is mature.
    pub view_mature_time: Duration,
    /// Between rounds of balancing; zero switches balancing off.
    pub view_balance_interval: Duration,
    /// Between unasked announcements of the own view; zero switches them off.
    pub view_broadcast_interval: Duration,
    /// Addresses moved in one round.
    pub balance_set_size: u32,
    /// Between comparisons of the interfaces with what they should hold.
    pub if_check_interval: Duration,
    /// Comparisons in a row in which an address must be missing before it is added again.
    pub if_down_limit: u32,
    /// Whether an address is announced to all known hosts, not only to those of interest.
    pub arp_all_hosts: bool,
}
