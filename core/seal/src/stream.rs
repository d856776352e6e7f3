//! One stream between nodes: an opening each way, then records.
//!
//! ```text
//! opening = greeting (72)  number (32, never used before by its sender)
//! record  = length of what follows (2, little-endian)  text, encrypted  tag (16)
//! ```
//!
//! The one that connected speaks first. Each direction has a key of its own from the session of the two processes and
//! from both numbers, so that a recorded stream opens nothing, and counts its records, so that none is left out,
//! repeated or exchanged. The first record of each side is empty: it proves that its sender holds the key, before
//! anything that it says is believed. TLS 1.3 bounds its records likewise (RFC 8446, 5.1).

use alloc::vec::Vec;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{Reason, TAG, cipher::Cipher, greeting::GREETING};

/// The most text in one record, in bytes.
pub const RECORD: usize = 16 * 1024;
/// Bytes of an opening.
pub(crate) const OPENING: usize = GREETING + 32;
const LENGTH: usize = 2;

/// The two directions of a stream whose keys are known.
#[derive(Debug)]
pub(crate) struct Records {
    ours: Cipher,
    theirs: Cipher,
    sent: u64,
    seen: u64,
}

impl Records {
    pub(crate) const fn new(ours: Cipher, theirs: Cipher) -> Self {
        Self {
            ours,
            theirs,
            sent: 0,
            seen: 0,
        }
    }

    /// Appends the records for `text` to `out`; one empty record for no text.
    pub(crate) fn seal(&mut self, text: &[u8], out: &mut BytesMut) {
        let records = text.len().div_ceil(RECORD).max(1);
        out.reserve(text.len() + records * (LENGTH + TAG));
        let mut rest = text;
        for _ in 0..records {
            let (piece, more) = rest.split_at(rest.len().min(RECORD));
            rest = more;
            let start = out.len();
            out.put_u16_le((piece.len() + TAG) as u16);
            out.put_slice(piece);
            self.sent += 1;
            let (_, record) = out.split_at_mut(start);
            let (length, text) = record.split_at_mut(LENGTH);
            let tag = self.ours.seal(self.sent, length, text);
            out.put_slice(&tag);
        }
    }

    /// Takes one record off the front of what has come: nothing while it is incomplete.
    pub(crate) fn take(&mut self, waiting: &mut BytesMut) -> Result<Option<Bytes>, Reason> {
        let Some(length) = waiting.first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = *length;
        let sealed = usize::from(u16::from_le_bytes(length));
        if !(TAG..=RECORD + TAG).contains(&sealed) {
            return Err(Reason::Malformed);
        }
        if waiting.len() < LENGTH + sealed {
            return Ok(None);
        }
        waiting.advance(LENGTH);
        let mut text = waiting.split_to(sealed - TAG);
        let mut tag = [0; TAG];
        waiting.copy_to_slice(&mut tag);
        self.theirs
            .open(self.seen + 1, &length, &mut text, tag)
            .map_err(|_| Reason::Forged)?;
        self.seen += 1;
        Ok(Some(text.freeze()))
    }
}

/// The opening of a stream.
pub(crate) fn opening(greeting: &[u8; GREETING], number: &[u8; 32]) -> Vec<u8> {
    [greeting.as_slice(), number.as_slice()].concat()
}
