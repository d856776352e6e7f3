//! Goal: the bytes of the console service never change by accident and garbage is refused without a panic.
//! Method: golden vectors in `vectors/console`, round trips, random input.

extern crate std;

use std::{format, string::String, vec::Vec};

use proptest::prelude::*;
use ringfort_machine::{Incarnation, NodeId, ProcessId};

use super::{Body, RequestId};
use crate::body;

fn request(target: Option<NodeId>) -> Body {
    Body::Request {
        id: RequestId(300),
        target,
        line: String::from("cluster duravip show"),
        json: true,
    }
}

#[test]
fn golden_vectors() {
    let vectors = [
        (
            request(None),
            include_str!("../../vectors/console/broadcast.hex"),
        ),
        (
            request(Some(NodeId::of_name("mta1"))),
            include_str!("../../vectors/console/unicast.hex"),
        ),
        (
            Body::Answer {
                to: ProcessId::new(NodeId(1), Incarnation(2)),
                id: RequestId(300),
                part: 1,
                last: true,
                text: String::from("mta1\n"),
            },
            include_str!("../../vectors/console/answer.hex"),
        ),
    ];
    for (value, golden) in vectors {
        let bytes = body::encode(&value);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden.trim(), "{value:?}");
        assert_eq!(body::decode(&bytes), Ok(value));
    }
}

proptest! {
    #[test]
    fn answers_round_trip(node: u64, life: u64, id: u64, part: u32, last: bool, text in ".{0,80}") {
        let value = Body::Answer {
            to: ProcessId::new(NodeId(node), Incarnation(life)),
            id: RequestId(id), part, last, text,
        };
        prop_assert_eq!(body::decode(&body::encode(&value)), Ok(value));
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(value) = body::decode::<Body>(&bytes) {
            prop_assert_eq!(Vec::from(body::encode(&value)), bytes);
        }
    }
}
