//! The window over the sequence against a plain map: whatever arrives in whatever order, aru, high, what is
//! missing and what is retained are the same.

extern crate std;

use std::collections::BTreeMap;
use std::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_machine::{Incarnation, Level, NodeId, ProcessId, RingId};
use ringfort_wire::{ClusterId, ring::DataBuilder};

use super::{Inserted, Packet, Store};

const LIMIT: usize = 20;

fn packet(seq: u64, payload: &[u8]) -> Packet {
    let process = ProcessId::new(NodeId(1), Incarnation(1));
    let ring = RingId {
        sequence: 1,
        representative: process,
    };
    let mut builder = DataBuilder::new(ring, seq, process, 300);
    builder.push(seq, Level::Agreed, payload);
    Packet::own(builder.finish(ClusterId(1)))
}

fn put(store: &mut Store, seq: u64) -> Inserted {
    let packet = packet(seq, b"same");
    let inserted = store.probe(&packet);
    if inserted == Inserted::New {
        store.insert(packet);
    }
    inserted
}

#[test]
fn a_place_is_given_once() {
    let mut store = Store::new(LIMIT);
    assert_eq!(put(&mut store, 2), Inserted::New);
    assert_eq!(put(&mut store, 2), Inserted::Duplicate);
    assert_eq!(store.probe(&packet(2, b"other")), Inserted::Conflict);
    assert_eq!(store.probe(&packet(LIMIT as u64, b"")), Inserted::New);
    assert_eq!(
        store.probe(&packet(LIMIT as u64 + 1, b"")),
        Inserted::OutOfWindow
    );
    assert!(store.has_room(LIMIT as u64) && !store.has_room(LIMIT as u64 + 1));
}

#[test]
fn what_is_forgotten_is_not_news() {
    let mut store = Store::new(LIMIT);
    (1..=5).for_each(|seq| assert_eq!(put(&mut store, seq), Inserted::New));
    store.discard(3);
    assert_eq!(put(&mut store, 3), Inserted::Duplicate);
    assert_eq!((store.aru(), store.high(), store.len()), (5, 5, 2));
    assert!(store.get(3).is_none() && store.get(4).is_some());
    assert!(store.has_room(3 + LIMIT as u64));
}

/// The frame of a packet is encoded once, and a received one gives the frame it came in.
#[test]
fn a_frame_is_encoded_once() {
    let mut own = packet(1, b"x");
    let frame = own.frame(ClusterId(1));
    let again = own.frame(ClusterId(1));
    assert_eq!(frame.as_ptr(), again.as_ptr());
    let mut received = Packet::received(own.data.clone(), Bytes::copy_from_slice(&own.body));
    assert_eq!(received.frame(ClusterId(1)), frame);
}

proptest! {
    #[test]
    fn the_window_is_a_map(
        steps in prop::collection::vec((0..4_u8, 1..40_u64), 0..120),
    ) {
        let mut store = Store::new(LIMIT);
        let mut model: BTreeMap<u64, ()> = BTreeMap::new();
        let mut base = 0;
        for (what, seq) in steps {
            let aru = (base + 1..).take_while(|seq| model.contains_key(seq)).last().unwrap_or(base);
            if what == 0 {
                let to = seq.min(aru);
                store.discard(to);
                base = base.max(to);
                model.retain(|seq, ()| *seq > base);
            } else {
                let expected = if seq <= base || model.contains_key(&seq) {
                    Inserted::Duplicate
                } else if seq > base + LIMIT as u64 {
                    Inserted::OutOfWindow
                } else {
                    model.insert(seq, ());
                    Inserted::New
                };
                prop_assert_eq!(put(&mut store, seq), expected);
            }
            let aru = (base + 1..).take_while(|seq| model.contains_key(seq)).last().unwrap_or(base);
            prop_assert_eq!(store.aru(), aru);
            prop_assert_eq!(store.len(), model.len());
            let retained: Vec<u64> = store.above(0).map(|packet| packet.data.seq).collect();
            prop_assert_eq!(retained, model.keys().copied().collect::<Vec<_>>());
            let missing: Vec<u64> = store.missing(40).collect();
            let expected: Vec<u64> = (aru + 1..=40).filter(|seq| !model.contains_key(seq)).collect();
            prop_assert_eq!(missing, expected);
        }
    }
}
