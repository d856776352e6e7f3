//! The derivation of secrets from secrets: HKDF with SHA-256 (RFC 5869). Every use has a label of its own, so that no
//! two purposes can ever share a key.

use alloc::vec::Vec;

use hkdf::Hkdf;
use sha2::Sha256;

use crate::Secret;

/// In front of every label and salt: the protocol and its version.
const DOMAIN: &[u8] = b"ringfort seal 1 ";

/// One secret from the Diffie-Hellman results `parts`, bound to everything in `context`.
pub(crate) fn extract(context: &[&[u8]], parts: &[&Secret]) -> Secret {
    let mut salt = Vec::from(DOMAIN);
    for part in context {
        salt.extend_from_slice(part);
    }
    let mut extract = hkdf::HkdfExtract::<Sha256>::new(Some(&salt));
    for part in parts {
        extract.input_ikm(part.expose());
    }
    let (secret, _) = extract.finalize();
    Secret::new(secret.into())
}

/// A secret for one purpose. `context` has parts of fixed length only, so that no two contexts read alike.
pub(crate) fn expand(from: &Secret, label: &[u8], context: &[&[u8]]) -> Secret {
    let hkdf = Hkdf::<Sha256>::from_prk(from.expose()).expect("32 bytes are enough for SHA-256");
    let mut info = Vec::from([DOMAIN, label, &[0]]);
    info.extend_from_slice(context);
    let mut out = [0; 32];
    hkdf.expand_multi_info(&info, &mut out)
        .expect("32 bytes are less than 255 hashes");
    Secret::new(out)
}

#[cfg(test)]
mod tests;
