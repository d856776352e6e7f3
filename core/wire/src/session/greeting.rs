//! The handshake (reference: Spread client protocol, section 2).
//!
//! ```text
//! client   major, minor, [patch from 3.15.0 on], flags, n, name[n]
//! server   length of the list, list of methods            from 3.16.0 on, or a code
//! client   three method names of 30 bytes                 from 3.16.0 on
//! server   1 or a code
//! server   major, minor, [patch from 3.15.0 on], m, private name[m]
//! ```
//!
//! Everything may come in any fragments: the parsers here say how much they need.

use bytes::{BufMut, Bytes, BytesMut};

use super::{CLIENT_NAME, Name, is_name};

/// Bytes of the client's choice of methods.
pub const METHODS: usize = 90;
/// Bytes of one method name in it.
pub const METHOD: usize = 30;
/// The byte that accepts a session.
pub const ACCEPT: u8 = 1;

/// A version of the protocol. Ordered as Spread orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
    /// Patch; zero for a client that does not send it.
    pub patch: u8,
}

impl Version {
    /// What this server answers with.
    pub const SERVER: Self = Self::new(4, 4, 0);
    /// The oldest client that is served.
    pub const OLDEST: Self = Self::new(3, 1, 0);
    /// The first version that sends its patch number.
    const WITH_PATCH: Self = Self::new(3, 15, 0);
    /// The first version that chooses a method.
    const WITH_METHODS: Self = Self::new(3, 16, 0);

    /// The version `major.minor.patch`.
    pub const fn new(major: u8, minor: u8, patch: u8) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// As one number, the way Spread compares: 3.200.0 is after 4.9.0.
    const fn number(self) -> u32 {
        self.major as u32 * 10_000 + self.minor as u32 * 100 + self.patch as u32
    }

    /// Whether patch numbers are exchanged.
    pub const fn has_patch(self) -> bool {
        self.number() >= Self::WITH_PATCH.number()
    }

    /// Whether a method is chosen.
    pub const fn has_methods(self) -> bool {
        self.number() >= Self::WITH_METHODS.number()
    }

    /// Whether a client of this version is served.
    pub const fn is_served(self) -> bool {
        self.number() >= Self::OLDEST.number()
    }
}

/// Why a session is refused: one signed byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub enum Reject {
    /// There are as many sessions as may be.
    Quota = -3,
    /// The name is too long or has a byte that may not be.
    IllegalName = -5,
    /// Another session has the name.
    NotUnique = -6,
    /// The client is too old.
    Version = -7,
    /// No method of authentication, or it failed.
    Authentication = -9,
}

impl Reject {
    /// The byte on the wire.
    pub const fn byte(self) -> u8 {
        (self as i8).cast_unsigned()
    }
}

/// What a client says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its version.
    pub version: Version,
    /// Whether it wants membership messages (bit 0 of the flags).
    pub wants_membership: bool,
    /// The name that it wants; empty: any.
    pub name: Name,
}

impl Greeting {
    /// Reads a greeting from the front of `bytes`, and how many bytes it has; nothing while it is incomplete.
    ///
    /// # Errors
    /// [`Reject::Version`] or [`Reject::IllegalName`], as soon as it is certain.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Reject> {
        let [major, minor, rest @ ..] = bytes else {
            return Ok(None);
        };
        let mut version = Version::new(*major, *minor, 0);
        let mut rest = rest;
        if version.has_patch() {
            let [patch, after @ ..] = rest else {
                return Ok(None);
            };
            version.patch = *patch;
            rest = after;
        }
        if !version.is_served() {
            return Err(Reject::Version);
        }
        let [flags, length, rest @ ..] = rest else {
            return Ok(None);
        };
        let length = usize::from(*length);
        if length > CLIENT_NAME {
            return Err(Reject::IllegalName);
        }
        let known = rest.get(..length.min(rest.len())).unwrap_or_default();
        if !is_name(known) {
            return Err(Reject::IllegalName);
        }
        if known.len() < length {
            return Ok(None);
        }
        let name = core::str::from_utf8(known).ok().and_then(Name::new);
        let greeting = Self {
            version,
            wants_membership: flags & 1 == 1,
            name: name.ok_or(Reject::IllegalName)?,
        };
        Ok(Some((greeting, bytes.len() - rest.len() + length)))
    }

    /// The bytes of this greeting, as a client sends them.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        put_version(&mut out, self.version, self.version);
        out.put_u8(u8::from(self.wants_membership));
        put_text(&mut out, self.name.as_str());
        out.freeze()
    }
}

/// The list of methods, as the server offers it: with a space after every one.
pub fn encode_offer(methods: &[&str]) -> Bytes {
    let mut list = alloc::string::String::new();
    for method in methods {
        list.push_str(method);
        list.push(' ');
    }
    let mut out = BytesMut::new();
    put_text(&mut out, &list);
    out.freeze()
}

/// The three slots of a client's choice, cut at their first zero.
pub fn choices(choice: &[u8]) -> impl Iterator<Item = &[u8]> {
    choice.chunks(METHOD).take(3).map(|slot| {
        let end = slot.iter().position(|byte| *byte == 0);
        slot.get(..end.unwrap_or(slot.len())).unwrap_or_default()
    })
}

/// The acceptance of a client of `version`, who is called `private` from here on. In one piece: libspread reads
/// the name with a single call.
pub fn encode_welcome(version: Version, private: &Name) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(ACCEPT);
    put_version(&mut out, Version::SERVER, version);
    put_text(&mut out, private.as_str());
    out.freeze()
}

/// `version`, in the form that a client of version `towards` reads.
fn put_version(out: &mut BytesMut, version: Version, towards: Version) {
    out.put_u8(version.major);
    out.put_u8(version.minor);
    if towards.has_patch() {
        out.put_u8(version.patch);
    }
}

/// One byte of length and the text. All texts here are far shorter than 128 bytes, which would read as a code.
fn put_text(out: &mut BytesMut, text: &str) {
    assert!(
        text.len() <= METHODS,
        "longer than any text of the handshake"
    );
    out.put_u8(text.len() as u8);
    out.put_slice(text.as_bytes());
}
