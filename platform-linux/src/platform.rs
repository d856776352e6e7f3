//! The surface towards the runtime: each method is one exchange with the kernel, complete when it returns.

use std::io;

use ipnet::IpNet;

use crate::{
    PlatformError,
    frame::{self, Arp},
    netlink::{self, Link, Malformed, Reply},
    sys::{PacketSocket, RouteSocket},
};

pub use crate::netlink::TAG;

/// An address of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The address and its prefix.
    pub address: IpNet,
    /// The interface.
    pub interface: String,
    /// Whether it carries our tag.
    pub tagged: bool,
}

/// The addresses of this machine, or of the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct Platform {
    route: RouteSocket,
    sequence: u32,
}

impl Platform {
    /// Opens the route socket. Needs no privilege yet.
    ///
    /// # Errors
    /// [`PlatformError::System`].
    pub fn new() -> Result<Self, PlatformError> {
        let route = RouteSocket::open().map_err(|source| PlatformError::System {
            what: "opening a netlink socket".to_owned(),
            source,
        })?;
        Ok(Self { route, sequence: 0 })
    }

    /// The addresses that carry our tag, whichever life of whichever process put them there.
    ///
    /// A kernel before 5.18 keeps no tags: there this is empty, and only a release by name removes leftovers.
    ///
    /// # Errors
    /// [`PlatformError::System`] and [`PlatformError::Malformed`].
    pub fn survey(&mut self) -> Result<Vec<(IpNet, String)>, PlatformError> {
        let all = self.list()?;
        Ok(all
            .into_iter()
            .filter(|found| found.tagged)
            .map(|found| (found.address, found.interface))
            .collect())
    }

    /// All addresses of the machine, in the kernel's order.
    ///
    /// # Errors
    /// [`PlatformError::System`] and [`PlatformError::Malformed`].
    pub fn list(&mut self) -> Result<Vec<Found>, PlatformError> {
        let links = self.links()?;
        let replies = self.dump("listing the addresses", netlink::list_addresses)?;
        Ok(replies
            .into_iter()
            .filter_map(|reply| match reply {
                Reply::Address(entry) => Some(Found {
                    address: entry.address,
                    interface: links
                        .iter()
                        .find(|link| link.index == entry.index)?
                        .name
                        .clone(),
                    tagged: entry.proto == Some(TAG),
                }),
                Reply::Ack | Reply::Refused(_) | Reply::End | Reply::Link(_) | Reply::Other => None,
            })
            .collect())
    }

    /// Puts `address` on `interface` and tags it. An address that is already there is adopted: it carries the
    /// tag afterwards, so a survey finds it.
    ///
    /// # Errors
    /// [`PlatformError::Denied`], [`PlatformError::NoInterface`] and the errors of the exchange.
    pub fn acquire(&mut self, address: IpNet, interface: &str) -> Result<(), PlatformError> {
        let what = format!("putting {address} on {interface}");
        let index = self.link(interface)?.index;
        if self.change(&what, |sequence| {
            netlink::new_address(sequence, index, address)
        })? != Outcome::Exists
        {
            return Ok(());
        }
        let tagged = self.list()?.into_iter().any(|found| {
            found.tagged && found.address.addr() == address.addr() && found.interface == interface
        });
        if tagged {
            return Ok(());
        }
        // The kernel does not change the tag of an IPv4 address in place.
        self.change(&what, |sequence| {
            netlink::delete_address(sequence, index, address)
        })?;
        match self.change(&what, |sequence| {
            netlink::new_address(sequence, index, address)
        })? {
            Outcome::Done => Ok(()),
            Outcome::Exists | Outcome::Absent => Err(PlatformError::System {
                what,
                source: io::Error::from_raw_os_error(libc::EEXIST),
            }),
        }
    }

