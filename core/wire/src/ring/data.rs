//! The body of an ordered packet, laid out by hand.
//!
//! ```text
//! offset  bytes
//!      0     24  ring: sequence, node and incarnation of the representative
//!     24      8  seq: place of the packet in the order of that ring
//!     32     16  sender: node and incarnation
//!     48      1  content: 1 messages, 2 fragment, 3 recovered
//!     49      1  level of a fragment, otherwise zero
//!     50      2  how many messages, otherwise zero
//! messages:
//!     52      8  number of the first; the others follow without a gap
//!     60         for each: level (1), zero (1), length (2), payload
//! fragment, less than the whole:
//!     52      8  number of the cut message
//!     60      4  offset of this piece
//!     64      4  length of the whole message
//!     68         the piece, not empty
//! recovered:
//!     52         the body of a packet of an older ring, never itself a recovered one
//! ```
//! All integers are little-endian and of fixed width, reserved bytes are zero and lengths add up exactly, so
//! that there is one encoding for each value. Decoding allocates nothing: messages are walked in place.

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::{Incarnation, Level, NodeId, ProcessId, RingId};

use crate::{ClusterId, DecodeError, Kind, frame, limits};

/// Bytes in front of the content.
const HEAD: usize = 52;
/// Bytes in front of the first packed message.
const PACKED_HEAD: usize = HEAD + 8;
/// Bytes in front of each packed message.
const ITEM_HEAD: usize = 4;
/// Bytes in front of a piece of a cut message.
const FRAGMENT_HEAD: usize = HEAD + 16;
/// The most messages in one packet; ordinals rely on it.
pub const PACKED: usize = 4096;
/// Bytes by which a recovered packet is longer than the packet in it.
pub const WRAP: usize = HEAD;

/// One packet of the total order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The ring in whose order it has a place.
    pub ring: RingId,
    /// The place.
    pub seq: u64,
    /// Who gave it that place.
    pub sender: ProcessId,
    /// What it carries.
    pub content: Content,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Whole messages.
    Messages(Messages),
    /// A piece of a message too long for one packet.
    Fragment(Fragment),
    /// The body of a packet of an older ring, sent again in the recovery of a new one.
    Recovered(Bytes),
}

/// Several whole messages, numbered without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    first: u64,
    count: u16,
    items: Bytes,
}

impl Messages {
    /// How many there are; at least one.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Never true; a packet without messages does not decode.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number, level and payload of each, in order. Payloads are slices of the datagram.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Level, Bytes)> + '_ {
        let mut offset = 0_usize;
        (0..u64::from(self.count)).map_while(move |index| {
            let (level, length) = item(&self.items, offset).ok()?;
            let start = offset.saturating_add(ITEM_HEAD);
            offset = start.saturating_add(length);
            Some((
                self.first.saturating_add(index),
                level,
                self.items.slice(start..offset),
            ))
        })
    }
}

/// A piece of a message too long for one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The number of the message.
    pub number: u64,
    /// Its level.
    pub level: Level,
    /// Where the piece belongs, in bytes.
    pub offset: u32,
    /// The length of the whole message, in bytes.
    pub total: u32,
    /// The piece, a slice of the datagram.
    pub piece: Bytes,
}

impl Fragment {
    /// Whether it is the last piece.
    pub fn is_last(&self) -> bool {
        self.offset as usize + self.piece.len() == self.total as usize
    }
}

impl Data {
    /// Decodes a whole body.
    ///
    /// # Errors
    /// Any [`DecodeError`]; what decodes is the one encoding of its value.
    pub fn decode(body: &Bytes) -> Result<Self, DecodeError> {
        need(body, HEAD)?;
        let ring = RingId {
            sequence: number(body, 0),
            representative: process(body, 8),
        };
        let (seq, sender) = (number(body, 24), process(body, 32));
        let level = byte(body, 49);
        let count = u16::from_le_bytes([byte(body, 50), byte(body, 51)]);
        if seq == 0 || seq >= super::CEILING || ring.sequence >= super::CEILING {
            return Err(DecodeError::NotCanonical);
        }
        let content = match byte(body, 48) {
            1 if level == 0 => Content::Messages(decode_messages(body, count)?),
            2 if count == 0 => Content::Fragment(decode_fragment(body, level)?),
            3 if level == 0 && count == 0 => Content::Recovered(decode_recovered(body)?),
            1..=3 => return Err(DecodeError::Reserved),
            other => return Err(DecodeError::Kind(other)),
        };
        Ok(Self {
            ring,
            seq,
            sender,
            content,
        })
    }
}

