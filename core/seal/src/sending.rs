//! This process's own keys: the one it seals with, and during a rotation the next one.
//!
//! The keys come from a chain that is moved on for each and whose past is wiped, so that who reads the memory later
//! cannot open what was recorded earlier. A counter is the nonce; it starts at 1 and never returns, because a key
//! never outlives the process.
//!
//! ```text
//! offset  bytes
//!      0      1  magic 0xD5
//!      1      1  version 1, kind 1 for a frame to all, 3 for a frame to one: 0x11, 0x13
//!      2      6  key id
//!      8      8  counter, little-endian
//!     16         the frame, encrypted; the tag (16 bytes) over all of it
//! ```
//!
//! All peers hold the key, so the tag of a frame to one covers its node id as well: a token that an attacker takes to
//! another node opens nothing there, and a ring never has two.

use alloc::{boxed::Box, vec::Vec};

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::NodeId;

use crate::{Destination, KeyId, Secret, TAG, cipher::Cipher, derive::expand, greeting::MAGIC};

/// The second byte of a sealed frame that is for all.
pub(crate) const TO_ALL: u8 = 0x11;
/// The second byte of a sealed frame that is for one node.
pub(crate) const TO_ONE: u8 = 0x13;
/// Bytes in front of the encrypted frame.
pub(crate) const HEADER: usize = 16;
/// Bytes that sealing adds to a frame.
pub const OVERHEAD: usize = HEADER + TAG;
/// After so many datagrams under one key the next epoch begins by itself (a bound on what GCM is asked to hide).
const DATAGRAMS: u64 = 1 << 32;

/// One key of ours.
#[derive(Debug)]
struct Own {
    epoch: u64,
    id: KeyId,
    key: Secret,
    cipher: Cipher,
    counter: u64,
}

/// All keys of ours.
#[derive(Debug)]
pub(crate) struct Sending {
    chain: Secret,
    current: Box<Own>,
    next: Option<Box<Own>>,
    /// The latest epoch that anybody has asked for.
    target: u64,
}

impl Sending {
    /// The first key of a life, which is in epoch 1 until it hears of a later one.
    pub(crate) fn new(chain: Secret) -> Self {
        let (chain, current) = make(&chain, 1);
        Self {
            chain,
            current,
            next: None,
            target: 1,
        }
    }

    /// Seals a frame under the key in use.
    pub(crate) fn seal(&mut self, to: Destination, frame: &[u8]) -> Bytes {
        let own = &mut self.current;
        own.counter += 1;
        let mut out = BytesMut::with_capacity(frame.len() + OVERHEAD);
        out.put_u8(MAGIC);
        out.put_u8(match to {
            Destination::All => TO_ALL,
            Destination::Node(_) => TO_ONE,
        });
        out.put_slice(&own.id.0);
        out.put_u64_le(own.counter);
        out.put_slice(frame);
        let (header, text) = out.split_at_mut(HEADER);
        let receiver = match to {
            Destination::All => NodeId(0),
            Destination::Node(node) => node,
        };
        let tag = own
            .cipher
            .seal(own.counter, &covered(header, receiver), text);
        out.put_slice(&tag);
        out.freeze()
    }

    /// Whether the key in use has sealed as much as it should.
    pub(crate) const fn is_used_up(&self) -> bool {
        self.current.counter >= DATAGRAMS && self.next.is_none()
    }

    /// Remembers that everybody is to reach `epoch`, and makes a key for it unless one is being handed out. Says
    /// whether it made one.
    pub(crate) fn raise(&mut self, epoch: u64) -> bool {
        self.target = self.target.max(epoch);
        if self.next.is_some() || self.target <= self.current.epoch {
            return false;
        }
        let (chain, next) = make(&self.chain, self.target);
        self.chain = chain;
        self.next = Some(next);
        true
    }

    /// Uses the next key from here on; the old one is wiped. Says which epoch that is.
    pub(crate) fn switch(&mut self) -> Option<u64> {
        self.current = self.next.take()?;
        Some(self.current.epoch)
    }

    /// Whether a next key is being handed out.
    pub(crate) const fn is_rotating(&self) -> bool {
        self.next.is_some()
    }

    /// The epoch of the key in use.
    pub(crate) const fn epoch(&self) -> u64 {
        self.current.epoch
    }

    /// The latest epoch that anybody has asked for.
    pub(crate) const fn target(&self) -> u64 {
        self.target
    }

    /// The epoch of the latest key that others should have.
    pub(crate) fn latest(&self) -> u64 {
        self.next
            .as_ref()
            .map_or(self.current.epoch, |own| own.epoch)
    }

    /// What others are to be given.
    pub(crate) fn keys(&self) -> Vec<(u64, Secret)> {
        let all = [Some(&self.current), self.next.as_ref()];
        all.into_iter()
            .flatten()
            .map(|own| (own.epoch, own.key.clone()))
            .collect()
    }

    /// Whether a datagram under `id` is an echo of our own.
    pub(crate) fn owns(&self, id: KeyId) -> bool {
        self.current.id == id || self.next.as_ref().is_some_and(|own| own.id == id)
    }

    /// How many datagrams the key in use has sealed.
    pub(crate) const fn counter(&self) -> u64 {
        self.current.counter
    }
}

/// What the tag covers besides the frame: the header and, of a frame to one, for whom it is.
pub(crate) fn covered(header: &[u8], receiver: NodeId) -> [u8; HEADER + 8] {
    let mut covered = [0; HEADER + 8];
    covered[..HEADER].copy_from_slice(header);
    if header.get(1) == Some(&TO_ONE) {
        covered[HEADER..].copy_from_slice(&receiver.0.to_le_bytes());
    }
    covered
}

/// The next link of the chain, and the key of `epoch` that hangs on it.
fn make(chain: &Secret, epoch: u64) -> (Secret, Box<Own>) {
    let chain = expand(chain, b"chain", &[&epoch.to_le_bytes()]);
    let key = expand(&chain, b"sending", &[]);
    let own = Own {
        epoch,
        id: KeyId::of(&key),
        cipher: Cipher::new(&key),
        key,
        counter: 0,
    };
    (chain, Box::new(own))
}
