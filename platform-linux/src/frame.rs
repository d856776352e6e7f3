//! The frames that tell neighbours where an address is now: pure bytes, no socket.
//!
//! IPv4: ARP announcements in both forms (RFC 5227 section 3 wants requests; some old stacks learn from replies
//! only, which is what Wackamole sent), broadcast. IPv6: an unsolicited neighbour advertisement with the
//! Override flag to all nodes (RFC 4861 section 7.2.6), hop limit 255, since receivers drop any other.
//!
//! What this deliberately is not: a probe. Nothing here asks whether somebody else has the address.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An Ethernet address.
pub(crate) type Mac = [u8; 6];

const BROADCAST: Mac = [0xff; 6];
/// The group address of all IPv6 nodes: 33:33 and the last four bytes of ff02::1 (RFC 2464 section 7).
const ALL_NODES_MAC: Mac = [0x33, 0x33, 0, 0, 0, 1];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ICMPV6: u8 = 58;
/// Bytes of a neighbour advertisement with the option that carries the link-layer address.
const ADVERTISEMENT_BYTES: u16 = 32;

/// The two forms of an ARP announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Arp {
    Request = 1,
    Reply = 2,
}

/// An ARP announcement that `address` is at `mac`: 42 bytes.
pub(crate) fn arp(mac: Mac, address: Ipv4Addr, form: Arp) -> Vec<u8> {
    let target = match form {
        // Ignored by receivers; RFC 5227 wants zero.
        Arp::Request => [0; 6],
        Arp::Reply => BROADCAST,
    };
    let mut frame = ethernet(BROADCAST, mac, ETHERTYPE_ARP, 28);
    frame.extend_from_slice(&1u16.to_be_bytes()); // hardware: Ethernet
    frame.extend_from_slice(&0x0800u16.to_be_bytes()); // protocol: IPv4
    frame.extend_from_slice(&[6, 4]); // lengths of the two
    frame.extend_from_slice(&(form as u16).to_be_bytes());
    frame.extend_from_slice(&mac);
    frame.extend_from_slice(&address.octets());
    frame.extend_from_slice(&target);
    frame.extend_from_slice(&address.octets());
    frame
}

/// An unsolicited neighbour advertisement that `address` is at `mac`: 86 bytes.
pub(crate) fn neighbour_advertisement(mac: Mac, address: Ipv6Addr) -> Vec<u8> {
    let mut body = Vec::with_capacity(usize::from(ADVERTISEMENT_BYTES));
    body.extend_from_slice(&[136, 0, 0, 0]); // type, code, checksum to come
    body.extend_from_slice(&0x2000_0000u32.to_be_bytes()); // Override; not Solicited, not Router
    body.extend_from_slice(&address.octets());
    body.extend_from_slice(&[2, 1]); // option: target link-layer address, in units of 8 bytes
    body.extend_from_slice(&mac);
    let sum = icmpv6_checksum(address, ALL_NODES, &body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut frame = ethernet(
        ALL_NODES_MAC,
        mac,
        ETHERTYPE_IPV6,
        40 + usize::from(ADVERTISEMENT_BYTES),
    );
    frame.extend_from_slice(&0x6000_0000u32.to_be_bytes()); // version; no traffic class, no flow
    frame.extend_from_slice(&ADVERTISEMENT_BYTES.to_be_bytes());
    frame.extend_from_slice(&[ICMPV6, 255]);
    frame.extend_from_slice(&address.octets());
    frame.extend_from_slice(&ALL_NODES.octets());
    frame.extend_from_slice(&body);
    frame
}

fn ethernet(to: Mac, from: Mac, ethertype: u16, payload: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(14 + payload);
    frame.extend_from_slice(&to);
    frame.extend_from_slice(&from);
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame
}

/// The Internet checksum over the pseudo header and `body`, whose own checksum field is zero (RFC 8200, 8.1).
pub(crate) fn icmpv6_checksum(from: Ipv6Addr, to: Ipv6Addr, body: &[u8]) -> u16 {
    let mut pseudo = Vec::with_capacity(40 + body.len());
    pseudo.extend_from_slice(&from.octets());
    pseudo.extend_from_slice(&to.octets());
    pseudo.extend_from_slice(&(body.len() as u32).to_be_bytes());
    pseudo.extend_from_slice(&[0, 0, 0, ICMPV6]);
    pseudo.extend_from_slice(body);
    let mut sum: u32 = pseudo
        .chunks(2)
        .map(|pair| (u32::from(pair[0]) << 8) | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests;
