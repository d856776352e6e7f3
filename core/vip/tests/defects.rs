//! Goal: the checks of the harness can fail. Method: each deliberate fault of this crate is switched on, and
//! some seeded run has to notice. One test, since the switch is global.
#![cfg(feature = "defects")]

mod harness;

use harness::faults::run;
use ringfort_machine::defect::{Defect, activate};

const RUNS: u64 = 40;

#[test]
fn every_deliberate_fault_is_noticed() {
    for defect in [
        Defect::AcquireBeforeRelease,
        Defect::ForgetOrphan,
        Defect::IgnoreRelease,
        Defect::KeepAfterMerge,
    ] {
        activate(Some(defect));
        let noticed = (0..RUNS).find(|seed| !run(*seed).violations.is_empty());
        activate(None);
        assert!(noticed.is_some(), "{} was not noticed", defect.name());
        println!("{} noticed by seed {noticed:?}", defect.name());
    }
}
