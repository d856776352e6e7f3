//! What a greeting carries sealed, once both know each other's: keys, and what the other's keys have come to.
//!
//! ```text
//! flags (1): 1 = please answer   have (8)   epoch (8)   count (1)   count × [epoch (8)  key (32)]
//! ```
//!
//! It is a state, not a step: sent again it changes nothing, and the latest says it all. All numbers little-endian.

use alloc::vec::Vec;

use crate::Secret;

/// At most the present key and the next one.
pub(crate) const KEYS: usize = 2;
const FIXED: usize = 18;
const KEY: usize = 40;
/// The longest body in bytes.
pub(crate) const LONGEST: usize = FIXED + KEYS * KEY;

/// A body.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// The sender lacks something: it wants a body in return.
    pub(crate) answer: bool,
    /// The latest epoch of which the sender holds the receiver's key; 0 if it holds none.
    pub(crate) have: u64,
    /// The epoch that the sender is in or wants to be in.
    pub(crate) epoch: u64,
    /// The sender's keys in force, by ascending epoch.
    pub(crate) keys: Vec<(u64, Secret)>,
}

impl Body {
    /// Appends its bytes to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.answer));
        out.extend_from_slice(&self.have.to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.push(self.keys.len().min(KEYS) as u8);
        for (epoch, key) in self.keys.iter().take(KEYS) {
            out.extend_from_slice(&epoch.to_le_bytes());
            out.extend_from_slice(key.expose());
        }
    }

    /// Reads a body: nothing if it is not exactly one, or its epochs do not ascend.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_at_checked(FIXED)?;
        let [flags, numbers @ .., count] = fixed else {
            return None;
        };
        let (have, epoch) = (number(numbers, 0)?, number(numbers, 8)?);
        let count = usize::from(*count);
        if *flags > 1 || count > KEYS || rest.len() != count * KEY {
            return None;
        }
        let mut keys: Vec<(u64, Secret)> = Vec::with_capacity(count);
        while let Some((entry, more)) = rest.split_at_checked(KEY) {
            rest = more;
            let epoch = number(entry, 0)?;
            let mut key = [0; 32];
            key.copy_from_slice(entry.get(8..)?);
            let later = keys.last().is_none_or(|(last, _)| *last < epoch);
            if epoch == 0 || !later {
                return None;
            }
            keys.push((epoch, Secret::new(key)));
        }
        Some(Self {
            answer: *flags == 1,
            have,
            epoch,
            keys,
        })
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 8)?;
    let mut number = [0; 8];
    number.copy_from_slice(field);
    Some(u64::from_le_bytes(number))
}
