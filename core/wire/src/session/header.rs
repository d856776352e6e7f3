//! The header in front of every message (reference: Spread client protocol, section 4).
//!
//! ```text
//! offset  bytes
//!      0      4  kind: service and request bits, and the byte-order flag
//!      4     32  name: the client's own towards the server; sender or group towards the client
//!     36      4  number of names that follow the header
//!     40      4  hint: the application's 16 bits, in the sender's byte order, with a flag of its own
//!     44      4  bytes of data after the names
//! ```

use bytes::{BufMut, BytesMut};

use super::{GROUPS, NAME, Name};

/// Bytes of a header.
pub const HEADER: usize = 48;

/// Bits of a kind.
pub mod bits {
    /// The byte-order flag, equal in both orders: set by little-endian writers.
    pub const LITTLE: u32 = 0x8000_0080;
    /// Unreliable; served as reliable.
    pub const UNRELIABLE: u32 = 0x01;
    /// Reliable.
    pub const RELIABLE: u32 = 0x02;
    /// FIFO.
    pub const FIFO: u32 = 0x04;
    /// Causal.
    pub const CAUSAL: u32 = 0x08;
    /// Agreed.
    pub const AGREED: u32 = 0x10;
    /// Safe.
    pub const SAFE: u32 = 0x20;
    /// All services.
    pub const SERVICES: u32 = 0x3f;
    /// The sender wants no copy.
    pub const SELF_DISCARD: u32 = 0x40;
    /// A view was caused by a join.
    pub const BY_JOIN: u32 = 0x100;
    /// By a leave.
    pub const BY_LEAVE: u32 = 0x200;
    /// By a disconnect.
    pub const BY_DISCONNECT: u32 = 0x400;
    /// By the network.
    pub const BY_NETWORK: u32 = 0x800;
    /// A view.
    pub const VIEW: u32 = 0x1000;
    /// A transitional mark.
    pub const TRANSITIONAL: u32 = 0x2000;
    /// A client wants to join.
    pub const JOIN: u32 = 0x1_0000;
    /// A client wants to leave.
    pub const LEAVE: u32 = 0x2_0000;
    /// A client wants to end.
    pub const KILL: u32 = 0x4_0000;
    /// All requests.
    pub const REQUESTS: u32 = JOIN | LEAVE | KILL;
    /// A message that was refused.
    pub const REJECTED: u32 = 0x40_0000;
    /// What only servers may set: nothing of it is accepted from a client, but one request.
    pub const RESERVED: u32 = 0x007f_ff00;
    /// What a client may set beside its service; passed on to the receivers. The Flush library needs the
    /// highest of these.
    pub const PASSED: u32 = 0x7f00_0040;
}

/// The order in which a side writes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first: what we write.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// Reads a word.
    pub const fn read(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// Writes a word.
    pub const fn write(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }

    /// Its flag in a kind and in a hint.
    pub const fn flag(self) -> u32 {
        match self {
            Self::Little => bits::LITTLE,
            Self::Big => 0,
        }
    }

    /// The order of the writer of these bytes, a kind or a hint.
    pub const fn of(bytes: [u8; 4]) -> Self {
        if u32::from_le_bytes(bytes) & bits::LITTLE == bits::LITTLE {
            Self::Little
        } else {
            Self::Big
        }
    }
}

/// The application's 16 bits as they were written. Never touched: receivers judge its order by its own flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint(pub [u8; 4]);

impl Hint {
    /// All bits that a hint may have; the same in both orders.
    const ALLOWED: u32 = 0x80ff_ff80;

    /// `value`, written in `order`.
    pub const fn new(value: u16, order: ByteOrder) -> Self {
        Self(order.write(((value as u32) << 8) | order.flag()))
    }

    /// The application's value.
    pub const fn value(self) -> u16 {
        (ByteOrder::of(self.0).read(self.0) >> 8) as u16
    }

    /// Whether it has no bit that a hint may not have.
    pub const fn is_legal(self) -> bool {
        u32::from_le_bytes(self.0) & !Self::ALLOWED == 0
    }
}

/// A header without its byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Service and request bits, without the byte-order flag.
    pub kind: u32,
    /// The name field.
    pub name: Name,
    /// How many names follow.
    pub groups: usize,
    /// The application's bits.
    pub hint: Hint,
    /// Bytes of data that follow the names.
    pub data_bytes: usize,
}

/// Why a header cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name has no end or is not text.
    #[error("the name field holds no name")]
    Name,
    /// A negative or too large number of names.
    #[error("{0} names, 0 to {GROUPS} are allowed")]
    Groups(i32),
    /// A hint with other bits than an application has.
    #[error("illegal bits in the hint")]
    Hint,
    /// A negative length.
    #[error("a length of {0} bytes")]
    Length(i32),
}

impl Header {
    /// Reads a header. A client's must not name more than [`GROUPS`] groups; a server's view may.
    ///
    /// # Errors
    /// A [`HeaderError`]; the stream cannot be read any further.
    pub fn decode(
        bytes: &[u8; HEADER],
        groups_limit: usize,
    ) -> Result<(Self, ByteOrder), HeaderError> {
        let kind = word(bytes, 0);
        let order = ByteOrder::of(kind);
        let signed = |at| order.read(word(bytes, at)).cast_signed();
        let mut field = [0; NAME];
        field.copy_from_slice(bytes.get(4..36).unwrap_or_default());
        let groups = usize::try_from(signed(36))
            .ok()
            .filter(|groups| *groups <= groups_limit)
            .ok_or(HeaderError::Groups(signed(36)))?;
        let data_bytes =
            usize::try_from(signed(44)).map_err(|_| HeaderError::Length(signed(44)))?;
        let header = Self {
            kind: order.read(kind) & !bits::LITTLE,
            name: Name::from_field(&field).ok_or(HeaderError::Name)?,
            groups,
            hint: Hint(word(bytes, 40)),
            data_bytes,
        };
        if !header.hint.is_legal() {
            return Err(HeaderError::Hint);
        }
        Ok((header, order))
    }

    /// Bytes of names and data that follow.
    pub const fn rest_bytes(&self) -> usize {
        self.groups
            .saturating_mul(NAME)
            .saturating_add(self.data_bytes)
    }

    /// Appends the header. The counts are ours and fit 31 bits.
    pub fn encode(&self, order: ByteOrder, out: &mut BytesMut) {
        let count = |count: usize| {
            let word = i32::try_from(count);
            assert!(word.is_ok(), "a message is bounded");
            order.write(word.unwrap_or_default().cast_unsigned())
        };
        out.put_slice(&order.write(self.kind | order.flag()));
        out.put_slice(self.name.field());
        out.put_slice(&count(self.groups));
        out.put_slice(&self.hint.0);
        out.put_slice(&count(self.data_bytes));
    }
}

fn word(bytes: &[u8; HEADER], at: usize) -> [u8; 4] {
    let mut word = [0; 4];
    word.copy_from_slice(bytes.get(at..at + 4).unwrap_or_default());
    word
}
