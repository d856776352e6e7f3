//! Goal: the bytes of replication are fixed, read back exactly, and nothing else is read. Method: committed
//! vectors, a round trip over generated messages, and garbage.

extern crate std;

use std::{string::String, vec, vec::Vec};

use ipnet::IpNet;
use proptest::prelude::*;
use ringfort_machine::{ConfigurationId, Incarnation, NodeId, Position, ProcessId, RingId};

use super::{Body, Content, Entries, Kind, NetEntry, Tag, TextEntry, decode, encode};
use crate::DecodeError;

fn round() -> Position {
    Position {
        configuration: ConfigurationId::regular(RingId {
            sequence: 8,
            representative: ProcessId::new(NodeId(0x11), Incarnation(3)),
        }),
        ordinal: 4096,
    }
}

fn nets(all: &[(&str, u32)]) -> Entries {
    let entry = |(net, value): &(&str, u32)| NetEntry {
        net: net.parse().unwrap(),
        value: *value,
    };
    Entries::Nets(all.iter().map(entry).collect())
}

fn texts(all: &[(&str, u32)]) -> Entries {
    let entry = |(text, value): &(&str, u32)| TextEntry {
        text: String::from(*text),
        value: *value,
    };
    Entries::Texts(all.iter().map(entry).collect())
}

fn update(entries: Entries) -> Body {
    Body {
        version: 2,
        content: Content::Update {
            object: "inbound_cidr".into(),
            entries,
        },
    }
}

fn cases() -> Vec<(Body, &'static str)> {
    let announce = Body {
        version: 1,
        content: Content::Announce(vec![
            Tag {
                name: "inbound_cidr".into(),
                kind: Kind::CidrTree,
            },
            Tag {
                name: "outbound_domains".into(),
                kind: Kind::GaugeTable,
            },
        ]),
    };
    let snapshot = Body {
        version: 3,
        content: Content::Snapshot {
            object: "outbound_domains".into(),
            round: round(),
            number: 0,
            last: true,
            entries: texts(&[("example.com", 7), ("example.org", 300)]),
        },
    };
    let change = update(nets(&[
        ("0.0.0.0/0", 1),
        ("192.0.2.0/25", 0),
        ("192.0.2.1/32", 5),
        ("2001:db8::/64", 2),
        ("2001:db8::1/128", u32::MAX),
    ]));
    vec![
        (announce, include_str!("../../vectors/counter/announce.hex")),
        (change, include_str!("../../vectors/counter/update.hex")),
        (snapshot, include_str!("../../vectors/counter/snapshot.hex")),
    ]
}

/// The committed bytes are the protocol: a change of one is a change of the wire version.
#[test]
fn golden_vectors() {
    for (message, committed) in cases() {
        let bytes = encode(&message);
        let hex: String = bytes.iter().map(|b| std::format!("{b:02x}")).collect();
        assert_eq!(hex, committed.trim(), "{message:?}");
        assert_eq!(decode(&bytes), Ok(message));
    }
}

/// C3: a change of one address costs at most twelve bytes within a batch.
#[test]
fn an_entry_is_small() {
    let one = encode(&update(nets(&[("192.0.2.1/32", 5)]))).len();
    let two = encode(&update(nets(&[("192.0.2.1/32", 5), ("192.0.2.2/32", 1)]))).len();
    assert_eq!(two - one, 6);
}

