//! The few route netlink messages that are needed, as bytes: built here, taken apart here, sent elsewhere
//! (rtnetlink(7), include/uapi/linux/{netlink,rtnetlink,if_addr,if_link}.h).
//!
//! All numbers are in host order, every message and attribute is padded to 4 bytes. Nothing that is read is
//! trusted: a length that does not fit ends the walk with an error.
//!
//! What this deliberately is not: a netlink library. The ones there are change every few weeks and bring a
//! hundred message types for the five used here.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::frame::Mac;

/// `IFA_PROTO` of every address put here. The kernel gives no meaning to values from 4 on; the number is ours
/// for ever, since it is how a later version finds what an earlier one has left.
pub const TAG: u8 = 77;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;

const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_ACK: u16 = 0x004;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_DUMP: u16 = 0x300;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;
const IFA_F_NODAD: u32 = 0x02;
const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const ARPHRD_ETHER: u16 = 1;

const HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;
const LINK_HEADER: usize = 16;
/// The bits of an attribute's type that are flags (nested, byte order).
const TYPE_MASK: u16 = 0x3fff;

/// What is wrong with the kernel's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// One message of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The request was carried out.
    Ack,
    /// It was not; the error number, positive.
    Refused(i32),
    /// The end of a list.
    End,
    /// An address.
    Address(AddressEntry),
    /// An interface.
    Link(Link),
    /// Something else.
    Other,
}

/// One address of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressEntry {
    pub(crate) index: u32,
    pub(crate) address: IpNet,
    /// Who put it there; absent before Linux 5.18.
    pub(crate) proto: Option<u8>,
}

/// One interface of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// Its Ethernet address, if it is an Ethernet.
    pub(crate) mac: Option<Mac>,
}

/// Puts `address` on the interface `index`, tagged. IPv6 without duplicate address detection: the cluster has
/// agreed on the owner, and an address that fails the detection stays useless for ever. A host prefix gets no
/// route: it has no network of its own.
pub(crate) fn new_address(sequence: u32, index: u32, address: IpNet) -> Vec<u8> {
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    let mut message = address_message(RTM_NEWADDR, flags, sequence, index, address);
    let mut address_flags = match address {
        IpNet::V4(_) => 0,
        IpNet::V6(_) => IFA_F_NODAD,
    };
    if address.prefix_len() == address.max_prefix_len() {
        address_flags |= IFA_F_NOPREFIXROUTE;
    }
    attribute(&mut message, IFA_FLAGS, &address_flags.to_ne_bytes());
    attribute(&mut message, IFA_PROTO, &[TAG]);
    finish(message)
}

/// Takes `address` off the interface `index`.
pub(crate) fn delete_address(sequence: u32, index: u32, address: IpNet) -> Vec<u8> {
    let flags = NLM_F_REQUEST | NLM_F_ACK;
    finish(address_message(
        RTM_DELADDR,
        flags,
        sequence,
        index,
        address,
    ))
}

