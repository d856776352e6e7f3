//! What a node is told about addresses: its part of the agreed state, and its timers.
//!
//! Members may differ (reference DV-14): what a node does not configure it can never be given.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use ringfort_machine::NodeId;
use ringfort_wire::vip::{self as wire, ServiceSet};

/// The defaults of reference section 1.20.
pub mod defaults {
    use core::time::Duration;

    /// `view_mature_time`.
    pub const MATURE_TIME: Duration = Duration::from_secs(5);
    /// `view_balance_interval`.
    pub const BALANCE_INTERVAL: Duration = Duration::from_secs(10);
    /// `duravip_balance_set_size`.
    pub const BALANCE_SET_SIZE: u32 = 1;
    /// `if_check_interval`.
    pub const IF_CHECK_INTERVAL: Duration = Duration::from_secs(30);
    /// `if_down_limit`.
    pub const IF_DOWN_LIMIT: u32 = 4;
}

/// The most bytes of all names and preferences of a configuration: its table then fits its parts.
const TEXT_BYTES: usize = 4 << 20;

/// Everything the machine needs to know. [`Config::validate`] says what is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether this node may be given addresses. A manager is a member that never is.
    pub me_capable: bool,
    /// The addresses this node could hold, in any order.
    pub addresses: Vec<AddressConfig>,
    /// How long the first members of a cluster wait for the others before anything is assigned.
    pub mature_time: Duration,
    /// Time between two balance steps, at least 1 ms.
    pub balance_interval: Duration,
    /// The most moves of one balance step that this node starts. Members may differ: the step carries it.
    pub balance_set_size: u32,
    /// How often the own table is announced without need; zero for never.
    pub broadcast_interval: Duration,
    /// Time between two comparisons of the interfaces with the agreed state, at least 1 ms.
    pub if_check_interval: Duration,
    /// How many comparisons in a row must miss an owned address before it is taken again.
    pub if_down_limit: u32,
    /// Whether an acquisition is announced twice to everybody on the segment; otherwise once.
    pub arp_all_hosts: bool,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressConfig {
    /// The address, with the prefix (`cidrmask`) it gets on the interface.
    pub address: IpNet,
    /// The interface it is put on.
    pub interface: String,
    /// The bindings that use it.
    pub names: Vec<String>,
    /// What runs on it.
    pub services: ServiceSet,
    /// The nodes that should have it while they are members, best first.
    pub preference: Vec<NodeId>,
    /// It goes where this address goes, and has no preference of its own.
    pub follow: Option<IpAddr>,
}

/// Why a configuration is refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// More addresses than a cluster manages.
    #[error(
        "{0} virtual addresses are configured; a cluster manages at most 10240: split the cluster"
    )]
    TooManyAddresses(usize),
    /// The same address twice.
    #[error("virtual address {0} is configured twice: keep one of the two")]
    Twice(IpAddr),
    /// An address that no interface can own.
    #[error(
        "virtual address {0} is unspecified or multicast: a virtual address is one host's unicast address"
    )]
    NotUnicast(IpAddr),
    /// No interface.
    #[error(
        "virtual address {0} has no interface: add a Topology stanza whose network contains it, with `interface`"
    )]
    NoInterface(IpAddr),
    /// A list or a name over its limit.
    #[error("virtual address {address}: {what} exceeds the limit of {limit}")]
    TooLong {
        /// The address.
        address: IpAddr,
        /// What is too long.
        what: &'static str,
        /// The limit, in items or bytes.
        limit: usize,
    },
    /// All names and preferences together are too long to be told to the other members.
    #[error(
        "the names and preferences of all virtual addresses take {0} bytes; at most {TEXT_BYTES} can be told to the \
         other members: use shorter lists"
    )]
    TooMuchText(usize),
    /// An address that follows itself, or also has a preference.
    #[error(
        "virtual address {0} has duravip_follow: it must follow another address and have no duravip_preference"
    )]
    Follow(IpAddr),
    /// A limit of nothing.
    #[error(
        "duravip_balance_set_size is 0: it is the number of addresses moved per step, at least 1"
    )]
    NoBalance,
    /// A period of nothing.
    #[error("{0} is below 1 ms: give a longer time")]
    Period(&'static str),
}

impl Default for Config {
    /// No address, and the defaults of the reference.
    fn default() -> Self {
        Self {
            me_capable: true,
            addresses: Vec::new(),
            mature_time: defaults::MATURE_TIME,
            balance_interval: defaults::BALANCE_INTERVAL,
            balance_set_size: defaults::BALANCE_SET_SIZE,
            broadcast_interval: Duration::ZERO,
            if_check_interval: defaults::IF_CHECK_INTERVAL,
            if_down_limit: defaults::IF_DOWN_LIMIT,
            arp_all_hosts: true,
        }
    }
}

impl Config {
    /// Checks everything at once, so that a reload is all or nothing.
    ///
    /// # Errors
    /// The first [`ConfigError`] found, in the order of the addresses.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.addresses.len() > wire::ADDRESSES {
            return Err(ConfigError::TooManyAddresses(self.addresses.len()));
        }
        if self.balance_set_size == 0 {
            return Err(ConfigError::NoBalance);
        }
        for (period, name) in [
            (self.balance_interval, "view_balance_interval"),
            (self.if_check_interval, "if_check_interval"),
        ] {
            if period < Duration::from_millis(1) {
                return Err(ConfigError::Period(name));
            }
        }
        let text: usize = self.addresses.iter().map(AddressConfig::text_bytes).sum();
        if text > TEXT_BYTES {
            return Err(ConfigError::TooMuchText(text));
        }
        let mut seen = BTreeSet::new();
        for address in &self.addresses {
            address.validate()?;
            if !seen.insert(address.address.addr()) {
                return Err(ConfigError::Twice(address.address.addr()));
            }
        }
        Ok(())
    }
}

impl AddressConfig {
    fn text_bytes(&self) -> usize {
        let names: usize = self.names.iter().map(String::len).sum();
        names + self.interface.len() + 8 * self.preference.len()
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let address = self.address.addr();
        let too_long = |what, limit| {
            Err(ConfigError::TooLong {
                address,
                what,
                limit,
            })
        };
        if address.is_unspecified() || address.is_multicast() {
            return Err(ConfigError::NotUnicast(address));
        }
        if self.interface.is_empty() {
            return Err(ConfigError::NoInterface(address));
        }
        if self.interface.len() > wire::NAME_BYTES {
            return too_long("the interface name", wire::NAME_BYTES);
        }
        if self.names.len() > wire::NAMES {
            return too_long("the list of bindings", wire::NAMES);
        }
        if self.names.iter().any(|name| name.len() > wire::NAME_BYTES) {
            return too_long("a binding name", wire::NAME_BYTES);
        }
        if self.preference.len() > wire::PREFERENCES {
            return too_long("the preference list", wire::PREFERENCES);
        }
        if let Some(followed) = self.follow
            && (followed == address || !self.preference.is_empty())
        {
            return Err(ConfigError::Follow(address));
        }
        Ok(())
    }
}
