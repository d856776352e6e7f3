//! Keys as values: secrets that are wiped when they go and never printed, and public keys as people pass them on.

use alloc::string::String;
use core::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// 32 secret bytes. Wiped when dropped; `Debug` tells nothing of them.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes `bytes`, which should come from the random source of the operating system.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for what has to compute with them or to write them to a protected file.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// As text for a protected file: 64 hexadecimal digits. The caller wipes it.
    pub fn to_text(&self) -> String {
        hex(&self.0)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromStr for Secret {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        unhex(text).map(Self)
    }
}

/// The public key of a node (X25519).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Takes `bytes` as they are; a key of low order is found out when it is used.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A short form to compare by eye or voice: eight bytes of its hash, in groups of four digits.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.0);
        let digits = hex(hash.get(..8).unwrap_or_default());
        let mut out = String::with_capacity(19);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                out.push('-');
            }
            out.push(digit);
        }
        out
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        unhex(text).map(Self)
    }
}

/// The key pair by which a node is known for its whole configured life.
#[derive(Clone, Debug)]
pub struct Identity {
    secret: Secret,
    public: PublicKey,
}

impl Identity {
    /// The pair that belongs to `secret`.
    pub fn new(secret: Secret) -> Self {
        let public = x25519_dalek::x25519(*secret.expose(), x25519_dalek::X25519_BASEPOINT_BYTES);
        Self {
            secret,
            public: PublicKey(public),
        }
    }

    /// What others may know.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// What nobody else may know.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The Diffie-Hellman result with `other` (RFC 7748, 6.1); nothing if it is the all-zero value that a point of
    /// low order leads to.
    pub(crate) fn agree(&self, other: &[u8; 32]) -> Option<Secret> {
        let shared = Secret(x25519_dalek::x25519(*self.secret.expose(), *other));
        let some = shared.0.iter().fold(0, |all, byte| all | byte);
        (some != 0).then_some(shared)
    }
}

/// Text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The wrong number of digits.
    #[error("a key has 64 hexadecimal digits; this has {0} characters")]
    Length(usize),
    /// A character that is no digit.
    #[error("a key has hexadecimal digits only; `{0}` is none")]
    Digit(char),
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    out
}

fn unhex(text: &str) -> Result<[u8; 32], KeyError> {
    let text = text.trim();
    let length = text.chars().count();
    if length != 64 {
        return Err(KeyError::Length(length));
    }
    let mut bytes = [0; 32];
    for (at, character) in text.chars().enumerate() {
        let digit = character.to_digit(16).ok_or(KeyError::Digit(character))? as u8;
        if let Some(byte) = bytes.get_mut(at / 2) {
            *byte = *byte << 4 | digit;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