    /// Takes `address` off `interface`, whoever put it there. An address that is not there counts as taken off,
    /// and so does one on an interface that does not exist.
    ///
    /// With a prefix shorter than the address's length the kernel may take further addresses of the same
    /// network with it, if `net.ipv4.conf.*.promote_secondaries` is 0: another reason to leave `cidrmask` at 32.
    ///
    /// # Errors
    /// [`PlatformError::Denied`] and the errors of the exchange.
    pub fn release(&mut self, address: IpNet, interface: &str) -> Result<(), PlatformError> {
        let index = match self.link(interface) {
            Ok(link) => link.index,
            Err(PlatformError::NoInterface { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let what = format!("taking {address} off {interface}");
        self.change(&what, |sequence| {
            netlink::delete_address(sequence, index, address)
        })?;
        Ok(())
    }

    /// Tells the segment of `interface` that `address` is here: gratuitous ARP in both forms, or an unsolicited
    /// neighbour advertisement.
    ///
    /// # Errors
    /// [`PlatformError::Denied`], [`PlatformError::NoInterface`], [`PlatformError::NotEthernet`] and the errors
    /// of the exchange.
    pub fn announce(&mut self, address: IpNet, interface: &str) -> Result<(), PlatformError> {
        let what = format!("announcing {address} on {interface}");
        let link = self.link(interface)?;
        let mac = link.mac.ok_or_else(|| PlatformError::NotEthernet {
            name: interface.to_owned(),
            address,
        })?;
        let frames = match address {
            IpNet::V4(net) => vec![
                frame::arp(mac, net.addr(), Arp::Request),
                frame::arp(mac, net.addr(), Arp::Reply),
            ],
            IpNet::V6(net) => vec![frame::neighbour_advertisement(mac, net.addr())],
        };
        let socket =
            PacketSocket::open().map_err(|source| failure(&what, "CAP_NET_RAW", source))?;
        for frame in frames {
            socket
                .send(link.index, &frame)
                .map_err(|source| failure(&what, "CAP_NET_RAW", source))?;
        }
        Ok(())
    }

    fn link(&mut self, interface: &str) -> Result<Link, PlatformError> {
        let links = self.links()?;
        links
            .iter()
            .find(|link| link.name == interface)
            .cloned()
            .ok_or_else(|| PlatformError::NoInterface {
                name: interface.to_owned(),
                known: links.into_iter().map(|link| link.name).collect(),
            })
    }

    fn links(&mut self) -> Result<Vec<Link>, PlatformError> {
        let replies = self.dump("listing the interfaces", netlink::list_links)?;
        Ok(replies
            .into_iter()
            .filter_map(|reply| match reply {
                Reply::Link(link) => Some(link),
                Reply::Ack | Reply::Refused(_) | Reply::End | Reply::Address(_) | Reply::Other => {
                    None
                }
            })
            .collect())
    }

    /// Sends a request for a change and waits for the verdict.
    fn change(
        &mut self,
        what: &str,
        build: impl FnOnce(u32) -> Vec<u8>,
    ) -> Result<Outcome, PlatformError> {
        let sequence = self.send(what, build)?;
        loop {
            for reply in self.receive(what, sequence)? {
                match reply {
                    Reply::Ack => return Ok(Outcome::Done),
                    Reply::Refused(libc::EEXIST) => return Ok(Outcome::Exists),
                    Reply::Refused(libc::EADDRNOTAVAIL) => return Ok(Outcome::Absent),
                    Reply::Refused(number) => {
                        let source = io::Error::from_raw_os_error(number);
                        return Err(failure(what, "CAP_NET_ADMIN", source));
                    }
                    Reply::End | Reply::Address(_) | Reply::Link(_) | Reply::Other => {}
                }
            }
        }
    }

    /// Sends a request for a list and collects all of it.
    fn dump(
        &mut self,
        what: &str,
        build: impl FnOnce(u32) -> Vec<u8>,
    ) -> Result<Vec<Reply>, PlatformError> {
        let sequence = self.send(what, build)?;
        let mut all = Vec::new();
        loop {
            for reply in self.receive(what, sequence)? {
                match reply {
                    Reply::End => return Ok(all),
                    Reply::Refused(number) => {
                        let source = io::Error::from_raw_os_error(number);
                        return Err(failure(what, "CAP_NET_ADMIN", source));
                    }
                    Reply::Ack | Reply::Address(_) | Reply::Link(_) | Reply::Other => {
                        all.push(reply);
                    }
                }
            }
        }
    }

    fn send(
        &mut self,
        what: &str,
        build: impl FnOnce(u32) -> Vec<u8>,
    ) -> Result<u32, PlatformError> {
        self.sequence = self.sequence.wrapping_add(1);
        self.route
            .send(&build(self.sequence))
            .map_err(|source| failure(what, "CAP_NET_ADMIN", source))?;
        Ok(self.sequence)
    }

    /// The replies of one datagram. A kernel that says nothing for a while is an error, not a wait for ever.
    fn receive(&mut self, what: &str, sequence: u32) -> Result<Vec<Reply>, PlatformError> {
        let buffer = self
            .route
            .receive()
            .map_err(|source| failure(what, "CAP_NET_ADMIN", source))?;
        netlink::parse(buffer, sequence).map_err(|Malformed(detail)| PlatformError::Malformed {
            what: what.to_owned(),
            detail,
        })
    }
}

/// How a change ended, when not by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Exists,
    Absent,
}

fn failure(what: &str, capability: &'static str, source: io::Error) -> PlatformError {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => PlatformError::Denied {
            what: what.to_owned(),
            capability,
        },
        Some(_) | None => PlatformError::System {
            what: what.to_owned(),
            source,
        },
    }
}
