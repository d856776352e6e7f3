//! The bus protocol towards local clients: the bytes that programs written for Spread 4 speak (reference: Spread
//! client protocol, sections 2 to 6).
//!
//! A session begins with a short handshake ([`greeting`]); after it both sides send messages, each a header of
//! 48 bytes ([`header`]), a list of names, and data. Each side writes words in its own byte order and says which.
//! We always write little-endian. Both directions are here, so that a client and the tests use the same codec.
//!
//! What this deliberately is not: it holds no session and decides nothing; and it is the one place where the
//! bytes are not our own design, so neither [`crate::frame`] nor [`crate::body`] is used.

use core::fmt;

pub mod greeting;
pub mod header;
pub mod membership;

pub use greeting::{Greeting, Reject, Version};
pub use header::{ByteOrder, Header, HeaderError, Hint, bits};
pub use membership::{GroupId, Membership};

/// Bytes of a name field; the text in it is at most one shorter.
pub const NAME: usize = 32;
/// The longest name that a client may choose, in bytes.
pub const CLIENT_NAME: usize = 10;
/// The longest name of a server, in bytes, such that every private name fits a name field.
pub const SERVER_NAME: usize = 19;
/// The most groups that one message may be sent to.
pub const GROUPS: usize = 100;
/// The most bytes of data and names in one message that libspread sends.
pub const MESSAGE: usize = 144_000;

/// A name as it stands in a field of 32 bytes: the text, then zeros. At most 31 bytes of text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; NAME]);

impl Name {
    /// No text.
    pub const EMPTY: Self = Self([0; NAME]);

    /// The name `text`; nothing if it is longer than 31 bytes or has a zero byte.
    pub fn new(text: &str) -> Option<Self> {
        let mut field = [0; NAME];
        if text.len() >= NAME || text.bytes().any(|byte| byte == 0) {
            return None;
        }
        field
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        Some(Self(field))
    }

    /// The private name of the client called `client` at the server called `server`, `#client#server`, or what
    /// [`Name::shown`] makes of it.
    pub fn private(client: &str, server: &str) -> Self {
        let mut field = [0; NAME];
        let text = [b"#", client.as_bytes(), b"#", server.as_bytes()];
        let length: usize = text.iter().map(|part| part.len()).sum();
        if length >= NAME || text.iter().any(|part| part.contains(&0)) {
            return Self::shown(&alloc::format!("#{client}#{server}"));
        }
        for (slot, byte) in field.iter_mut().zip(text.into_iter().flatten()) {
            *slot = *byte;
        }
        Self(field)
    }

    /// A name to show for `text`, which may be too long for a field or have a zero byte: then its first bytes,
    /// `~`, and ten digits that tell it from others with the same beginning. Such a name can be read, not
    /// written to.
    pub fn shown(text: &str) -> Self {
        const KEPT: usize = NAME - 1 - 11;
        if let Some(name) = Self::new(text) {
            return name;
        }
        let mut hash = ringfort_machine::Digest::of(text.as_bytes());
        let digits = core::iter::repeat_with(|| {
            let digit = b"0123456789abcdef"[(hash & 15) as usize];
            hash >>= 4;
            digit
        });
        let visible = text.bytes().map(|byte| match byte {
            b'#'..=b'~' => byte,
            0..b'#' | 0x7f.. => b'$',
        });
        let mark = core::iter::once(b'~').chain(digits.take(10));
        let mut field = [0; NAME];
        for (slot, byte) in field.iter_mut().zip(visible.take(KEPT).chain(mark)) {
            *slot = byte;
        }
        Self(field)
    }

    /// The name in `field`: what stands before the first zero; the rest is masked, since clients leave stale
    /// bytes there. Nothing without a zero, or if it is not UTF-8.
    pub fn from_field(field: &[u8; NAME]) -> Option<Self> {
        let length = field.iter().position(|byte| *byte == 0)?;
        core::str::from_utf8(field.get(..length)?)
            .ok()
            .and_then(Self::new)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0);
        let text = self.0.get(..length.unwrap_or(NAME)).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }

    /// Its field.
    pub const fn field(&self) -> &[u8; NAME] {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether every byte of `text` may stand in a name: 0x24 to 0x7e, so neither `#` nor space.
pub fn is_name(text: &[u8]) -> bool {
    text.iter().all(|byte| (0x24..=0x7e).contains(byte))
}

#[cfg(test)]
mod tests;
