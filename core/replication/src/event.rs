//! What can happen to the replication service and what it wants done.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use ringfort_machine::{Member, Position, ProcessId, Wake};
use ringfort_wire::counter::Body;

use crate::{Config, Key, Note};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// The membership of the service's group changed.
    View {
        /// Where in the order: the same at all members.
        position: Position,
        /// The members, in ascending order of process; this process is one of them.
        members: Vec<Member>,
        /// Those who came along with this process from its previous view, this process included.
        together: Vec<ProcessId>,
    },
    /// A message in agreed order, own ones included.
    Message {
        /// Where in the order: the same at all members.
        position: Position,
        /// Who sent it.
        from: ProcessId,
        /// What it says.
        body: Body,
    },
    /// This process's own contribution changed.
    Change {
        /// The object's name.
        object: Arc<str>,
        /// Where.
        key: Key,
        /// By how much. A contribution stays within 0 and `u32::MAX`; a change beyond is refused.
        by: i64,
    },
    /// The configuration changed. Objects that stay keep their state.
    Reload(Box<Config>),
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this to the service's group, agreed, after all that was published before. It may be delayed; it
    /// must come back as a message sooner or later.
    Publish(Body),
    /// The aggregate of `object` is complete as of `position`, and is this. Equal at all members that have the
    /// object. Made when the object becomes settled, at a view that leaves it settled, and, if
    /// [`Config::observe`] is on, after every message about it.
    Settled {
        /// The object's name.
        object: Arc<str>,
        /// The point in the order.
        position: Position,
        /// Fingerprint of all keys and their sums.
        hash: u64,
        /// The sum over all keys.
        total: i64,
    },
    /// Something worth a log line or a metric.
    Note(Note),
}
