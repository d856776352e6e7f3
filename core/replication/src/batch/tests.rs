//! Goal: a change waits no longer than stated, and no message is sent that says nothing. Method: a batch alone,
//! on the times at which it says that it is due.

extern crate std;

use core::time::Duration;
use std::{string::ToString, vec::Vec};

use ringfort_machine::Instant;
use ringfort_wire::counter::{self, Kind};

use super::{Batch, Flight, WINDOW, pairs, varint_bytes};
use crate::{Key, ObjectConfig, Table};

fn key(text: &str) -> Key {
    Key::text(text).unwrap()
}

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn config() -> ObjectConfig {
    ObjectConfig {
        max_delay: Duration::from_millis(300),
        max_pending: 3,
        ..ObjectConfig::new("domains", Kind::GaugeTable)
    }
}

/// A batch whose last update is the newest of `under_way` messages.
fn behind(under_way: u64) -> (Batch, Flight) {
    let mut batch = Batch::default();
    let flight = Flight {
        published: under_way,
        returned: 0,
    };
    batch.taken_as(under_way);
    (batch, flight)
}

#[test]
fn an_idle_object_does_not_wait() {
    let (mut batch, flight) = behind(0);
    assert_eq!(batch.due(flight, &config()), None);
    batch.record(at(5), key("a"), 0);
    assert_eq!(batch.due(flight, &config()), Some(at(5)));
}

#[test]
fn gathering_doubles_and_ends_at_max_delay() {
    let due: Vec<_> = (1..=WINDOW)
        .map(|under_way| {
            let (mut batch, flight) = behind(under_way);
            batch.record(at(5), key("a"), 0);
            batch.due(flight, &config())
        })
        .collect();
    assert_eq!(
        due[..4],
        [Some(at(15)), Some(at(25)), Some(at(45)), Some(at(85))]
    );
    assert!(due[..15].iter().all(|due| due.unwrap() <= at(305)));
    assert_eq!(due[14], Some(at(305)));
    assert_eq!(due[15], None, "a full window holds everything back");
}

#[test]
fn max_pending_ends_the_gathering() {
    let (mut batch, flight) = behind(1);
    for text in ["a", "b", "a"] {
        assert_ne!(batch.due(flight, &config()), Some(at(5)));
        batch.record(at(5), key(text), 0);
    }
    assert_eq!(batch.due(flight, &config()), Some(at(5)));
}

#[test]
fn a_key_that_is_back_where_it_was_is_not_sent() {
    let mut local = Table::new(Kind::GaugeTable);
    let mut batch = Batch::default();
    for (text, by) in [("a", 1), ("b", 2), ("a", -1)] {
        let (before, _) = local.add(&key(text), by);
        batch.record(at(0), key(text), before);
    }
    assert_eq!(pairs(batch.take(&local)), [(key("b"), 2)]);
    assert_eq!(batch.due(Flight::default(), &config()), None);
}

#[test]
fn a_large_batch_is_cut_and_loses_nothing() {
    let mut local = Table::new(Kind::GaugeTable);
    let mut batch = Batch::default();
    let keys: Vec<Key> = (0..2000)
        .map(|number| key(&std::format!("{number:0100}")))
        .collect();
    for key in &keys {
        local.add(key, 1);
        batch.record(at(0), key.clone(), 0);
    }
    let mut taken = Vec::new();
    while batch.len() > 0 {
        assert_eq!(batch.due(Flight::default(), &config()), Some(at(0)));
        let entries = pairs(batch.take(&local));
        let bytes: usize = entries.iter().map(|(key, _)| key.to_string().len()).sum();
        assert!(bytes <= counter::CHUNK && !entries.is_empty());
        taken.extend(entries.into_iter().map(|(key, _)| key));
    }
    assert_eq!(taken, keys);
}

#[test]
fn what_a_snapshot_published_is_forgotten() {
    let mut batch = Batch::default();
    for text in ["a", "b", "c", "d"] {
        batch.record(at(0), key(text), 0);
    }
    batch.forget(Some(&key("a")), Some(&key("c")));
    assert_eq!(batch.len(), 2);
    batch.forget(None, Some(&key("a")));
    batch.forget(Some(&key("c")), None);
    assert_eq!(batch.due(Flight::default(), &config()), None);
}

#[test]
fn lengths_of_numbers() {
    let edges = [0, 127, 128, 16_383, 16_384, u32::MAX];
    assert_eq!(edges.map(varint_bytes), [1, 1, 2, 2, 3, 5]);
}
