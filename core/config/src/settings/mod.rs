//! The typed settings: what the rest of Ringfort knows of a configuration. Plain data with the defaults
//! already filled in; how it was spelled is gone, except for spans where a later stage may have to complain.
//!
//! Durations are [`Duration`], addresses the types of `core::net`, prefixes [`ipnet`]. The meaning, default
//! and range of every option behind a field is in [`crate::options`] and in docs/configuration.md.

use alloc::{string::String, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

mod access;
mod address;
mod bus;
mod journal;
mod manager;
mod replicate;

pub use access::{
    AccessBlock, Authentication, AuthorizationRole, ControlListener, Endpoint, Mechanism,
};
pub use address::{AddressMode, Binding, Duravip, Listener, ListenerKind, NetblockLimit, Topology};
pub use bus::{Bus, BusClients, Dispersal, Peer, StreamTuning, Timeouts, Windows};
pub use journal::{Destination, LogPath, Logger};
pub use manager::{ManagerSettings, SubscriberOverride};
pub use replicate::{Replicate, ReplicateClass};

/// What a process is in the cluster (reference SYS-2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Carries traffic: addresses, counters, journals.
    #[default]
    Node,
    /// Collects journals and answers for the cluster; never owns an address.
    Manager,
}

/// How the bus is to detect members that hold the token but do no work (reference GR-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// From start to the first beat.
    pub start_delay: Duration,
    /// Beats per second; 0 switches them off.
    pub per_second: u32,
}

/// One whole configuration, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Node or manager.
    pub role: Role,
    /// The cluster; processes with different names never form one ring.
    pub cluster_name: String,
    /// The name of this node: the option, else the environment, else the host name.
    pub node_name: Option<String>,
    /// The address of this node in the cluster network: the option, else that of the peer of its name.
    pub node_addr: Option<IpAddr>,
    /// The subcluster of this node (reference SC-1).
    pub subcluster: String,
    /// Directory for everything this process keeps.
    pub state_dir: String,
    /// Group of the address service (reference GR-1).
    pub cluster_group: String,
    /// Group of the console (reference GR-2).
    pub control_group: String,
    /// Group to which panic lines are published (reference GR-4).
    pub log_group: Option<String>,
    /// The ring.
    pub bus: Bus,
    /// Where streams of other nodes are accepted (reference CLS-1).
    pub cluster_listeners: Vec<SocketAddr>,
    /// What peers are told to connect to, if not `node_addr` with the port of the first listener.
    pub cluster_advertise: Option<SocketAddr>,
    /// Sizes and timeouts of streams between nodes.
    pub streams: StreamTuning,
    /// Where consoles are accepted. Never empty unless switched off.
    pub control_listeners: Vec<ControlListener>,
    /// Who may issue which console command (reference AA-10).
    pub authorization: Vec<AuthorizationRole>,
    /// How long a console waits for an answer of another process.
    pub control_client_timeout: Duration,
    /// Services that clients of the fleet connect to.
    pub listeners: Vec<Listener>,
    /// Source addresses of outbound traffic (reference DV-1).
    pub bindings: Vec<Binding>,
    /// Which interface carries which addresses (reference DV-4).
    pub topology: Vec<Topology>,
    /// Timers and switches of the address service.
    pub duravip: Duravip,
    /// Journals that are published for pulling (reference LG-6).
    pub logs: Vec<LogPath>,
    /// What writes where.
    pub loggers: Vec<Logger>,
    /// Pause between segments sent to a subscriber while there is data (reference LG-8).
    pub log_active_interval: Duration,
    /// Pause after there was none.
    pub log_idle_interval: Duration,
    /// Objects that every node shares (reference RP-1).
    pub replicate: Vec<Replicate>,
    /// Detection of byzantine members.
    pub heartbeat: Heartbeat,
    /// Set exactly when `role` is [`Role::Manager`].
    pub manager: Option<ManagerSettings>,
}
