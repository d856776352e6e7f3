//! What the machine wants done.

use alloc::string::String;

use ipnet::IpNet;
use ringfort_machine::OrderId;
use ringfort_wire::vip::Body;

use crate::{AddressAction, CommandError, Note};

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leftovers of an earlier life are gone (or the platform would not say in time): the node may appear in
    /// the cluster. Comes once. A node that joins a ring before this can share a configuration with a member
    /// that takes over an address which is still on this machine.
    Ready,
    /// Submit this to the group in agreed order. Bodies must keep their order.
    Publish(Body),
    /// The platform is to do this; it ends by a `Done` with the same id.
    Order(OrderId, AddressAction),
    /// The address is on the interface and this node is its owner: start its services.
    Owned {
        /// The address and its prefix.
        address: IpNet,
        /// The interface.
        interface: String,
    },
    /// The address is about to go, or is gone: stop its services. Always before its release is ordered.
    Disowned {
        /// The address and its prefix.
        address: IpNet,
    },
    /// The answer to a command.
    Reply {
        /// The caller's number.
        request: u64,
        /// How it ended.
        result: Result<(), CommandError>,
    },
    /// The answer to `Leave`: no address is held any more (or the platform would not let go in time).
    Left,
    /// Something worth a log line or a metric.
    Note(Note),
}
