//! The data of a view: which view it is, and who came along with whom (reference: Spread client protocol, 6.2).
//!
//! ```text
//! offset  bytes
//!      0     12  group id: three words
//!     12      4  number of sets
//!     16      4  where the receiver's own set begins, counted from offset 20
//!     20         the sets, each: number of names (4 bytes), names of 32 bytes
//! ```

use alloc::vec::Vec;

use bytes::{BufMut, BytesMut};
use ringfort_machine::{ConfigurationId, Digest, ProcessId};

use super::{ByteOrder, NAME, Name};

/// Names a view of a group: equal at all its members. Clients compare ids for equality and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub [u32; 3]);

impl GroupId {
    /// The id of the view that began at `ordinal` in `configuration`, for `side` only if it is not for all.
    ///
    /// Spread counts views in the last word and uses ids again after a group was empty; here the last word is
    /// the end of the ordinal and the others a fingerprint of the rest, so an id does not come back.
    pub fn new(configuration: &ConfigurationId, ordinal: u64, side: Option<ProcessId>) -> Self {
        let mut digest = Digest::new();
        let process = |digest: &mut Digest, process: ProcessId| {
            digest.number(process.node.0).number(process.incarnation.0);
        };
        for ring in [Some(configuration.ring), configuration.from] {
            digest.flag(ring.is_some());
            if let Some(ring) = ring {
                digest.number(ring.sequence);
                process(&mut digest, ring.representative);
            }
        }
        digest.number(ordinal).flag(side.is_some());
        if let Some(side) = side {
            process(&mut digest, side);
        }
        let hash = digest.finish();
        Self([(hash >> 32) as u32, hash as u32, ordinal as u32])
    }

    /// Appends the three words.
    pub fn encode(&self, order: ByteOrder, out: &mut BytesMut) {
        for word in self.0 {
            out.put_slice(&order.write(word));
        }
    }
}

/// The data of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which view.
    pub id: GroupId,
    /// The sets; for a join, leave or disconnect one set with the one member that it is about.
    pub sets: Vec<Vec<Name>>,
    /// Which of them is the receiver's own.
    pub own: usize,
}

impl Membership {
    /// Bytes of this data.
    pub fn bytes(&self) -> usize {
        20 + self.sets.iter().map(|set| set_bytes(set)).sum::<usize>()
    }

    /// Appends the data.
    pub fn encode(&self, order: ByteOrder, out: &mut BytesMut) {
        let word = |count: usize| order.write(count as u32);
        let before = self.sets.iter().take(self.own);
        self.id.encode(order, out);
        out.put_slice(&word(self.sets.len()));
        out.put_slice(&word(before.map(|set| set_bytes(set)).sum()));
        for set in &self.sets {
            out.put_slice(&word(set.len()));
            for name in set {
                out.put_slice(name.field());
            }
        }
    }

    /// Reads what a server of byte order `order` sent; nothing if it is not such data.
    pub fn decode(data: &[u8], order: ByteOrder) -> Option<Self> {
        let mut rest = data;
        let mut id = [0; 3];
        for slot in &mut id {
            *slot = word(&mut rest, order)?;
        }
        let count = word(&mut rest, order)?;
        let offset = word(&mut rest, order)? as usize;
        let whole = rest.len();
        let mut own = None;
        let mut sets = Vec::new();
        for index in 0..count as usize {
            if whole - rest.len() == offset {
                own = Some(index);
            }
            sets.push(names(&mut rest, order)?);
        }
        rest.is_empty().then_some(Self {
            id: GroupId(id),
            sets,
            own: own?,
        })
    }
}

const fn set_bytes(set: &[Name]) -> usize {
    4 + NAME * set.len()
}

fn word(rest: &mut &[u8], order: ByteOrder) -> Option<u32> {
    let (word, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(order.read(*word))
}

fn names(rest: &mut &[u8], order: ByteOrder) -> Option<Vec<Name>> {
    let count = word(rest, order)? as usize;
    let mut names = Vec::new();
    for _ in 0..count {
        let (field, after) = rest.split_first_chunk::<NAME>()?;
        *rest = after;
        names.push(Name::from_field(field)?);
    }
    Some(names)
}
