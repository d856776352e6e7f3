//! The header of a segment: where it belongs, what came before it, and what is known to be lost before it.
//!
//! ```text
//! offset  bytes
//!      0      8  magic "RINGFLOG"
//!      8      2  version, 1
//!     10      2  length of this header, 92
//!     12      4  copy
//!     16      8  hash of the log's key
//!     24      8  boot of the operating system, 0 if unknown
//!     32      8  incarnation of the log
//!     40      8  sequence of the first record
//!     48      8  incarnation of the record before it, 0 if there is none
//!     56     16  the last identity that was lost just before the first record, or zero
//!     72      8  the last sequence that was durable when this was written
//!     80      4  cause of that loss: 0 none, 1 power, 3 disk
//!     84      4  checksum of the record before the first, or zero
//!     88      4  CRC-32C of bytes 0..88
//! ```

use alloc::vec::Vec;

use ringfort_wire::logs::{GapCause, RecordId};

use super::{SegmentName, checksum, field, u32_at, u64_at};

const MAGIC: [u8; 8] = *b"RINGFLOG";
const VERSION: u16 = 1;

/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 92;

/// What stands at the front of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Base and copy, as in the file's name.
    pub(crate) name: SegmentName,
    /// Which log.
    pub(crate) log: u64,
    /// Which boot of the operating system; 0 if unknown.
    pub(crate) boot: u64,
    /// The incarnation of the record before the base.
    pub(crate) before_incarnation: u64,
    /// What was lost after that record: up to which identity, and why.
    pub(crate) lost: Option<(RecordId, GapCause)>,
    /// What was durable when this was written.
    pub(crate) durable: u64,
    /// The checksum of the record before the base.
    pub(crate) previous: u32,
}

impl SegmentHeader {
    /// The identity of the record before the base; [`RecordId::BEFORE_ALL`] if there is none.
    pub(crate) const fn before(&self) -> RecordId {
        RecordId::new(
            self.before_incarnation,
            self.name.base.sequence.saturating_sub(1),
        )
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let (lost, cause) = match self.lost {
            None => (RecordId::BEFORE_ALL, 0),
            Some((id, cause)) => (id, cause_number(cause)),
        };
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(HEADER_BYTES as u16).to_le_bytes());
        out.extend_from_slice(&self.name.copy.to_le_bytes());
        for number in [
            self.log,
            self.boot,
            self.name.base.incarnation,
            self.name.base.sequence,
            self.before_incarnation,
            lost.incarnation,
            lost.sequence,
            self.durable,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&cause.to_le_bytes());
        out.extend_from_slice(&self.previous.to_le_bytes());
        let sum = checksum(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads the header at the front of `bytes`; nothing if it is not whole, or not one of `log`.
    pub(crate) fn decode(bytes: &[u8], log: u64) -> Option<Self> {
        let sound = field::<8>(bytes, 0)? == MAGIC
            && field::<2>(bytes, 8)? == VERSION.to_le_bytes()
            && field::<2>(bytes, 10)? == (HEADER_BYTES as u16).to_le_bytes()
            && u64_at(bytes, 16)? == log
            && u32_at(bytes, 88)? == checksum(bytes.get(..88)?);
        if !sound {
            return None;
        }
        let lost = RecordId::new(u64_at(bytes, 56)?, u64_at(bytes, 64)?);
        let lost = cause_of(u32_at(bytes, 80)?)?.map(|cause| (lost, cause));
        Some(Self {
            name: SegmentName {
                base: RecordId::new(u64_at(bytes, 32)?, u64_at(bytes, 40)?),
                copy: u32_at(bytes, 12)?,
            },
            log,
            boot: u64_at(bytes, 24)?,
            before_incarnation: u64_at(bytes, 48)?,
            lost,
            durable: u64_at(bytes, 72)?,
            previous: u32_at(bytes, 84)?,
        })
    }
}

const fn cause_number(cause: GapCause) -> u32 {
    match cause {
        GapCause::Power => 1,
        GapCause::Budget => 2,
        GapCause::Disk => 3,
        GapCause::Decommission => 4,
    }
}

const fn cause_of(number: u32) -> Option<Option<GapCause>> {
    match number {
        0 => Some(None),
        1 => Some(Some(GapCause::Power)),
        2 => Some(Some(GapCause::Budget)),
        3 => Some(Some(GapCause::Disk)),
        4 => Some(Some(GapCause::Decommission)),
        _ => None,
    }
}
