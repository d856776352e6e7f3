//! Which orders are with the disk and what each is for.

use alloc::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use ringfort_machine::{OrderId, Sink};

use super::{Action, ReadId};
use crate::{
    disk::{DiskAction, DiskError, DiskErrorKind, DiskOutcome, Entry},
    format::SegmentName,
};

/// What an order to the disk is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The step at which recovery stands.
    Recover,
    /// Records of a segment, up to the sequence `upto` (exclusive), which end at `bytes`.
    Write {
        file: SegmentName,
        upto: u64,
        bytes: u64,
    },
    /// The records of a segment that were written before, up to `upto` (exclusive).
    Sync { file: SegmentName, upto: u64 },
    /// Cut a partial write from a segment.
    Truncate { file: SegmentName },
    /// The new copy of a segment that failed.
    Mend { file: SegmentName },
    /// For a reader.
    Read { read: ReadId },
    /// A slot of a subscriber.
    Checkpoint { name: Arc<str> },
    /// The slots of a subscriber that was removed; `last` for the second of them.
    RemoveSlot { name: Arc<str>, last: bool },
    /// A segment that nobody needs.
    RemoveSegment { file: SegmentName },
    /// The mark of the end, and its sync.
    End { synced: bool },
}

/// The orders of one log.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    counter: u64,
    pending: BTreeMap<OrderId, Purpose>,
}

impl Orders {
    /// Gives an order.
    pub(crate) fn issue(
        &mut self,
        purpose: Purpose,
        action: DiskAction,
        out: &mut impl Sink<Action>,
    ) {
        let order = OrderId::next(&mut self.counter);
        self.pending.insert(order, purpose);
        out.push(Action::Disk(order, action));
    }

    /// What the order was for; nothing if it is not known, or was answered before.
    pub(crate) fn take(&mut self, order: OrderId) -> Option<Purpose> {
        self.pending.remove(&order)
    }

    /// Whether nothing is with the disk.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many orders are with the disk, and how many there were.
    pub(crate) fn counts(&self) -> (usize, u64) {
        (self.pending.len(), self.counter)
    }
}

/// The answer to an order that yields nothing.
pub(crate) fn done(outcome: DiskOutcome) -> Result<(), DiskError> {
    match outcome {
        DiskOutcome::Done => Ok(()),
        DiskOutcome::Failed(error) => Err(error),
        DiskOutcome::Listing(_) | DiskOutcome::Data(_) => Err(nonsense()),
    }
}

/// The answer to a read.
pub(crate) fn data(outcome: DiskOutcome) -> Result<Bytes, DiskError> {
    match outcome {
        DiskOutcome::Data(data) => Ok(data),
        DiskOutcome::Failed(error) => Err(error),
        DiskOutcome::Listing(_) | DiskOutcome::Done => Err(nonsense()),
    }
}

/// The answer to a listing; a directory that does not exist is empty.
pub(crate) fn listing(outcome: DiskOutcome) -> Result<alloc::vec::Vec<Entry>, DiskError> {
    match outcome {
        DiskOutcome::Listing(entries) => Ok(entries),
        DiskOutcome::Failed(error) if error.kind == DiskErrorKind::Missing => {
            Ok(alloc::vec::Vec::new())
        }
        DiskOutcome::Failed(error) => Err(error),
        DiskOutcome::Data(_) | DiskOutcome::Done => Err(nonsense()),
    }
}

fn nonsense() -> DiskError {
    DiskError {
        kind: DiskErrorKind::Failed,
        detail: Arc::from("the answer does not fit the order"),
    }
}
