//! Where something is counted.

use alloc::sync::Arc;
use core::{fmt, net::IpAddr};

use ipnet::{IpNet, Ipv4Net};
use ringfort_machine::Digest;
use ringfort_wire::counter::{self, Kind};

/// A place in an object: a netblock of a CIDR tree or a text of a gauge table.
///
/// Build it with `From` or [`Key::text`]: they give each place one key. The order is that of the tree read
/// from the root: a netblock comes just before all that it contains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A netblock without host bits; a host is one of full length. IPv4 never appears as mapped IPv6.
    Net(IpNet),
    /// A text of 1 to 255 visible ASCII characters in lower case.
    Text(Arc<str>),
}

impl Key {
    /// The key for `text`, in lower case; nothing if it is empty, longer than 255 bytes, or has a character
    /// that is not visible ASCII (domains come in their ASCII form, RFC 5890).
    pub fn text(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        counter::is_text_key(&lower).then(|| Self::Text(lower.into()))
    }

    /// The kind of object that it is a key of.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Net(_) => Kind::CidrTree,
            Self::Text(_) => Kind::GaugeTable,
        }
    }

    /// The same place in its one form, whoever built it; nothing for a text that cannot be a key.
    pub(crate) fn canonical(self) -> Option<Self> {
        match self {
            Self::Net(net) => Some(Self::from(net)),
            Self::Text(text) if counter::is_text_key(&text) => Some(Self::Text(text)),
            Self::Text(text) => Self::text(&text),
        }
    }

    /// The fingerprint of this key with `value`.
    pub(crate) fn fingerprint(&self, value: i64) -> u64 {
        let mut digest = Digest::new();
        match self {
            Self::Net(IpNet::V4(net)) => {
                digest.number(u64::from(net.prefix_len()));
                digest.number(u64::from(net.addr().to_bits()));
            }
            Self::Net(IpNet::V6(net)) => {
                digest.number(u64::from(net.prefix_len()) + 128);
                digest.bytes(&net.addr().octets());
            }
            Self::Text(text) => {
                digest.text(text);
            }
        }
        digest.signed(value).finish()
    }
}

impl From<IpNet> for Key {
    /// Host bits are cleared, and IPv4 mapped into IPv6 is IPv4.
    fn from(net: IpNet) -> Self {
        let net = net.trunc();
        let mapped = match net {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.addr().to_ipv4_mapped(),
            IpNet::V4(_) | IpNet::V6(_) => None,
        };
        Self::Net(match mapped {
            Some(v4) => IpNet::V4(Ipv4Net::new_assert(v4, net.prefix_len() - 96)),
            None => net,
        })
    }
}

impl From<IpAddr> for Key {
    fn from(address: IpAddr) -> Self {
        Self::from(IpNet::from(address))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(net) => net.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
