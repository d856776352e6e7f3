//! The fixed header in front of every body, on datagrams and on streams alike.
//!
//! ```text
//! offset  bytes
//!      0      4  magic "RGFT"
//!      4      1  version
//!      5      1  kind
//!      6      2  reserved, zero
//!      8      8  cluster id, little-endian
//!     16      4  length of the body, little-endian
//!     20      4  CRC-32C over bytes 0..20 and the body, little-endian
//!     24         body
//! ```
//!
//! The checks go from cheap to dear, so that a stranger's packet costs a few comparisons: length, magic,
//! version, cluster, kind, and only then the checksum. The checksum finds accidents, not attackers.

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::{
    NodeId,
    defect::{Defect, active},
};

use crate::{DecodeError, limits};

const MAGIC: [u8; 4] = *b"RGFT";
const CRC: crc::Crc<u32, crc::Table<16>> = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);

/// Which cluster a frame belongs to: a hash of the cluster's name. Frames of others are dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u64);

impl ClusterId {
    /// The cluster called `name`; names compare without case.
    pub fn of_name(name: &str) -> Self {
        Self(NodeId::of_name(name).0)
    }
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Ring: the token.
    Token = 1,
    /// Ring: ordered messages.
    Data = 2,
    /// Ring: a proposal of membership.
    Join = 3,
    /// Ring: the commit token.
    Commit = 4,
    /// Ring: a sign of life towards other rings, so that they merge.
    Beacon = 5,
    /// Ring: wakes a held token.
    Hurry = 6,
    /// Stream: one message of the log replay protocol.
    Replay = 17,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Token,
        Self::Data,
        Self::Join,
        Self::Commit,
        Self::Beacon,
        Self::Hurry,
        Self::Replay,
    ];

    fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        Self::ALL
            .into_iter()
            .find(|kind| *kind as u8 == byte)
            .ok_or(DecodeError::Kind(byte))
    }

    /// The longest body of this kind, in bytes.
    pub const fn limit(self) -> usize {
        match self {
            Self::Token | Self::Data | Self::Join | Self::Commit | Self::Beacon | Self::Hurry => {
                limits::DATAGRAM - limits::HEADER
            }
            Self::Replay => limits::STREAM_BODY,
        }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the body is.
    pub kind: Kind,
    /// The body; of a decoded frame a slice of the datagram.
    pub body: Bytes,
}

impl Frame {
    /// A frame of `kind` around `body`.
    pub const fn new(kind: Kind, body: Bytes) -> Self {
        Self { kind, body }
    }

    /// The frame's bytes.
    pub fn encode(&self, cluster: ClusterId) -> Bytes {
        encode(cluster, self.kind, &self.body)
    }

    /// Takes a whole datagram apart.
    ///
    /// # Errors
    /// Any [`DecodeError`]; nothing has been changed.
    pub fn decode(cluster: ClusterId, datagram: &Bytes) -> Result<Self, DecodeError> {
        let (frame, used) = Self::parse(cluster, datagram)?;
        match datagram.len().saturating_sub(used) {
            0 => Ok(frame),
            _ if active(Defect::AcceptTrailing) => Ok(frame),
            more => Err(DecodeError::Trailing(more)),
        }
    }