fn decode_messages(body: &Bytes, count: u16) -> Result<Messages, DecodeError> {
    need(body, PACKED_HEAD)?;
    if count == 0 || usize::from(count) > PACKED {
        return Err(DecodeError::NotCanonical);
    }
    let first = number(body, HEAD);
    if first == 0 || first.checked_add(u64::from(count)).is_none() {
        return Err(DecodeError::NotCanonical);
    }
    let items = body.slice(PACKED_HEAD..);
    let mut offset = 0_usize;
    for _ in 0..count {
        let (_, length) = item(&items, offset)?;
        offset = offset.saturating_add(ITEM_HEAD).saturating_add(length);
        need(&items, offset)?;
    }
    match items.len().saturating_sub(offset) {
        0 => Ok(Messages {
            first,
            count,
            items,
        }),
        more => Err(DecodeError::Trailing(more)),
    }
}

fn decode_fragment(body: &Bytes, level: u8) -> Result<Fragment, DecodeError> {
    need(body, FRAGMENT_HEAD)?;
    let fragment = Fragment {
        number: number(body, HEAD),
        level: level_of(level)?,
        offset: short(body, HEAD + 8),
        total: short(body, HEAD + 12),
        piece: body.slice(FRAGMENT_HEAD..),
    };
    if fragment.total as usize > limits::MESSAGE {
        return Err(DecodeError::TooLong {
            found: fragment.total as usize,
            limit: limits::MESSAGE,
        });
    }
    let end = (fragment.offset as usize).saturating_add(fragment.piece.len());
    let whole = fragment.piece.len() == fragment.total as usize;
    if fragment.number == 0 || fragment.piece.is_empty() || whole || end > fragment.total as usize {
        return Err(DecodeError::NotCanonical);
    }
    Ok(fragment)
}

fn decode_recovered(body: &Bytes) -> Result<Bytes, DecodeError> {
    let inner = body.slice(HEAD..);
    match Data::decode_plain(&inner)?.content {
        Content::Messages(_) | Content::Fragment(_) => Ok(inner),
        Content::Recovered(_) => Err(DecodeError::NotCanonical),
    }
}

impl Data {
    /// Decodes a body that must not be a recovered one: packets are wrapped once, never twice.
    fn decode_plain(body: &Bytes) -> Result<Self, DecodeError> {
        if body.get(48) == Some(&3) {
            return Err(DecodeError::NotCanonical);
        }
        Self::decode(body)
    }
}

/// Writes one packet straight into its datagram.
#[derive(Debug)]
pub struct DataBuilder {
    out: BytesMut,
    limit: usize,
    count: u16,
}

impl DataBuilder {
    /// An empty packet of `ring` at `seq` from `sender`, in a frame of at most `limit` bytes, header included.
    pub fn new(ring: RingId, seq: u64, sender: ProcessId, limit: usize) -> Self {
        let mut out = BytesMut::with_capacity(limit);
        frame::start(&mut out, Kind::Data);
        out.put_u64_le(ring.sequence);
        put_process(&mut out, ring.representative);
        out.put_u64_le(seq);
        put_process(&mut out, sender);
        out.put_bytes(0, 4);
        Self {
            out,
            limit,
            count: 0,
        }
    }

    /// Whether a message of `length` bytes still fits.
    pub fn fits(&self, length: usize) -> bool {
        let head = if self.count == 0 { 8 } else { 0 };
        let after = self
            .out
            .len()
            .saturating_add(head + ITEM_HEAD)
            .saturating_add(length);
        after <= self.limit && usize::from(self.count) < PACKED
    }

    /// The longest message that an empty packet of `limit` bytes takes whole.
    pub const fn largest_whole(limit: usize) -> usize {
        limit.saturating_sub(limits::HEADER + PACKED_HEAD + ITEM_HEAD)
    }

    /// The longest piece of a cut message that a packet of `limit` bytes takes.
    pub const fn largest_piece(limit: usize) -> usize {
        limit.saturating_sub(limits::HEADER + FRAGMENT_HEAD)
    }

