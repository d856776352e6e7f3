//! Everything worth telling about the logs. Runtimes turn these into log lines and metrics.

use alloc::{string::String, sync::Arc};

use ringfort_machine::NodeId;
use ringfort_wire::logs::{Gap, RecordId, Why};

use crate::disk::{DiskError, Path};

/// A notable moment in the logs of a node or at a puller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Store: the log is readable and takes appends again.
    Recovered {
        /// The log.
        log: Arc<str>,
        /// The last record that was found.
        upto: Option<RecordId>,
        /// Segments on disk.
        segments: usize,
    },
    /// Store: recovery waits because the disk failed; it is tried again.
    RecoveryDelayed {
        /// The log.
        log: Arc<str>,
        /// What failed.
        error: DiskError,
    },
    /// Store: what a loss of power or the disk took from the end of the log.
    TailCut {
        /// The log.
        log: Arc<str>,
        /// What is known to be lost.
        gap: Gap,
    },
    /// Store: a file in the directory is not a segment of this log; it is left alone.
    StrangeFile {
        /// The log.
        log: Arc<str>,
        /// The file.
        file: Path,
    },
    /// Store: a new segment was begun.
    Rolled {
        /// The log.
        log: Arc<str>,
        /// The first record that goes there.
        base: RecordId,
    },
    /// Store: a write failed; it is tried again at the same place.
    WriteFailed {
        /// The log.
        log: Arc<str>,
        /// What failed.
        error: DiskError,
    },
    /// Store: a sync failed, so the segment is no longer trusted; what was not durable goes into a new one.
    Poisoned {
        /// The log.
        log: Arc<str>,
        /// The segment.
        file: Path,
        /// What failed.
        error: DiskError,
    },
    /// Store: writing works again after a failure.
    WritingAgain {
        /// The log.
        log: Arc<str>,
    },
    /// Store: records of a segment cannot be read any more.
    Damaged {
        /// The log.
        log: Arc<str>,
        /// What is lost.
        gap: Gap,
    },
    /// Store: a segment that everybody has read was removed.
    SegmentRemoved {
        /// The log.
        log: Arc<str>,
        /// The segment.
        file: Path,
    },
    /// Store: the log is over its budget and gave up its oldest records.
    BudgetExceeded {
        /// The log.
        log: Arc<str>,
        /// The last record given up.
        upto: RecordId,
    },
    /// Store: a subscriber was added.
    SubscriberAdded {
        /// The log.
        log: Arc<str>,
        /// Its name.
        subscriber: Arc<str>,
    },
    /// Store: a subscriber was removed.
    SubscriberRemoved {
        /// The log.
        log: Arc<str>,
        /// Its name.
        subscriber: Arc<str>,
    },
    /// Store: a checkpoint was refused because it names nothing that this log has ever promised.
    CheckpointRefused {
        /// The log.
        log: Arc<str>,
        /// The subscriber.
        subscriber: Arc<str>,
        /// What it named.
        id: RecordId,
    },
    /// Store: a checkpoint could not be made durable; it is tried again.
    CheckpointFailed {
        /// The log.
        log: Arc<str>,
        /// The subscriber.
        subscriber: Arc<str>,
        /// What failed.
        error: DiskError,
    },
    /// Store: an order to the disk was answered in a way that makes no sense, or twice; it was ignored.
    UnexpectedOutcome {
        /// The log, or the puller's state.
        log: Arc<str>,
    },
    /// Server: a newer reader of the same name took over.
    ReaderFenced {
        /// The log.
        log: Arc<str>,
        /// The subscriber.
        subscriber: Arc<str>,
    },
    /// Server: a subscription was refused.
    ReaderRefused {
        /// The log that was asked for.
        log: String,
        /// The subscriber that was asked for.
        subscriber: String,
        /// Why.
        why: Why,
    },
    /// Server or puller: the other side broke the protocol; its stream was closed.
    ProtocolBroken {
        /// What was wrong.
        what: &'static str,
    },
    /// Server: a stream was refused because there are as many as are allowed.
    StreamRefused,
    /// Puller: the state of the last life was read.
    StateRead {
        /// Sources in it.
        sources: usize,
        /// Output files that were open.
        files: usize,
    },
    /// Puller: its state is damaged; it goes on from the checkpoints that the nodes have.
    StateDamaged {
        /// The file.
        file: Path,
    },
    /// Puller: an output file was cut back to what is accounted for.
    OutputCut {
        /// The file.
        file: Path,
        /// From this length in bytes.
        from: u64,
        /// To this length in bytes.
        to: u64,
    },
    /// Puller: an output file is shorter than what was once durable in it, or gone.
    OutputShort {
        /// The file.
        file: Path,
        /// Its length in bytes.
        found: u64,
        /// What it should have.
        expected: u64,
    },
    /// Puller: the disk failed; nothing is acknowledged until it works again.
    OutputFailed {
        /// The file.
        file: Path,
        /// What failed.
        error: DiskError,
    },
    /// Puller: a node can be read.
    Connected {
        /// The node.
        node: NodeId,
    },
    /// Puller: the stream to a node ended; it is tried again.
    Disconnected {
        /// The node.
        node: NodeId,
    },
    /// Puller: none of the subscriber names is known at a log, or it is refused for another reason.
    NotSubscribed {
        /// The node.
        node: NodeId,
        /// The log.
        log: Arc<str>,
        /// The last refusal.
        why: Why,
    },
    /// Puller: the node's checkpoint is beyond what this puller has: somebody else reads under this name, or
    /// the puller's state was lost.
    Skipped {
        /// The node.
        node: NodeId,
        /// The log.
        log: Arc<str>,
        /// What is durable here.
        have: RecordId,
        /// Where the node continues.
        after: RecordId,
    },
    /// Puller: as many sources as are allowed are being read; this one is not.
    TooManySources {
        /// The node.
        node: NodeId,
        /// The log.
        log: Arc<str>,
    },
}

ringfort_machine::names!(
    Note:
    Recovered, RecoveryDelayed, TailCut, StrangeFile, Rolled, WriteFailed, Poisoned, WritingAgain,
    Damaged, SegmentRemoved, BudgetExceeded, SubscriberAdded, SubscriberRemoved, CheckpointRefused,
    CheckpointFailed, UnexpectedOutcome, ReaderFenced, ReaderRefused, ProtocolBroken,
    StreamRefused, StateRead, StateDamaged, OutputCut, OutputShort, OutputFailed, Connected,
    Disconnected, NotSubscribed, Skipped, TooManySources,
);
