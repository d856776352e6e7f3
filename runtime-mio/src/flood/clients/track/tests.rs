//! Goal: gaps, repetitions and reorderings are seen, and nothing else is. Method: examples; random permutations.

use proptest::prelude::*;

use super::Track;

fn track(sequences: &[u64], total: u64, ordered: bool) -> (u64, u64, bool) {
    let mut track = Track::default();
    for sequence in sequences {
        track.message(*sequence, ordered);
    }
    track.last(total, ordered);
    (track.missing, track.repeated, track.is_over())
}

#[test]
fn in_order() {
    assert_eq!(track(&[0, 1, 2], 3, true), (0, 0, true));
    assert_eq!(track(&[0, 2, 3], 4, true), (1, 0, true));
    assert_eq!(track(&[0, 2, 1], 3, true), (1, 1, true));
    assert_eq!(track(&[0, 1, 1], 2, true), (0, 1, true));
    assert_eq!(track(&[0, 1], 5, true), (3, 0, true));
    assert_eq!(track(&[], 0, true), (0, 0, true));
}

#[test]
fn without_order_the_last_may_come_first() {
    let mut track = Track::default();
    track.last(3, false);
    for sequence in [2, 0] {
        track.message(sequence, false);
        assert!(!track.is_over());
    }
    track.message(2, false);
    track.message(1, false);
    assert!(track.is_over());
    assert_eq!((track.missing, track.repeated), (0, 1));
}

/// A message that is lost for good at a level without order does not take memory for ever.
#[test]
fn what_is_ahead_is_bounded() {
    let mut track = Track::default();
    for sequence in 1..200_000 {
        track.message(sequence, false);
    }
    assert_eq!((track.missing, track.repeated), (1, 0));
    assert!(track.ahead.is_empty());
}

proptest! {
    #[test]
    fn any_order_is_complete(order in Just((0..200).collect::<Vec<u64>>()).prop_shuffle()) {
        prop_assert_eq!(track(&order, 200, false), (0, 0, true));
    }
}
