//! Goal: the checks of the harness can fail. Method: switch each deliberate defect of this crate on and expect
//! a violation in some seed. One test, since the switch is global.
#![cfg(feature = "defects")]

mod harness;

use harness::{World, check};
use ringfort_machine::defect::{Defect, activate};

#[test]
fn every_defect_is_caught() {
    for defect in [
        Defect::KeepDeadMember,
        Defect::WrongSynchronySet,
        Defect::DeliverAfterLeave,
        Defect::IgnoreMergedState,
    ] {
        activate(Some(defect));
        let caught = (0..20).any(|seed| {
            let mut world = World::new(seed);
            world.run(1500);
            check::all(&world).is_err()
        });
        activate(None);
        assert!(caught, "{} went unnoticed", defect.name());
    }
}
