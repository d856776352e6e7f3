//! A key that another process has handed over: it opens what that process seals, each datagram once.

use ringfort_machine::{Instant, NodeId};

use crate::{
    Reason, Secret, TAG,
    cipher::Cipher,
    derive::expand,
    sending::{HEADER, covered},
    window::Window,
};

/// The name of a sending key on the wire: 48 bits derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 6]);

impl KeyId {
    pub(crate) fn of(key: &Secret) -> Self {
        let mut id = [0; 6];
        id.copy_from_slice(&expand(key, b"id", &[]).expose()[..6]);
        Self(id)
    }
}

/// One key of another process.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) epoch: u64,
    pub(crate) id: KeyId,
    cipher: Cipher,
    window: Window,
    /// From then on it opens nothing, because its owner has gone on to the next one.
    pub(crate) until: Option<Instant>,
}

impl Received {
    pub(crate) fn new(epoch: u64, key: &Secret) -> Self {
        Self {
            epoch,
            id: KeyId::of(key),
            cipher: Cipher::new(key),
            window: Window::new(),
            until: None,
        }
    }

    /// Opens `datagram`, whose header names this key and `counter`, for the node `me`. `scratch` is room to do it in. Returns the frame;
    /// the window moves only if the tag is right.
    pub(crate) fn open<'a>(
        &mut self,
        counter: u64,
        datagram: &[u8],
        me: NodeId,
        scratch: &'a mut alloc::vec::Vec<u8>,
    ) -> Result<&'a [u8], Reason> {
        if !self.window.is_new(counter) {
            return Err(Reason::Replayed);
        }
        let (header, sealed) = datagram.split_at_checked(HEADER).ok_or(Reason::NotSealed)?;
        let (text, tag) = sealed.split_last_chunk::<TAG>().ok_or(Reason::NotSealed)?;
        scratch.clear();
        scratch.extend_from_slice(text); // never grows: its capacity is that of the longest datagram
        self.cipher
            .open(counter, &covered(header, me), scratch, *tag)
            .map_err(|_| Reason::Forged)?;
        self.window.note(counter);
        Ok(scratch)
    }

    /// The highest counter opened.
    pub(crate) const fn highest(&self) -> u64 {
        self.window.highest()
    }
}
