//! ARP by hand (RFC 826). Telling a neighbour where an address is now, by a reply nobody asked for; it is
//! addressed to the neighbour, since many systems, smoltcp among them, take no notice of a gratuitous one. And
//! asking for an address without waiting for a packet to need it.

use std::net::Ipv4Addr;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr,
};

use crate::fabric::{Body, Frame, Mac};

/// `here` holds its address; a frame that tells `neighbour` so.
pub(super) fn arp_reply(here: (Mac, Ipv4Addr), neighbour: (Mac, Ipv4Addr)) -> Frame {
    arp(ArpOperation::Reply, here, neighbour, neighbour.0)
}

/// `here` wants to know who holds `address`; a frame that asks everybody.
pub(super) fn arp_request(here: (Mac, Ipv4Addr), address: Ipv4Addr) -> Frame {
    let nobody = Mac([0; 6]);
    arp(
        ArpOperation::Request,
        here,
        (nobody, address),
        Mac::BROADCAST,
    )
}

fn arp(
    operation: ArpOperation,
    source: (Mac, Ipv4Addr),
    target: (Mac, Ipv4Addr),
    destination: Mac,
) -> Frame {
    let arp = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(source.0.0),
        source_protocol_addr: source.1,
        target_hardware_addr: EthernetAddress(target.0.0),
        target_protocol_addr: target.1,
    };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(source.0.0),
        dst_addr: EthernetAddress(destination.0),
        ethertype: EthernetProtocol::Arp,
    };
    let mut bytes = vec![0; ethernet.buffer_len() + arp.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    Frame {
        source: source.0,
        destination,
        body: Body::Ethernet(bytes.into()),
    }
}
