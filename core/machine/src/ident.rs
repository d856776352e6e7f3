//! Who is who. Newtypes for every identity, so that none can be taken for another.

use core::{fmt, hash::Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// A node of the cluster for its whole configured life: a hash of its name, which is unique in the cluster.
///
/// Names compare without case (reference section 4 #12), so the hash is of the lower-case name. The
/// configuration refuses two names with the same hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The identity of the node called `name`.
    pub fn of_name(name: &str) -> Self {
        let mut hasher = SipHasher13::new_with_keys(0x6e6f_6465, 0x6e61_6d65);
        for byte in name.bytes() {
            hasher.write(&[byte.to_ascii_lowercase()]);
        }
        Self(hasher.finish())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One life of a node, from start to end. Grows with every start and never returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// A running process: a node in one of its lives. A restart under the same name is another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// The node.
    pub node: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
}

impl ProcessId {
    /// The process of `node` in life `incarnation`.
    pub const fn new(node: NodeId, incarnation: Incarnation) -> Self {
        Self { node, incarnation }
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.node, self.incarnation.0)
    }
}

/// A partition of the fleet by configuration (reference 1.17). `SubclusterId::DEFAULT` is called `default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubclusterId(pub u64);

impl SubclusterId {
    /// The subcluster called `name`; names compare without case.
    pub fn of_name(name: &str) -> Self {
        Self(NodeId::of_name(name).0)
    }
}

/// An order to the outside that completes by an event. Grows, and is never used twice by one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

impl OrderId {
    /// Hands out the next id.
    pub fn next(counter: &mut u64) -> Self {
        *counter += 1;
        Self(*counter)
    }
}
