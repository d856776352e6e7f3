//! What can happen to the log service of a node and what it can want done.

use alloc::{string::String, sync::Arc, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{OrderId, Wake};
use ringfort_wire::logs::{Body, RecordId};

use crate::{
    disk::{DiskAction, DiskOutcome},
    note::Note,
    record::{Append, AppendError, Class},
    store,
};

/// A stream, as named by whoever drives the machine. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(pub u64);

/// What can happen to the log service.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// A record for a log; answered by [`Action::Appended`] or [`Action::AppendRefused`], in order for each log.
    Append {
        /// The key of the log.
        log: String,
        /// The record.
        append: Append,
    },
    /// What came of an order to the disk.
    Done {
        /// The order.
        order: OrderId,
        /// Its outcome.
        outcome: DiskOutcome,
    },
    /// A puller has opened a stream.
    Opened {
        /// The stream.
        stream: Stream,
    },
    /// A puller says something.
    Frame {
        /// On which stream.
        stream: Stream,
        /// What it says.
        body: Body,
    },
    /// A stream has ended.
    Closed {
        /// The stream.
        stream: Stream,
    },
    /// There shall be a subscriber.
    AddSubscriber {
        /// The key of the log.
        log: String,
        /// Its name.
        subscriber: String,
    },
    /// There shall be no such subscriber.
    RemoveSubscriber {
        /// The key of the log.
        log: String,
        /// Its name.
        subscriber: String,
    },
    /// These are the logs now: new ones are opened, missing ones closed, subscribers added to those that stay.
    /// The settings must have passed [`store::Config::validate`]; keys and directories must differ.
    Configure(Vec<store::Config>),
    /// Close all logs in good order; answered by [`Action::Closed`].
    Close,
}

impl From<Wake> for Event {
    fn from(Wake: Wake) -> Self {
        Self::Wake
    }
}

/// What the log service wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An order to the disk.
    Disk(OrderId, DiskAction),
    /// Say this to a puller.
    Send {
        /// On which stream.
        stream: Stream,
        /// What to say.
        body: Body,
    },
    /// End a stream.
    CloseStream {
        /// The stream.
        stream: Stream,
    },
    /// A log can be used. Trace: `durable`, once for each log and life.
    Recovered {
        /// The log.
        log: Arc<str>,
        /// The last record that was found.
        upto: Option<RecordId>,
    },
    /// A record got its place. Trace: `append`.
    Appended {
        /// The log.
        log: Arc<str>,
        /// Its identity.
        id: RecordId,
        /// Its class.
        class: Class,
        /// Its bytes.
        payload: Bytes,
    },
    /// A record was not taken.
    AppendRefused {
        /// The log, as it was named.
        log: String,
        /// Why.
        why: AppendError,
        /// The record, unchanged.
        append: Append,
    },
    /// Everything up to here survives the end of the process.
    Written {
        /// The log.
        log: Arc<str>,
        /// The last such record.
        upto: RecordId,
    },
    /// Everything up to here survives a loss of power. Trace: `durable`.
    Durable {
        /// The log.
        log: Arc<str>,
        /// The last such record.
        upto: RecordId,
    },
    /// A subscriber exists, durably. Trace: `subscribe`, when it is new.
    Subscribed {
        /// The log.
        log: Arc<str>,
        /// Its name.
        subscriber: Arc<str>,
        /// It wants what comes after this.
        after: RecordId,
        /// Whether it was added now.
        new: bool,
    },
    /// A subscriber is gone, durably.
    Unsubscribed {
        /// The log.
        log: Arc<str>,
        /// Its name.
        subscriber: Arc<str>,
    },
    /// The checkpoint of a subscriber is durable at this node.
    Checkpointed {
        /// The log.
        log: Arc<str>,
        /// The subscriber.
        subscriber: Arc<str>,
        /// Up to where.
        id: RecordId,
    },
    /// All logs are closed.
    Closed,
    /// Something notable.
    Note(Note),
}
