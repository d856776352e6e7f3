//! What can go wrong, and what to do about it.

use std::io;

use ipnet::IpNet;

/// Why the platform did not do as told. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The process lacks a capability.
    #[error(
        "{what} needs {capability}, which this process does not have: run it as root, or give it to the program with \
         `setcap cap_net_admin,cap_net_raw,cap_net_bind_service+ep /path/to/ringfort`, or put \
         `AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE` into its systemd unit"
    )]
    Denied {
        /// What was tried.
        what: String,
        /// The capability, by its kernel name.
        capability: &'static str,
    },
    /// There is no such interface.
    #[error("there is no interface `{name}`; this machine has: {}. Correct `interface` in the Topology stanza", known.join(", "))]
    NoInterface {
        /// The name asked for.
        name: String,
        /// The names of all interfaces.
        known: Vec<String>,
    },
    /// The interface has no link-layer address to announce.
    #[error(
        "interface `{name}` is no Ethernet: neighbours cannot be told of {address} there. Put the address on the \
         interface that is on the clients' segment"
    )]
    NotEthernet {
        /// The interface.
        name: String,
        /// The address.
        address: IpNet,
    },
    /// Not an address of this mode.
    #[error(
        "{address} is not in 127.0.0.0/8: this cluster runs on loopback and changes no interface. Use an address such \
         as 127.1.2.3, or run without loopback mode"
    )]
    NotLoopback {
        /// The address.
        address: IpNet,
    },
    /// The kernel's answer makes no sense.
    #[error("the kernel answered {what} with a malformed message: {detail}")]
    Malformed {
        /// What was asked.
        what: String,
        /// What is wrong.
        detail: &'static str,
    },
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// The system's words.
        source: io::Error,
    },
}
