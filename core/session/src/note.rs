//! What the sessions report. Runtimes turn these into log lines and metrics.

use ringfort_wire::{group::ClientName, session::Reject};

use crate::{CloseReason, SessionId};

/// Something happened that an operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A client is attached.
    Connected {
        /// The session.
        session: SessionId,
        /// Its name.
        name: ClientName,
    },
    /// A client was refused.
    Rejected {
        /// The session.
        session: SessionId,
        /// The code it was told.
        reject: Reject,
    },
    /// A session ended: by the client if there is no reason.
    Ended {
        /// The session.
        session: SessionId,
        /// The client's name, if it had said one.
        name: Option<ClientName>,
        /// The reason.
        reason: Option<CloseReason>,
    },
    /// Destinations of a message were not names; they were left out.
    IllegalDestinations {
        /// The session.
        session: SessionId,
        /// How many.
        count: usize,
    },
    /// A message, join or leave was refused by the group layer; the client was told.
    RequestRefused {
        /// The session.
        session: SessionId,
    },
    /// The ring takes no more: clients that send are not read.
    Congested,
    /// The ring takes messages again.
    Relieved,
}

ringfort_machine::names!(
    Note:
    Connected, Rejected, Ended, IllegalDestinations, RequestRefused, Congested, Relieved,
);
