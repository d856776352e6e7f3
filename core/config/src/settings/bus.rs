//! Settings of the ring and of the streams beside it.

use alloc::{string::String, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use ringfort_machine::NodeId;

use super::Endpoint;
use crate::Span;

/// One configured member of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// As written; compared without case.
    pub name: String,
    /// Its identity: the hash of the name. Unique among the peers.
    pub node: NodeId,
    /// Where its datagrams come from and go to. Unique among the peers.
    pub address: SocketAddr,
    /// Its subcluster.
    pub subcluster: String,
    /// Where it accepts streams, if configured; else it is learnt from the peer itself (reference GR-7).
    pub cluster_address: Option<SocketAddr>,
    /// Where it was written.
    pub span: Span,
}

/// How one datagram reaches all members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispersal {
    /// One copy for each peer.
    #[default]
    Unicast,
    /// One copy to a multicast group.
    Multicast(SocketAddr),
    /// One copy to the broadcast address of the network (the header of a `Spread_Segment`).
    Broadcast(SocketAddr),
}

/// Times of the membership protocol. `None` leaves the choice to the ring, which adapts to what the token
/// really takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Without the token for so long, the ring is taken for broken.
    pub token: Option<Duration>,
    /// Without the token for so long, it is sent again.
    pub hurry: Option<Duration>,
    /// Between announcements that find other rings.
    pub alive: Option<Duration>,
    /// Between repetitions of a join message.
    pub join: Option<Duration>,
    /// How long a representative collects answers.
    pub representative: Option<Duration>,
    /// How long a representative waits for its segment.
    pub segment: Option<Duration>,
    /// How long members are gathered.
    pub gather: Option<Duration>,
    /// How long the new ring may take to form.
    pub form: Option<Duration>,
    /// Between attempts to find unreachable peers.
    pub lookup: Option<Duration>,
}

/// Flow control of the ring, in messages. `None` leaves the choice to the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// Sent by all members in one round of the token.
    pub ring: Option<u32>,
    /// Sent by one member in one round.
    pub personal: Option<u32>,
    /// Sent after the token has been passed on, out of `personal`; 0 switches acceleration off.
    pub accelerated: Option<u32>,
}

/// The ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bus {
    /// The local address to bind; the unspecified address takes every interface.
    pub bind_address: IpAddr,
    /// Port of datagrams, and of peers that name none.
    pub port: u16,
    /// Every configured member, this node included; empty if the file names none.
    pub peers: Vec<Peer>,
    /// How a datagram reaches all.
    pub dispersal: Dispersal,
    /// Times.
    pub timeouts: Timeouts,
    /// Flow control.
    pub windows: Windows,
    /// Largest datagram in bytes, headers of IP and UDP not counted.
    pub datagram_limit: usize,
    /// Where client programs attach, and what each may use.
    pub clients: BusClients,
    /// Whether datagrams and streams between nodes are sealed.
    pub encryption: bool,
    /// The secret key of this node; relative to the state directory.
    pub key_file: String,
    /// The allow-list of public keys; relative to the state directory.
    pub trusted_file: String,
}

/// Client programs of the bus, those that speak the protocol of Spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusClients {
    /// Where they attach; empty for nowhere.
    pub listeners: Vec<Endpoint>,
    /// Where they may come from, if that is limited. A socket in the file system counts as 0.0.0.0.
    pub allow: Option<Vec<IpNet>>,
    /// How many at a time.
    pub limit: u32,
    /// Messages that may wait for one of them.
    pub queue_messages: u32,
    /// Bytes that may wait for one of them.
    pub queue_bytes: u64,
}

impl Bus {
    /// The address to bind for datagrams of a node whose own peer entry is `own`.
    pub fn bind(&self, own: Option<&Peer>) -> SocketAddr {
        SocketAddr::new(
            self.bind_address,
            own.map_or(self.port, |peer| peer.address.port()),
        )
    }

    /// The peer called `name`: the same name without case, else the only one with the same first label, so
    /// that `mta1` and `mta1.example.com` find each other (reference section 4 #12).
    pub fn peer(&self, name: &str) -> Option<&Peer> {
        let exact = |peer: &&Peer| peer.name.eq_ignore_ascii_case(name);
        if let Some(peer) = self.peers.iter().find(exact) {
            return Some(peer);
        }
        let mut short = self.peers.iter().filter(|peer| same_host(&peer.name, name));
        let first = short.next()?;
        short.next().is_none().then_some(first)
    }
}

/// Whether one of two names is the other's first label.
fn same_host(left: &str, right: &str) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or(name).len();
    let (short, long) = if left.len() < right.len() {
        (left, right)
    } else {
        (right, left)
    };
    label(short) == short.len()
        && label(long) == short.len()
        && long.as_bytes()[..short.len()].eq_ignore_ascii_case(short.as_bytes())
}

/// Sizes and times of streams between nodes, from the options of `msgc_server`, `msgc_client` and the
/// cluster module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTuning {
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// Silence after which a peer is taken for gone.
    pub idle_timeout: Duration,
    /// Between probes of a silent connection.
    pub keepalive_interval: Duration,
    /// Between attempts to connect again.
    pub reconnect_interval: Duration,
    /// Messages that may wait for one peer.
    pub max_backlog: u32,
    /// Messages read from one peer before another gets its turn.
    pub messages_per_iteration: u32,
    /// Socket buffers, in bytes.
    pub buffer_bytes: u32,
}
