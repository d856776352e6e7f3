//! The body of an ordered packet, laid out by hand.
//!
//! ```text
//! offset  bytes
//!      0     24  ring: sequence, node and incarnation of the representative
//!     24      8  seq: place of the packet in the order of that ring
//!     32     16  sender: node and incarnation
//!     48      1  content: 1 messages, 2 recovered
//!     49      1  zero
//!     50      2  how many messages and pieces of messages, otherwise zero
//! messages:
//!     52      8  number of the first; the others follow without a gap
//!     60         for each: level (1), cut (1), length (2), the payload;
//!                if cut is 1 and not 0, before a payload that is not empty and less than the whole:
//!                offset of this piece (4), length of the whole message (4)
//! recovered:
//!     52         the body of a packet of an older ring, never itself a recovered one
//! ```
//! All integers are little-endian and of fixed width, reserved bytes are zero and lengths add up exactly, so
//! that there is one encoding for each value. Messages run on from packet to packet: the last of one may be cut
//! and the first of the next go on with it, so that whoever has much to send fills every packet. Decoding allocates nothing: messages are walked in place.

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::{Incarnation, Level, NodeId, ProcessId, RingId};

use crate::{ClusterId, DecodeError, Kind, frame, limits};

/// Bytes in front of the content.
const HEAD: usize = 52;
/// Bytes in front of the first packed message.
const PACKED_HEAD: usize = HEAD + 8;
/// Bytes in front of each packed message.
const ITEM_HEAD: usize = 4;
/// Bytes more in front of a piece of a cut message.
const CUT_HEAD: usize = 8;
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
    /// Messages, and at either end a piece of one.
    Messages(Messages),
    /// The body of a packet of an older ring, sent again in the recovery of a new one.
    Recovered(Bytes),
}

/// Several messages, numbered without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    first: u64,
    count: u16,
    items: Bytes,
}

/// A message in a packet, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The number of the message.
    pub number: u64,
    /// Its level.
    pub level: Level,
    /// Where the payload belongs, if it is not the whole message.
    pub cut: Option<Cut>,
    /// The message or the piece, a slice of the datagram.
    pub payload: Bytes,
}

/// The place of a piece in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes before the piece.
    pub offset: u32,
    /// Bytes of the whole message.
    pub total: u32,
}

impl Cut {
    /// Whether a piece of `length` bytes here is the last one.
    pub const fn ends_with(self, length: usize) -> bool {
        self.offset as usize + length == self.total as usize
    }
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

