//! What a puller keeps: how far each source is in durable output, and how long each open output was then.
//!
//! One file for all sources, replaced as a whole, because several sources may share an output: one moment for
//! all of them is what makes "each record once" true whatever the pattern is.
//!
//! ```text
//! magic "RINGFPUL", version u16, zero u16, sources u32, files u32
//! each source: node u64, incarnation u64, sequence u64, log (u32 and bytes), subscriber (u32 and bytes)
//! each file:   length u64, path (u32 and bytes)
//! CRC-32C of everything before
//! ```
//!
//! Every file of which more may be on the disk than is accounted for is in the list: it is written there before
//! the first byte is appended.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};

use ringfort_machine::NodeId;
use ringfort_wire::logs::RecordId;

use super::Source;
use crate::{
    disk::Path,
    format::{checksum, field, u32_at},
};

const MAGIC: [u8; 8] = *b"RINGFPUL";
const VERSION: u16 = 1;

/// The state of a puller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The last record or gap of each source in durable output.
    pub(crate) positions: BTreeMap<Source, RecordId>,
    /// The length of each output that is accounted for, in bytes.
    pub(crate) files: BTreeMap<Path, u64>,
}

impl State {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(self.positions.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.files.len() as u32).to_le_bytes());
        for (source, id) in &self.positions {
            for number in [source.node.0, id.incarnation, id.sequence] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            put_text(&mut out, &source.log);
            put_text(&mut out, &source.subscriber);
        }
        for (path, length) in &self.files {
            out.extend_from_slice(&length.to_le_bytes());
            put_text(&mut out, path);
        }
        let sum = checksum(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads what [`State::encode`] writes; nothing if it is damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let end = bytes.len().checked_sub(4)?;
        let body = bytes.get(..end)?;
        let sound = field::<8>(body, 0)? == MAGIC
            && field::<2>(body, 8)? == VERSION.to_le_bytes()
            && u32_at(bytes, end)? == checksum(body);
        if !sound {
            return None;
        }
        let (sources, files) = (u32_at(body, 12)?, u32_at(body, 16)?);
        let mut rest = body.get(20..)?;
        let mut state = Self::default();
        for _ in 0..sources {
            let node = NodeId(take_number(&mut rest)?);
            let id = RecordId::new(take_number(&mut rest)?, take_number(&mut rest)?);
            let source = Source {
                node,
                log: take_text(&mut rest)?,
                subscriber: take_text(&mut rest)?,
            };
            state.positions.insert(source, id);
        }
        for _ in 0..files {
            let length = take_number(&mut rest)?;
            state.files.insert(take_text(&mut rest)?, length);
        }
        rest.is_empty().then_some(state)
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let number = u64::from_le_bytes(field(rest, 0)?);
    *rest = rest.get(8..)?;
    Some(number)
}

fn take_text(rest: &mut &[u8]) -> Option<Arc<str>> {
    let length = u32_at(rest, 0)? as usize;
    let bytes = rest.get(4..)?.get(..length)?;
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    *rest = rest.get(4..)?.get(length..)?;
    Some(Arc::from(text))
}

#[cfg(test)]
mod tests;
