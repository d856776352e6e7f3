//! The replay protocol of the logs: what a puller and a node say to each other on a stream.
//!
//! One stream for each node carries any number of subscriptions, told apart by a channel that the puller
//! chooses. The node pushes batches under a credit of bytes; the puller says what is durable on its side and
//! the node answers when that is durable on its own. Nothing is said twice on purpose and nothing depends on
//! the life of a stream: after a cut the puller subscribes again with the last identifier it has kept
//! (services-anchors 2.5 L5 and L9). docs/protocol/logs.md has the exchange in full.
//!
//! Deliberately not a disk format: the logs have their own, in `ringfort-logs`.

use alloc::{string::String, vec::Vec};
use core::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{DecodeError, body, limits};

/// The longest name of a log or of a subscriber, in bytes.
pub const NAME: usize = 100;
/// The most logs that one node publishes.
pub const PUBLISHED: usize = 256;
/// What a batch costs beside the payloads, at most: for each record, in bytes.
pub const RECORD_OVERHEAD: usize = 40;

/// The identity of a record in its log: unique for ever, growing in the order of the log.
///
/// The incarnation is that of the log, which begins with every start of its writer, so that a record that was
/// lost with the power never shares its identity with a later one. The sequence counts the records that were
/// kept, from 1, over all incarnations.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct RecordId {
    /// The incarnation of the log, from 1.
    pub incarnation: u64,
    /// The place in the log, from 1.
    pub sequence: u64,
}

impl RecordId {
    /// Before every record of every log.
    pub const BEFORE_ALL: Self = Self::new(0, 0);

    /// The record `sequence` of `incarnation`.
    pub const fn new(incarnation: u64, sequence: u64) -> Self {
        Self {
            incarnation,
            sequence,
        }
    }

    /// The identity just after this one, in the same incarnation.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.incarnation, self.sequence.saturating_add(1))
    }

    /// Reads what [`fmt::Display`] writes: two decimal numbers with a colon between them.
    pub fn parse(text: &str) -> Option<Self> {
        let (incarnation, sequence) = text.split_once(':')?;
        Some(Self::new(incarnation.parse().ok()?, sequence.parse().ok()?))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.incarnation, self.sequence)
    }
}

/// Why records are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GapCause {
    /// They were not yet durable when the power failed.
    Power,
    /// The log outgrew its budget and dropped its oldest records.
    Budget,
    /// The disk lost or damaged them.
    Disk,
    /// Somebody who reads under the same name has taken them, or the subscriber was removed and came back.
    Decommission,
}

impl GapCause {
    /// Its name in traces and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Budget => "budget",
            Self::Disk => "disk",
            Self::Decommission => "decommission",
        }
    }
}

/// Records that a subscriber will never get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gap {
    /// The first one that is missing.
    pub first: RecordId,
    /// The last one, inclusive.
    pub last: RecordId,
    /// Why.
    pub cause: GapCause,
    /// How many, where that is known: not for a tail that vanished without a trace.
    pub count: Option<u64>,
}

/// The bytes of a record. Encoded as a byte string, so that decoding copies a slice and not single bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Payload(pub Bytes);

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Payload;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Payload, E> {
                Ok(Payload(Bytes::copy_from_slice(bytes)))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// One record on its way to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its identity.
    pub id: RecordId,
    /// When it was appended by the clock of its node: nanoseconds since 1970-01-01 UTC.
    pub wall_ns: u64,
    /// Its bytes.
    pub payload: Payload,
}

/// Which attempt of a puller this is. A greater one fences a smaller one that reads under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// The life of the puller's process.
    pub incarnation: u64,
    /// Its attempts in that life, over all streams.
    pub attempt: u64,
}

/// Why a subscription was refused or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Why {
    /// The node publishes no log of that name.
    UnknownLog,
    /// The log has no subscriber of that name.
    UnknownSubscriber,
    /// A newer reader of the same name has taken over.
    Fenced,
    /// The log is still being recovered, or the node has as many readers as it takes; try again later.
    Busy,
    /// The channel is in use on this stream, or not open.
    Channel,
    /// The log is closing with its node.
    Closing,
}

/// How far a subscriber is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lag {
    /// Durable records that were not sent yet.
    pub records: u64,
    /// Their bytes on the node's disk, about.
    pub bytes: u64,
}

