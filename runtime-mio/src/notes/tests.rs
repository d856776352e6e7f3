//! Goal: a flood of one kind leaves a few lines and a number, and other kinds are not silenced. Method: count
//! notes at chosen times.

use std::time::Instant;

use super::{LINES, Line, Notes, PERIOD, kind_of};

#[test]
fn a_flood_is_cut_and_accounted_for() {
    let mut notes = Notes::default();
    let start = Instant::now();
    let lines = (0..100)
        .filter(|_| notes.count("node: DatagramRefused", start) != Line::Skip)
        .count() as u64;
    assert_eq!(lines, LINES);
    assert_eq!(
        notes.count("node: Reloaded", start),
        Line::Write { left_out: 0 }
    );
    assert_eq!(
        notes.count("node: DatagramRefused", start + PERIOD),
        Line::Write {
            left_out: 100 - LINES
        }
    );
    let totals: Vec<_> = notes.totals().collect();
    assert_eq!(
        totals,
        [("node: DatagramRefused", 101), ("node: Reloaded", 1)]
    );
}

#[test]
fn the_kind_is_the_variant_without_its_fields() {
    assert_eq!(
        kind_of("node: StrangerHeard { from: 1.2.3.4:5 }"),
        "node: StrangerHeard"
    );
    assert_eq!(kind_of("ring: Formed"), "ring: Formed");
}
