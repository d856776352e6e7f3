//! Goal: what goes on the segment is what the standards say, byte for byte. Method: frames written by hand from
//! RFC 5227, RFC 4861 and RFC 8200, with a checksum computed elsewhere.

use super::{Arp, Mac, arp, icmpv6_checksum, neighbour_advertisement};

const MAC: Mac = [0x02, 0, 0, 0, 0, 0x01];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn arp_request() {
    let frame = arp(MAC, [10, 0, 0, 1].into(), Arp::Request);
    let expected = concat!(
        "ffffffffffff",         // to everybody
        "020000000001",         // from us
        "0806",                 // ARP
        "0001080006040001",     // Ethernet, IPv4, 6, 4, request
        "0200000000010a000001", // sender
        "0000000000000a000001", // target: the same address
    );
    assert_eq!(hex(&frame), expected);
    assert_eq!(frame.len(), 42);
}

#[test]
fn arp_reply() {
    let frame = arp(MAC, [10, 0, 0, 1].into(), Arp::Reply);
    let expected = concat!(
        "ffffffffffff",
        "020000000001",
        "0806",
        "0001080006040002",
        "0200000000010a000001",
        "ffffffffffff0a000001",
    );
    assert_eq!(hex(&frame), expected);
}

#[test]
fn advertisement() {
    let frame = neighbour_advertisement(MAC, "fd00::1".parse().unwrap());
    let expected = concat!(
        "333300000001", // the Ethernet group of ff02::1
        "020000000001",
        "86dd",                             // IPv6
        "60000000",                         // version 6
        "0020",                             // 32 bytes follow
        "3aff",                             // ICMPv6, hop limit 255
        "fd000000000000000000000000000001", // from the address itself
        "ff020000000000000000000000000001", // to all nodes
        "8800CHECK",                        // neighbour advertisement
        "20000000",                         // override
        "fd000000000000000000000000000001", // target
        "0201020000000001",                 // its link-layer address
    )
    .replace("CHECK", CHECKSUM);
    assert_eq!(hex(&frame), expected);
    assert_eq!(frame.len(), 86);
}

/// Computed by another program from RFC 8200 section 8.1.
const CHECKSUM: &str = "5a9b";

#[test]
fn a_message_with_its_checksum_sums_to_nothing() {
    let frame = neighbour_advertisement(MAC, "2001:db8::ffff:1".parse().unwrap());
    let from = "2001:db8::ffff:1".parse().unwrap();
    assert_eq!(icmpv6_checksum(from, super::ALL_NODES, &frame[54..]), 0);
    // An odd length is padded with a zero byte.
    let whole = icmpv6_checksum(from, super::ALL_NODES, &[1, 2, 3, 0]);
    let odd = icmpv6_checksum(from, super::ALL_NODES, &[1, 2, 3]);
    assert_eq!(whole.wrapping_add(1), odd, "only the length differs");
}
