//! What a seal is made with.

use alloc::vec::Vec;

use ringfort_machine::{NodeId, ProcessId};

use crate::{Identity, PublicKey, Secret};

/// A node of the allow-list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// The node.
    pub node: NodeId,
    /// The key it proves itself with.
    pub public: PublicKey,
}

/// What a seal is made with. Two lives of a node share the identity and nothing else.
#[derive(Clone, Debug)]
pub struct Config {
    /// This process. The incarnation must be higher than in any earlier life of the node.
    pub me: ProcessId,
    /// The cluster's number; a datagram of another is dropped.
    pub cluster: u64,
    /// The node's key pair.
    pub identity: Identity,
    /// Fresh randomness for this life: never used before, never again, and never written anywhere.
    pub life: Secret,
    /// Everybody that may be talked to. This node may be among them and is passed over.
    pub trusted: Vec<Trusted>,
}
