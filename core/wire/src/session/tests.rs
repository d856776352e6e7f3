//! Goal: the bytes are those that Spread's clients and servers exchange. Method: the recordings of the reference
//! as vectors, both byte orders, and garbage.

extern crate std;

use std::{string::String, vec, vec::Vec};

use bytes::BytesMut;
use proptest::prelude::*;
use ringfort_machine::{ConfigurationId, Incarnation, NodeId, ProcessId, RingId};

use super::{
    ByteOrder, GROUPS, Greeting, GroupId, Header, HeaderError, Hint, Membership, Name, Reject,
    Version, bits,
    greeting::{choices, encode_offer, encode_welcome},
    header::HEADER,
};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| std::format!("{byte:02x}"))
        .collect()
}

/// A message as its writer in `order` sends it.
fn message(order: ByteOrder, header: &Header, names: &[Name], data: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    header.encode(order, &mut out);
    for name in names {
        out.extend_from_slice(name.field());
    }
    out.extend_from_slice(data);
    out.to_vec()
}

fn agreed(order: ByteOrder) -> Vec<u8> {
    let header = Header {
        kind: bits::AGREED,
        name: name("#al#dmn1"),
        groups: 1,
        hint: Hint::new(0x1234, order),
        data_bytes: 5,
    };
    message(order, &header, &[name("g1")], b"hello")
}

fn first_view() -> Vec<u8> {
    let order = ByteOrder::Little;
    let membership = Membership {
        id: GroupId([0x7f00_0001, 0x6b00_7ead, 1]),
        sets: vec![vec![name("#al#dmn1")]],
        own: 0,
    };
    let header = Header {
        kind: bits::VIEW | bits::BY_JOIN,
        name: name("g1"),
        groups: 1,
        hint: Hint::new(0, order),
        data_bytes: membership.bytes(),
    };
    let mut data = BytesMut::new();
    membership.encode(order, &mut data);
    message(order, &header, &[name("#al#dmn1")], &data)
}

/// Recorded from a Spread 4.4.0 daemon and its clients (reference, sections 2.1, 5 and 6.2).
#[test]
fn golden_vectors() {
    let join = Header {
        kind: bits::JOIN,
        name: name("#al#dmn1"),
        groups: 1,
        hint: Hint::new(0, ByteOrder::Little),
        data_bytes: 0,
    };
    let greeting = Greeting {
        version: Version::new(4, 4, 0),
        wants_membership: true,
        name: name("al"),
    };
    let cases = [
        (
            greeting.encode().to_vec(),
            include_str!("../../vectors/session/greeting.hex"),
        ),
        (
            encode_offer(&["NULL"]).to_vec(),
            include_str!("../../vectors/session/offer.hex"),
        ),
        (
            encode_welcome(Version::new(4, 4, 0), &name("#al#dmn1")).to_vec(),
            include_str!("../../vectors/session/welcome.hex"),
        ),
        (
            message(ByteOrder::Little, &join, &[name("g1")], b""),
            include_str!("../../vectors/session/join.hex"),
        ),
        (
            agreed(ByteOrder::Little),
            include_str!("../../vectors/session/agreed.hex"),
        ),
        (
            agreed(ByteOrder::Big),
            include_str!("../../vectors/session/agreed-big-endian.hex"),
        ),
        (first_view(), include_str!("../../vectors/session/view.hex")),
    ];
    for (bytes, committed) in cases {
        let committed: String = committed.split_whitespace().collect();
        assert_eq!(hex(&bytes), committed);
    }
}

#[test]
fn both_byte_orders_read_the_same() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let bytes = agreed(order);
        let (header, found) = Header::decode(bytes.first_chunk().unwrap(), GROUPS).unwrap();
        assert_eq!(found, order);
        assert_eq!((header.kind, header.groups), (bits::AGREED, 1));
        assert_eq!((header.data_bytes, header.rest_bytes()), (5, 37));
        assert_eq!(header.name, name("#al#dmn1"));
        assert_eq!(header.hint.value(), 0x1234);
    }
    for value in [0x8000, 0xffff, 0, 0x7fff] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let hint = Hint::new(value, order);
            assert!(hint.is_legal());
            assert_eq!(hint.value(), value);
        }
    }
}

/// Old clients send no patch number, and older ones are not served (reference, section 2.3).
#[test]
fn greetings_of_all_ages() {
    let parsed = |bytes: &[u8]| Greeting::parse(bytes);
    let greeting = |version, used| {
        let name = name("al");
        let wants_membership = true;
        Ok(Some((
            Greeting {
                version,
                wants_membership,
                name,
            },
            used,
        )))
    };
    let new = [4, 4, 0, 1, 2, b'a', b'l', b'N'];
    assert_eq!(parsed(&new), greeting(Version::new(4, 4, 0), 7));
    let old = [3, 14, 0x11, 2, b'a', b'l', b'N'];
    assert_eq!(parsed(&old), greeting(Version::new(3, 14, 0), 6));
    for cut in 0..7 {
        assert_eq!(parsed(&new[..cut]), Ok(None), "cut at {cut}");
    }
    assert_eq!(parsed(&[3, 0]), Err(Reject::Version));
    assert!(Version::new(5, 1, 2).is_served());
    for bytes in [&[4, 4, 0, 1, 11][..], &[4, 4, 0, 1, 0x80]] {
        assert_eq!(parsed(bytes), Err(Reject::IllegalName));
    }
    for byte in [b'#', b' ', b'"', 0x7f, 0xe9, 0] {
        assert_eq!(parsed(&[4, 4, 0, 1, 2, byte]), Err(Reject::IllegalName));
    }
    assert!(!Version::new(3, 14, 9).has_patch());
    assert!(!Version::new(3, 15, 9).has_methods());
    let welcome = encode_welcome(Version::new(3, 14, 0), &name("#a#d"));
    assert_eq!(welcome.to_vec(), b"\x01\x04\x04\x04#a#d");
}

