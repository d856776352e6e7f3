//! The one way in which a value becomes a body and back: postcard, held to be canonical.
//!
//! postcard itself accepts trailing bytes and over-long integers, so that several byte strings would decode to
//! one value. Here the decoded value is encoded again and compared: bytes and values are one to one, and two
//! nodes that hash or compare bodies agree.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::DecodeError;

/// The canonical encoding of `value`.
///
/// Our own types always encode (no maps of unknown length, no untagged data), which is what the assertion says.
pub fn encode<T: Serialize>(value: &T) -> Bytes {
    let bytes = postcard::to_allocvec(value);
    assert!(bytes.is_ok(), "a wire type must encode");
    Bytes::from(bytes.unwrap_or_default())
}

/// Decodes a body that holds exactly one `T`.
///
/// # Errors
/// [`DecodeError::Malformed`], [`DecodeError::Trailing`] or [`DecodeError::NotCanonical`].
pub fn decode<T: Serialize + DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let (value, rest) = split::<T>(body)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing(rest.len()))
    }
}

/// Decodes a `T` from the front of `body` and returns what follows it.
///
/// # Errors
/// [`DecodeError::Malformed`] or [`DecodeError::NotCanonical`].
pub fn split<T: Serialize + DeserializeOwned>(body: &[u8]) -> Result<(T, &[u8]), DecodeError> {
    let (value, rest) = postcard::take_from_bytes::<T>(body).map_err(|_| DecodeError::Malformed)?;
    let used = body.len().saturating_sub(rest.len());
    let again: Vec<u8> = postcard::to_allocvec(&value).map_err(|_| DecodeError::Malformed)?;
    if body.get(..used) != Some(again.as_slice()) {
        return Err(DecodeError::NotCanonical);
    }
    Ok((value, rest))
}
