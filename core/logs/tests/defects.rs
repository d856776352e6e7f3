//! Every deliberate fault of this crate is caught by the checks of the other tests, and without one they pass.
//! One test, because the switch is global. Run with `--features defects`.
#![cfg(feature = "defects")]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ringfort_machine::defect::{Defect, activate};
use support::{
    storm::{judge, storm},
    world::Options,
};

fn caught() -> Option<u64> {
    (0..300).find(|seed| {
        let run = || judge(&storm(*seed, Options::default(), false, true), false);
        catch_unwind(AssertUnwindSafe(run)).is_err()
    })
}

#[test]
fn every_defect_is_caught() {
    std::panic::set_hook(Box::new(|_| {}));
    let defects = [
        Defect::LoseCheckpoint,
        Defect::AcceptTornRecord,
        Defect::ReuseRecordId,
        Defect::PromiseBeforeSync,
        Defect::SkipAtSegmentEnd,
        Defect::ReplayFromStart,
    ];
    let missed: Vec<&str> = defects
        .into_iter()
        .filter(|defect| {
            activate(Some(*defect));
            caught().is_none()
        })
        .map(Defect::name)
        .collect();
    activate(None);
    let sound = caught();
    let _default = std::panic::take_hook();
    assert_eq!(sound, None, "without a defect nothing is found");
    assert_eq!(missed, Vec::<&str>::new(), "not caught");
}
