//! Who may attach, under which server name, and how much of the node a session may use.

use alloc::{string::String, vec::Vec};
use core::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use ringfort_wire::session;

use crate::Peer;

/// How clients prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// Whether method NULL is offered: no questions asked.
    pub null: bool,
    /// If there, method IP is offered: the peer's address must be in one of these. A peer on a Unix socket has
    /// the address 0.0.0.0.
    pub ip: Option<Vec<IpNet>>,
    /// Whether method IP is run even if the client does not choose it.
    pub ip_required: bool,
}

/// The configuration of the sessions of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The server's name in private names, the node's own: 1 to 19 bytes from 0x24 to 0x7e.
    pub server: String,
    /// How clients are authenticated.
    pub authentication: Authentication,
    /// Sessions at a time (Spread: 997).
    pub sessions: usize,
    /// How long the handshake may take.
    pub handshake_timeout: Duration,
    /// Bytes of data and names in one message from a client.
    pub message_bytes: usize,
    /// Messages that may wait for one client before it is disconnected (Spread: MaxSessionMessages, 1000).
    pub queue_messages: usize,
    /// Bytes that may wait for one client before it is disconnected.
    pub queue_bytes: usize,
}

impl Config {
    /// The defaults for the server called `server`: method NULL, the limits of Spread, 16 MiB for a slow reader.
    pub fn new(server: &str) -> Self {
        Self {
            server: server.into(),
            authentication: Authentication {
                null: true,
                ip: None,
                ip_required: false,
            },
            sessions: 997,
            handshake_timeout: Duration::from_secs(10),
            message_bytes: session::MESSAGE,
            queue_messages: 1000,
            queue_bytes: 16 << 20,
        }
    }

    /// Whether the rules stated on the fields are kept.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let server = self.server.as_bytes();
        if !(1..=session::SERVER_NAME).contains(&server.len()) || !session::is_name(server) {
            return Err(ConfigError::Server(self.server.clone()));
        }
        if self.authentication.methods().is_empty() {
            return Err(ConfigError::NoMethod);
        }
        if self.authentication.ip_required && self.authentication.ip.is_none() {
            return Err(ConfigError::RequiredMethod);
        }
        for (what, limit) in [
            ("sessions", self.sessions),
            ("message_bytes", self.message_bytes),
            ("queue_messages", self.queue_messages),
            ("queue_bytes", self.queue_bytes),
        ] {
            if limit == 0 {
                return Err(ConfigError::Zero(what));
            }
        }
        Ok(())
    }
}

impl Authentication {
    /// The methods that are offered, in the order of the list.
    pub(crate) fn methods(&self) -> Vec<&'static str> {
        let null = self.null.then_some(NULL);
        null.into_iter()
            .chain(self.ip.is_some().then_some(IP))
            .collect()
    }

    /// Whether the method called `name` lets `peer` in; nothing if it is not offered.
    pub(crate) fn run(&self, name: &[u8], peer: Peer) -> Option<bool> {
        match name {
            _ if self.null && name == NULL.as_bytes() => Some(true),
            _ if name == IP.as_bytes() => self.ip.as_ref().map(|allowed| {
                let address = peer.address();
                allowed.iter().any(|net| net.contains(&address))
            }),
            _ => None,
        }
    }

    /// Whether a client that is too old to choose is let in: by its address if that is asked at all.
    pub(crate) fn run_for_old_client(&self, peer: Peer) -> bool {
        self.run(IP.as_bytes(), peer).unwrap_or(self.null)
    }

    /// Whether the required methods let `peer` in.
    pub(crate) fn run_required(&self, peer: Peer) -> bool {
        !self.ip_required || self.run(IP.as_bytes(), peer) == Some(true)
    }
}

impl Peer {
    /// The address for method IP.
    pub(crate) const fn address(self) -> IpAddr {
        match self {
            Self::Unix => IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
            Self::Tcp(address) => address.to_canonical(),
        }
    }
}

const NULL: &str = "NULL";
const IP: &str = "IP";

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The server name does not fit the protocol.
    #[error(
        "{0:?} cannot be a server name for bus clients: use 1 to {max} characters without space or '#', such as the short host name",
        max = session::SERVER_NAME
    )]
    Server(String),
    /// Nobody could attach.
    #[error("no authentication method for bus clients is enabled; enable NULL or IP")]
    NoMethod,
    /// A method that is required is not there.
    #[error("authentication method IP is required and has no list of addresses; add one")]
    RequiredMethod,
    /// A limit of zero.
    #[error("bus clients: the limit `{0}` is 0; use at least 1")]
    Zero(&'static str),
}
