//! The envelope of the node's own services on the bus: which service a group message is for.
//!
//! The node's services are clients of the group layer like any other; their messages start with this tag, so
//! that a service never sees a message that was not meant for it.

use bytes::{BufMut, Bytes, BytesMut};

use crate::DecodeError;

/// A service of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Service {
    /// Who the members are: names, addresses, roles.
    Roster = 1,
    /// Virtual addresses.
    Vip = 2,
    /// Replicated counters.
    Replication = 3,
    /// Console commands and their answers.
    Console = 4,
    /// The seal: the epoch that the cluster agrees on.
    Seal = 5,
}

/// `body` for `service`, as the payload of a group message.
pub fn seal(service: Service, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(body.len().saturating_add(1));
    out.put_u8(service as u8);
    out.put_slice(body);
    out.freeze()
}

/// Which service a payload is for, and its body as a slice of it.
///
/// # Errors
/// [`DecodeError::Truncated`] for an empty payload, [`DecodeError::Kind`] for an unknown service.
pub fn open(payload: &Bytes) -> Result<(Service, Bytes), DecodeError> {
    let service = match payload.first() {
        None => return Err(DecodeError::Truncated { have: 0, need: 1 }),
        Some(1) => Service::Roster,
        Some(2) => Service::Vip,
        Some(3) => Service::Replication,
        Some(4) => Service::Console,
        Some(5) => Service::Seal,
        Some(other) => return Err(DecodeError::Kind(*other)),
    };
    Ok((service, payload.slice(1..)))
}

/// The body for [`Service::Seal`]: `epoch`, little-endian.
pub const fn epoch_body(epoch: u64) -> [u8; 8] {
    epoch.to_le_bytes()
}

/// The epoch in a body for [`Service::Seal`].
///
/// # Errors
/// [`DecodeError::Truncated`] or [`DecodeError::Trailing`].
pub fn epoch(body: &[u8]) -> Result<u64, DecodeError> {
    let (number, rest) = body
        .split_first_chunk::<8>()
        .ok_or(DecodeError::Truncated {
            have: body.len(),
            need: 8,
        })?;
    match rest.len() {
        0 => Ok(u64::from_le_bytes(*number)),
        more => Err(DecodeError::Trailing(more)),
    }
}
