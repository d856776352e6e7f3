//! The records of a journal.

use alloc::{boxed::Box, string::String, vec::Vec};

use bytes::Bytes;
use ringfort_machine::Instant;

use super::{
    print::Print,
    stored::{Malformed, Stored, choice, structure, take_all},
};
use crate::{Boot, Config, Event};

/// Which program wrote a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version of the package.
    pub version: String,
    /// The revision of the source, as far as the program knows it.
    pub revision: String,
}

/// Everything that a node is started with.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who wrote the journal.
    pub build: Build,
    /// What the runtime knew and the configuration does not.
    pub boot: Boot,
    /// The instant of the start.
    pub now: Instant,
    /// The configuration.
    pub config: Config,
}

/// Why a journal ends where it does. One without an end was cut: the process was killed, or fell over its last
/// event, or the writing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The node halted; nothing more could happen.
    Halted,
    /// The journal reached the size that it was allowed.
    Limit,
}

/// One record.
#[derive(Debug)]
pub enum Record {
    /// The first one.
    Origin(Box<Origin>),
    /// Something happened.
    Event {
        /// When.
        at: Instant,
        /// What.
        event: Event,
    },
    /// What the node wanted done about it, in order.
    Outcome(Vec<Print>),
    /// The digest of the node's state.
    Digest(u64),
    /// The last one.
    End(End),
}

/// The number of the origin's record.
const ORIGIN: u8 = 0;
/// The number of an event's record.
const EVENT: u8 = 1;
/// The number of an outcome's record.
const OUTCOME: u8 = 2;

impl Record {
    /// Reads a record from the content of its frame.
    ///
    /// # Errors
    /// [`Malformed`] if it is none of this format.
    pub fn decode(content: &Bytes) -> Result<Self, Malformed> {
        take_all(content.clone())
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
    }

    /// The same as an [`Record::Origin`], of a borrowed origin.
    pub(crate) fn encode_origin(origin: &Origin, out: &mut Vec<u8>) {
        out.push(ORIGIN);
        origin.put(out);
    }

    /// The same as an [`Record::Event`], of a borrowed event.
    pub(crate) fn encode_event(at: Instant, event: &Event, out: &mut Vec<u8>) {
        out.push(EVENT);
        at.put(out);
        event.put(out);
    }

    /// The same as an [`Record::Outcome`], of borrowed prints.
    pub(crate) fn encode_outcome(prints: &[Print], out: &mut Vec<u8>) {
        out.push(OUTCOME);
        prints.len().put(out);
        for print in prints {
            print.put(out);
        }
    }
}

choice!(Record, "a kind of record" {
    0 => Origin { 0: origin },
    1 => Event { at: at, event: event },
    2 => Outcome { 0: prints },
    3 => Digest { 0: digest },
    4 => End { 0: end },
});

structure!(Build {
    version: version,
    revision: revision
});
structure!(Origin {
    build: build,
    boot: boot,
    now: now,
    config: config
});

choice!(End, "why a journal ends" {
    0 => Halted {},
    1 => Limit {},
});

/// The build that wrote the first record, which stands at its beginning in every format.
pub(crate) fn build(origin: &Bytes) -> Result<Build, Malformed> {
    let mut input = origin.clone();
    match u8::take(&mut input)? {
        ORIGIN => Build::take(&mut input),
        _ => Err(Malformed("the record of the origin")),
    }
}
