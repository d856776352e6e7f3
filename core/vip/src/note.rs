//! Everything the machine has to tell an operator: past tense or a state, never a decision.

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use ipnet::IpNet;
use ringfort_machine::{NodeId, ProcessId};
use ringfort_wire::vip::Standing;

use crate::{AddressError, ConfigError, Flags};

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The start is over.
    Ready {
        /// How many addresses of an earlier life were found.
        leftovers: usize,
    },
    /// The platform did not answer in time at the start: this node offers nothing until it does.
    StartStalled,
    /// A view needs everybody's table before anything is taken.
    Gathering {
        /// How many tables are needed.
        members: usize,
    },
    /// All tables are in.
    Gathered {
        /// How many addresses are known.
        addresses: usize,
    },
    /// Tables are missing for a long time: nothing is taken until they come.
    GatherStalled {
        /// Who has not said what it has.
        missing: Vec<ProcessId>,
    },
    /// The cluster has waited long enough: addresses are assigned from here on.
    Matured,
    /// Addresses of departed members have been given to others.
    Orphaned {
        /// How many.
        addresses: usize,
    },
    /// Several members of a merged view had the address.
    Overlapped {
        /// The address.
        address: IpAddr,
        /// Who keeps it.
        owner: Option<ProcessId>,
    },
    /// This node took the address.
    Taken {
        /// The address.
        address: IpNet,
    },
    /// This node gave the address back.
    Released {
        /// The address.
        address: IpNet,
    },
    /// The platform refused to take the address; others are asked to.
    AcquireFailed {
        /// The address.
        address: IpNet,
        /// Why.
        error: AddressError,
        /// How often in a row.
        failures: u32,
    },
    /// The platform refused to release the address: nobody else can take it until it does.
    ReleaseFailed {
        /// The address.
        address: IpNet,
        /// Why.
        error: AddressError,
        /// How often in a row.
        failures: u32,
    },
    /// The neighbours could not be told.
    AnnounceFailed {
        /// The address.
        address: IpNet,
        /// Why.
        error: AddressError,
    },
    /// The platform could not list its addresses.
    SurveyFailed {
        /// Why.
        error: AddressError,
    },
    /// An owned address is not on its interface.
    Missing {
        /// The address.
        address: IpNet,
        /// How many checks in a row.
        checks: u32,
    },
    /// A tagged address that this node does not own was found and is being released.
    Stray {
        /// The address.
        address: IpNet,
    },
    /// The flags of an address changed.
    Flagged {
        /// The address.
        address: IpAddr,
        /// The flags now.
        flags: Flags,
    },
    /// How far a member is trusted with an address changed.
    StandingChanged {
        /// The address.
        address: IpAddr,
        /// The member.
        member: ProcessId,
        /// The standing now.
        standing: Standing,
    },
    /// An operator moved an address.
    Moved {
        /// The address.
        address: IpAddr,
        /// The node it is pinned to.
        to: NodeId,
    },
    /// A balance step moved addresses.
    Balanced {
        /// How many.
        moves: usize,
    },
    /// Members are configured with different limits of a balance step.
    BalanceSizesDiffer,
    /// A message was refused; nothing changed.
    Rejected {
        /// Its sender.
        from: ProcessId,
        /// Why.
        why: Reject,
    },
    /// A new configuration was refused; the old one stays.
    ConfigRefused(ConfigError),
    /// The node leaves although the platform still has these addresses.
    LeftBehind {
        /// The addresses and their interfaces.
        addresses: Vec<(IpNet, String)>,
    },
}

ringfort_machine::names!(
    Note:
    Ready, StartStalled, Gathering, Gathered, GatherStalled, Matured, Orphaned, Overlapped, Taken,
    Released, AcquireFailed, ReleaseFailed, AnnounceFailed, SurveyFailed, Missing, Stray, Flagged,
    StandingChanged, Moved, Balanced, BalanceSizesDiffer, Rejected, ConfigRefused, LeftBehind,
);

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reject {
    /// The sender is not a member of the view.
    NotMember,
    /// It belongs to the tables of another view. Normal around view changes.
    OtherEpoch,
    /// The sender has not sent its table yet. Normal around view changes.
    NoTable,
    /// A part of a table out of turn.
    Part,
    /// A list or a value outside its limits, or not in order.
    Limits,
    /// An address that nobody configures.
    UnknownAddress,
    /// It ends a tenure that the sender does not have.
    NoTenure,
    /// Only the leader of the view may send it.
    NotLeader,
    /// Tables are still being gathered.
    Gathering,
    /// The cluster is not mature.
    NotMature,
}
