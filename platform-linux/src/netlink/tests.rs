//! Goal: the kernel gets the messages it expects, and nothing it (or anybody) sends can harm us. Method: messages
//! written by hand from the headers, answers in the kernel's form, and drawn garbage. Host order is taken to be
//! little-endian in the hand-written ones; the live tests in `tests/` hold for any.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

#[test]
#[cfg(target_endian = "little")]
fn a_new_ipv4_host_address() {
    let message = new_address(7, 3, net("10.0.0.1/32"));
    let expected = concat!(
        "38000000", "1400", "0506", "07000000",
        "00000000", // 56 bytes, RTM_NEWADDR, request ack excl create
        "02200000", "03000000", // AF_INET, /32, interface 3
        "08000200", "0a000001", // IFA_LOCAL
        "08000100", "0a000001", // IFA_ADDRESS
        "08000800", "00020000", // IFA_FLAGS: no prefix route
        "05000b00", "4d000000", // IFA_PROTO: 77
    );
    assert_eq!(hex(&message), expected);
}

#[test]
#[cfg(target_endian = "little")]
fn a_new_ipv6_network_address() {
    let message = new_address(1, 2, net("fd00::1/64"));
    let expected = concat!(
        "3c000000",
        "1400",
        "0506",
        "01000000",
        "00000000",
        "0a400000",
        "02000000",
        "14000200",
        "fd000000000000000000000000000001",
        "08000800",
        "02000000", // no duplicate address detection, but a route
        "05000b00",
        "4d000000",
    );
    assert_eq!(hex(&message), expected);
}

#[test]
#[cfg(target_endian = "little")]
fn a_deletion_and_the_lists() {
    let message = delete_address(9, 2, net("10.0.0.1/24"));
    let expected = concat!(
        "28000000", "1500", "0500", "09000000", "00000000", "02180000", "02000000", "08000200",
        "0a000001", "08000100", "0a000001",
    );
    assert_eq!(hex(&message), expected);
    assert_eq!(
        hex(&list_addresses(5)),
        "180000001600010305000000000000000000000000000000"
    );
    assert_eq!(
        hex(&list_links(6)),
        "2000000012000103060000000000000000000000000000000000000000000000"
    );
}

/// A message as the kernel would send it.
fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut message = header(kind, 0, sequence);
    message.extend_from_slice(body);
    let mut message = finish(message);
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

fn address_body(family: u8, prefix: u8, index: u32, items: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![family, prefix, 0, 0];
    body.extend_from_slice(&index.to_ne_bytes());
    for (kind, value) in items {
        attribute(&mut body, *kind, value);
    }
    body
}

#[test]
fn a_list_of_addresses_is_taken_apart() {
    let v4 = address_body(
        2,
        24,
        5,
        &[(1, &[10, 0, 0, 9]), (2, &[10, 0, 0, 1]), (11, &[77])],
    );
    let v6 = address_body(
        10,
        128,
        6,
        &[
            (1, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            (99, &[1, 2, 3]),
        ],
    );
    let mut buffer = message(20, 4, &v4);
    buffer.extend(message(20, 3, &v4)); // another request's answer
    buffer.extend(message(20, 4, &v6));
    buffer.extend(message(3, 4, &[0; 4]));
    let replies = parse(&buffer, 4).unwrap();
    let expected = [
        Reply::Address(AddressEntry {
            index: 5,
            address: net("10.0.0.1/24"),
            proto: Some(TAG),
        }),
        Reply::Address(AddressEntry {
            index: 6,
            address: net("fd00::1/128"),
            proto: None,
        }),
        Reply::End,
    ];
    assert_eq!(replies, expected);
    assert_eq!(replies.len(), 3);
    let unknown_family = address_body(99, 0, 1, &[(2, &[1])]);
    assert_eq!(
        parse(&message(20, 4, &unknown_family), 4),
        Ok(vec![Reply::Other])
    );
}

#[test]
fn an_interface_is_taken_apart() {
    let link = |kind: u16| {
        let mut body = vec![0, 0];
        body.extend_from_slice(&kind.to_ne_bytes());
        body.extend_from_slice(&4u32.to_ne_bytes());
        body.extend_from_slice(&[0; 8]);
        attribute(&mut body, 3, b"eth0\0");
        attribute(&mut body, 1, &[2, 0, 0, 0, 0, 1]);
        parse(&message(16, 1, &body), 1).unwrap().remove(0)
    };
    let expected = |mac| {
        Reply::Link(Link {
            index: 4,
            name: "eth0".into(),
            mac,
        })
    };
    assert_eq!(link(1), expected(Some([2, 0, 0, 0, 0, 1])));
    assert_eq!(
        link(772),
        expected(None),
        "a loopback has no Ethernet address"
    );
}

#[test]
fn verdicts() {
    let verdict = |number: i32| parse(&message(2, 1, &number.to_ne_bytes()), 1);
    assert_eq!(verdict(0), Ok(vec![Reply::Ack]));
    assert_eq!(verdict(-17), Ok(vec![Reply::Refused(17)]));
    assert_eq!(verdict(i32::MIN), Ok(vec![Reply::Refused(i32::MAX)]));
}

#[test]
fn broken_answers_are_refused() {
    let whole = message(20, 1, &address_body(2, 32, 1, &[(2, &[10, 0, 0, 1])]));
    for length in 1..whole.len() {
        assert!(parse(&whole[..length], 1).is_err(), "cut at {length}");
    }
    let prefix = message(20, 1, &address_body(2, 33, 1, &[(2, &[10, 0, 0, 1])]));
    assert!(parse(&prefix, 1).is_err());
    let mut long = whole.clone();
    long[24] = 200; // the first attribute's length
    assert!(parse(&long, 1).is_err());
    let mut short = whole;
    short[24] = 3;
    assert!(parse(&short, 1).is_err());
    assert_eq!(parse(&[], 1), Ok(vec![]));
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, 1);
    }

    /// Garbage behind a plausible header gets further in.
    #[test]
    fn garbage_in_a_message_never_panics(kind in prop::sample::select(vec![2u16, 3, 16, 20]), body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(replies) = parse(&message(kind, 1, &body), 1) {
            prop_assert_eq!(replies.len(), 1);
        }
    }

    #[test]
    fn what_is_asked_for_is_what_is_read(last: u8, prefix in 0u8..=32, index: u32) {
        let net = IpNet::new(IpAddr::from([10, 0, 0, last]), prefix).unwrap();
        let mut asked = new_address(1, index, net);
        asked[4..6].copy_from_slice(&RTM_NEWADDR.to_ne_bytes());
        let expected = Reply::Address(AddressEntry { index, address: net, proto: Some(TAG) });
        prop_assert_eq!(parse(&asked, 1), Ok(vec![expected]));
    }
}
