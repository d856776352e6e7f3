//! Goal: the bytes of the group layer never change by accident, decode to one value, and garbage is refused
//! without a panic. Method: golden vectors in `vectors/group`, round trips, random and mutated input.

extern crate std;

use std::{format, string::String, vec, vec::Vec};

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_machine::{ConfigurationId, Incarnation, Level, NodeId, ProcessId, RingId};

use super::{
    Body, ClientName, Control, GroupName, Message, NameError, State, StateClient, decode,
    encode_control, encode_message,
};
use crate::DecodeError;

fn client(text: &str) -> ClientName {
    ClientName::new(text).unwrap()
}

fn group(text: &str) -> GroupName {
    GroupName::new(text).unwrap()
}

fn process(node: u64) -> ProcessId {
    ProcessId::new(NodeId(node), Incarnation(1))
}

fn encode(body: &Body) -> Bytes {
    match body {
        Body::Message(message) => encode_message(message).unwrap(),
        Body::Control(control) => encode_control(control),
    }
}

fn message() -> Message {
    Message {
        from: client("al"),
        groups: vec![group("g1"), group("#bo#mta2")],
        level: Level::Safe,
        self_discard: true,
        tag: 0x0102_0304_0506_0708,
        payload: Bytes::from_static(b"hello"),
    }
}

fn state() -> State {
    let ring = |sequence| RingId {
        sequence,
        representative: process(7),
    };
    State {
        configuration: ConfigurationId::regular(ring(300)),
        side: process(9),
        part: 1,
        last: true,
        clients: vec![StateClient {
            client: client("al"),
            groups: vec![group("g1"), group("g2")],
        }],
    }
}

#[test]
fn golden_vectors() {
    let vectors = [
        (
            Body::Message(message()),
            include_str!("../../vectors/group/message.hex"),
        ),
        (
            Body::Control(Control::Join {
                client: client("al"),
                group: group("g1"),
            }),
            include_str!("../../vectors/group/join.hex"),
        ),
        (
            Body::Control(Control::Leave {
                client: client("al"),
                group: group("g1"),
            }),
            include_str!("../../vectors/group/leave.hex"),
        ),
        (
            Body::Control(Control::Disconnect {
                client: client("al"),
            }),
            include_str!("../../vectors/group/disconnect.hex"),
        ),
        (
            Body::Control(Control::State(state())),
            include_str!("../../vectors/group/state.hex"),
        ),
    ];
    for (body, golden) in vectors {
        let bytes = encode(&body);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden.trim(), "{body:?}");
        assert_eq!(decode(&bytes), Ok(body));
    }
}

#[test]
fn names_keep_the_rule() {
    assert_eq!(ClientName::new(""), Err(NameError::Empty));
    assert_eq!(ClientName::new("a b"), Err(NameError::Byte(b' ')));
    assert_eq!(ClientName::new("a#b"), Err(NameError::Byte(b'#')));
    let long = "x".repeat(65);
    assert_eq!(
        ClientName::new(&long),
        Err(NameError::TooLong {
            found: 65,
            limit: 64
        })
    );
    assert_eq!(GroupName::new("#pub"), Err(NameError::Private));
    assert_eq!(GroupName::new("##n"), Err(NameError::Private));
    let private = GroupName::private(&client("al"), "mta1").unwrap();
    assert_eq!(private.as_str(), "#al#mta1");
    assert_eq!(private.receiver(), Some(("al", NodeId::of_name("MTA1"))));
    assert!(private.is_private());
    assert_eq!(group("g1").receiver(), None);
}

#[test]
fn refused_messages() {
    let mut message = message();
    message.groups.clear();
    assert!(matches!(
        encode_message(&message),
        Err(DecodeError::TooLong { found: 0, .. })
    ));
    message.groups = vec![group("g"); 101];
    assert!(encode_message(&message).is_err());
    message.groups.truncate(100);
    assert!(encode_message(&message).is_ok());
    message.payload = Bytes::from(vec![0; crate::limits::MESSAGE]);
    assert!(encode_message(&message).is_err());

    let mut bytes = Vec::from(encode(&Body::Message(self::message())));
    bytes[1] |= 0x10;
    assert_eq!(
        decode(&Bytes::from(bytes.clone())),
        Err(DecodeError::Reserved)
    );
    bytes[1] = 5;
    assert_eq!(decode(&Bytes::from(bytes)), Err(DecodeError::Malformed));
    assert_eq!(decode(&Bytes::from_static(&[9])), Err(DecodeError::Kind(9)));
}

fn names() -> impl Strategy<Value = Vec<GroupName>> {
    prop::collection::vec("[$-~]{1,40}".prop_map(|text| group(&text)), 1..8)
}

proptest! {
    #[test]
    fn messages_round_trip(
        from in "[$-~]{1,64}", groups in names(), level in 0usize..5, self_discard: bool, tag: u64,
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let body = Body::Message(Message {
            from: client(&from), groups, level: Level::ALL[level], self_discard, tag,
            payload: Bytes::from(payload),
        });
        prop_assert_eq!(decode(&encode(&body)), Ok(body));
    }

    #[test]
    fn garbage_never_panics_and_what_decodes_is_canonical(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..4) {
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        let bytes = Bytes::from(bytes);
        if let Ok(body) = decode(&bytes) {
            prop_assert_eq!(encode(&body), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_is_refused_or_another_value(bit in 0usize..64) {
        let mut bytes = Vec::from(encode(&Body::Control(Control::State(state()))));
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let bytes = Bytes::from(bytes);
        if let Ok(body) = decode(&bytes) {
            prop_assert_eq!(encode(&body), bytes);
            prop_assert_ne!(body, Body::Control(Control::State(state())));
        }
    }
}
