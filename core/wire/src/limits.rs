//! Sizes on the wire, in one place.

/// The version of the protocol this build speaks.
pub const VERSION: u8 = 1;
/// Bytes of a frame header.
pub const HEADER: usize = 24;
/// The most members of a ring.
pub const MEMBERS: usize = 128;
/// The largest message a client may submit, in bytes: 1 MiB.
pub const MESSAGE: usize = 1 << 20;
/// The largest datagram that is ever accepted, in bytes: the most that UDP over IPv4 carries.
pub const DATAGRAM: usize = 65_507;
/// The largest body of a frame on a stream, in bytes.
pub const STREAM_BODY: usize = MESSAGE + 4096;
/// The longest group name, in bytes (Spread has 31).
pub const GROUP_NAME: usize = 255;
/// The most groups that one message may be sent to.
pub const GROUPS_PER_MESSAGE: usize = 100;
