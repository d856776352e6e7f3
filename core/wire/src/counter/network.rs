//! A prefix in as few bytes as it needs: one byte for family and length, and the address bytes that the length
//! covers. A host of IPv4 takes five bytes, an IPv6 `/64` nine; there is no allocation on either way.
//!
//! Host bits are refused here, so that a prefix has one encoding.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{
    Deserializer, Serializer,
    de::{Error, SeqAccess, Visitor},
    ser::SerializeTuple,
};

/// The first byte of an IPv6 prefix is this plus its length; that of an IPv4 prefix is its length.
const V6: u8 = 100;
/// The most bytes of a prefix: the first one and a whole IPv6 address.
const BYTES: usize = 17;

pub(super) fn serialize<S: Serializer>(net: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    match net {
        IpNet::V4(v4) => tuple(serializer, v4.prefix_len(), 0, &v4.addr().octets()),
        IpNet::V6(v6) => tuple(serializer, v6.prefix_len(), V6, &v6.addr().octets()),
    }
}

fn tuple<S: Serializer>(
    serializer: S,
    length: u8,
    family: u8,
    octets: &[u8],
) -> Result<S::Ok, S::Error> {
    let covered = usize::from(length.div_ceil(8));
    let mut out = serializer.serialize_tuple(1 + covered)?;
    out.serialize_element(&(family + length))?;
    for octet in octets.iter().take(covered) {
        out.serialize_element(octet)?;
    }
    out.end()
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpNet, D::Error> {
    deserializer.deserialize_tuple(BYTES, Prefix)
}

struct Prefix;

impl<'de> Visitor<'de> for Prefix {
    type Value = IpNet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address prefix")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<IpNet, A::Error> {
        let mut byte = || {
            bytes
                .next_element::<u8>()?
                .ok_or_else(|| A::Error::custom("a prefix ends early"))
        };
        let first = byte()?;
        let (length, width) = match first {
            0..=32 => (first, 4),
            V6..=228 => (first - V6, 16),
            _ => return Err(A::Error::custom("no such prefix length")),
        };
        let mut octets = [0; 16];
        for octet in octets.iter_mut().take(usize::from(length.div_ceil(8))) {
            *octet = byte()?;
        }
        let net = if width == 4 {
            let [a, b, c, d, ..] = octets;
            Ipv4Net::new(Ipv4Addr::new(a, b, c, d), length).map(IpNet::V4)
        } else {
            Ipv6Net::new(Ipv6Addr::from(octets), length).map(IpNet::V6)
        };
        match net {
            Ok(net) if net.trunc() == net => Ok(net),
            Ok(_) | Err(_) => Err(A::Error::custom("host bits in a prefix")),
        }
    }
}
