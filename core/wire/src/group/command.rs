//! What a client wants of the group layer: the one vocabulary of those who speak for clients (a session of the
//! bus protocol, an embedding program, a service of the node) and of the layer that obeys.
//!
//! What it deliberately is not: bytes. What goes into the order is [`super::Message`] or [`super::Control`], which
//! the group layer makes of it.

use alloc::vec::Vec;

use bytes::Bytes;
use ringfort_machine::Level;

use super::{ClientName, GroupName};

/// What a local client may ask for. The commands of one client take effect in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Attaches it under a name that no other client of this process has. Takes effect at once.
    Connect {
        /// The name.
        name: ClientName,
        /// Whether it gets views. Without them it joins, leaves and is listed like any other.
        wants_membership: bool,
    },
    /// Joins a group. Silently nothing if it is a member already, or has asked to be.
    Join {
        /// The group.
        group: GroupName,
    },
    /// Leaves a group. Silently nothing if it is no member and has not asked to be.
    Leave {
        /// The group.
        group: GroupName,
    },
    /// Ends the connection: it gets nothing more, its earlier messages are still delivered. Never refused to a
    /// connected client.
    Disconnect,
    /// Sends a message. The sender need not be a member.
    Send {
        /// Groups and private names; unknown ones reach nobody.
        groups: Vec<GroupName>,
        /// What is asked of the delivery.
        level: Level,
        /// Whether the sender wants no copy of its own.
        self_discard: bool,
        /// Opaque; comes with the message at every receiver.
        tag: u64,
        /// The bytes.
        payload: Bytes,
    },
}