    /// Takes one frame off the front of what a stream has brought so far: `None` while it is incomplete.
    ///
    /// # Errors
    /// Any [`DecodeError`]: the stream cannot be trusted any further and should be closed.
    pub fn take(cluster: ClusterId, stream: &mut BytesMut) -> Result<Option<Self>, DecodeError> {
        let length = match check_header(cluster, stream) {
            Ok((_, length)) => length,
            Err(DecodeError::Truncated { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let whole = limits::HEADER.saturating_add(length);
        if stream.len() < whole {
            return Ok(None);
        }
        let bytes = stream.split_to(whole).freeze();
        Self::decode(cluster, &bytes).map(Some)
    }

    fn parse(cluster: ClusterId, bytes: &Bytes) -> Result<(Self, usize), DecodeError> {
        let (kind, length) = check_header(cluster, bytes)?;
        let whole = limits::HEADER.saturating_add(length);
        if bytes.len() < whole {
            return Err(DecodeError::Truncated {
                have: bytes.len(),
                need: whole,
            });
        }
        let body = bytes.slice(limits::HEADER..whole);
        let mut digest = CRC.digest();
        digest.update(bytes.get(..20).unwrap_or_default());
        digest.update(&body);
        let wrong = digest.finalize().to_le_bytes() != field::<4>(bytes, 20);
        if wrong && !active(Defect::SkipChecksum) {
            return Err(DecodeError::Checksum);
        }
        Ok((Self { kind, body }, whole))
    }
}

/// Encodes a frame in one pass; `body` is copied once, into the datagram.
pub fn encode(cluster: ClusterId, kind: Kind, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(limits::HEADER.saturating_add(body.len()));
    start(&mut out, kind);
    out.put_slice(body);
    finish(&mut out, cluster)
}

/// Reserves the header of a frame of `kind` in the empty buffer `out`; the caller then appends the body.
pub fn start(out: &mut BytesMut, kind: Kind) {
    assert!(out.is_empty(), "a frame starts in an empty buffer");
    out.put_slice(&MAGIC);
    out.put_u8(limits::VERSION);
    out.put_u8(kind as u8);
    out.put_bytes(0, 18);
}

/// Completes the header of the frame begun by [`start`] and takes the whole frame out of `out`.
pub fn finish(out: &mut BytesMut, cluster: ClusterId) -> Bytes {
    let length = out.len().saturating_sub(limits::HEADER);
    assert!(
        u32::try_from(length).is_ok(),
        "a body is bounded by its kind"
    );
    if let Some(header) = out.get_mut(8..20) {
        header[..8].copy_from_slice(&cluster.0.to_le_bytes());
        header[8..].copy_from_slice(&(length as u32).to_le_bytes());
    }
    let mut digest = CRC.digest();
    digest.update(out.get(..20).unwrap_or_default());
    digest.update(out.get(limits::HEADER..).unwrap_or_default());
    let sum = digest.finalize().to_le_bytes();
    if let Some(field) = out.get_mut(20..limits::HEADER) {
        field.copy_from_slice(&sum);
    }
    out.split().freeze()
}

/// The cheap checks, in order of cost. Returns the kind and the stated length of the body.
fn check_header(cluster: ClusterId, bytes: &[u8]) -> Result<(Kind, usize), DecodeError> {
    let known = bytes.len().min(MAGIC.len());
    if bytes.get(..known) != MAGIC.get(..known) {
        return Err(DecodeError::Magic);
    }
    if bytes.len() < limits::HEADER {
        return Err(DecodeError::Truncated {
            have: bytes.len(),
            need: limits::HEADER,
        });
    }
    let [version, kind, reserved @ ..] = field::<4>(bytes, 4);
    if version != limits::VERSION {
        return Err(DecodeError::Version {
            found: version,
            spoken: limits::VERSION,
        });
    }
    let found = u64::from_le_bytes(field::<8>(bytes, 8));
    if found != cluster.0 && !active(Defect::AcceptForeignCluster) {
        return Err(DecodeError::ForeignCluster(found));
    }
    let kind = Kind::from_byte(kind)?;
    if reserved != [0, 0] {
        return Err(DecodeError::Reserved);
    }
    let length = u32::from_le_bytes(field::<4>(bytes, 16)) as usize;
    if length > kind.limit() && !active(Defect::SkipLengthLimit) {
        return Err(DecodeError::TooLong {
            found: length,
            limit: kind.limit(),
        });
    }
    Ok((kind, length))
}

/// The `N` bytes at `offset`; the caller has checked that they are there.
fn field<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut field = [0; N];
    if let Some(slice) = bytes.get(offset..offset.saturating_add(N)) {
        field.copy_from_slice(slice);
    }
    field
}

#[cfg(test)]
mod tests;
