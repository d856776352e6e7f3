//! Messages of the replicated counters: who has which object, and what one process contributes to it.
//!
//! Every value is *absolute*: it says what the sender's own contribution is, not by how much it changed, so a
//! message that is seen twice does no harm (services-anchors 3.1: increments drift for ever). A process numbers
//! its messages in one sequence, so that a receiver knows a repeated one and a missing one.
//!
//! What this deliberately is not: it holds no sums. Only contributions travel; every member adds them up.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
use ipnet::IpNet;
use ringfort_machine::Position;
use serde::{Deserialize, Serialize};

use crate::{DecodeError, body};

mod network;

/// The longest name of an object, in bytes.
pub const NAME: usize = 64;
/// The longest text key, in bytes: the longest domain name (RFC 1035, section 2.3.4).
pub const TEXT_KEY: usize = 255;
/// The most objects that one process may have.
pub const OBJECTS: usize = 64;
/// The most keys that one process may contribute to one object.
pub const KEYS: usize = 1 << 20;
/// The size at which a sender closes a message and starts the next, in bytes of entries.
pub const CHUNK: usize = 32 * 1024;
/// The largest encoded body that is accepted, in bytes: a chunk, one more key, and what stands in front.
pub const BODY: usize = CHUNK + 1024;

/// What an object counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Addresses and netblocks, with the sum of every netblock.
    CidrTree,
    /// Texts, such as destination domains.
    GaugeTable,
}

impl Kind {
    /// Its name on the console (reference 1.11, console layouts).
    pub const fn name(self) -> &'static str {
        match self {
            Self::CidrTree => "cidrtree",
            Self::GaugeTable => "gauge table",
        }
    }
}

/// Names an object. Objects of one name and two kinds are two objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// Its name: 1 to [`NAME`] visible ASCII characters.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
}

/// One contribution to a CIDR tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetEntry {
    /// The address or netblock, without host bits.
    #[serde(with = "network")]
    pub net: IpNet,
    /// The sender's whole contribution there; zero: none any more.
    pub value: u32,
}

/// One contribution to a gauge table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextEntry {
    /// The key: 1 to [`TEXT_KEY`] visible ASCII characters, none of them upper-case.
    pub text: String,
    /// The sender's whole contribution there; zero: none any more.
    pub value: u32,
}

/// Contributions, in strictly ascending order of key. The variant tells the kind of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entries {
    /// To a [`Kind::CidrTree`].
    Nets(Vec<NetEntry>),
    /// To a [`Kind::GaugeTable`].
    Texts(Vec<TextEntry>),
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The number of this message among all of its sender, from 1, without holes.
    pub version: u64,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// The objects that the sender has from here on, in strictly ascending order.
    Announce(Vec<Tag>),
    /// Contributions that changed. At least one.
    Update {
        /// The object's name.
        object: String,
        /// The new values.
        entries: Entries,
    },
    /// A part of everything that the sender contributes: the keys after those of the part before, up to the
    /// last key in here, or up to the end if `last`. A key in that range that is not named has no value.
    Snapshot {
        /// The object's name.
        object: String,
        /// The point in the order at which everybody was asked for a snapshot.
        round: Position,
        /// The number of this part, from 0.
        number: u32,
        /// Whether it is the final part.
        last: bool,
        /// The values, none of them zero. Only the final part may be empty.
        entries: Entries,
    },
}

/// The one encoding of `message`.
pub fn encode(message: &Body) -> Bytes {
    body::encode(message)
}

/// Reads a message and checks all that its types do not say.
///
/// # Errors
/// [`DecodeError::TooLong`] above [`BODY`], any error of [`body::decode`], and those of [`Body::check`].
pub fn decode(bytes: &[u8]) -> Result<Body, DecodeError> {
    if bytes.len() > BODY {
        return Err(DecodeError::TooLong {
            found: bytes.len(),
            limit: BODY,
        });
    }
    let message: Body = body::decode(bytes)?;
    message.check()?;
    Ok(message)
}

impl Body {
    /// Whether the message keeps the rules stated on the fields of [`Content`].
    ///
    /// # Errors
    /// [`DecodeError::NotCanonical`] for a wrong order or an empty message, [`DecodeError::TooLong`] for too
    /// many objects, [`DecodeError::Malformed`] for a name, key or number that cannot be.
    pub fn check(&self) -> Result<(), DecodeError> {
        if self.version == 0 {
            return Err(DecodeError::Malformed);
        }
        match &self.content {
            Content::Announce(tags) => check_tags(tags),
            Content::Update { object, entries } => {
                check_name(object)?;
                if entries.is_empty() {
                    return Err(DecodeError::NotCanonical);
                }
                entries.check(0)
            }
            Content::Snapshot {
                object,
                entries,
                last,
                ..
            } => {
                check_name(object)?;
                if entries.is_empty() && !last {
                    return Err(DecodeError::NotCanonical);
                }
                entries.check(1)
            }
        }
    }
}

impl Entries {
    /// No entries for an object of `kind`.
    pub const fn none(kind: Kind) -> Self {
        match kind {
            Kind::CidrTree => Self::Nets(Vec::new()),
            Kind::GaugeTable => Self::Texts(Vec::new()),
        }
    }

    /// The kind of object that these are for.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Nets(_) => Kind::CidrTree,
            Self::Texts(_) => Kind::GaugeTable,
        }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::Nets(entries) => entries.len(),
            Self::Texts(entries) => entries.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, least: u32) -> Result<(), DecodeError> {
        let (valid, ascending) = match self {
            Self::Nets(entries) => (
                entries
                    .iter()
                    .all(|entry| is_net_key(&entry.net) && entry.value >= least),
                entries.is_sorted_by(|one, next| one.net < next.net),
            ),
            Self::Texts(entries) => (
                entries
                    .iter()
                    .all(|entry| is_text_key(&entry.text) && entry.value >= least),
                entries.is_sorted_by(|one, next| one.text < next.text),
            ),
        };
        match (valid, ascending) {
            (true, true) => Ok(()),
            (false, _) => Err(DecodeError::Malformed),
            (true, false) => Err(DecodeError::NotCanonical),
        }
    }
}

/// Whether `name` can name an object: 1 to [`NAME`] visible ASCII characters.
pub fn is_name(name: &str) -> bool {
    (1..=NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether `net` can be a key of a CIDR tree: no host bits, and no IPv4 address in the clothes of IPv6.
pub fn is_net_key(net: &IpNet) -> bool {
    let mapped = match net {
        IpNet::V4(_) => false,
        IpNet::V6(v6) => v6.prefix_len() >= 96 && v6.addr().to_ipv4_mapped().is_some(),
    };
    net.trunc() == *net && !mapped
}

/// Whether `text` can be a key of a gauge table: 1 to [`TEXT_KEY`] visible ASCII characters in lower case.
pub fn is_text_key(text: &str) -> bool {
    (1..=TEXT_KEY).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
}

fn check_name(name: &str) -> Result<(), DecodeError> {
    if is_name(name) {
        Ok(())
    } else {
        Err(DecodeError::Malformed)
    }
}

fn check_tags(tags: &[Tag]) -> Result<(), DecodeError> {
    if tags.len() > OBJECTS {
        return Err(DecodeError::TooLong {
            found: tags.len(),
            limit: OBJECTS,
        });
    }
    tags.iter().try_for_each(|tag| check_name(&tag.name))?;
    if tags.is_sorted_by(|one, next| one.name < next.name) {
        Ok(())
    } else {
        Err(DecodeError::NotCanonical)
    }
}

#[cfg(test)]
mod tests;
