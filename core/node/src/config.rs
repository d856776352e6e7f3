//! Everything a node needs to know before it starts, built from the typed settings and checked as a whole: a
//! configuration that exists cannot be wrong.
//!
//! The translation keeps no rule of its own: what an option means is said in `ringfort-config`, what a machine
//! accepts is said by that machine. Only what joins two of them (which address belongs to which listener,
//! which log gets the connection records) is decided here.

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use ringfort_config::settings::{
    AddressMode, Destination, Dispersal, NetblockLimit, ReplicateClass, Role, Settings,
};
use ringfort_evs as evs;
use ringfort_groups::{GroupName, NameError};
use ringfort_logs as logs;
use ringfort_machine::{Incarnation, Member, NodeId, ProcessId, SubclusterId};
use ringfort_replication as replication;
use ringfort_session as session;
use ringfort_vip as vip;
use ringfort_wire::ClusterId;

use crate::{ident::ListenerId, servers::server_name};

/// The object that counts the connections of listeners.
pub const INBOUND: &str = "inbound_cidr";
/// The group of the counters; the reference leaves its name to us (GR-5).
const SHARED_GROUP: &str = "ec_shared";
const KIB: u64 = 1024;

/// One member that the node may talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its identity.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Where its datagrams come from and go to.
    pub address: SocketAddr,
}

/// One service listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Its number.
    pub id: ListenerId,
    /// Its name, for records.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it listens only while this node owns the address.
    pub vip: bool,
    /// The greeting of a listener without backend, without line end.
    pub banner: Option<String>,
    /// The server to which connections are relayed.
    pub backend: Option<SocketAddr>,
    /// How many connections one netblock may have in the whole cluster.
    pub limit: Option<NetblockLimit>,
}

/// The ring's own settings; its identity is added at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingConfig {
    /// How long to wait for what.
    pub timeouts: evs::Timeouts,
    /// How much to send.
    pub windows: evs::Windows,
    /// The longest data frame, in bytes.
    pub datagram_limit: usize,
}

/// The configuration of one node. Build it with [`Config::from_settings`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster.
    pub cluster: ClusterId,
    /// This node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// Node or manager.
    pub role: Role,
    /// Its subcluster.
    pub subcluster: String,
    /// All members, this one included.
    pub peers: Vec<Peer>,
    /// How one datagram reaches all.
    pub dispersal: Dispersal,
    /// The ring.
    pub ring: RingConfig,
    /// Where the others reach this node's cluster services.
    pub services: Option<SocketAddr>,
    /// The group of the roster and the addresses.
    pub cluster_group: GroupName,
    /// The group of the console.
    pub control_group: GroupName,
    /// The group of the counters.
    pub shared_group: GroupName,
    /// Service listeners.
    pub listeners: Vec<ListenerConfig>,
    /// Virtual addresses.
    pub vip: vip::Config,
    /// Replicated counters.
    pub counters: replication::Config,
    /// The node's logs.
    pub logs: Vec<logs::store::Config>,
    /// Keys of the logs that get a record for each connection.
    pub connection_logs: Vec<String>,
    /// What a manager pulls and where it writes it.
    pub puller: Option<logs::puller::Config>,
    /// What clients of the bus may do.
    pub sessions: session::Config,
    /// How long a console waits for other nodes.
    pub control_timeout: Duration,
    /// Whether notes tell everything that the simulator's trace needs.
    pub observe: bool,
}