#[test]
fn each_rule_refuses_for_its_reason() {
    let refused = |message: &Body| decode(&encode(message)).expect_err("against the rules");
    assert_eq!(
        refused(&update(nets(&[("10.0.0.2/32", 1), ("10.0.0.1/32", 1)]))),
        DecodeError::NotCanonical
    );
    assert_eq!(
        refused(&update(nets(&[("10.0.0.1/32", 1), ("10.0.0.1/32", 1)]))),
        DecodeError::NotCanonical
    );
    assert_eq!(
        update(nets(&[("10.0.0.1/8", 1)])).check(),
        Err(DecodeError::Malformed)
    );
    assert_eq!(
        refused(&update(nets(&[("::ffff:10.0.0.1/128", 1)]))),
        DecodeError::Malformed
    );
    assert_eq!(refused(&update(nets(&[]))), DecodeError::NotCanonical);
    assert_eq!(
        refused(&update(texts(&[("Example.com", 1)]))),
        DecodeError::Malformed
    );
    assert_eq!(refused(&update(texts(&[("", 1)]))), DecodeError::Malformed);
    let long = "x".repeat(super::TEXT_KEY + 1);
    assert_eq!(
        refused(&update(texts(&[(&long, 1)]))),
        DecodeError::Malformed
    );
    let zero = |last, entries| Body {
        version: 1,
        content: Content::Snapshot {
            object: "x".into(),
            round: round(),
            number: 0,
            last,
            entries,
        },
    };
    assert_eq!(
        refused(&zero(true, nets(&[("10.0.0.1/32", 0)]))),
        DecodeError::Malformed
    );
    assert_eq!(refused(&zero(false, nets(&[]))), DecodeError::NotCanonical);
    let mut unnumbered = update(nets(&[("10.0.0.1/32", 1)]));
    unnumbered.version = 0;
    assert_eq!(refused(&unnumbered), DecodeError::Malformed);
    let large = vec![0; super::BODY + 1];
    assert!(matches!(decode(&large), Err(DecodeError::TooLong { .. })));
}

/// Host bits within the last byte that is sent, and prefix lengths that do not exist.
#[test]
fn only_prefixes_are_prefixes() {
    let prefix = [9, 10, 0x80];
    let mut bytes = encode(&update(nets(&[("10.128.0.0/9", 1)]))).to_vec();
    let at = bytes.windows(3).position(|w| w == prefix).unwrap();
    assert!(decode(&bytes).is_ok());
    bytes[at + 2] = 0xc0;
    assert_eq!(decode(&bytes), Err(DecodeError::Malformed));
    for length in [33, 99, 229, 255] {
        bytes[at] = length;
        assert_eq!(decode(&bytes), Err(DecodeError::Malformed));
    }
}

fn any_net() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<[u8; 4]>(), 0u8..=32)
            .prop_map(|(a, length)| IpNet::new(a.into(), length).unwrap().trunc()),
        (any::<[u8; 16]>(), 0u8..=128)
            .prop_map(|(a, length)| IpNet::new(a.into(), length).unwrap().trunc())
            .prop_filter("mapped", super::is_net_key),
    ]
}

fn any_entries() -> impl Strategy<Value = Entries> {
    let nets = prop::collection::btree_map(any_net(), 1u32.., 1..20).prop_map(|map| {
        Entries::Nets(
            map.into_iter()
                .map(|(net, value)| NetEntry { net, value })
                .collect(),
        )
    });
    let texts = prop::collection::btree_map("[a-z0-9./-]{1,40}", 1u32.., 1..20).prop_map(|map| {
        Entries::Texts(
            map.into_iter()
                .map(|(text, value)| TextEntry { text, value })
                .collect(),
        )
    });
    prop_oneof![nets, texts]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        version in 1u64.., number: u32, last: bool, whole: bool, entries in any_entries()
    ) {
        let object = String::from("object");
        let content = if whole {
            Content::Snapshot { object, round: round(), number, last, entries }
        } else {
            Content::Update { object, entries }
        };
        let message = Body { version, content };
        prop_assert_eq!(decode(&encode(&message)), Ok(message));
    }

    #[test]
    fn garbage_is_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = decode(&bytes) {
            prop_assert_eq!(encode(&message).to_vec(), bytes);
        }
    }

    #[test]
    fn damage_never_panics(at in 0usize..60, byte: u8, which in 0usize..3) {
        let mut bytes = encode(&cases()[which].0).to_vec();
        if let Some(slot) = bytes.get_mut(at) {
            *slot = byte;
        }
        if let Ok(message) = decode(&bytes) {
            prop_assert_eq!(encode(&message).to_vec(), bytes);
        }
    }
}
