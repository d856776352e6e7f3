//! Everything that a process contributes, told in parts that fit a message, while it keeps changing.
//!
//! Nothing is frozen or copied. A part covers a range of keys with their values of the moment; a key that
//! changes afterwards is published as a change like any other, and one that changes before its range is told
//! is told right. The order keeps the messages of one sender in the order in which it sent them, so for every
//! key the receiver ends with the last value the sender gave it: at the last part the receiver holds exactly
//! what the sender held when it published that part.
//!
//! A few parts are under way at a time, the next follow as those come back: a snapshot of a million keys does
//! not stand in the way of anything else in the outbox.

use ringfort_machine::Digest;
use ringfort_wire::counter::Entries;

use crate::{
    Key,
    batch::{Chunk, Flight},
    object::Object,
};

/// The most own messages under way before the next part of a snapshot waits.
pub(crate) const WINDOW: u64 = 4;

/// How far the own snapshot is published.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sending {
    /// The number of the next part.
    next: u32,
    /// The last key that is published.
    cursor: Option<Key>,
}

/// One part, ready to be published.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) number: u32,
    pub(crate) last: bool,
    pub(crate) entries: Entries,
}

impl Object {
    /// The next part of the own snapshot, if one is wanted and few enough messages are under way.
    pub(crate) fn next_piece(&mut self, flight: Flight) -> Option<Piece> {
        if flight.in_flight() >= WINDOW {
            return None;
        }
        let Sending { next, cursor } = self.sending.take()?;
        let mut chunk = Chunk::new(Entries::none(self.config.kind));
        let mut end = None;
        let mut last = true;
        self.local.scan(cursor.as_ref(), None, |key, value| {
            last = chunk.push(&key, value);
            if last {
                end = Some(key);
            }
            last
        });
        let upto = if last { None } else { end.as_ref() };
        self.batch.forget(cursor.as_ref(), upto);
        if !last {
            let next = next + 1;
            self.sending = Some(Sending { next, cursor: end });
        }
        Some(Piece {
            number: next,
            last,
            entries: chunk.entries,
        })
    }
}

/// How far the snapshot of another process has come in.
#[derive(Clone, Debug, Default)]
pub(crate) enum Incoming {
    /// Nothing of it yet.
    #[default]
    Waiting,
    /// Some parts.
    Begun {
        /// The number of the next part.
        next: u32,
        /// The last key of those so far.
        cursor: Option<Key>,
    },
    /// All of it.
    Complete,
}

impl Incoming {
    /// Forgets what came; a new first part is needed.
    pub(crate) fn reset(&mut self) {
        *self = Self::Waiting;
    }

    pub(crate) const fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }

    /// The key after which part `number` begins (`Some(None)`: at the front); nothing if it is not its turn.
    #[expect(
        clippy::option_option,
        reason = "the outer one refuses, the inner one is the front"
    )]
    pub(crate) fn accept(&mut self, number: u32) -> Option<Option<Key>> {
        match self {
            _ if number == 0 => {
                self.reset();
                Some(None)
            }
            Self::Begun { next, cursor } if *next == number => Some(cursor.take()),
            Self::Waiting | Self::Begun { .. } | Self::Complete => None,
        }
    }

    /// The accepted part reached up to `cursor`; with `last` there is no more.
    pub(crate) fn advance(&mut self, cursor: Option<Key>, last: bool) {
        let next = match self {
            Self::Begun { next, .. } => next.saturating_add(1),
            Self::Waiting | Self::Complete => 1,
        };
        *self = if last {
            Self::Complete
        } else {
            Self::Begun { next, cursor }
        };
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        match self {
            Self::Waiting => into.number(0),
            Self::Begun { next, .. } => into.number(1).number(u64::from(*next)),
            Self::Complete => into.number(2),
        };
    }
}
