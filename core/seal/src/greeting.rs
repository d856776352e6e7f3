//! The greeting: how a process says who it is, in clear and authenticated.
//!
//! ```text
//! offset  bytes
//!      0      1  magic 0xD5
//!      1      1  version 1, kind 2: 0x12
//!      2      6  cluster id, its low 48 bits, little-endian
//!      8      8  the sender's node id, little-endian
//!     16      8  its incarnation, little-endian
//!     24     32  its ephemeral public key, the same for its whole life
//!     56     16  proof: HKDF of the two nodes' static secret over all of the above and the receiver's node id
//! ```
//!
//! One life has one greeting for each peer, so repeating it reveals nothing and costs nothing. It proves that the
//! sender's node said this once, not that it says it now; that is proved by what the session seals. Behind it, in
//! the same datagram, follow a counter and a sealed [`crate::body`] once the sender knows the receiver's greeting.

use ringfort_machine::{Incarnation, NodeId, ProcessId};

use crate::{Secret, derive::expand};

/// Bytes of a greeting.
pub const GREETING: usize = 72;
/// The first byte of everything sealed.
pub(crate) const MAGIC: u8 = 0xD5;
/// The second byte of a greeting.
pub(crate) const KIND: u8 = 0x12;
const PROOF: usize = 16;
const PROVED: usize = GREETING - PROOF;

/// A greeting, as read; nothing of it is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// Whose life it says it is.
    pub(crate) process: ProcessId,
    /// The ephemeral public key of that life.
    pub(crate) ephemeral: [u8; 32],
    proof: [u8; PROOF],
}

impl Greeting {
    /// The greeting of `process` for `to`, with which it shares the static secret `pair`.
    pub(crate) fn new(
        cluster: u64,
        process: ProcessId,
        ephemeral: [u8; 32],
        to: NodeId,
        pair: &Secret,
    ) -> Self {
        let mut greeting = Self {
            process,
            ephemeral,
            proof: [0; PROOF],
        };
        greeting.proof = greeting.prove(cluster, to, pair);
        greeting
    }

    pub(crate) fn encode(&self, cluster: u64) -> [u8; GREETING] {
        let mut bytes = [0; GREETING];
        bytes[0] = MAGIC;
        bytes[1] = KIND;
        bytes[2..8].copy_from_slice(&short(cluster));
        bytes[8..16].copy_from_slice(&self.process.node.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.process.incarnation.0.to_le_bytes());
        bytes[24..PROVED].copy_from_slice(&self.ephemeral);
        bytes[PROVED..].copy_from_slice(&self.proof);
        bytes
    }

    /// Reads a greeting; the magic and the kind have been compared. Nothing if it is of another cluster.
    pub(crate) fn decode(cluster: u64, bytes: &[u8; GREETING]) -> Option<Self> {
        if bytes[2..8] != short(cluster) {
            return None;
        }
        let number = |at: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(field)
        };
        let mut ephemeral = [0; 32];
        ephemeral.copy_from_slice(&bytes[24..PROVED]);
        let mut proof = [0; PROOF];
        proof.copy_from_slice(&bytes[PROVED..]);
        Some(Self {
            process: ProcessId::new(NodeId(number(8)), Incarnation(number(16))),
            ephemeral,
            proof,
        })
    }

    /// Whether the node that shares `pair` with `me` has made it for `me`. Costs one HKDF.
    pub(crate) fn is_proved(&self, cluster: u64, me: NodeId, pair: &Secret) -> bool {
        let right = self.prove(cluster, me, pair);
        // Without an early end, so that the time tells nothing of where it differs.
        let differs = right
            .iter()
            .zip(self.proof)
            .fold(0, |all, (a, b)| all | (a ^ b));
        core::hint::black_box(differs) == 0
    }

    fn prove(&self, cluster: u64, to: NodeId, pair: &Secret) -> [u8; PROOF] {
        let bytes = self.encode(cluster);
        let proved = bytes.get(..PROVED).unwrap_or_default();
        let all = expand(
            pair,
            b"greeting",
            &[proved, &cluster.to_le_bytes(), &to.0.to_le_bytes()],
        );
        let mut proof = [0; PROOF];
        proof.copy_from_slice(&all.expose()[..PROOF]);
        proof
    }
}

fn short(cluster: u64) -> [u8; 6] {
    let mut short = [0; 6];
    short.copy_from_slice(&cluster.to_le_bytes()[..6]);
    short
}
