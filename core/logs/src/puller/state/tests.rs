//! The puller's state comes back whole or not at all.

extern crate std;

use std::{sync::Arc, vec::Vec};

use proptest::prelude::*;
use ringfort_machine::NodeId;
use ringfort_wire::logs::RecordId;

use super::{Source, State};

fn sample() -> State {
    let mut state = State::default();
    for (node, log) in [("mta1", "mainlog"), ("mta2", "bounces")] {
        let source = Source {
            node: NodeId::of_name(node),
            log: Arc::from(log),
            subscriber: Arc::from("master"),
        };
        state.positions.insert(source, RecordId::new(2, 77));
    }
    state.files.insert(Arc::from("/log/2024/mta1"), 12_345);
    state
}

#[test]
fn it_comes_back() {
    for state in [State::default(), sample()] {
        assert_eq!(State::decode(&state.encode()), Some(state));
    }
}

#[test]
fn damage_is_noticed() {
    let bytes = sample().encode();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert_eq!(State::decode(&damaged), None, "byte {at}");
        assert_eq!(State::decode(&bytes[..at]), None);
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes: Vec<u8> = bytes;
        prop_assert_eq!(State::decode(&bytes), None);
    }
}
