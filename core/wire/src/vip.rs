//! What nodes tell each other about virtual addresses, in agreed order, in one group.
//!
//! The intuition: a [`Table`] says everything its sender knows and has, and is what a merged view starts from;
//! the other bodies are steps from one agreed state to the next. A tenure is one period in which one process
//! may have one address on its interface: it starts at a place in the order (every member computes it), and it
//! ends by a [`Tenure`] in [`Body::Ended`] or by the disappearance of the process. Its generation names it, so
//! that the end of an old tenure can never be taken for the end of a new one.
//!
//! What this deliberately is not: it holds no decision. Who gets an address is computed in core/vip, not sent.

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use ringfort_machine::{NodeId, Position};
use serde::{Deserialize, Serialize};

/// The most addresses that one cluster manages (reference DV-23).
pub const ADDRESSES: usize = 10_240;
/// The most records of one part of a table, and the most ends of tenures in one message.
pub const RECORDS_PER_PART: usize = 256;
/// The most binding names on one address.
pub const NAMES: usize = 64;
/// The most nodes in a preference list.
pub const PREFERENCES: usize = 128;
/// The longest binding or interface name, in bytes.
pub const NAME_BYTES: usize = 255;

/// One message of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// All that the sender has and offers; see [`Table`].
    Table(Table),
    /// These addresses are no longer on the sender's interfaces.
    Ended(Vec<Tenure>),
    /// How far the sender is to be trusted with an address from here on.
    Standing {
        /// The address.
        address: IpAddr,
        /// The new standing.
        standing: Standing,
    },
    /// The cluster has waited long enough for its members; addresses are assigned from here on.
    Mature {
        /// The view whose tables the sender's state is based on.
        epoch: Position,
    },
    /// Move up to `limit` addresses from the most to the least loaded members. Everybody computes which ones.
    Balance {
        /// The view whose tables the sender's state is based on.
        epoch: Position,
        /// The most moves.
        limit: u32,
    },
    /// An operator wants an address to be on a node, until that node leaves.
    Move {
        /// The sender's number for the request, to find it again when the message comes back.
        ticket: u64,
        /// The address.
        address: IpAddr,
        /// Where it is to go.
        to: NodeId,
    },
    /// The sender is about to stop: it takes no address any more.
    Leaving,
}

/// One part of all that a member has and offers. The parts of a table follow each other without anything of
/// the same sender between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The view that asked for it: a table for another view is ignored.
    pub epoch: Position,
    /// The version of the sender's configuration: 1 at its start, one more for every reload.
    pub version: u64,
    /// The number of this part, from 0.
    pub part: u16,
    /// How many parts there are, at least 1.
    pub parts: u16,
    /// Whether the sender may be given addresses at all.
    pub capable: bool,
    /// Whether the sender has seen the cluster mature.
    pub mature: bool,
    /// The sender's limit of moves in one balance step (reference DV-19); for the warning if they differ.
    pub balance_set_size: u32,
    /// One record for each address, in ascending order, over all parts.
    pub records: Vec<Record>,
}

/// What a member knows and has of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The address.
    pub address: IpAddr,
    /// The greatest generation of any tenure of it that the sender knows of.
    pub generation: u64,
    /// Where an operator has put it.
    pub pin: Pin,
    /// The sender's own tenure, if it may have the address.
    pub holding: Option<Holding>,
    /// What the sender would do with it; absent if it is not configured there (any more).
    pub offer: Option<Offer>,
}

/// The agreed outcome of the last `move` of an address. The greatest version is the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pin {
    /// Grows with every move and with every end of one.
    pub version: u64,
    /// The node it was moved to, while that counts.
    pub node: Option<NodeId>,
}

/// A tenure of the sender at the time of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Its generation.
    pub generation: u64,
    /// Whether the sender is already taking the address off its interface.
    pub ending: bool,
}

/// A member's configuration of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Bits of the network prefix with which it is put on the interface.
    pub prefix: u8,
    /// The interface.
    pub interface: String,
    /// The bindings that use it, in ascending order.
    pub names: Vec<String>,
    /// The services on it.
    pub services: ServiceSet,
    /// The nodes that should have it, best first.
    pub preference: Vec<NodeId>,
    /// The address that it goes with.
    pub follow: Option<IpAddr>,
    /// How far the sender is to be trusted with it.
    pub standing: Standing,
}

/// The services that a node has on an address.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ServiceSet {
    /// Inbound: something listens on it.
    pub listener: bool,
    /// Outbound: a binding sends from it.
    pub binding: bool,
}

/// How far a member is to be trusted with an address that its platform has refused to take.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Standing {
    /// It takes it when elected.
    #[default]
    Able,
    /// It failed a while ago: elected only if nobody else is able.
    Doubtful,
    /// It failed just now: not elected.
    Unable,
}

/// The end of a tenure of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// The address.
    pub address: IpAddr,
    /// The generation of the tenure.
    pub generation: u64,
    /// Whether it ended because the platform refused to take the address.
    pub failed: bool,
}

#[cfg(test)]
mod tests;
