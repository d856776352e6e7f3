//! What can go wrong with a connection.

use std::io;

use ringfort_client_core::{
    Address, HandshakeError, OptionsError, RequestError, SessionError, StreamError,
};

/// Why something failed. [`Error::is_final`] says whether the connection is still good.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options cannot be.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Nobody answers there.
    #[error("cannot connect to the bus at {address}: {source}{}", advice(source))]
    Connect {
        /// Where.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon did not take us.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The daemon broke the protocol.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A request cannot be; nothing was sent of it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The daemon closed the connection. Daemons do so without a word: to a client that reads too slowly, that breaks
    /// the protocol, and when they end.
    #[error(
        "the bus daemon closed the connection; it does so when it ends, and to a client that reads too slowly"
    )]
    Closed,
    /// Time is up.
    #[error("the bus daemon did not answer in time")]
    TimedOut,
    /// The system refused something.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried, as a verb.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the connection is of no use any more. It is after everything but a request that cannot be and a time
    /// that was up.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Request(_) | Self::TimedOut => false,
            Self::Options(_)
            | Self::Connect { .. }
            | Self::Handshake(_)
            | Self::Stream(_)
            | Self::Closed
            | Self::System { .. } => true,
        }
    }

    /// The number of Spread's library for this, for programs that know those.
    pub const fn code(&self) -> i32 {
        match self {
            Self::Options(_) => -5,
            Self::Connect { .. } => -2,
            Self::Handshake(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::Stream(_) | Self::Closed | Self::TimedOut => -8,
            Self::System { .. } => -18,
        }
    }

    pub(crate) const fn system(what: &'static str, source: io::Error) -> Self {
        Self::System { what, source }
    }

    /// What a failed read or write of the socket means.
    pub(crate) fn of_socket(what: &'static str, source: io::Error) -> Self {
        if is_gone(&source) {
            Self::Closed
        } else {
            Self::System { what, source }
        }
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Handshake(error) => Self::Handshake(error),
            SessionError::Stream(error) => Self::Stream(error),
        }
    }
}

/// Whether the other end went away.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
    )
}

fn advice(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::NotFound {
        "; no daemon of this host serves this socket: is one running?"
    } else if source.kind() == io::ErrorKind::ConnectionRefused {
        "; nobody listens there: is the daemon running?"
    } else if source.kind() == io::ErrorKind::PermissionDenied {
        "; the socket is not for this user"
    } else if source.kind() == io::ErrorKind::TimedOut {
        "; the host does not answer"
    } else {
        ""
    }
}