    /// All of them, in order. Only the first may go on with a message, and only the last be left unfinished.
    pub fn iter(&self) -> impl Iterator<Item = Item> + '_ {
        let mut offset = 0_usize;
        (0..u64::from(self.count)).map_while(move |index| {
            let head = item(&self.items, offset).ok()?;
            let start = offset.saturating_add(head.bytes);
            offset = start.saturating_add(head.length);
            Some(Item {
                number: self.first.saturating_add(index),
                level: head.level,
                cut: head.cut,
                payload: self.items.slice(start..offset),
            })
        })
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
        let count = u16::from_le_bytes([byte(body, 50), byte(body, 51)]);
        if seq == 0 || seq >= super::CEILING || ring.sequence >= super::CEILING {
            return Err(DecodeError::NotCanonical);
        }
        if byte(body, 49) != 0 {
            return Err(DecodeError::Reserved);
        }
        let content = match byte(body, 48) {
            1 => Content::Messages(decode_messages(body, count)?),
            2 if count == 0 => Content::Recovered(decode_recovered(body)?),
            2 => return Err(DecodeError::Reserved),
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
    for index in 1..=count {
        let head = item(&items, offset)?;
        offset = offset
            .saturating_add(head.bytes)
            .saturating_add(head.length);
        need(&items, offset)?;
        let begins = head.cut.is_none_or(|cut| cut.offset == 0);
        let ends = head.cut.is_none_or(|cut| cut.ends_with(head.length));
        if !(begins || index == 1) || !(ends || index == count) {
            return Err(DecodeError::NotCanonical);
        }
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

fn decode_recovered(body: &Bytes) -> Result<Bytes, DecodeError> {
    let inner = body.slice(HEAD..);
    match Data::decode_plain(&inner)?.content {
        Content::Messages(_) => Ok(inner),
        Content::Recovered(_) => Err(DecodeError::NotCanonical),
    }
}

impl Data {
    /// Decodes a body that must not be a recovered one: packets are wrapped once, never twice.
    fn decode_plain(body: &Bytes) -> Result<Self, DecodeError> {
        if body.get(48) == Some(&2) {
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

    /// How many bytes are left for a message, behind its head; nothing if not even an empty one fits.
    pub fn room(&self) -> Option<usize> {
        let head = if self.count == 0 { 8 } else { 0 };
        let filled = self.out.len() + head + ITEM_HEAD;
        let left = self.limit.checked_sub(filled)?;
        (usize::from(self.count) < PACKED).then_some(left)
    }

    /// Whether a message of `length` bytes still fits whole.
    pub fn fits(&self, length: usize) -> bool {
        self.room().is_some_and(|room| length <= room)
    }

    /// The longest piece of a message that still fits; zero if none does.
    pub fn room_for_piece(&self) -> usize {
        self.room().map_or(0, |room| room.saturating_sub(CUT_HEAD))
    }

    /// Whether nothing was added yet.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a message; the caller has asked [`DataBuilder::fits`] and counts `number` up by one each time.
    pub fn push(&mut self, number: u64, level: Level, payload: &[u8]) {
        self.add(number, level, None, payload);
    }

    /// Adds a piece of a message, not longer than [`DataBuilder::room_for_piece`]. One that goes on with a
    /// message must be the first thing added, one that leaves it unfinished the last.
    pub fn push_piece(&mut self, number: u64, level: Level, cut: Cut, piece: &[u8]) {
        self.add(number, level, Some(cut), piece);
    }

    fn add(&mut self, number: u64, level: Level, cut: Option<Cut>, payload: &[u8]) {
        let length = payload.len() + if cut.is_some() { CUT_HEAD } else { 0 };
        assert!(self.fits(length), "a message is added only where it fits");
        if self.count == 0 {
            self.set(48, 1);
            self.out.put_u64_le(number);
        }
        self.count += 1;
        let [low, high] = self.count.to_le_bytes();
        self.set(50, low);
        self.set(51, high);
        self.out.put_u8(level_byte(level));
        self.out.put_u8(u8::from(cut.is_some()));
        self.out.put_u16_le(payload.len() as u16);
        if let Some(cut) = cut {
            self.out.put_u32_le(cut.offset);
            self.out.put_u32_le(cut.total);
        }
        self.out.put_slice(payload);
    }

    /// Makes it the carrier of `body`, a packet of an older ring, and the frame's bytes.
    pub fn recovered(mut self, body: &[u8], cluster: ClusterId) -> Bytes {
        assert!(self.count == 0, "a recovered packet travels alone");
        self.set(48, 2);
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

/// What stands in front of a message.
struct ItemHead {
    level: Level,
    cut: Option<Cut>,
    /// Bytes of the payload.
    length: usize,
    /// Bytes of this.
    bytes: usize,
}

/// What stands in front of the message at `offset`.
fn item(items: &[u8], offset: usize) -> Result<ItemHead, DecodeError> {
    need(items, offset.saturating_add(ITEM_HEAD))?;
    let length = u16::from_le_bytes([byte(items, offset + 2), byte(items, offset + 3)]);
    let mut head = ItemHead {
        level: level_of(byte(items, offset))?,
        cut: None,
        length: usize::from(length),
        bytes: ITEM_HEAD,
    };
    match byte(items, offset + 1) {
        0 => {}
        1 => {
            need(items, offset.saturating_add(ITEM_HEAD + CUT_HEAD))?;
            let cut = Cut {
                offset: short(items, offset + ITEM_HEAD),
                total: short(items, offset + ITEM_HEAD + 4),
            };
            check_cut(cut, head.length)?;
            head.cut = Some(cut);
            head.bytes += CUT_HEAD;
        }
        _ => return Err(DecodeError::Reserved),
    }
    Ok(head)
}

fn check_cut(cut: Cut, length: usize) -> Result<(), DecodeError> {
    let total = cut.total as usize;
    if total > limits::MESSAGE {
        return Err(DecodeError::TooLong {
            found: total,
            limit: limits::MESSAGE,
        });
    }
    let end = (cut.offset as usize).saturating_add(length);
    if length == 0 || length == total || end > total {
        return Err(DecodeError::NotCanonical);
    }
    Ok(())
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