/// Why a configuration cannot be used. Nothing has been started or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No name for this node.
    #[error("this node has no name: set `nodename`, or start it where the host has one")]
    NoName,
    /// This node is not among the configured members.
    #[error("`{name}` is not among the members of the bus ({members}): add it to `peers`")]
    NotAMember {
        /// The node's name.
        name: String,
        /// Those there are.
        members: String,
    },
    /// A group's name is no name.
    #[error("`{name}` cannot name a group: {why}")]
    Group {
        /// The name.
        name: String,
        /// Why not.
        why: NameError,
    },
    /// A managed address lies in no topology block.
    #[error("virtual address {0} lies in no `Topology` block: add one that says its interface")]
    NoTopology(IpAddr),
    /// A preferred owner or a followed binding does not exist.
    #[error("virtual address {address}: there is no {what} called `{name}`")]
    Unknown {
        /// The address.
        address: IpAddr,
        /// A node or a binding.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Two logs share a directory or a key.
    #[error("two logs share `{0}`: give each its own key and directory")]
    SharedLog(String),
    /// The ring refuses.
    #[error(transparent)]
    Ring(#[from] evs::ConfigError),
    /// The group layer refuses.
    #[error(transparent)]
    Groups(#[from] ringfort_groups::ConfigError),
    /// The addresses refuse.
    #[error(transparent)]
    Vip(#[from] vip::ConfigError),
    /// The counters refuse.
    #[error(transparent)]
    Counters(#[from] replication::ConfigError),
    /// The sessions refuse.
    #[error(transparent)]
    Sessions(#[from] session::ConfigError),
    /// The logs refuse.
    #[error(transparent)]
    Logs(#[from] logs::store::ConfigError),
    /// The puller refuses.
    #[error(transparent)]
    Puller(#[from] logs::puller::ConfigError),
}

impl Config {
    /// Translates checked settings.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let name = settings.node_name.clone().ok_or(ConfigError::NoName)?;
        let own = settings
            .bus
            .peer(&name)
            .ok_or_else(|| ConfigError::NotAMember {
                name: name.clone(),
                members: names(settings),
            })?;
        let config = Self {
            cluster: ClusterId::of_name(&settings.cluster_name),
            node: own.node,
            name: own.name.clone(),
            role: settings.role,
            subcluster: settings.subcluster.clone(),
            peers: peers(settings),
            dispersal: settings.bus.dispersal,
            ring: ring(settings),
            services: services_address(settings, own.address.ip()),
            cluster_group: group(&settings.cluster_group)?,
            control_group: group(&settings.control_group)?,
            shared_group: group(SHARED_GROUP)?,
            listeners: listeners(settings),
            vip: addresses(settings)?,
            counters: counters(settings),
            logs: stores(settings)?,
            connection_logs: connection_logs(settings),
            puller: puller(settings, &own.name)?,
            sessions: sessions(settings, &own.name),
            control_timeout: settings.control_client_timeout,
            observe: false,
        };
        config.validate()?;
        Ok(config)
    }

    /// Checks what can be checked before a start, so that a reload is all or nothing.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let any_life = ProcessId::new(self.node, Incarnation(1));
        self.ring_of(any_life).validate()?;
        self.vip.validate()?;
        self.counters.validate()?;
        self.sessions.validate()?;
        let mut seen = BTreeMap::new();
        for log in &self.logs {
            log.validate()?;
            for name in [log.key.to_string(), log.directory.to_string()] {
                if seen.insert(name.clone(), ()).is_some() {
                    return Err(ConfigError::SharedLog(name));
                }
            }
        }
        if let Some(puller) = &self.puller {
            puller.validate()?;
        }
        Ok(())
    }

    /// What the ring of process `me` is made with.
    pub(crate) fn ring_of(&self, me: ProcessId) -> evs::Config {
        let subcluster = self.subcluster_id();
        let member = Member {
            process: me,
            subcluster,
        };
        let mut ring = evs::Config::new(member, self.cluster);
        ring.timeouts = self.ring.timeouts;
        ring.windows = self.ring.windows;
        ring.datagram_limit = self.ring.datagram_limit;
        ring
    }

    /// The subcluster's identity.
    pub fn subcluster_id(&self) -> SubclusterId {
        SubclusterId::of_name(&self.subcluster)
    }

    /// The name of `node`, if it is configured.
    pub fn peer_name(&self, node: NodeId) -> Option<&str> {
        self.peers
            .iter()
            .find(|peer| peer.node == node)
            .map(|peer| peer.name.as_str())
    }
}

fn names(settings: &Settings) -> String {
    let names: Vec<&str> = settings
        .bus
        .peers
        .iter()
        .map(|peer| peer.name.as_str())
        .collect();
    if names.is_empty() {
        "none".to_string()
    } else {
        names.join(", ")
    }
}

fn peers(settings: &Settings) -> Vec<Peer> {
    let peer = |peer: &ringfort_config::settings::Peer| Peer {
        node: peer.node,
        name: peer.name.clone(),
        address: peer.address,
    };
    settings.bus.peers.iter().map(peer).collect()
}

fn group(name: &str) -> Result<GroupName, ConfigError> {
    GroupName::new(name).map_err(|why| ConfigError::Group {
        name: name.to_string(),
        why,
    })
}

/// The ring's defaults with what the file says on top of them.
fn ring(settings: &Settings) -> RingConfig {
    let (times, sizes) = (&settings.bus.timeouts, &settings.bus.windows);
    let mut timeouts = evs::Timeouts::default();
    if let Some(token) = times.token {
        timeouts.token_loss_min = token;
        timeouts.token_loss_max = timeouts.token_loss_max.max(token);
        timeouts.idle_hold = timeouts.idle_hold.min(token / 4);
    }
    timeouts.beacon = times.alive.or(times.lookup).unwrap_or(timeouts.beacon);
    timeouts.hearing = timeouts.hearing.max(timeouts.beacon * 3);
    timeouts.join_interval = times.join.unwrap_or(timeouts.join_interval);
    timeouts.consensus = times
        .gather
        .unwrap_or(timeouts.consensus)
        .max(timeouts.join_interval * 3);
    timeouts.consensus_limit = timeouts.consensus_limit.max(timeouts.consensus);
    timeouts.commit = times
        .form
        .unwrap_or(timeouts.commit)
        .max(timeouts.join_interval * 3);
    let mut windows = evs::Windows::default();
    windows.personal = sizes.personal.unwrap_or(windows.personal);
    windows.global = sizes.ring.unwrap_or(windows.global.max(windows.personal));
    windows.accelerated = sizes
        .accelerated
        .unwrap_or(windows.accelerated.min(windows.personal));
    windows.outstanding = windows.outstanding.max(windows.global);
    RingConfig {
        timeouts,
        windows,
        datagram_limit: if settings.bus.encryption {
            // The seal needs its part of each datagram.
            settings
                .bus
                .datagram_limit
                .saturating_sub(ringfort_seal::OVERHEAD)
        } else {
            settings.bus.datagram_limit
        },
    }
}

/// What clients of the bus may do at the node called `name`. Where addresses are limited nobody can choose not to
/// be asked.
fn sessions(settings: &Settings, name: &str) -> session::Config {
    let clients = &settings.bus.clients;
    let mut config = session::Config::new(&server_name(name));
    config.sessions = clients.limit as usize;
    config.queue_messages = clients.queue_messages as usize;
    config.queue_bytes = usize::try_from(clients.queue_bytes).unwrap_or(usize::MAX);
    config.authentication.ip.clone_from(&clients.allow);
    config.authentication.ip_required = clients.allow.is_some();
    config
}

fn services_address(settings: &Settings, own: IpAddr) -> Option<SocketAddr> {
    let listener = settings.cluster_listeners.first()?;
    let address = if listener.ip().is_unspecified() {
        SocketAddr::new(settings.node_addr.unwrap_or(own), listener.port())
    } else {
        *listener
    };
    Some(settings.cluster_advertise.unwrap_or(address))
}

fn listeners(settings: &Settings) -> Vec<ListenerConfig> {
    let listener =
        |(number, listener): (usize, &ringfort_config::settings::Listener)| ListenerConfig {
            id: ListenerId(number as u64),
            name: listener.name.clone(),
            address: listener.address,
            vip: listener.duravip || listener.follow.is_some(),
            banner: listener.banner.clone(),
            backend: listener.backend,
            limit: listener.max_connections_per_netblock,
        };
    settings
        .listeners
        .iter()
        .enumerate()
        .map(listener)
        .collect()
}

/// All managed addresses: what listeners and bindings say of the same address is one entry.
fn addresses(settings: &Settings) -> Result<vip::Config, ConfigError> {
    let mut all: BTreeMap<IpAddr, vip::AddressConfig> = BTreeMap::new();
    for binding in settings.bindings.iter().filter(|binding| binding.duravip) {
        let Some(address) = binding.address else {
            continue;
        };
        let entry = entry(&mut all, settings, address)?;
        entry.services.binding = true;
        entry.names.push(binding.name.clone());
        prefer(entry, settings, &binding.preference)?;
    }
    for listener in &settings.listeners {
        if !listener.duravip && listener.follow.is_none() {
            continue;
        }
        let address = listener.address.ip();
        let entry = entry(&mut all, settings, address)?;
        entry.services.listener = true;
        prefer(entry, settings, &listener.preference)?;
        if let Some(followed) = &listener.follow {
            entry.follow = Some(followed_address(settings, address, followed)?);
        }
    }
    for entry in all.values_mut() {
        entry.names.sort();
        entry.names.dedup();
    }
    let timers = &settings.duravip;
    let never = Duration::from_secs(u64::from(u32::MAX));
    Ok(vip::Config {
        me_capable: settings.role == Role::Node,
        addresses: all.into_values().collect(),
        mature_time: timers.view_mature_time,
        balance_interval: if timers.view_balance_interval.is_zero() {
            never
        } else {
            timers.view_balance_interval
        },
        balance_set_size: timers.balance_set_size,
        broadcast_interval: timers.view_broadcast_interval,
        if_check_interval: timers.if_check_interval,
        if_down_limit: timers.if_down_limit,
        arp_all_hosts: timers.arp_all_hosts,
    })
}

fn entry<'a>(
    all: &'a mut BTreeMap<IpAddr, vip::AddressConfig>,
    settings: &Settings,
    address: IpAddr,
) -> Result<&'a mut vip::AddressConfig, ConfigError> {
    match all.entry(address) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(new) => {
            let (prefix, interface) = place(settings, address)?;
            Ok(new.insert(vip::AddressConfig {
                address: IpNet::new(address, prefix).unwrap_or_else(|_| IpNet::from(address)),
                interface,
                names: Vec::new(),
                services: vip::ServiceSet::default(),
                preference: Vec::new(),
                follow: None,
            }))
        }
    }
}

/// The prefix length and the interface of `address`, from the narrowest block that contains it.
fn place(settings: &Settings, address: IpAddr) -> Result<(u8, String), ConfigError> {
    let block = settings
        .topology
        .iter()
        .filter(|block| block.net.contains(&address))
        .max_by_key(|block| block.net.prefix_len());
    match (block, settings.duravip.address_mode) {
        (Some(block), _) => Ok((block.cidrmask, block.interface.clone())),
        (None, AddressMode::Loopback) => {
            Ok((if address.is_ipv4() { 32 } else { 128 }, "lo".to_string()))
        }
        (None, AddressMode::Netlink) => Err(ConfigError::NoTopology(address)),
    }
}

fn prefer(
    entry: &mut vip::AddressConfig,
    settings: &Settings,
    names: &[String],
) -> Result<(), ConfigError> {
    for name in names {
        let Some(peer) = settings.bus.peer(name) else {
            let address = entry.address.addr();
            return Err(ConfigError::Unknown {
                address,
                what: "node",
                name: name.clone(),
            });
        };
        if !entry.preference.contains(&peer.node) {
            entry.preference.push(peer.node);
        }
    }
    Ok(())
}

fn followed_address(
    settings: &Settings,
    address: IpAddr,
    followed: &str,
) -> Result<IpAddr, ConfigError> {
    if let Ok(target) = followed.parse() {
        return Ok(target);
    }
    let binding = settings
        .bindings
        .iter()
        .find(|binding| binding.name == followed);
    binding
        .and_then(|binding| binding.address)
        .ok_or_else(|| ConfigError::Unknown {
            address,
            what: "binding with an address",
            name: followed.to_string(),
        })
}

/// The objects of this release. Others are in the files of real clusters and belong to later ones.
fn counters(settings: &Settings) -> replication::Config {
    let object = |object: &ringfort_config::settings::Replicate| {
        let kind = match object.class {
            ReplicateClass::InboundCidr | ReplicateClass::OutboundCidr => {
                replication::Kind::CidrTree
            }
            ReplicateClass::OutboundDomains | ReplicateClass::OutboundBindingDomains => {
                replication::Kind::GaugeTable
            }
            ReplicateClass::ConnectionThrottles
            | ReplicateClass::MessageThrottles
            | ReplicateClass::SharedNamedThrottles
            | ReplicateClass::Metrics
            | ReplicateClass::ManagerMetrics
            | ReplicateClass::Cache => return None,
        };
        let mut config = replication::ObjectConfig::new(&object.name, kind);
        config.max_delay = object.max_delay;
        config.max_pending = object.max_pending as usize;
        Some(config)
    };
    replication::Config::new(settings.replicate.iter().filter_map(object).collect())
}

/// One store for each published log; its subscribers are those named by any logger that writes there.
fn stores(settings: &Settings) -> Result<Vec<logs::store::Config>, ConfigError> {
    let store = |log: &ringfort_config::settings::LogPath| {
        let mut config = logs::store::Config::new(log.key.as_str(), log.path.as_str());
        for logger in &settings.loggers {
            if let Destination::Journal { path, subscribers } = &logger.destination
                && same_directory(path, &log.path)
            {
                config.subscribers.extend(subscribers.iter().cloned());
            }
        }
        config.subscribers.sort();
        config.subscribers.dedup();
        config.unread_limit_bytes = 4 * KIB * KIB;
        config.validate()?;
        Ok(config)
    };
    settings.logs.iter().map(store).collect()
}

fn same_directory(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// The keys of the published logs to which a logger writes the record of each connection.
fn connection_logs(settings: &Settings) -> Vec<String> {
    let writes = |log: &ringfort_config::settings::LogPath| {
        settings
            .loggers
            .iter()
            .any(|logger| match &logger.destination {
                Destination::Journal { path, .. } => {
                    logger.connection_record && same_directory(path, &log.path)
                }
                Destination::File(_) | Destination::Other(_) => false,
            })
    };
    settings
        .logs
        .iter()
        .filter(|log| writes(log))
        .map(|log| log.key.clone())
        .collect()
}

fn puller(settings: &Settings, name: &str) -> Result<Option<logs::puller::Config>, ConfigError> {
    let Some(manager) = &settings.manager else {
        return Ok(None);
    };
    let state = format!("{}/puller", settings.state_dir.trim_end_matches('/'));
    let mut config = logs::puller::Config::new(name, state.as_str(), &manager.logfile)?;
    config.max_open = manager.max_open as usize;
    config.max_idle = manager.max_idle;
    config.subscribers.clone_from(&manager.subscribers);
    let overridden = |peer: &ringfort_config::settings::Peer| {
        (
            peer.node,
            manager.subscribers_for(name, &peer.name).to_vec(),
        )
    };
    config.overrides = settings.bus.peers.iter().map(overridden).collect();
    config.validate()?;
    Ok(Some(config))
}
