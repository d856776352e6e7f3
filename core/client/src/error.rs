//! What can go wrong, with the numbers of Spread's library for those who need them (reference: Spread client protocol,
//! sections 2.5 and 10).

use alloc::string::String;

use ringfort_wire::session::{CLIENT_NAME, GROUPS, HeaderError, Version};

/// Why the daemon refused the session: a signed byte on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Rejection {
    /// -3.
    #[error("the daemon has as many sessions as it may have")]
    Quota,
    /// -4; no known daemon says so.
    #[error("the daemon wants a name")]
    NoName,
    /// -5.
    #[error(
        "the daemon does not accept the name; use 1 to {CLIENT_NAME} ASCII characters without space or '#'"
    )]
    IllegalName,
    /// -6.
    #[error(
        "another session of this daemon has the name; if it is the one that just ended, try again"
    )]
    NotUnique,
    /// -7.
    #[error("the daemon does not serve clients of this version")]
    Version,
    /// -9.
    #[error("the daemon refused the authentication")]
    Authentication,
    /// Any other.
    #[error("the daemon refused the session with code {0}")]
    Other(i8),
}

impl Rejection {
    /// What the byte says.
    pub const fn from_code(code: i8) -> Self {
        match code {
            -3 => Self::Quota,
            -4 => Self::NoName,
            -5 => Self::IllegalName,
            -6 => Self::NotUnique,
            -7 => Self::Version,
            -9 => Self::Authentication,
            other => Self::Other(other),
        }
    }

    /// The byte.
    pub const fn code(self) -> i8 {
        match self {
            Self::Quota => -3,
            Self::NoName => -4,
            Self::IllegalName => -5,
            Self::NotUnique => -6,
            Self::Version => -7,
            Self::Authentication => -9,
            Self::Other(code) => code,
        }
    }
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The daemon said so.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The daemon does not offer a method that was chosen.
    #[error("the daemon does not offer authentication method {wanted}; it offers: {offered}")]
    Method {
        /// The method.
        wanted: &'static str,
        /// The daemon's list.
        offered: String,
    },
    /// A daemon from before version 3.1.0.
    #[error("the daemon is of version {}.{}.{}, too old", .0.major, .0.minor, .0.patch)]
    OldServer(Version),
    /// Not what a daemon says.
    #[error("what answers is no bus daemon: {0}")]
    Malformed(&'static str),
}

/// Why the daemon's bytes cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// A header cannot be read.
    #[error("a header from the daemon cannot be read: {0}")]
    Header(HeaderError),
    /// A kind that no daemon sends.
    #[error("a message of unknown kind {0:#010x} from the daemon")]
    Kind(u32),
    /// More than we accept.
    #[error("a message of {found} bytes from the daemon, at most {limit} are accepted")]
    TooLong {
        /// Bytes of names and data.
        found: usize,
        /// The limit, [`crate::Options::receive_bytes`].
        limit: usize,
    },
    /// The data of a view or a mark, or its names, are not such.
    #[error("the membership message of group {0:?} cannot be read")]
    Membership(String),
}

/// Why nothing more can be read of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// It never began.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The daemon broke the protocol.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Why a request was not taken. Nothing was queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The handshake is not over.
    #[error("the session is not open yet")]
    NotOpen,
    /// The disconnect is on its way.
    #[error("the session is being ended")]
    Ended,
    /// The queue has no room; send what is there and try again.
    #[error("{queued} bytes of requests wait to be sent, and there is no room for more")]
    Full {
        /// Bytes that wait.
        queued: usize,
    },
    /// Not a name of a group, or of a client where one is allowed.
    #[error(
        "{0:?} is no group: use 1 to 31 ASCII characters without space or '#' (a message can also go to a client, #name#daemon)"
    )]
    Group(String),
    /// No destination, or too many.
    #[error("a message to {0} groups; 1 to {GROUPS} are allowed")]
    Groups(usize),
    /// More data and names than allowed.
    #[error("a message of {found} bytes of data and names; at most {limit} are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// The limit, [`crate::Options::message_bytes`].
        limit: usize,
    },
    /// Bits that receivers would take for something else.
    #[error("the flags {0:#010x} are not those that a client may set")]
    Flags(u32),
}

impl HandshakeError {
    /// The number of Spread's library.
    pub const fn code(&self) -> i32 {
        match self {
            Self::Rejected(rejection) => rejection.code() as i32,
            Self::Method { .. } => -9,
            Self::OldServer(_) => -7,
            Self::Malformed(_) => -8,
        }
    }
}

impl RequestError {
    /// The number of Spread's library; a full queue has none there and is that of the Flush library, WOULD_BLOCK.
    pub const fn code(&self) -> i32 {
        match self {
            Self::NotOpen | Self::Ended => -11,
            Self::Full { .. } => -25,
            Self::Group(_) | Self::Groups(_) => -14,
            Self::TooLong { .. } => -17,
            Self::Flags(_) => -12,
        }
    }
}
