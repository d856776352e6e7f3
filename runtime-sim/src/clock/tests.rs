//! Goal: a process that is woken when the world says finds its deadline due, and not a nanosecond too late.
//! Method: many instants under many rates.

use super::*;

#[test]
fn what_is_waited_for_is_reached_exactly_then() {
    for rate in [-500_000, -20_000, -37, -1, 0, 1, 500, 20_000, 500_000] {
        let clock = Clock::new(rate);
        for nanos in (0..2_000).chain((0..64).map(|bit| 1_u64 << (bit % 50))) {
            let shown = Instant::from_nanos(nanos);
            let at = clock.reaches(shown);
            assert!(clock.shows(at) >= shown, "{rate} {nanos}");
            if at > Instant::ORIGIN {
                let before = Instant::from_nanos(at.as_nanos() - 1);
                assert!(clock.shows(before) < shown, "{rate} {nanos}");
            }
        }
    }
}

#[test]
fn a_fast_clock_gains_its_rate() {
    let hour = Instant::from_nanos(3_600_000_000_000);
    let gained = Clock::new(500).shows(hour).as_nanos() - hour.as_nanos();
    assert_eq!(gained, 1_800_000_000);
    assert!(Clock::new(-500).shows(hour) < hour);
}
