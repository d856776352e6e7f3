//! How values are written into a journal and read from it: one trait, both directions in one place.
//!
//! Structures and enumerations are listed once, by the macros [`structure!`] and [`choice!`]. They take a value
//! apart without `..` and match without `_`, so a field or a variant that is added elsewhere does not compile
//! here until it is listed. Numbers are LEB128, texts and lists have their length in front.
//!
//! What it deliberately is not: a codec of the network. That is `ringfort-wire`, and neither knows the other.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::{Buf, Bytes};
use ipnet::IpNet;

/// Why a record is none; the words name what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct Malformed(pub &'static str);

/// What a journal can hold.
pub(crate) trait Stored: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);

    /// Takes one value off the front of `input`. Never panics, and never reserves more than `input` justifies.
    fn take(input: &mut Bytes) -> Result<Self, Malformed>;
}

/// Lists the fields of a structure, in the order in which they are written.
macro_rules! structure {
    ($type:ty { $($field:tt: $name:ident),* $(,)? }) => {
        impl Stored for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field: $name),* } = self;
                $($name.put(out);)*
            }

            fn take(input: &mut Bytes) -> Result<Self, Malformed> {
                Ok(Self { $($field: Stored::take(input)?),* })
            }
        }
    };
}

/// Lists the variants of an enumeration, each with the number that stands for it and its fields.
macro_rules! choice {
    ($type:ty, $what:literal {
        $($tag:literal => $variant:ident { $($field:tt: $name:ident),* $(,)? }),* $(,)?
    }) => {
        impl Stored for $type {
            #[allow(unused_variables)] // where no variant has a field
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant { $($field: $name),* } => {
                        out.push($tag);
                        $($name.put(out);)*
                    })*
                }
            }

            fn take(input: &mut Bytes) -> Result<Self, Malformed> {
                match u8::take(input)? {
                    $($tag => Ok(Self::$variant { $($field: Stored::take(input)?),* }),)*
                    _ => Err(Malformed($what)),
                }
            }
        }
    };
}

pub(crate) use {choice, structure};

/// A whole value and nothing after it.
pub(crate) fn take_all<T: Stored>(mut input: Bytes) -> Result<T, Malformed> {
    let value = T::take(&mut input)?;
    if input.is_empty() {
        Ok(value)
    } else {
        Err(Malformed("the end of the record"))
    }
}

/// The next `length` bytes, as a slice of the record.
fn slice(input: &mut Bytes, length: usize) -> Result<Bytes, Malformed> {
    if length > input.len() {
        return Err(Malformed("more bytes"));
    }
    Ok(input.split_to(length))
}

/// A length that stands in front of something.
fn length(input: &mut Bytes) -> Result<usize, Malformed> {
    usize::try_from(u64::take(input)?).map_err(|_| Malformed("a length"))
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    bytes.len().put(out);
    out.extend_from_slice(bytes);
}

impl Stored for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        if input.has_remaining() {
            Ok(input.get_u8())
        } else {
            Err(Malformed("more bytes"))
        }
    }
}

impl Stored for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let mut value = 0;
        for shift in (0..Self::BITS).step_by(7) {
            let byte = u8::take(input)?;
            let part = Self::from(byte & 0x7f);
            if part << shift >> shift != part {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number of at most 64 bits"))
    }
}

/// Smaller numbers are written as 64 bits and must fit when they are read.
macro_rules! number {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            fn put(&self, out: &mut Vec<u8>) {
                (*self as u64).put(out);
            }

            fn take(input: &mut Bytes) -> Result<Self, Malformed> {
                Self::try_from(u64::take(input)?).map_err(|_| Malformed("a smaller number"))
            }
        }
    )*};
}

number!(u16, u32, usize);

impl Stored for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        // Small numbers of either sign are short (the zigzag of protocol buffers).
        (((*self << 1) ^ (*self >> 63)) as u64).put(out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let number = u64::take(input)?;
        Ok((number >> 1) as Self ^ -((number & 1) as Self))
    }
}

impl Stored for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        match u8::take(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a truth value")),
        }
    }
}

impl Stored for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self, out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let length = length(input)?;
        slice(input, length)
    }
}

impl Stored for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let length = length(input)?;
        let bytes = slice(input, length)?;
        let text = core::str::from_utf8(&bytes).map_err(|_| Malformed("text in UTF-8"))?;
        Ok(Self::from(text))
    }
}

impl Stored for Arc<str> {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        String::take(input).map(Self::from)
    }
}

impl<const N: usize> Stored for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let bytes = slice(input, N)?;
        Self::try_from(&*bytes).map_err(|_| Malformed("more bytes"))
    }
}

impl<T: Stored> Stored for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        bool::take(input)?.then(|| T::take(input)).transpose()
    }
}

impl<T: Stored> Stored for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        T::take(input).map(Self::new)
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for item in self {
            item.put(out);
        }
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let count = length(input)?;
        if count > input.len() {
            return Err(Malformed("more bytes")); // every item has at least one
        }
        (0..count).map(|_| T::take(input)).collect()
    }
}

impl<K: Stored + Ord, V: Stored> Stored for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let pairs: Vec<(K, V)> = Vec::take(input)?;
        Ok(pairs.into_iter().collect())
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        Ok((A::take(input)?, B::take(input)?))
    }
}

impl Stored for Duration {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_secs().put(out);
        self.subsec_nanos().put(out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let (seconds, nanos) = <(u64, u32)>::take(input)?;
        if nanos < 1_000_000_000 {
            Ok(Self::new(seconds, nanos))
        } else {
            Err(Malformed("less than a second of nanoseconds"))
        }
    }
}

impl Stored for IpAddr {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4(address) => {
                out.push(4);
                address.octets().put(out);
            }
            Self::V6(address) => {
                out.push(6);
                address.octets().put(out);
            }
        }
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        match u8::take(input)? {
            4 => Ok(Self::V4(Ipv4Addr::from(<[u8; 4]>::take(input)?))),
            6 => Ok(Self::V6(Ipv6Addr::from(<[u8; 16]>::take(input)?))),
            _ => Err(Malformed("an address of IPv4 or IPv6")),
        }
    }
}

impl Stored for SocketAddr {
    fn put(&self, out: &mut Vec<u8>) {
        self.ip().put(out);
        self.port().put(out);
        if let Self::V6(address) = self {
            address.flowinfo().put(out);
            address.scope_id().put(out); // link-local addresses are told apart by it
        }
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let mut address = Self::new(IpAddr::take(input)?, u16::take(input)?);
        if let Self::V6(address) = &mut address {
            address.set_flowinfo(u32::take(input)?);
            address.set_scope_id(u32::take(input)?);
        }
        Ok(address)
    }
}

impl Stored for IpNet {
    fn put(&self, out: &mut Vec<u8>) {
        self.addr().put(out);
        self.prefix_len().put(out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        let (address, prefix) = <(IpAddr, u8)>::take(input)?;
        Self::new(address, prefix).map_err(|_| Malformed("a length of a prefix"))
    }
}
