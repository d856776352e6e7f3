//! What a seal tells about itself.

use ringfort_machine::{NodeId, ProcessId};

/// Something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A session with a process stands: both have proved who they are.
    Met {
        /// The process.
        process: ProcessId,
    },
    /// A process has handed over the key of an epoch.
    KeyLearned {
        /// The process.
        process: ProcessId,
        /// The epoch.
        epoch: u64,
    },
    /// An old key of a process opens nothing any more.
    KeyDropped {
        /// The process.
        process: ProcessId,
        /// The epoch of the key.
        epoch: u64,
    },
    /// A rotation has begun: everybody is given this process's next key.
    RotationBegun {
        /// The epoch it leads to.
        epoch: u64,
    },
    /// Every member of the ring has the next key of this process, and it is in use.
    Rotated {
        /// The epoch.
        epoch: u64,
    },
    /// A node is on the allow-list now.
    Trusted {
        /// The node.
        node: NodeId,
    },
    /// A node has gone from the allow-list, or its key has changed.
    Revoked {
        /// The node.
        node: NodeId,
    },
    /// Something was dropped, and nothing has changed. Told at most once a second for each reason.
    Refused {
        /// Why.
        reason: Reason,
        /// How often, since it was last told.
        count: u64,
    },
}

ringfort_machine::names!(
    Note: Met, KeyLearned, KeyDropped, RotationBegun, Rotated, Trusted, Revoked, Refused
);

/// Why something was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is not sealed at all, is too short, or speaks another version.
    NotSealed,
    /// It is of another cluster.
    ForeignCluster,
    /// It is sealed under a key that nobody has handed over, or that is not valid any more.
    UnknownKey,
    /// It has been here before, or is too old to tell.
    Replayed,
    /// Its tag is wrong.
    Forged,
    /// It claims to come from a node that is not on the allow-list.
    Untrusted,
    /// It comes from an earlier life of its node.
    StaleIncarnation,
    /// Too many greetings that prove nothing.
    TooMany,
    /// What was sealed in it does not read.
    Malformed,
}

impl Reason {
    /// All reasons, in order.
    pub const ALL: [Self; 9] = [
        Self::NotSealed,
        Self::ForeignCluster,
        Self::UnknownKey,
        Self::Replayed,
        Self::Forged,
        Self::Untrusted,
        Self::StaleIncarnation,
        Self::TooMany,
        Self::Malformed,
    ];

    /// In a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotSealed => "not sealed",
            Self::ForeignCluster => "another cluster",
            Self::UnknownKey => "unknown key",
            Self::Replayed => "replayed",
            Self::Forged => "forged",
            Self::Untrusted => "untrusted",
            Self::StaleIncarnation => "earlier life",
            Self::TooMany => "too many greetings",
            Self::Malformed => "malformed",
        }
    }
}
