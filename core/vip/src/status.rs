//! What consoles and metrics see (reference 1.6, `cluster duravip show` and `show tables`).

use alloc::{string::String, vec::Vec};
use core::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use ringfort_machine::{NodeId, ProcessId};
use ringfort_wire::vip::{ServiceSet, Standing};

/// What is wrong with the configuration of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flags {
    /// Members prefer different nodes: an ordinary election is held (reference DV-11).
    pub conflict: bool,
    /// Members have different services on it: only a warning (reference DV-12).
    pub services_differ: bool,
    /// Its binding names contradict each other: nobody takes it anew, its owner keeps it (reference DV-13).
    pub broken: bool,
}

/// How far the members are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Leftovers are being released.
    Starting,
    /// No view has come yet, or tables are missing: nothing is taken.
    Gathering,
    /// All tables are in, but the cluster is not mature: nothing is taken.
    Maturing,
    /// Addresses are assigned.
    Running,
    /// Everything is being given back.
    Leaving,
}

/// What this node's platform has of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Nothing.
    Absent,
    /// It is being taken.
    Acquiring,
    /// It is there.
    Held,
    /// It is being released.
    Releasing,
    /// Its release was refused and will be tried again.
    Stuck,
}

/// Everything at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How far the members are.
    pub phase: Phase,
    /// Whether addresses are assigned at all.
    pub mature: bool,
    /// The member that starts balance steps.
    pub leader: Option<ProcessId>,
    /// Members whose table is missing.
    pub missing: Vec<ProcessId>,
    /// All known addresses, in ascending order.
    pub addresses: Vec<AddressStatus>,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressStatus {
    /// The address.
    pub address: IpAddr,
    /// The bindings on it, over all members, in ascending order.
    pub names: Vec<String>,
    /// The services on it, over all members.
    pub services: ServiceSet,
    /// Who should have it.
    pub owner: Option<ProcessId>,
    /// Who may have it: the owner alone, unless it is on its way.
    pub holders: Vec<ProcessId>,
    /// What is wrong with its configuration.
    pub flags: Flags,
    /// Where an operator has put it.
    pub pinned: Option<NodeId>,
    /// The address it goes with.
    pub follow: Option<IpAddr>,
    /// How long its owner and its capable members have not changed.
    pub view_stable: Duration,
    /// How long its configuration has not changed at any member.
    pub configuration_stable: Duration,
    /// The members that configure it, in ascending order.
    pub members: Vec<Offered>,
    /// What this node's platform has of it.
    pub local: Hold,
}

/// One member's part in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The member.
    pub process: ProcessId,
    /// Its services on the address.
    pub services: ServiceSet,
    /// How far it is trusted with it.
    pub standing: Standing,
    /// The nodes it prefers.
    pub preference: Vec<NodeId>,
}

/// The table of one member, as last announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberTable {
    /// The member.
    pub process: ProcessId,
    /// The version of its configuration.
    pub version: u64,
    /// Whether it may be given addresses.
    pub capable: bool,
    /// Its limit of moves in one balance step.
    pub balance_set_size: u32,
    /// Its addresses, in ascending order.
    pub addresses: Vec<MemberAddress>,
}

/// What a member has announced of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAddress {
    /// The address, with the prefix it gets there.
    pub address: IpNet,
    /// The interface.
    pub interface: String,
    /// The bindings on it.
    pub names: Vec<String>,
    /// The services on it.
    pub services: ServiceSet,
    /// The generation of the member's tenure, if it may have the address.
    pub tenure: Option<u64>,
}
