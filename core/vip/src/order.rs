//! Orders to the platform, and how they end. The platform executes them in the order given; none of them is
//! done before its [`AddressOutcome`] has come in.

use alloc::{string::String, vec::Vec};

use ipnet::IpNet;

/// What the platform is to do with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressAction {
    /// List the addresses on this machine that carry our tag, whoever put them there in whichever life.
    /// Answered by [`AddressOutcome::Found`].
    Survey,
    /// Put the address on the interface, and tag it. Done as well if it is already there.
    Acquire {
        /// The address and its prefix.
        address: IpNet,
        /// The interface.
        interface: String,
    },
    /// Take the address off the interface, tagged or not. Done as well if it is not there.
    Release {
        /// The address and its prefix.
        address: IpNet,
        /// The interface.
        interface: String,
    },
    /// Tell the neighbours on the segment that the address is here (gratuitous ARP, unsolicited NA).
    Announce {
        /// The address and its prefix.
        address: IpNet,
        /// The interface.
        interface: String,
    },
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressOutcome {
    /// As ordered.
    Done,
    /// The tagged addresses and their interfaces.
    Found(Vec<(IpNet, String)>),
    /// Not as ordered; nothing has changed.
    Failed(AddressError),
}

/// Why an order failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct AddressError {
    /// The class of failure.
    pub kind: AddressErrorKind,
    /// The platform's words: what was tried, what is wrong and what to do.
    pub detail: String,
}

/// Classes of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum AddressErrorKind {
    /// The process may not change addresses.
    #[error("not permitted")]
    Denied,
    /// There is no such interface.
    #[error("no such interface")]
    NoInterface,
    /// The platform does not manage such an address.
    #[error("not supported")]
    Unsupported,
    /// Anything else.
    #[error("failed")]
    Failed,
}
