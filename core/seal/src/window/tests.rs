//! Goal: a counter is new exactly once, whatever the order. Method: a model that remembers everything.

use alloc::{collections::BTreeSet, vec::Vec};

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_window_is_a_set_with_an_end(steps in prop::collection::vec((0_u64..9_000, any::<bool>()), 1..400)) {
        let mut window = Window::new();
        let mut model: BTreeSet<u64> = BTreeSet::new();
        let mut base = 0_u64;
        for (step, forward) in steps {
            let counter = if forward { base + step % 300 } else { base.saturating_sub(step) };
            let highest = model.last().copied().unwrap_or(0);
            let expected = counter > highest
                || counter > 0 && highest - counter < WIDTH && !model.contains(&counter);
            prop_assert_eq!(window.is_new(counter), expected);
            if expected {
                window.note(counter);
                model.insert(counter);
                base = base.max(counter);
            }
        }
    }
}

#[test]
fn a_jump_clears_all_that_it_passes() {
    let mut window = Window::new();
    let seen: Vec<u64> = (1..=WIDTH).collect();
    for counter in &seen {
        window.note(*counter);
    }
    window.note(WIDTH + 7);
    assert!(window.is_new(WIDTH + 3) && !window.is_new(WIDTH) && !window.is_new(7));
    window.note(u64::MAX);
    assert!(!window.is_new(u64::MAX) && window.is_new(u64::MAX - 1));
    assert!(!window.is_new(u64::MAX - WIDTH));
    assert_eq!(window.highest(), u64::MAX);
}
