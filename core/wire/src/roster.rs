//! Who is who: what a member tells the others about itself when they meet (reference GR-7: the services
//! listener's address is discovered, so changing it on one node needs no edit elsewhere).

use alloc::{string::String, vec::Vec};
use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What a process is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Carries mail, owns addresses, writes logs.
    Node,
    /// Gathers logs, reaches every node's console; owns no address.
    Manager,
}

/// A member's account of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// Its configured name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The version of its software.
    pub version: String,
    /// The name of its subcluster.
    pub subcluster: String,
    /// Where its cluster services listen: the log service among them.
    pub services: Option<SocketAddr>,
    /// The keys of the logs that it publishes, in order.
    pub logs: Vec<String>,
    /// The groups that its services are in, for display.
    pub groups: Vec<String>,
}

/// The most logs one member may publish.
pub const LOGS: usize = 64;
