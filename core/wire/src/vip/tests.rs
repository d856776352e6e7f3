//! Goal: the bytes of the address service never change by accident, decode to one value, and garbage is refused
//! without a panic. Method: golden vectors in `vectors/vip`, round trips, random and mutated input.

extern crate std;

use std::{format, string::String, vec, vec::Vec};

use proptest::prelude::*;
use ringfort_machine::{ConfigurationId, Incarnation, ProcessId, RingId};

use super::*;
use crate::body::{decode, encode};

fn epoch() -> Position {
    let representative = ProcessId::new(NodeId(7), Incarnation(2));
    Position {
        configuration: ConfigurationId::regular(RingId {
            sequence: 300,
            representative,
        }),
        ordinal: 4096,
    }
}

fn table() -> Table {
    Table {
        epoch: epoch(),
        version: 3,
        part: 0,
        parts: 1,
        capable: true,
        mature: true,
        balance_set_size: 1,
        records: vec![
            Record {
                address: IpAddr::from([10, 0, 0, 1]),
                generation: 5,
                pin: Pin {
                    version: 2,
                    node: Some(NodeId(9)),
                },
                holding: Some(Holding {
                    generation: 5,
                    ending: false,
                }),
                offer: Some(Offer {
                    prefix: 32,
                    interface: "eth0".into(),
                    names: vec!["b1".into(), "b2".into()],
                    services: ServiceSet {
                        listener: true,
                        binding: false,
                    },
                    preference: vec![NodeId(9), NodeId(8)],
                    follow: None,
                    standing: Standing::Doubtful,
                }),
            },
            Record {
                address: IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]),
                generation: 0,
                pin: Pin::default(),
                holding: None,
                offer: None,
            },
        ],
    }
}

#[test]
fn golden_vectors() {
    let address = IpAddr::from([10, 0, 0, 1]);
    let vectors = [
        (
            Body::Table(table()),
            include_str!("../../vectors/vip/table.hex"),
        ),
        (
            Body::Ended(vec![Tenure {
                address,
                generation: 5,
                failed: true,
            }]),
            include_str!("../../vectors/vip/ended.hex"),
        ),
        (
            Body::Standing {
                address,
                standing: Standing::Unable,
            },
            include_str!("../../vectors/vip/standing.hex"),
        ),
        (
            Body::Mature { epoch: epoch() },
            include_str!("../../vectors/vip/mature.hex"),
        ),
        (
            Body::Balance {
                epoch: epoch(),
                limit: 300,
            },
            include_str!("../../vectors/vip/balance.hex"),
        ),
        (
            Body::Move {
                ticket: 1,
                address,
                to: NodeId(9),
            },
            include_str!("../../vectors/vip/move.hex"),
        ),
        (Body::Leaving, include_str!("../../vectors/vip/leaving.hex")),
    ];
    for (body, golden) in vectors {
        let bytes = encode(&body);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden.trim(), "{body:?}");
        assert_eq!(decode::<Body>(&bytes), Ok(body));
    }
}

/// A full part fits a message with room to spare, whatever its names are.
#[test]
fn the_largest_part_fits_a_message() {
    let mut table = table();
    let mut record = table.records[0].clone();
    if let Some(offer) = &mut record.offer {
        offer.names = vec!["n".repeat(20); 8];
        offer.interface = "i".repeat(15);
        offer.preference = vec![NodeId(u64::MAX); 16];
    }
    table.records = vec![record; RECORDS_PER_PART];
    assert!(encode(&Body::Table(table)).len() < crate::limits::MESSAGE / 4);
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from)
    ]
}

fn standings() -> impl Strategy<Value = Standing> {
    prop_oneof![
        Just(Standing::Able),
        Just(Standing::Doubtful),
        Just(Standing::Unable)
    ]
}

fn offers() -> impl Strategy<Value = Offer> {
    (
        any::<u8>(),
        "[a-z0-9]{0,12}",
        prop::collection::vec("[a-z]{0,8}", 0..3),
        any::<(bool, bool)>(),
        prop::collection::vec(any::<u64>().prop_map(NodeId), 0..3),
        prop::option::of(addresses()),
        standings(),
    )
        .prop_map(
            |(prefix, interface, names, (listener, binding), preference, follow, standing)| Offer {
                prefix,
                interface,
                names,
                services: ServiceSet { listener, binding },
                preference,
                follow,
                standing,
            },
        )
}

fn records() -> impl Strategy<Value = Record> {
    (
        addresses(),
        any::<(u64, u64, Option<u64>, Option<(u64, bool)>)>(),
        prop::option::of(offers()),
    )
        .prop_map(
            |(address, (generation, version, node, holding), offer)| Record {
                address,
                generation,
                pin: Pin {
                    version,
                    node: node.map(NodeId),
                },
                holding: holding.map(|(generation, ending)| Holding { generation, ending }),
                offer,
            },
        )
}

fn bodies() -> impl Strategy<Value = Body> {
    let tenure =
        (addresses(), any::<(u64, bool)>()).prop_map(|(address, (generation, failed))| Tenure {
            address,
            generation,
            failed,
        });
    prop_oneof![
        (
            any::<(u64, u16, u16, bool, bool, u32)>(),
            prop::collection::vec(records(), 0..6)
        )
            .prop_map(
                |((version, part, parts, capable, mature, balance_set_size), records)| {
                    Body::Table(Table {
                        epoch: epoch(),
                        version,
                        part,
                        parts,
                        capable,
                        mature,
                        balance_set_size,
                        records,
                    })
                }
            ),
        prop::collection::vec(tenure, 0..6).prop_map(Body::Ended),
        (addresses(), standings())
            .prop_map(|(address, standing)| Body::Standing { address, standing }),
        any::<u32>().prop_map(|limit| Body::Balance {
            epoch: epoch(),
            limit
        }),
        (any::<(u64, u64)>(), addresses()).prop_map(|((ticket, to), address)| Body::Move {
            ticket,
            address,
            to: NodeId(to)
        }),
    ]
}

proptest! {
    #[test]
    fn bodies_round_trip(body in bodies()) {
        prop_assert_eq!(decode::<Body>(&encode(&body)), Ok(body));
    }

    #[test]
    fn garbage_never_panics_and_what_decodes_is_canonical(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..8) {
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        if let Ok(body) = decode::<Body>(&bytes) {
            prop_assert_eq!(Vec::from(encode(&body)), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_is_refused_or_another_value(bit: usize) {
        let mut bytes = Vec::from(encode(&Body::Table(table())));
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(body) = decode::<Body>(&bytes) {
            prop_assert_eq!(Vec::from(encode(&body)), bytes);
            prop_assert_ne!(body, Body::Table(table()));
        }
    }
}
