//! What can happen to one log and what it can want done.

use alloc::{sync::Arc, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{OrderId, Wake};
use ringfort_wire::logs::{Gap, Lag, RecordId};

use crate::{
    disk::{DiskAction, DiskOutcome},
    note::Note,
    record::{Append, AppendError, Class, Record},
};

/// Names a read until it is answered. Chosen by the reader; never used twice at one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// What can happen to a log.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// A record for the log; answered by [`Action::Appended`] or [`Action::AppendRefused`], in order.
    Append(Append),
    /// What came of an order to the disk.
    Done {
        /// The order.
        order: OrderId,
        /// Its outcome.
        outcome: DiskOutcome,
    },
    /// There shall be a subscriber of this name; it begins with the oldest record that is kept.
    AddSubscriber(Arc<str>),
    /// There shall be no subscriber of this name; what only it still wanted is freed.
    RemoveSubscriber(Arc<str>),
    /// The subscriber has everything up to `id`, durably.
    Checkpoint {
        /// The subscriber.
        subscriber: Arc<str>,
        /// The last record or gap that it has.
        id: RecordId,
    },
    /// Somebody wants the durable records after `after`; answered by [`Action::Fetched`] once there is
    /// something to tell.
    Read {
        /// Its name.
        read: ReadId,
        /// The last record or gap that the reader has.
        after: RecordId,
        /// Stop when the payloads and their overhead on the wire reach so many bytes; at least one record.
        limit_bytes: usize,
    },
    /// The reader no longer wants an answer.
    CancelRead(ReadId),
    /// Make everything durable, mark the end and stop; answered by [`Action::Closed`].
    Close,
}

impl From<Wake> for Event {
    fn from(Wake: Wake) -> Self {
        Self::Wake
    }
}

/// The answer to a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Records in order, at least one, all of them durable.
    Records {
        /// The records.
        records: Vec<Record>,
        /// What is durable after them.
        lag: Lag,
    },
    /// The next records are gone.
    Gap(Gap),
    /// The log is closing, or has as many reads waiting as it takes.
    Closing,
}

/// What a log wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An order to the disk.
    Disk(OrderId, DiskAction),
    /// The log can be used; once in a life, before any other record is told of.
    Recovered {
        /// The last record that was found; it is durable. None in an empty log.
        upto: Option<RecordId>,
    },
    /// A record got its place. Its write has been ordered, unless the disk is in trouble.
    Appended {
        /// Its identity.
        id: RecordId,
        /// Its class.
        class: Class,
        /// Its bytes.
        payload: Bytes,
    },
    /// A record was not taken.
    AppendRefused {
        /// Why.
        why: AppendError,
        /// The record, unchanged.
        append: Append,
    },
    /// Everything up to here survives the end of the process.
    Written {
        /// The last such record.
        upto: RecordId,
    },
    /// Everything up to here survives a loss of power.
    Durable {
        /// The last such record.
        upto: RecordId,
    },
    /// The answer to a read.
    Fetched {
        /// Which read.
        read: ReadId,
        /// What was found.
        fetched: Fetched,
    },
    /// A subscriber exists, durably: new, or found at recovery.
    Subscribed {
        /// Its name.
        subscriber: Arc<str>,
        /// Its checkpoint: it wants what comes after.
        after: RecordId,
        /// Whether it was added now.
        new: bool,
    },
    /// A subscriber is gone, durably.
    Unsubscribed {
        /// Its name.
        subscriber: Arc<str>,
    },
    /// The checkpoint of a subscriber is durable.
    Checkpointed {
        /// The subscriber.
        subscriber: Arc<str>,
        /// Up to where; at least what was asked for last, unless that was refused.
        id: RecordId,
    },
    /// Nothing more will come.
    Closed,
    /// Something notable.
    Note(Note),
}

/// One subscriber, for tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its durable checkpoint.
    pub checkpoint: RecordId,
    /// Durable records that it has not checkpointed.
    pub lag_records: u64,
    /// Their bytes on disk, to the segment.
    pub lag_bytes: u64,
}

/// A log, for tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its key.
    pub key: Arc<str>,
    /// Whether it takes appends.
    pub running: bool,
    /// Bytes of all segments on disk.
    pub bytes: u64,
    /// Segments on disk.
    pub segments: usize,
    /// The last record appended.
    pub last: Option<RecordId>,
    /// The last durable record.
    pub durable: Option<RecordId>,
    /// Bytes that wait in memory to become durable.
    pub waiting_bytes: usize,
    /// Its subscribers, by name.
    pub subscribers: Vec<SubscriberStatus>,
}