/// Lists all addresses.
pub(crate) fn list_addresses(sequence: u32) -> Vec<u8> {
    let mut message = header(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    message.extend_from_slice(&[0; ADDRESS_HEADER]);
    finish(message)
}

/// Lists all interfaces.
pub(crate) fn list_links(sequence: u32) -> Vec<u8> {
    let mut message = header(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    message.extend_from_slice(&[0; LINK_HEADER]);
    finish(message)
}

fn address_message(kind: u16, flags: u16, sequence: u32, index: u32, address: IpNet) -> Vec<u8> {
    let mut message = header(kind, flags, sequence);
    let family = match address {
        IpNet::V4(_) => AF_INET,
        IpNet::V6(_) => AF_INET6,
    };
    message.extend_from_slice(&[family, address.prefix_len(), 0, 0]);
    message.extend_from_slice(&index.to_ne_bytes());
    match address.addr() {
        IpAddr::V4(v4) => {
            attribute(&mut message, IFA_LOCAL, &v4.octets());
            attribute(&mut message, IFA_ADDRESS, &v4.octets());
        }
        IpAddr::V6(v6) => attribute(&mut message, IFA_LOCAL, &v6.octets()),
    }
    message
}

fn header(kind: u16, flags: u16, sequence: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(64);
    message.extend_from_slice(&[0; 4]); // length, by `finish`
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&sequence.to_ne_bytes());
    message.extend_from_slice(&[0; 4]); // to the kernel
    message
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len() as u16;
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn finish(mut message: Vec<u8>) -> Vec<u8> {
    let length = message.len() as u32;
    message[..4].copy_from_slice(&length.to_ne_bytes());
    message
}

/// Takes a received buffer apart: the replies to the request `sequence`, in order. Others are skipped.
pub(crate) fn parse(buffer: &[u8], sequence: u32) -> Result<Vec<Reply>, Malformed> {
    let mut replies = Vec::new();
    let mut rest = buffer;
    while !rest.is_empty() {
        let length = read_u32(rest, 0).ok_or(Malformed("a message without a header"))? as usize;
        let message = rest
            .get(..length)
            .filter(|_| length >= HEADER)
            .ok_or(Malformed("a message longer than its buffer"))?;
        if read_u32(message, 8) == Some(sequence) {
            replies.push(reply(message)?);
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(replies)
}

fn reply(message: &[u8]) -> Result<Reply, Malformed> {
    let body = message.get(HEADER..).unwrap_or_default();
    match read_u16(message, 4) {
        Some(NLMSG_ERROR) => {
            let code = read_u32(body, 0).ok_or(Malformed("an error without a number"))?;
            Ok(match i32::from_ne_bytes(code.to_ne_bytes()) {
                0 => Reply::Ack,
                number => Reply::Refused(number.saturating_neg()),
            })
        }
        Some(NLMSG_DONE) => Ok(Reply::End),
        Some(RTM_NEWADDR) => Ok(address_entry(body)?.map_or(Reply::Other, Reply::Address)),
        Some(RTM_NEWLINK) => link(body).map(Reply::Link),
        Some(_) | None => Ok(Reply::Other),
    }
}

fn address_entry(body: &[u8]) -> Result<Option<AddressEntry>, Malformed> {
    let short = Malformed("an address without its header");
    let family = *body.first().ok_or(short)?;
    let prefix = *body.get(1).ok_or(short)?;
    let index = read_u32(body, 4).ok_or(short)?;
    let (mut local, mut peer, mut proto) = (None, None, None);
    for item in attributes(body.get(ADDRESS_HEADER..).unwrap_or_default()) {
        let (kind, value) = item?;
        match kind {
            IFA_LOCAL => local = ip(family, value),
            IFA_ADDRESS => peer = ip(family, value),
            IFA_PROTO => proto = value.first().copied(),
            _ => {}
        }
    }
    // On a point-to-point link IFA_ADDRESS is the other end; IPv6 has no IFA_LOCAL elsewhere.
    let Some(address) = local.or(peer) else {
        return Ok(None);
    };
    let address = IpNet::new(address, prefix).map_err(|_| Malformed("a prefix over its length"))?;
    Ok(Some(AddressEntry {
        index,
        address,
        proto,
    }))
}

fn link(body: &[u8]) -> Result<Link, Malformed> {
    let short = Malformed("an interface without its header");
    let kind = read_u16(body, 2).ok_or(short)?;
    let index = read_u32(body, 4).ok_or(short)?;
    let (mut name, mut mac) = (None, None);
    for item in attributes(body.get(LINK_HEADER..).unwrap_or_default()) {
        let (attribute, value) = item?;
        match attribute {
            IFLA_IFNAME => {
                let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
                name = Some(String::from_utf8_lossy(text).into_owned());
            }
            IFLA_ADDRESS if kind == ARPHRD_ETHER => mac = Mac::try_from(value).ok(),
            _ => {}
        }
    }
    Ok(Link {
        index,
        name: name.ok_or(Malformed("an interface without a name"))?,
        mac,
    })
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        AF_INET6 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The attributes in `bytes`; after an error it ends.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), Malformed>> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let whole = rest;
        rest = &[];
        let length = read_u16(whole, 0).map_or(0, usize::from);
        let Some((kind, value)) = read_u16(whole, 2).zip(whole.get(4..length)) else {
            return Some(Err(Malformed("an attribute longer than its message")));
        };
        rest = whole.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok((kind & TYPE_MASK, value)))
    })
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(field.try_into().ok()?))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}

#[cfg(test)]
mod tests;
