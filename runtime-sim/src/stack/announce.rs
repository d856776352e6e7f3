//! Telling a neighbour where an address is now, by an ARP reply nobody asked for (RFC 826). It is addressed to
//! the neighbour, since many systems, smoltcp among them, take no notice of a gratuitous one.

use std::net::Ipv4Addr;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr,
};

use crate::fabric::{Body, Frame, Mac};

/// `here` holds its address; a frame that tells `neighbour` so.
pub(super) fn arp_reply(here: (Mac, Ipv4Addr), neighbour: (Mac, Ipv4Addr)) -> Frame {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: EthernetAddress(here.0.0),
        source_protocol_addr: here.1,
        target_hardware_addr: EthernetAddress(neighbour.0.0),
        target_protocol_addr: neighbour.1,
    };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(here.0.0),
        dst_addr: EthernetAddress(neighbour.0.0),
        ethertype: EthernetProtocol::Arp,
    };
    let mut bytes = vec![0; ethernet.buffer_len() + arp.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    Frame {
        source: here.0,
        destination: neighbour.0,
        body: Body::Ethernet(bytes.into()),
    }
}
