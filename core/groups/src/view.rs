//! Views: who is in a group from one place in the order on, and why it changed.

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use ringfort_machine::{ConfigurationId, Position, ProcessId};
use ringfort_wire::group::{ClientName, GroupName};

/// A client anywhere in the cluster. Its order is the order of members in every view: by process, then by the
/// bytes of the name; it does not depend on who joined first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    /// The process that it is attached to.
    pub process: ProcessId,
    /// Its name there.
    pub client: ClientName,
}

impl MemberId {
    /// The client called `client` at `process`.
    pub const fn new(process: ProcessId, client: ClientName) -> Self {
        Self { process, client }
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}#{}", self.client, self.process)
    }
}

/// Names a view, uniquely within its group and over the life of the cluster: the place where it began.
///
/// An ordinal alone would not do, since components that part may deliver one message among different others;
/// the transitional configuration, in which alone that can happen, tells them apart. Nor would it do for what a
/// side does on its own before a merge, or passes because the merge was cut short; there the side is named too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId {
    /// The configuration in which it began.
    pub configuration: ConfigurationId,
    /// The ordinal of the message that caused it; zero if the configuration itself did, and the greatest there
    /// is if one side did at the end of its transitional configuration.
    pub ordinal: u64,
    /// The smallest process of those that passed it, if they are only one side of an unfinished merge.
    pub side: Option<ProcessId>,
}

impl fmt::Display for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.configuration, self.ordinal)?;
        match self.side {
            Some(side) => write!(f, "/{side}"),
            None => Ok(()),
        }
    }
}

/// Why there is a new view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The member joined.
    Join(MemberId),
    /// The member left. It gets this view too, as its last, without itself in it.
    Leave(MemberId),
    /// The member's connection ended.
    Disconnect(MemberId),
    /// The configuration changed under the group.
    Network {
        /// Those that came here from the same preceding view as the receiver, itself included, and got the
        /// same messages in it. One of `sets`.
        together: Vec<MemberId>,
        /// All members, grouped by where they came from; in the same order everywhere.
        sets: Arc<[Vec<MemberId>]>,
    },
    /// Not a view but a mark: members were lost, and until the next network view the guarantees hold only
    /// among those listed.
    Transitional,
}

impl Cause {
    /// Its name in traces and tools.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Join(_) => "join",
            Self::Leave(_) => "leave",
            Self::Disconnect(_) => "disconnect",
            Self::Network { .. } => "network",
            Self::Transitional => "transitional",
        }
    }
}

/// Who is in a group from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The group.
    pub group: GroupName,
    /// Its name: equal ids of one group have equal members and an equal cause everywhere.
    pub id: ViewId,
    /// The place in the order where it begins.
    pub position: Position,
    /// The members, in the group's order.
    pub members: Arc<[MemberId]>,
    /// Why it began.
    pub cause: Cause,
}
