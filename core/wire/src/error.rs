//! Why bytes were refused. A refused frame changes nothing; the runtime counts it under this reason.

/// Why a frame or a body was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than its header or its stated length.
    #[error("truncated: {have} bytes where {need} are needed")]
    Truncated {
        /// Bytes present.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// The first bytes are not Ringfort's.
    #[error("not a Ringfort frame")]
    Magic,
    /// A version that this build does not speak.
    #[error("wire version {found}, this build speaks {spoken}")]
    Version {
        /// The version of the frame.
        found: u8,
        /// The version of this build.
        spoken: u8,
    },
    /// A frame of another cluster on the same wire.
    #[error("foreign cluster {0:016x}")]
    ForeignCluster(u64),
    /// An unknown kind of frame.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// A reserved field is not zero.
    #[error("reserved bits set")]
    Reserved,
    /// The checksum does not match.
    #[error("checksum mismatch")]
    Checksum,
    /// A stated length exceeds the limit for this kind.
    #[error("length {found} over the limit {limit}")]
    TooLong {
        /// The stated length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Bytes after the end of the frame or body.
    #[error("{0} trailing bytes")]
    Trailing(usize),
    /// The body does not decode.
    #[error("malformed body")]
    Malformed,
    /// The body decodes, but is not the one encoding of its value, or its parts contradict each other.
    #[error("body is not canonical")]
    NotCanonical,
}
