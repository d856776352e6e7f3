//! What the group layer puts into the payload of an ordered message.
//!
//! A client's message is laid out by hand, so that its payload stays a slice of what the ring delivered;
//! everything else is rare and is canonical postcard behind one tag byte.
//!
//! ```text
//! offset  bytes
//!      0      1  1: a client's message
//!      1      1  bits 0..=2 the level asked for, bit 3 self discard, the rest zero
//!      2      8  tag, little-endian
//!     10      1  length of the sender's name, then the name
//!             1  number of destinations, then for each: length (1 byte), name
//!                payload, to the end
//!
//!      0      1  2: control
//!      1         postcard of Control
//! ```
//!
//! What it deliberately is not: it says nothing of configurations or positions; those come with the delivery.

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::{ConfigurationId, Level, ProcessId};
use serde::{Deserialize, Serialize};

use crate::{DecodeError, body, limits};

mod command;
mod name;

pub use command::Command;
pub use name::{CLIENT_NAME, ClientName, GroupName, NameError};

const MESSAGE: u8 = 1;
const CONTROL: u8 = 2;
const LEVEL_BITS: u8 = 0b0111;
const SELF_DISCARD: u8 = 0b1000;

/// One payload of the group layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A client's message.
    Message(Message),
    /// A change of the group layer's own state.
    Control(Control),
}

/// A client's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sending client; its process is the sender of the ordered message.
    pub from: ClientName,
    /// Groups and private names, 1 to [`limits::GROUPS_PER_MESSAGE`] of them, as the sender listed them.
    pub groups: Vec<GroupName>,
    /// The level that the client asked for; the ring may have been asked for more.
    pub level: Level,
    /// Whether the sender wants no copy.
    pub self_discard: bool,
    /// Opaque, from the sender's node.
    pub tag: u64,
    /// The client's bytes.
    pub payload: Bytes,
}

/// A change of the group layer's state. Only valid when delivered at agreed or above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// A client of the sender joins a group.
    Join {
        /// The client.
        client: ClientName,
        /// The group; never a private name.
        group: GroupName,
    },
    /// A client of the sender leaves a group.
    Leave {
        /// The client.
        client: ClientName,
        /// The group.
        group: GroupName,
    },
    /// A client of the sender is gone, from all its groups.
    Disconnect {
        /// The client.
        client: ClientName,
    },
    /// One part of what the sender's clients were members of when a configuration began.
    State(State),
}

/// One part of a process' state, exchanged when components merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The regular configuration at whose beginning this holds; a part for any other one is out of date.
    pub configuration: ConfigurationId,
    /// The smallest process of those that came to this configuration together with the sender.
    pub side: ProcessId,
    /// Counts the parts of one sender for one configuration, from 0.
    pub part: u32,
    /// Whether this is the last part.
    pub last: bool,
    /// Clients and their groups; a client with many groups may appear in several parts.
    pub clients: Vec<StateClient>,
}

/// One client in a [`State`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateClient {
    /// Its name.
    pub client: ClientName,
    /// Groups it is a member of.
    pub groups: Vec<GroupName>,
}

/// The payload that stands for `control`.
pub fn encode_control(control: &Control) -> Bytes {
    let encoded = body::encode(control);
    let mut out = BytesMut::with_capacity(encoded.len().saturating_add(1));
    out.put_u8(CONTROL);
    out.put_slice(&encoded);
    out.freeze()
}

/// The payload that stands for `message`.
///
/// # Errors
/// [`DecodeError::TooLong`] if there is no destination or too many, or if the whole exceeds
/// [`limits::MESSAGE`].
pub fn encode_message(message: &Message) -> Result<Bytes, DecodeError> {
    let count = destinations(message.groups.len())?;
    let names: usize = message.groups.iter().map(|g| g.as_str().len() + 1).sum();
    let whole = 12 + message.from.as_str().len() + names + message.payload.len();
    if whole > limits::MESSAGE {
        return Err(DecodeError::TooLong {
            found: whole,
            limit: limits::MESSAGE,
        });
    }
    let mut out = BytesMut::with_capacity(whole);
    out.put_u8(MESSAGE);
    let discard = if message.self_discard {
        SELF_DISCARD
    } else {
        0
    };
    out.put_u8(message.level as u8 | discard);
    out.put_u64_le(message.tag);
    put_name(&mut out, message.from.as_str());
    out.put_u8(count);
    for group in &message.groups {
        put_name(&mut out, group.as_str());
    }
    out.put_slice(&message.payload);
    Ok(out.freeze())
}

/// Takes a payload apart. The payload of a message is a slice of `bytes`.
///
/// # Errors
/// Any [`DecodeError`]; two different byte strings never decode to equal values.
pub fn decode(bytes: &Bytes) -> Result<Body, DecodeError> {
    match bytes.first() {
        None => Err(DecodeError::Truncated { have: 0, need: 1 }),
        Some(&MESSAGE) => decode_message(bytes).map(Body::Message),
        Some(&CONTROL) => body::decode(&bytes.slice(1..)).map(Body::Control),
        Some(&other) => Err(DecodeError::Kind(other)),
    }
}

fn decode_message(bytes: &Bytes) -> Result<Message, DecodeError> {
    let mut rest = Reader { bytes, at: 1 };
    let [flags] = rest.array::<1>()?;
    if flags & !(LEVEL_BITS | SELF_DISCARD) != 0 {
        return Err(DecodeError::Reserved);
    }
    let level = Level::ALL
        .get(usize::from(flags & LEVEL_BITS))
        .copied()
        .ok_or(DecodeError::Malformed)?;
    let tag = u64::from_le_bytes(rest.array::<8>()?);
    let from = ClientName::new(rest.name()?).map_err(|_| DecodeError::Malformed)?;
    let [count] = rest.array::<1>()?;
    let count = usize::from(destinations(usize::from(count))?);
    let mut groups = Vec::with_capacity(count);
    for _ in 0..count {
        groups.push(GroupName::new(rest.name()?).map_err(|_| DecodeError::Malformed)?);
    }
    Ok(Message {
        from,
        groups,
        level,
        self_discard: flags & SELF_DISCARD != 0,
        tag,
        payload: bytes.slice(rest.at..),
    })
}

/// `count` as the byte it is on the wire, if a message may have that many destinations.
fn destinations(count: usize) -> Result<u8, DecodeError> {
    match u8::try_from(count) {
        Ok(byte) if count > 0 && count <= limits::GROUPS_PER_MESSAGE => Ok(byte),
        Ok(_) | Err(_) => Err(DecodeError::TooLong {
            found: count,
            limit: limits::GROUPS_PER_MESSAGE,
        }),
    }
}

/// Names are at most 255 bytes long by their own rule, so one byte holds their length.
fn put_name(out: &mut BytesMut, name: &str) {
    let length = u8::try_from(name.len());
    assert!(length.is_ok(), "a name is bounded by its type");
    out.put_u8(length.unwrap_or_default());
    out.put_slice(name.as_bytes());
}

/// Reads fields off the front of a message.
struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.saturating_add(count);
        let field = self.bytes.get(self.at..end).ok_or(DecodeError::Truncated {
            have: self.bytes.len(),
            need: end,
        })?;
        self.at = end;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn name(&mut self) -> Result<&'a str, DecodeError> {
        let [length] = self.array::<1>()?;
        core::str::from_utf8(self.take(usize::from(length))?).map_err(|_| DecodeError::Malformed)
    }
}

#[cfg(test)]
mod tests;
