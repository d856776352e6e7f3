//! What extended virtual synchrony hands to the layers above: configurations, levels, positions in the order
//! (Moser, Amir, Melliar-Smith, Agarwal 1994). Services see these and nothing else of the ring.

use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{ProcessId, SubclusterId};

/// A ring: its sequence number and the process that formed it. Never reused, since a process never returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RingId {
    /// Greater than that of every ring any member has been in (Totem 1995, section 4).
    pub sequence: u64,
    /// The representative: the member with the smallest id.
    pub representative: ProcessId,
}

impl fmt::Display for RingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sequence, self.representative)
    }
}

/// Names a configuration, uniquely over the life of the cluster. Opaque to services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConfigurationId {
    /// The ring of a regular configuration; of a transitional one the ring that its members move to.
    pub ring: RingId,
    /// For a transitional configuration the ring that its members come from.
    pub from: Option<RingId>,
}

impl ConfigurationId {
    /// The regular configuration of `ring`.
    pub const fn regular(ring: RingId) -> Self {
        Self { ring, from: None }
    }

    /// The transitional configuration of those that move together from `from` to `ring`.
    pub const fn transitional(from: RingId, ring: RingId) -> Self {
        Self {
            ring,
            from: Some(from),
        }
    }
}

impl fmt::Display for ConfigurationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            None => write!(f, "{}", self.ring),
            Some(from) => write!(f, "{from}>{}", self.ring),
        }
    }
}

/// Which of the two kinds a configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConfigurationKind {
    /// New messages are sent in it.
    Regular,
    /// Holds those members of the preceding regular configuration that move on together; only messages of
    /// that one are delivered in it, and none is sent.
    Transitional,
}

/// One member of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The process.
    pub process: ProcessId,
    /// Its subcluster.
    pub subcluster: SubclusterId,
}

/// A configuration change as delivered to the layer above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Its name.
    pub id: ConfigurationId,
    /// Its kind.
    pub kind: ConfigurationKind,
    /// Its members, in ascending order of process.
    pub members: Arc<[Member]>,
    /// For a transitional configuration, the regular one that it follows.
    pub follows: Option<ConfigurationId>,
}

impl Configuration {
    /// Whether `process` is a member.
    pub fn contains(&self, process: ProcessId) -> bool {
        self.members
            .binary_search_by_key(&process, |member| member.process)
            .is_ok()
    }
}

/// What a sender asks of the delivery of a message. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Delivered once at every member that stays; in no order.
    Reliable,
    /// After all earlier messages of the same sender at this level or above.
    Fifo,
    /// After every message at this level or above that its sender had delivered or sent.
    Causal,
    /// In one total order, the same everywhere.
    Agreed,
    /// Agreed, and only once every member is known to have it.
    Safe,
}

impl Level {
    /// All levels, weakest first.
    pub const ALL: [Self; 5] = [
        Self::Reliable,
        Self::Fifo,
        Self::Causal,
        Self::Agreed,
        Self::Safe,
    ];

    /// Its name in configuration, traces and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reliable => "reliable",
            Self::Fifo => "fifo",
            Self::Causal => "causal",
            Self::Agreed => "agreed",
            Self::Safe => "safe",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A point in the total order: the same at all members that pass it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The configuration in which it was passed.
    pub configuration: ConfigurationId,
    /// The ordinal of the message there; zero just after the configuration itself.
    pub ordinal: u64,
}
