//! AES-256-GCM with a counter for the nonce (RFC 5116, 3.2): a counter never comes twice under one key, because the
//! key dies with the process that counts.
//!
//! The tag is compared before anything is decrypted. AES and GHASH use the instructions of the processor where it has
//! them, found out at run time; without them both are computed in constant time in software, some ten times slower.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{AeadInOut, inout::InOutBuf},
};
use alloc::boxed::Box;
use ringfort_machine::defect::{Defect, active};

use crate::Secret;

/// Bytes that authentication adds.
pub const TAG: usize = 16;

/// The cipher of one key, in one direction. Wipes its key when dropped; boxed, so that moves leave no copies.
pub(crate) struct Cipher(Box<Aes256Gcm>);

/// The tag is wrong: nothing was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forged;

impl Cipher {
    pub(crate) fn new(key: &Secret) -> Self {
        Self(Box::new(Aes256Gcm::new(key.expose().into())))
    }

    /// Encrypts `text` in place; the tag covers `header` too.
    pub(crate) fn seal(&self, counter: u64, header: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let buffer = InOutBuf::from(text);
        let tag = self
            .0
            .encrypt_inout_detached(&nonce(counter).into(), header, buffer)
            .expect("what we seal is shorter than 64 GiB");
        tag.into()
    }

    /// Decrypts `text` in place if the tag is right.
    pub(crate) fn open(
        &self,
        counter: u64,
        header: &[u8],
        text: &mut [u8],
        tag: [u8; TAG],
    ) -> Result<(), Forged> {
        let nonce = nonce(counter);
        let opened = self.0.decrypt_inout_detached(
            &nonce.into(),
            header,
            InOutBuf::from(&mut *text),
            &tag.into(),
        );
        if opened.is_err() && active(Defect::SkipTag) {
            self.seal(counter, header, text); // the same key stream undoes it
            return Ok(());
        }
        opened.map_err(|_| Forged)
    }
}

impl core::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cipher(…)")
    }
}

fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

#[cfg(test)]
mod tests;
