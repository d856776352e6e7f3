//! What two processes share: a secret from four Diffie-Hellman results, and two ciphers, one for each direction.
//!
//! The results are static-static, ephemeral-static both ways, and ephemeral-ephemeral, as in the Noise pattern KK:
//! the first three prove both nodes, the last one keeps the past closed when a node's key is stolen later. Because the
//! ephemeral keys are made at the start of a process, a session belongs to one life of each side: what was recorded
//! with another life opens nothing here.

use alloc::vec::Vec;

use bytes::Bytes;
use ringfort_machine::ProcessId;
use zeroize::Zeroize;

use crate::{
    Identity, PublicKey, Reason, Secret, TAG,
    body::{Body, LONGEST},
    cipher::Cipher,
    derive::{expand, extract},
    greeting::{GREETING, Greeting},
};

/// Greeting and counter: what stands in clear in front of a sealed body.
const CLEAR: usize = GREETING + 8;

/// Who this process is.
#[derive(Debug)]
pub(crate) struct Me {
    pub(crate) process: ProcessId,
    pub(crate) cluster: u64,
    pub(crate) identity: Identity,
    pub(crate) ephemeral: Identity,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    /// As the other side introduced itself.
    pub(crate) heard: Greeting,
    /// The other side has proved that it is here now.
    pub(crate) confirmed: bool,
    root: Secret,
    ours: Cipher,
    theirs: Cipher,
    sent: u64,
    seen: u64,
}

impl Session {
    /// The session with the process that `heard` is of. Nothing if one of the keys is of low order.
    pub(crate) fn agree(me: &Me, public: &PublicKey, heard: Greeting) -> Option<Self> {
        let both = me.identity.agree(public.bytes())?;
        let from_us = me.ephemeral.agree(public.bytes())?;
        let to_us = me.identity.agree(&heard.ephemeral)?;
        let fresh = me.ephemeral.agree(&heard.ephemeral)?;
        let describe = |process: ProcessId, public: &PublicKey, ephemeral: &[u8; 32]| {
            let mut text = [0; 80];
            text[..8].copy_from_slice(&process.node.0.to_le_bytes());
            text[8..16].copy_from_slice(&process.incarnation.0.to_le_bytes());
            text[16..48].copy_from_slice(public.bytes());
            text[48..].copy_from_slice(ephemeral);
            text
        };
        let we = describe(
            me.process,
            &me.identity.public(),
            me.ephemeral.public().bytes(),
        );
        let they = describe(heard.process, public, &heard.ephemeral);
        let cluster = me.cluster.to_le_bytes();
        // Both sides must order the parts alike: the one with the lower node id first.
        let root = if me.process.node < heard.process.node {
            let context: [&[u8]; 4] = [b"session", &cluster, &we, &they];
            extract(&context, &[&both, &from_us, &to_us, &fresh])
        } else {
            let context: [&[u8]; 4] = [b"session", &cluster, &they, &we];
            extract(&context, &[&both, &to_us, &from_us, &fresh])
        };
        let direction = |process: ProcessId| {
            Cipher::new(&expand(
                &root,
                b"keys from",
                &[&process.node.0.to_le_bytes()],
            ))
        };
        Some(Self {
            ours: direction(me.process),
            theirs: direction(heard.process),
            root,
            heard,
            confirmed: false,
            sent: 0,
            seen: 0,
        })
    }

    /// A greeting with a sealed body behind it.
    pub(crate) fn seal(&mut self, greeting: &[u8; GREETING], body: &Body) -> Bytes {
        self.sent += 1;
        let mut out = Vec::with_capacity(CLEAR + LONGEST + TAG);
        out.extend_from_slice(greeting);
        out.extend_from_slice(&self.sent.to_le_bytes());
        body.encode(&mut out);
        let (clear, text) = out.split_at_mut(CLEAR);
        let tag = self.ours.seal(self.sent, clear, text);
        out.extend_from_slice(&tag);
        out.into()
    }

    /// Opens what stands behind the greeting in `datagram`. Each body must be later than the last one.
    pub(crate) fn open(&mut self, datagram: &[u8]) -> Result<Body, Reason> {
        let (clear, sealed) = datagram.split_at_checked(CLEAR).ok_or(Reason::Malformed)?;
        let (text, tag) = sealed.split_last_chunk::<TAG>().ok_or(Reason::Malformed)?;
        let counter = clear
            .last_chunk::<8>()
            .map_or(0, |counter| u64::from_le_bytes(*counter));
        if counter <= self.seen {
            return Err(Reason::Replayed);
        }
        let mut room = [0; LONGEST];
        let text_here = room.get_mut(..text.len()).ok_or(Reason::Malformed)?;
        text_here.copy_from_slice(text);
        self.theirs
            .open(counter, clear, text_here, *tag)
            .map_err(|_| Reason::Forged)?;
        self.seen = counter;
        self.confirmed = true;
        let body = Body::decode(text_here);
        room.zeroize();
        body.ok_or(Reason::Malformed)
    }

    /// The ciphers of a stream between the two: from the one that connected, and from the one that accepted. Each
    /// stream has its own, because each side brings a number that it never used before.
    pub(crate) fn stream(&self, connected: &[u8; 32], accepted: &[u8; 32]) -> (Cipher, Cipher) {
        let key = |label: &[u8]| Cipher::new(&expand(&self.root, label, &[connected, accepted]));
        (
            key(b"stream from connecting"),
            key(b"stream from accepting"),
        )
    }

    /// How many bodies went each way.
    pub(crate) const fn counts(&self) -> (u64, u64) {
        (self.sent, self.seen)
    }
}