    /// Adds a message; the caller has asked [`DataBuilder::fits`] and counts `number` up by one each time.
    pub fn push(&mut self, number: u64, level: Level, payload: &[u8]) {
        assert!(
            self.fits(payload.len()),
            "a message is added only where it fits"
        );
        if self.count == 0 {
            self.set(48, 1);
            self.out.put_u64_le(number);
        }
        self.count += 1;
        let [low, high] = self.count.to_le_bytes();
        self.set(50, low);
        self.set(51, high);
        self.out.put_u8(level_byte(level));
        self.out.put_u8(0);
        self.out.put_u16_le(payload.len() as u16);
        self.out.put_slice(payload);
    }

    /// Makes it a piece of a cut message, and the frame's bytes.
    pub fn fragment(mut self, fragment: &Fragment, cluster: ClusterId) -> Bytes {
        assert!(self.count == 0, "a fragment travels alone");
        self.set(48, 2);
        self.set(49, level_byte(fragment.level));
        self.out.put_u64_le(fragment.number);
        self.out.put_u32_le(fragment.offset);
        self.out.put_u32_le(fragment.total);
        self.out.put_slice(&fragment.piece);
        self.seal(cluster)
    }

    /// Makes it the carrier of `body`, a packet of an older ring, and the frame's bytes.
    pub fn recovered(mut self, body: &[u8], cluster: ClusterId) -> Bytes {
        assert!(self.count == 0, "a recovered packet travels alone");
        self.set(48, 3);
        self.out.put_slice(body);
        self.seal(cluster)
    }

    /// The frame's bytes; there must be at least one message.
    pub fn finish(self, cluster: ClusterId) -> Bytes {
        assert!(self.count > 0, "a packet carries something");
        self.seal(cluster)
    }

    fn seal(mut self, cluster: ClusterId) -> Bytes {
        frame::finish(&mut self.out, cluster)
    }

    fn set(&mut self, offset: usize, value: u8) {
        if let Some(byte) = self.out.get_mut(limits::HEADER + offset) {
            *byte = value;
        }
    }
}

fn put_process(out: &mut BytesMut, process: ProcessId) {
    out.put_u64_le(process.node.0);
    out.put_u64_le(process.incarnation.0);
}

fn need(bytes: &[u8], need: usize) -> Result<(), DecodeError> {
    if bytes.len() >= need {
        Ok(())
    } else {
        Err(DecodeError::Truncated {
            have: bytes.len(),
            need,
        })
    }
}

/// Level and length of the packed message at `offset`.
fn item(items: &[u8], offset: usize) -> Result<(Level, usize), DecodeError> {
    need(items, offset.saturating_add(ITEM_HEAD))?;
    if byte(items, offset + 1) != 0 {
        return Err(DecodeError::Reserved);
    }
    let length = u16::from_le_bytes([byte(items, offset + 2), byte(items, offset + 3)]);
    Ok((level_of(byte(items, offset))?, usize::from(length)))
}

fn byte(bytes: &[u8], offset: usize) -> u8 {
    bytes.get(offset).copied().unwrap_or_default()
}

fn short(bytes: &[u8], offset: usize) -> u32 {
    (0..4).rev().fold(0, |value, index| {
        value << 8 | u32::from(byte(bytes, offset + index))
    })
}

fn number(bytes: &[u8], offset: usize) -> u64 {
    u64::from(short(bytes, offset)) | u64::from(short(bytes, offset + 4)) << 32
}

fn process(bytes: &[u8], offset: usize) -> ProcessId {
    ProcessId::new(
        NodeId(number(bytes, offset)),
        Incarnation(number(bytes, offset + 8)),
    )
}

const fn level_byte(level: Level) -> u8 {
    match level {
        Level::Reliable => 1,
        Level::Fifo => 2,
        Level::Causal => 3,
        Level::Agreed => 4,
        Level::Safe => 5,
    }
}

fn level_of(byte: u8) -> Result<Level, DecodeError> {
    match byte {
        1 => Ok(Level::Reliable),
        2 => Ok(Level::Fifo),
        3 => Ok(Level::Causal),
        4 => Ok(Level::Agreed),
        5 => Ok(Level::Safe),
        _ => Err(DecodeError::Malformed),
    }
}
