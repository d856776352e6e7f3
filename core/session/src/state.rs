//! One session: where it stands, what has come in, what waits to go out.

use alloc::collections::BTreeMap;

use ringfort_machine::{Digest, Instant};
use ringfort_wire::{
    group::{ClientName, GroupName},
    session::{Greeting, GroupId, Header, Name},
};

use crate::{Peer, input::Input, output::Output};

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) peer: Peer,
    pub(crate) stage: Stage,
    pub(crate) input: Input,
    pub(crate) output: Output,
    /// Whether the runtime was told not to read.
    pub(crate) paused: bool,
    /// Whether it is in the backlog.
    pub(crate) waiting: bool,
    /// Whether the connection has ended; what it sent before is still to be done.
    pub(crate) closed: bool,
    /// When the handshake must be over.
    pub(crate) handshake_until: Instant,
}

/// How far a session has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Waits for the greeting.
    Greeting,
    /// Waits for the choice of methods; the name is taken already.
    Methods(Caller),
    /// Waits for the group layer's answer.
    Connecting(Caller),
    /// Is attached.
    Open(Open),
}

/// A client in the handshake.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) greeting: Greeting,
    /// The name that it has, or that was invented for it.
    pub(crate) name: ClientName,
}

/// A client that is attached.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) name: ClientName,
    pub(crate) private: Name,
    pub(crate) wants_membership: bool,
    /// The header whose names and data have not all come.
    pub(crate) reading: Option<Header>,
    /// The last view delivered of each group, which a transitional message names.
    pub(crate) views: BTreeMap<GroupName, GroupId>,
}

impl Stage {
    /// The name that is taken for this session.
    pub(crate) const fn name(&self) -> Option<&ClientName> {
        match self {
            Self::Greeting => None,
            Self::Methods(caller) | Self::Connecting(caller) => Some(&caller.name),
            Self::Open(open) => Some(&open.name),
        }
    }

    /// Whether the group layer knows the session.
    pub(crate) const fn is_attached(&self) -> bool {
        match self {
            Self::Greeting | Self::Methods(_) => false,
            Self::Connecting(_) | Self::Open(_) => true,
        }
    }
}

impl Session {
    pub(crate) fn digest(&self, into: &mut Digest) {
        let stage = match &self.stage {
            Stage::Greeting => 0,
            Stage::Methods(_) => 1,
            Stage::Connecting(_) => 2,
            Stage::Open(open) => {
                into.flag(open.reading.is_some())
                    .number(open.views.len() as u64);
                3
            }
        };
        into.number(stage)
            .text(self.stage.name().map_or("", ClientName::as_str))
            .number(self.input.len() as u64)
            .number(self.output.len() as u64)
            .flag(self.paused)
            .flag(self.waiting)
            .flag(self.closed);
    }
}
