//! Settings of consoles: where they connect and what they may do (reference 1.14).

use alloc::{string::String, vec::Vec};
use core::{fmt, net::SocketAddr, time::Duration};

use ipnet::IpNet;

use crate::Span;

/// Where a local service can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// A socket in the file system.
    Unix(String),
    /// A TCP address.
    Tcp(SocketAddr),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => f.write_str(path),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// How a password is proved (reference AA-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// DIGEST-MD5, the default over TCP.
    DigestMd5,
    /// CRAM-MD5.
    CramMd5,
    /// LOGIN: the password in clear.
    Login,
}

/// One way to authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// Where credentials are: `digest://`, `file://` … (reference AA-5).
    pub uri: Option<String>,
    /// The realm, if not the default of the daemon.
    pub realm: Option<String>,
    /// Whether logins and commands are written to the accounting log.
    pub log_authentication: bool,
    /// Whether the source holds passwords in clear.
    pub stored_cleartext: bool,
}

/// What applies to the consoles of one network. The longest prefix that contains the peer applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessBlock {
    /// The network.
    pub net: IpNet,
    /// Whether a password is asked for. Sockets in the file system carry the identity of the user instead.
    pub enable_authentication: bool,
    /// Whether commands are checked against [`AuthorizationRole`]s.
    pub enable_authorization: bool,
    /// Every command is allowed.
    pub always_allow: bool,
    /// No connection is allowed. Wins over `always_allow`.
    pub always_deny: bool,
    /// The mechanisms, in the order of writing.
    pub authentication: Vec<Authentication>,
    /// Where group memberships are: `groups://` (reference AA-5).
    pub authorization_uri: Option<String>,
}

/// One console listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlListener {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Access by network, longest prefix first. A peer in none of them gets no console, except on a socket in
    /// the file system or from loopback, where an empty list means "the user of the process is trusted".
    pub access: Vec<AccessBlock>,
    /// Silence after which a session is closed.
    pub timeout: Duration,
    /// Permissions of a socket in the file system.
    pub file_mode: u32,
    /// Connections that may wait to be accepted.
    pub listen_backlog: u32,
    /// Whether the address is managed by the address service.
    pub duravip: bool,
    /// Preferred owners, best first.
    pub preference: Vec<String>,
    /// Binding (name or address) that this address goes with.
    pub follow: Option<String>,
    /// Where it was written.
    pub span: Span,
}

/// What the members of one role may do (reference AA-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRole {
    /// The name of the role or of a user.
    pub name: String,
    /// Patterns of allowed commands; the first that matches allows.
    pub allow: Vec<String>,
}
