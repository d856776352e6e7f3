//! The bytes of a checkpoint: two slots for each name, the newer sound one counts.
//!
//! ```text
//! offset  bytes
//!      0      8  magic "RINGFCPT"
//!      8      2  version, 1
//!     10      2  length of the name
//!     12      4  zero
//!     16      8  hash of the log's key
//!     24      8  generation: grows with every write
//!     32     16  the identity up to which everything is passed
//!     48         name
//!      …      4  CRC-32C of everything before
//! ```
//!
//! A slot is replaced as a whole and only ever the older one, so that there is a sound slot at every moment,
//! whatever a rename does on the disk at hand. The horizon, up to where the budget has eaten the log, is a
//! checkpoint with the empty name.

use alloc::{string::String, vec::Vec};

use ringfort_wire::logs::RecordId;

use crate::format::{checksum, field, u32_at, u64_at};

const MAGIC: [u8; 8] = *b"RINGFCPT";
const VERSION: u16 = 1;
const FIXED: usize = 48;

/// The longest file that can be a checkpoint, in bytes.
pub(crate) const CHECKPOINT_LIMIT: usize = FIXED + ringfort_wire::logs::NAME + 4;

/// What a slot says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The subscriber; empty for the horizon.
    pub name: String,
    /// The hash of the log's key.
    pub log: u64,
    /// Which write this is.
    pub generation: u64,
    /// Everything up to here is passed.
    pub id: RecordId,
}

impl Checkpoint {
    /// The bytes of the slot.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED.saturating_add(self.name.len()).saturating_add(4));
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.name.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in [
            self.log,
            self.generation,
            self.id.incarnation,
            self.id.sequence,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(self.name.as_bytes());
        let sum = checksum(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads a slot; nothing if it is damaged or none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let end = bytes.len().checked_sub(4)?;
        let length = usize::from(u16::from_le_bytes(field(bytes, 10)?));
        let sound = field::<8>(bytes, 0)? == MAGIC
            && field::<2>(bytes, 8)? == VERSION.to_le_bytes()
            && field::<4>(bytes, 12)? == [0; 4]
            && FIXED.checked_add(length)? == end
            && u32_at(bytes, end)? == checksum(bytes.get(..end)?);
        if !sound {
            return None;
        }
        Some(Self {
            name: String::from_utf8(bytes.get(FIXED..end)?.to_vec()).ok()?,
            log: u64_at(bytes, 16)?,
            generation: u64_at(bytes, 24)?,
            id: RecordId::new(u64_at(bytes, 32)?, u64_at(bytes, 40)?),
        })
    }
}
