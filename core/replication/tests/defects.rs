//! Goal: the checks of the random worlds can fail. Method: each deliberate fault of this crate in turn, over
//! worlds until one of them notices; and the same worlds without a fault, which must all pass.
//!
//! One test only: the switch is global to the process.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(feature = "defects")]

mod bus;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bus::world::random_world;
use ringfort_machine::defect::{Defect, activate};

const WORLDS: u64 = 30;

fn noticed() -> u64 {
    let fails =
        |seed: &u64| catch_unwind(AssertUnwindSafe(|| random_world(*seed, 4, 300))).is_err();
    (0..WORLDS).filter(fails).count() as u64
}

#[test]
fn every_fault_is_noticed() {
    for defect in [
        Defect::KeepDeadContribution,
        Defect::ApplyTwice,
        Defect::SkipSnapshot,
        Defect::LoseFullBatch,
    ] {
        activate(Some(defect));
        let noticed = noticed();
        println!("{}: noticed in {noticed} of {WORLDS} worlds", defect.name());
        assert!(noticed > WORLDS / 2, "{} noticed {noticed}", defect.name());
    }
    activate(None);
    assert_eq!(noticed(), 0);
}
