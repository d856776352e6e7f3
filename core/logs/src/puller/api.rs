//! What can happen to a puller and what it can want done.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::net::SocketAddr;

use bytes::Bytes;
use ringfort_machine::{NodeId, OrderId, Wake};
use ringfort_wire::logs::{Body, Gap, Lag, RecordId};

use crate::{
    disk::{DiskAction, DiskOutcome},
    note::Note,
    server::Stream,
};

/// What can happen to a puller.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// A node may, or may no longer, be pulled from.
    Target {
        /// The node.
        node: NodeId,
        /// Its name: `%{n}`.
        name: String,
        /// The name of its subcluster: `%{s}`.
        subcluster: String,
        /// Where its log service listens.
        address: SocketAddr,
        /// Whether it is there and qualified.
        up: bool,
    },
    /// A stream asked for by [`Action::Connect`] stands.
    Connected {
        /// The stream.
        stream: Stream,
    },
    /// A node says something.
    Frame {
        /// On which stream.
        stream: Stream,
        /// What it says.
        body: Body,
    },
    /// A stream has ended, or could not be opened.
    Closed {
        /// The stream.
        stream: Stream,
    },
    /// What came of an order to the disk.
    Done {
        /// The order.
        order: OrderId,
        /// Its outcome.
        outcome: DiskOutcome,
    },
    /// Finish what has begun and stop; answered by [`Action::Stopped`].
    Stop,
}

impl From<Wake> for Event {
    fn from(Wake: Wake) -> Self {
        Self::Wake
    }
}

/// Whose records these are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The node.
    pub node: NodeId,
    /// The key of the log there.
    pub log: Arc<str>,
    /// The name under which it is read.
    pub subscriber: Arc<str>,
}

/// What a puller wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An order to the disk.
    Disk(OrderId, DiskAction),
    /// Open a stream to a node's log service.
    Connect {
        /// Its name from here on, chosen by the puller.
        stream: Stream,
        /// Where to.
        address: SocketAddr,
    },
    /// Say this to a node.
    Send {
        /// On which stream.
        stream: Stream,
        /// What to say.
        body: Body,
    },
    /// End a stream; no [`Event::Closed`] is needed.
    CloseStream {
        /// The stream.
        stream: Stream,
    },
    /// A source is being read. Trace: `subscribe` the first time.
    Subscribed {
        /// The source.
        source: Source,
        /// What comes begins after this.
        after: RecordId,
        /// The last record or gap that was durable here before, if any.
        had: Option<RecordId>,
    },
    /// A record is in durable output. Trace: `record`.
    Record {
        /// Where it is from.
        source: Source,
        /// Its identity.
        id: RecordId,
        /// Its bytes.
        payload: Bytes,
    },
    /// Records that will never come. Trace: `gap`.
    GapSeen {
        /// Where they were.
        source: Source,
        /// Which, and why.
        gap: Gap,
    },
    /// The node has made the checkpoint durable. Trace: `checkpoint`.
    Checkpointed {
        /// The source.
        source: Source,
        /// Up to where.
        id: RecordId,
    },
    /// Everything is on disk; nothing more will come.
    Stopped,
    /// Something notable.
    Note(Note),
}

/// One source, for tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// The source.
    pub source: Source,
    /// Whether a subscription stands.
    pub reading: bool,
    /// The last record or gap in durable output.
    pub durable: Option<RecordId>,
    /// The last checkpoint that the node has acknowledged.
    pub checkpoint: Option<RecordId>,
    /// Records received and not yet in durable output.
    pub waiting_records: u64,
    /// What the node still has, as it said last.
    pub lag: Lag,
    /// How old the last record in durable output is, in seconds; zero when the source is caught up.
    pub lag_seconds: u64,
}

/// A puller, for tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its sources, in order.
    pub sources: Vec<SourceStatus>,
    /// Output files that are open.
    pub open_files: usize,
    /// Records in durable output since the start.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}
