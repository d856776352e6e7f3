//! What can happen to the machine.

use alloc::vec::Vec;
use core::net::IpAddr;

use ringfort_machine::{Member, NodeId, OrderId, Position, ProcessId, Wake};
use ringfort_wire::vip::Body;

use crate::{AddressOutcome, Config};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// The ring is changing and a [`Event::View`] will follow, even if it has the same members. Until then no
    /// address is taken: somebody unknown may already share the configuration. Messages may still come.
    Transition,
    /// The members of the group from here on, in ascending order of process.
    View {
        /// The place of the view in the order, the same at all its members.
        position: Position,
        /// The members, the own process included.
        members: Vec<Member>,
        /// Those that had the own process's previous view and all its messages.
        together: Vec<ProcessId>,
    },
    /// A message in agreed order; the own ones come back too.
    Message {
        /// Its place in the order.
        position: Position,
        /// Its sender.
        from: ProcessId,
        /// What it says.
        body: Body,
    },
    /// A new configuration, checked before.
    Reload(Config),
    /// Somebody at a console of this node wants something; answered by one `Reply` with the same number.
    Command {
        /// The caller's number for it.
        request: u64,
        /// What is wanted.
        command: Command,
    },
    /// An order to the platform has ended.
    Done {
        /// The order.
        order: OrderId,
        /// How it ended.
        outcome: AddressOutcome,
    },
    /// Give all addresses back and stop; answered by `Left`.
    Leave,
}

/// A command of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `cluster duravip move ADDRESS to NODE`. Works from any node, and may be given on several at once.
    Move {
        /// The address.
        address: IpAddr,
        /// The node.
        to: NodeId,
    },
    /// `cluster duravip announce view`.
    AnnounceView,
}

/// Why a command was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No member configures the address.
    #[error("{0} is not a virtual address of any member: `cluster duravip show` lists them")]
    UnknownAddress(IpAddr),
    /// The node is not a member.
    #[error(
        "the target is not a member of the cluster now: `cluster membership` lists the members"
    )]
    UnknownNode(NodeId),
    /// The node cannot hold the address.
    #[error("the target cannot hold {0}: it is not configured there, or its platform refuses it")]
    Incapable(IpAddr),
    /// The address goes with another.
    #[error("{address} follows {followed}: move {followed}")]
    Follows {
        /// The address.
        address: IpAddr,
        /// The one it goes with.
        followed: IpAddr,
    },
    /// Its bindings contradict each other.
    #[error(
        "{0} is broken: its binding names differ between members; make the configurations agree"
    )]
    Broken(IpAddr),
    /// Nothing is assigned yet.
    #[error("the cluster is still waiting for its members (view_mature_time): try again shortly")]
    NotMature,
    /// The members are just exchanging their tables.
    #[error("the membership is changing: try again shortly")]
    Unsettled,
    /// Too many commands at once.
    #[error("too many commands are waiting: try again shortly")]
    Busy,
    /// The node is stopping.
    #[error("this node is leaving the cluster")]
    Leaving,
    /// The message did not come back.
    #[error(
        "no agreement within {0} s; it may still happen: look at `cluster duravip show` before trying again"
    )]
    Unanswered(u64),
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}
