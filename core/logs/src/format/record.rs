//! One record in a segment.
//!
//! ```text
//! offset  bytes
//!      0      2  mark, 0xC10A
//!      2      1  class: 0 none, 1 batch, 2 sync
//!      3      1  kind: 1 record, 2 end of the log's incarnation
//!      4      4  length of the payload
//!      8      8  sequence
//!     16      8  time, nanoseconds since 1970-01-01 UTC
//!     24      4  how many records just before this one were not durable when it was written
//!     28      4  checksum of the record before
//!     32      4  CRC-32C of the log's hash, the incarnation, bytes 0..32 and the payload
//!     36         payload
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::defect::{self, Defect};
use ringfort_wire::logs::RecordId;

use super::{CRC, field, u32_at, u64_at};
use crate::record::{Append, Class, RECORD_LIMIT};

const MARK: u16 = 0xC10A;
const KIND_RECORD: u8 = 1;
const KIND_END: u8 = 2;

/// Bytes of a record beside its payload.
pub(crate) const RECORD_BYTES: usize = 36;

/// Whose records these are: part of every checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The log.
    pub(crate) log: u64,
    /// Its incarnation.
    pub(crate) incarnation: u64,
}

/// A record whose own checksum is right; whether it belongs here is for the caller to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Its identity.
    pub(crate) id: RecordId,
    /// Its class.
    pub(crate) class: Class,
    /// Its time.
    pub(crate) wall_ns: u64,
    /// How many before it were not durable yet.
    pub(crate) unsynced: u32,
    /// The checksum of the record before.
    pub(crate) previous: u32,
    /// Its own checksum.
    pub(crate) sum: u32,
    /// Its bytes.
    pub(crate) payload: &'a [u8],
    /// Whether it marks the end of the incarnation and is no record.
    pub(crate) end: bool,
}

impl Frame<'_> {
    /// Its length in the segment.
    pub(crate) const fn bytes(&self) -> usize {
        RECORD_BYTES.saturating_add(self.payload.len())
    }

    /// The last sequence that was durable when it was written.
    pub(crate) fn durable(&self) -> u64 {
        (self.id.sequence.saturating_sub(1)).saturating_sub(u64::from(self.unsynced))
    }
}

/// What the front of some bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// A sound record.
    Frame(Frame<'a>),
    /// The beginning of one that needs so many bytes.
    Short(usize),
    /// No record.
    Bad,
}

/// Lays out a record. `unsynced` saturates: it is evidence, not an address.
pub(crate) fn encode(
    scope: Scope,
    sequence: u64,
    unsynced: u64,
    previous: u32,
    append: &Append,
) -> (Bytes, u32) {
    lay_out(scope, sequence, unsynced, previous, append, KIND_RECORD)
}

/// Lays out the mark that says: no record `sequence` of this incarnation was ever written.
pub(crate) fn encode_end(scope: Scope, sequence: u64, previous: u32) -> Bytes {
    let append = Append {
        class: Class::Sync,
        payload: Bytes::new(),
        wall_ns: 0,
    };
    lay_out(scope, sequence, 0, previous, &append, KIND_END).0
}

fn lay_out(
    scope: Scope,
    sequence: u64,
    unsynced: u64,
    previous: u32,
    append: &Append,
    kind: u8,
) -> (Bytes, u32) {
    let mut out = BytesMut::with_capacity(RECORD_BYTES.saturating_add(append.payload.len()));
    out.put_u16_le(MARK);
    out.put_u8(append.class as u8);
    out.put_u8(kind);
    out.put_u32_le(append.payload.len() as u32);
    out.put_u64_le(sequence);
    out.put_u64_le(append.wall_ns);
    out.put_u32_le(u32::try_from(unsynced).unwrap_or(u32::MAX));
    out.put_u32_le(previous);
    let sum = sum(scope, &out, &append.payload);
    out.put_u32_le(sum);
    out.put_slice(&append.payload);
    (out.freeze(), sum)
}

fn sum(scope: Scope, front: &[u8], payload: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&scope.log.to_le_bytes());
    digest.update(&scope.incarnation.to_le_bytes());
    digest.update(front);
    digest.update(payload);
    digest.finalize()
}

/// Reads the record at the front of `bytes`.
pub(crate) fn parse(scope: Scope, bytes: &[u8]) -> Parsed<'_> {
    try_parse(scope, bytes).unwrap_or(Parsed::Short(RECORD_BYTES))
}

/// [`parse`], with nothing for fewer bytes than a record without a payload has.
fn try_parse(scope: Scope, bytes: &[u8]) -> Option<Parsed<'_>> {
    // Bytes that can become no record are bad however few they are: a reader must not wait for more.
    let mark = MARK.to_le_bytes();
    let known = bytes.len().min(mark.len());
    if bytes.get(..known) != mark.get(..known) {
        return Some(Parsed::Bad);
    }
    let front = bytes.get(..32)?;
    let stated = u32_at(bytes, 32)?;
    let [class, kind] = field::<2>(bytes, 2)?;
    let length = u32_at(bytes, 4)? as usize;
    let (Some(class), KIND_RECORD | KIND_END) = (Class::from_byte(class), kind) else {
        return Some(Parsed::Bad);
    };
    if length > RECORD_LIMIT {
        return Some(Parsed::Bad);
    }
    let whole = RECORD_BYTES.saturating_add(length);
    let Some(payload) = bytes.get(RECORD_BYTES..whole) else {
        return Some(Parsed::Short(whole));
    };
    if sum(scope, front, payload) != stated && !defect::active(Defect::AcceptTornRecord) {
        return Some(Parsed::Bad);
    }
    Some(Parsed::Frame(Frame {
        id: RecordId::new(scope.incarnation, u64_at(bytes, 8)?),
        class,
        wall_ns: u64_at(bytes, 16)?,
        unsynced: u32_at(bytes, 24)?,
        previous: u32_at(bytes, 28)?,
        sum: stated,
        payload,
        end: kind == KIND_END,
    }))
}
