//! Where a daemon is, in the form that Spread's programs write it and in two more (reference: Spread client protocol,
//! section 1).

use alloc::{borrow::ToOwned, format, string::String};
use core::{fmt, str::FromStr};

/// Where a daemon listens.
///
/// ```
/// use ringfort_client_core::Address;
///
/// assert_eq!("4803".parse(), Ok(Address::Unix("/tmp/4803".into())));
/// assert_eq!("4803@bus1".parse(), Ok(Address::Tcp { host: "bus1".into(), port: 4803 }));
/// assert_eq!("bus1:4803".parse::<Address>(), "4803@bus1".parse());
/// assert_eq!("/run/ringfort/bus".parse(), Ok(Address::Unix("/run/ringfort/bus".into())));
/// assert!("70000@bus1".parse::<Address>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// The path of a Unix stream socket.
    Unix(String),
    /// A port of a host.
    Tcp {
        /// A name, or an address of either family without brackets.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
}

impl Address {
    /// Where a daemon's Unix socket is: in this directory, called like the port.
    pub const DIRECTORY: &str = "/tmp";
    /// The port that programs use if they are not told another.
    pub const PORT: u16 = 4803;

    /// The Unix socket of the daemon on this host that serves `port`.
    pub fn local(port: u16) -> Self {
        Self::Unix(format!("{}/{port}", Self::DIRECTORY))
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::local(Self::PORT)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `4803` (a Unix socket), `4803@host`, `host:4803`, `[::1]:4803` or a path with a slash; nothing at all is
    /// `4803`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let port = |digits: &str| match digits.parse() {
            Ok(0) | Err(_) => Err(wrong()),
            Ok(port) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
            Ok(_) => Err(wrong()), // a sign
        };
        let tcp = |host: &str, digits| match host {
            "" => Err(wrong()),
            host => Ok(Self::Tcp {
                host: host.to_owned(),
                port: port(digits)?,
            }),
        };
        if text.contains('/') {
            return Ok(Self::Unix(text.to_owned()));
        }
        if text.is_empty() {
            return Ok(Self::default());
        }
        if let Some((digits, host)) = text.split_once('@') {
            return tcp(host, digits);
        }
        if let Some((host, digits)) = text.rsplit_once(':') {
            let bare = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            return match bare {
                Some(host) => tcp(host, digits),
                None if host.contains(':') => Err(wrong()), // an IPv6 address or a port: who can tell
                None => tcp(host, digits),
            };
        }
        port(text).map(Self::local)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => f.write_str(path),
            Self::Tcp { host, port } => write!(f, "{port}@{host}"),
        }
    }
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address of a bus daemon: use 4803 (a Unix socket in /tmp), 4803@host, host:4803, [IPv6]:4803 or a path"
)]
pub struct AddressError(pub String);

#[cfg(test)]
mod tests;