/// One message of the replay protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Puller: which logs are published? Answered by [`Body::Published`], now and whenever it changes.
    List,
    /// Puller: start sending.
    Subscribe {
        /// Names this subscription on this stream.
        channel: u32,
        /// The log's key.
        log: String,
        /// Under which name to read.
        subscriber: String,
        /// The last record or gap that the puller has received, or kept in an earlier life; what it has must not
        /// come again. Without it, and where it is behind the node's checkpoint, that checkpoint counts.
        from: Option<RecordId>,
        /// Which attempt this is.
        epoch: Epoch,
        /// How many bytes of batches the node may send before it gets more credit.
        credit: u32,
    },
    /// Puller: so many more bytes may be sent.
    Credit {
        /// The subscription.
        channel: u32,
        /// Bytes, as counted by [`batch_cost`].
        bytes: u32,
    },
    /// Puller: everything up to here is durable on this side and need not be kept.
    Checkpoint {
        /// The subscription.
        channel: u32,
        /// The last record or gap.
        id: RecordId,
    },
    /// Puller: stop sending.
    Unsubscribe {
        /// The subscription.
        channel: u32,
    },
    /// Node: the keys of all published logs, ascending.
    Published {
        /// The keys.
        logs: Vec<String>,
    },
    /// Node: the subscription stands.
    Start {
        /// The subscription.
        channel: u32,
        /// What is sent begins after this.
        after: RecordId,
    },
    /// Node: there will be no subscription.
    Refused {
        /// The subscription.
        channel: u32,
        /// Why.
        why: Why,
    },
    /// Node: records, in order, at least one.
    Batch {
        /// The subscription.
        channel: u32,
        /// The records.
        records: Vec<Record>,
        /// What is left after them.
        lag: Lag,
    },
    /// Node: records that will never be sent.
    Gap {
        /// The subscription.
        channel: u32,
        /// Which, and why.
        gap: Gap,
    },
    /// Node: the checkpoint is durable.
    CheckpointDone {
        /// The subscription.
        channel: u32,
        /// Up to where.
        id: RecordId,
    },
    /// Node: a subscription that stood has ended.
    Ended {
        /// The subscription.
        channel: u32,
        /// Why.
        why: Why,
    },
    /// Either: still here.
    Heartbeat,
}

/// What a batch of `records` costs of the credit, in bytes.
pub fn batch_cost(records: &[Record]) -> usize {
    records.iter().map(record_cost).sum()
}

/// What one record costs of the credit, in bytes.
pub fn record_cost(record: &Record) -> usize {
    record.payload.0.len().saturating_add(RECORD_OVERHEAD)
}

/// Whether `name` may be the key of a log or the name of a subscriber: 1 to [`NAME`] bytes, none of them a
/// control character.
pub fn name_is_valid(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME && !name.chars().any(char::is_control)
}

impl Body {
    /// The canonical encoding.
    pub fn encode(&self) -> Bytes {
        body::encode(self)
    }

    /// Decodes and checks what the types do not say: names, sizes, order.
    ///
    /// # Errors
    /// Any [`DecodeError`]; [`DecodeError::NotCanonical`] when the parts contradict each other.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > limits::STREAM_BODY {
            return Err(DecodeError::TooLong {
                found: bytes.len(),
                limit: limits::STREAM_BODY,
            });
        }
        let body: Self = body::decode(bytes)?;
        if body.is_sound() {
            Ok(body)
        } else {
            Err(DecodeError::NotCanonical)
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Self::Subscribe {
                log, subscriber, ..
            } => name_is_valid(log) && name_is_valid(subscriber),
            Self::Published { logs } => {
                logs.len() <= PUBLISHED
                    && logs.iter().all(|log| name_is_valid(log))
                    && logs.is_sorted_by(|one, next| one < next)
            }
            Self::Batch { records, .. } => {
                !records.is_empty() && records.is_sorted_by(|one, next| one.id < next.id)
            }
            Self::Gap { gap, .. } => gap.first <= gap.last && gap.count != Some(0),
            Self::List
            | Self::Credit { .. }
            | Self::Checkpoint { .. }
            | Self::Unsubscribe { .. }
            | Self::Start { .. }
            | Self::Refused { .. }
            | Self::CheckpointDone { .. }
            | Self::Ended { .. }
            | Self::Heartbeat => true,
        }
    }
}

#[cfg(test)]
mod tests;
