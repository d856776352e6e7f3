//! Goal: time first, then the order of planning. Method: a shuffled plan against a sorted one.

use ringfort_machine::{Rng, Seed};

use super::*;

#[test]
fn comes_out_by_time_then_by_planning() {
    let mut rng = Rng::new(Seed::from_number(1));
    let mut queue = Queue::default();
    let mut expected = Vec::new();
    for number in 0..500_u64 {
        let at = Instant::from_nanos(rng.below(20));
        queue.plan(at, number);
        expected.push((at, number));
    }
    expected.sort();
    let mut seen = Vec::new();
    while let Some(next) = queue.next_at() {
        let (at, number) = queue.pop().unwrap();
        assert_eq!(at, next);
        seen.push((at, number));
    }
    assert_eq!(seen, expected);
    assert_eq!(queue.len(), 0);
}
