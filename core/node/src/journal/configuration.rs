//! A node's configuration in a journal: every field of it as the node got it, not the text that it was read from.
//! So a replay needs neither the files nor the names and addresses of the host.
//!
//! A node's configuration holds no secret: passwords and keys of consoles stay in the runtime.

use alloc::{string::ToString, vec::Vec};

use bytes::Bytes;
use ringfort_config::settings::{Dispersal, NetblockLimit, Role};
use ringfort_evs::{Timeouts, Windows};
use ringfort_groups::{ClientName, GroupName};
use ringfort_logs::{
    puller::{self, Pattern},
    store,
};
use ringfort_machine::{Incarnation, Instant, NodeId, Seed};
use ringfort_replication::{self as replication, ObjectConfig};
use ringfort_session as session;
use ringfort_vip::{self as vip, AddressConfig, ServiceSet};
use ringfort_wire::ClusterId;

use super::stored::{Malformed, Stored, choice, structure};
use crate::{Boot, Config, ListenerConfig, ListenerId, Peer, RingConfig};

structure!(ClusterId { 0: id });
structure!(NodeId { 0: id });
structure!(ListenerId { 0: id });
structure!(Incarnation { 0: number });
structure!(Seed { 0: bytes });

structure!(Boot {
    seed: seed,
    incarnation: incarnation,
    wall_origin_ns: wall_origin_ns,
    system_boot: system_boot,
});

structure!(Config {
    cluster: cluster,
    node: node,
    name: name,
    role: role,
    subcluster: subcluster,
    peers: peers,
    dispersal: dispersal,
    ring: ring,
    services: services,
    cluster_group: cluster_group,
    control_group: control_group,
    shared_group: shared_group,
    listeners: listeners,
    vip: vip,
    counters: counters,
    logs: logs,
    connection_logs: connection_logs,
    puller: puller,
    sessions: sessions,
    control_timeout: control_timeout,
    observe: observe,
});

choice!(Role, "a role" {
    0 => Node {},
    1 => Manager {},
});

structure!(Peer {
    node: node,
    name: name,
    address: address
});

choice!(Dispersal, "a dispersal" {
    0 => Unicast {},
    1 => Multicast { 0: group },
    2 => Broadcast { 0: address },
});

structure!(RingConfig {
    timeouts: timeouts,
    windows: windows,
    datagram_limit: datagram_limit,
});

structure!(Timeouts {
    token_loss_min: token_loss_min,
    token_loss_max: token_loss_max,
    rotations_until_loss: rotations_until_loss,
    idle_hold: idle_hold,
    join_interval: join_interval,
    consensus: consensus,
    consensus_limit: consensus_limit,
    commit: commit,
    beacon: beacon,
    hearing: hearing,
    merge_delay: merge_delay,
    quarantine_min: quarantine_min,
    quarantine_max: quarantine_max,
    leave: leave,
});

structure!(Windows {
    global: global,
    personal: personal,
    accelerated: accelerated,
    outstanding: outstanding,
    deaf_rotations: deaf_rotations,
});

structure!(ListenerConfig {
    id: id,
    name: name,
    address: address,
    vip: vip,
    banner: banner,
    backend: backend,
    limit: limit,
});

structure!(NetblockLimit {
    limit: limit,
    v4_bits: v4_bits,
    v6_bits: v6_bits
});

structure!(vip::Config {
    me_capable: me_capable,
    addresses: addresses,
    mature_time: mature_time,
    balance_interval: balance_interval,
    balance_set_size: balance_set_size,
    broadcast_interval: broadcast_interval,
    if_check_interval: if_check_interval,
    if_down_limit: if_down_limit,
    arp_all_hosts: arp_all_hosts,
});

structure!(AddressConfig {
    address: address,
    interface: interface,
    names: names,
    services: services,
    preference: preference,
    follow: follow,
});

structure!(ServiceSet {
    listener: listener,
    binding: binding
});

structure!(replication::Config {
    objects: objects,
    keys_limit: keys_limit,
    observe: observe,
});

structure!(ObjectConfig {
    name: name,
    kind: kind,
    max_delay: max_delay,
    max_pending: max_pending,
});

choice!(replication::Kind, "a kind of counter" {
    0 => CidrTree {},
    1 => GaugeTable {},
});

structure!(store::Config {
    key: key,
    directory: directory,
    segment_limit_bytes: segment_limit_bytes,
    subscribers: subscribers,
    budget_bytes: budget_bytes,
    unread_limit_bytes: unread_limit_bytes,
    batch_delay: batch_delay,
    reader_delay: reader_delay,
    backlog_limit_bytes: backlog_limit_bytes,
    recent_limit_bytes: recent_limit_bytes,
    retry_delay: retry_delay,
    incarnation: incarnation,
    boot: boot,
});

structure!(puller::Config {
    directory: directory,
    pattern: pattern,
    max_open: max_open,
    max_idle: max_idle,
    subscribers: subscribers,
    overrides: overrides,
    credit_bytes: credit_bytes,
    sources_limit: sources_limit,
    gather: gather,
    retry_delay: retry_delay,
    reconnect_first: reconnect_first,
    reconnect_limit: reconnect_limit,
    incarnation: incarnation,
    wall_origin_ns: wall_origin_ns,
});

structure!(session::Config {
    server: server,
    authentication: authentication,
    sessions: sessions,
    handshake_timeout: handshake_timeout,
    message_bytes: message_bytes,
    queue_messages: queue_messages,
    queue_bytes: queue_bytes,
});

structure!(session::Authentication {
    null: null,
    ip: ip,
    ip_required: ip_required
});

/// Values that are checked when they are made: written as text, and read through the same check.
macro_rules! checked {
    ($($type:ty, $make:expr, $what:literal;)*) => {$(
        impl Stored for $type {
            fn put(&self, out: &mut Vec<u8>) {
                self.to_string().put(out);
            }

            fn take(input: &mut Bytes) -> Result<Self, Malformed> {
                let text = alloc::string::String::take(input)?;
                $make(&text).map_err(|_| Malformed($what))
            }
        }
    )*};
}

checked! {
    GroupName, GroupName::new, "the name of a group";
    ClientName, ClientName::new, "the name of a client";
    Pattern, Pattern::parse, "a pattern of file names";
}

impl Stored for Instant {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_nanos().put(out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        u64::take(input).map(Self::from_nanos)
    }
}
