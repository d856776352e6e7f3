//! One stream of a puller and the subscriptions on it.

use alloc::{collections::BTreeMap, sync::Arc};

use ringfort_machine::{Digest, Instant};
use ringfort_wire::logs::{Epoch, RecordId};

use crate::store::ReadId;

/// A subscription that stands.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) log: Arc<str>,
    pub(crate) subscriber: Arc<str>,
    pub(crate) epoch: Epoch,
    /// The last record or gap that was sent.
    pub(crate) after: RecordId,
    /// Bytes of batches that may still be sent; below zero after a record larger than the credit.
    pub(crate) credit: i64,
    /// What is being fetched.
    pub(crate) read: Option<ReadId>,
    /// Whether the puller waits for a checkpoint.
    pub(crate) asked: bool,
}

/// A stream.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) channels: BTreeMap<u32, Channel>,
    /// Whether the puller wants to know which logs there are.
    pub(crate) listing: bool,
    pub(crate) heard_at: Instant,
    pub(crate) said_at: Instant,
}

impl Session {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            channels: BTreeMap::new(),
            listing: false,
            heard_at: now,
            said_at: now,
        }
    }

    /// Adds what it stands for to a fingerprint; when it last heard something is not part of that.
    pub(crate) fn digest(&self, into: &mut Digest) {
        into.flag(self.listing).number(self.channels.len() as u64);
        for (number, channel) in &self.channels {
            into.number(u64::from(*number))
                .text(&channel.log)
                .text(&channel.subscriber)
                .number(channel.after.incarnation)
                .number(channel.after.sequence)
                .signed(channel.credit)
                .flag(channel.read.is_some())
                .flag(channel.asked);
        }
    }
}