#[test]
fn each_reject_is_one_signed_byte() {
    let codes = [
        (Reject::Quota, 0xfd),
        (Reject::IllegalName, 0xfb),
        (Reject::NotUnique, 0xfa),
        (Reject::Version, 0xf9),
        (Reject::Authentication, 0xf7),
    ];
    for (reject, byte) in codes {
        assert_eq!(reject.byte(), byte);
    }
}

#[test]
fn choices_are_three_slots() {
    let mut choice = [0; 90];
    choice[..4].copy_from_slice(b"NULL");
    choice[30..32].copy_from_slice(b"IP");
    let found: Vec<&[u8]> = choices(&choice).collect();
    assert_eq!(found, [&b"NULL"[..], b"IP", b""]);
}

#[test]
fn each_bad_header_has_its_reason() {
    let with = |at: usize, bytes: &[u8]| {
        let mut header = agreed(ByteOrder::Little);
        header[at..at + bytes.len()].copy_from_slice(bytes);
        Header::decode(header.first_chunk().unwrap(), GROUPS).expect_err("bad")
    };
    assert_eq!(with(36, &[101, 0]), HeaderError::Groups(101));
    assert_eq!(with(36, &[0xff; 4]), HeaderError::Groups(-1));
    assert_eq!(with(44, &[0, 0, 0, 0x80]), HeaderError::Length(i32::MIN));
    assert_eq!(with(40, &[0x81]), HeaderError::Hint);
    assert_eq!(with(4, &[b'x'; 32]), HeaderError::Name);
}

/// Bytes after the end of a name are a client's stale memory; they are masked.
#[test]
fn names_end_at_the_first_zero() {
    let mut field = *name("al").field();
    field[20] = b'x';
    assert_eq!(Name::from_field(&field), Some(name("al")));
    assert_eq!(Name::new(&"x".repeat(32)), None);
    assert_eq!(name(&"x".repeat(31)).as_str().len(), 31);
}

#[test]
fn a_name_too_long_to_send_is_shown_apart_from_others() {
    let long = |last: char| Name::shown(&std::format!("#client#{}{last}", "x".repeat(40)));
    assert!(long('a').as_str().starts_with("#client#xxxx"));
    assert_eq!(long('a').as_str().len(), 31);
    assert_ne!(long('a'), long('b'));
    assert_eq!(Name::shown("g1"), name("g1"));
}

/// Found by `wire_round_trip`: the mark stood behind the end of the text, where no reader of a field sees it.
#[test]
fn a_name_with_a_zero_byte_is_shown_as_what_its_field_says() {
    for text in ["\0", "a\0b", "\0\0\0"] {
        let shown = Name::shown(text);
        assert_eq!(Name::from_field(shown.field()), Some(shown), "{text:?}");
        assert_eq!(shown.as_str().len(), text.len() + 11, "{text:?}");
    }
    assert_ne!(Name::shown("a\0b"), Name::shown("a\0c"));
}

/// The example of the reference, 6.2: two from one side, one from the other.
#[test]
fn sets_of_a_merge() {
    let membership = |own| Membership {
        id: GroupId([1, 2, 3]),
        sets: vec![vec![name("#a#d1"), name("#b#d1")], vec![name("#c#d2")]],
        own,
    };
    for (own, offset) in [(0, 0), (1, 68)] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let membership = membership(own);
            let mut data = BytesMut::new();
            membership.encode(order, &mut data);
            assert_eq!((data.len(), membership.bytes()), (124, 124));
            assert_eq!(data[16..20], order.write(offset));
            assert_eq!(Membership::decode(&data, order), Some(membership));
        }
    }
}

#[test]
fn group_ids_tell_views_apart() {
    let process = ProcessId::new(NodeId(1), Incarnation(1));
    let ring = |sequence| RingId {
        sequence,
        representative: process,
    };
    let regular = ConfigurationId::regular(ring(4));
    let ids = [
        GroupId::new(&regular, 0, None),
        GroupId::new(&regular, 1, None),
        GroupId::new(&regular, 0, Some(process)),
        GroupId::new(&ConfigurationId::regular(ring(8)), 0, None),
        GroupId::new(&ConfigurationId::transitional(ring(4), ring(8)), 0, None),
    ];
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id));
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), HEADER..200)) {
        let _ = Greeting::parse(&bytes);
        let _ = Membership::decode(&bytes, ByteOrder::Little);
        if let Ok((header, order)) = Header::decode(bytes.first_chunk().unwrap(), GROUPS) {
            let mut again = BytesMut::new();
            header.encode(order, &mut again);
            let (read, _) = Header::decode(again.first_chunk().unwrap(), GROUPS).unwrap();
            prop_assert_eq!(read, header);
        }
    }
}
