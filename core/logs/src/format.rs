//! The bytes of a segment: a header and records, each of which proves itself and names its predecessor.
//!
//! Every number is little-endian. A record's checksum covers the incarnation and the log beside its own bytes,
//! so that a block of another file, or of an earlier life of this one, is not taken for a record; it also
//! covers the checksum of the record before, so that the records form a chain over segments and copies: equal
//! checksums mean equal histories. There is no ledger beside the segments (services-anchors 2.5 L4): two
//! truths that are persisted independently are how logs lose records.
//!
//! Deliberately not shared with the wire: a disk outlives a protocol. docs/protocol/logs.md has the tables.

mod header;
mod name;
mod record;

pub(crate) use header::{HEADER_BYTES, SegmentHeader};
pub(crate) use name::{SegmentName, checkpoint_name, log_hash, parse_checkpoint_name};
pub(crate) use record::{Parsed, RECORD_BYTES, Scope, encode, encode_end, parse};

const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);

/// CRC-32C of `bytes`.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// The `N` bytes at `offset`, if they are there.
pub(crate) fn field<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    field(bytes, offset).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    field(bytes, offset).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
