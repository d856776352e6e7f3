//! Goal: a build that behaves otherwise than the one that wrote a journal is found out, at the first action that
//! differs. Method: journals of whole runs without a defect, replayed with deliberate defects switched on; a defect
//! that the recorded life never met is no difference, so each has several lives to show in.
//!
//! One test, because the switch is global to the process.
#![cfg(feature = "defects")]
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use ringfort_machine::defect::{Defect, activate};
use ringfort_node::journal::Kind;
use ringfort_runtime_sim::{
    journal::{Verdict, replay_from},
    run::{self, Request},
};

#[test]
fn a_build_that_behaves_otherwise_is_found_out() {
    let mut journals = Vec::new();
    for seed in 0..6 {
        let request = Request {
            seed,
            nodes: Some(3),
            faults_for: Duration::from_secs(10),
            sealed: false,
            trace: None,
        };
        let (world, recorded) = run::recorded_world(&request, "n1").unwrap();
        run::finish(&request, world).unwrap();
        journals.extend(recorded.lives());
    }
    for defect in [
        None,
        Some(Defect::DeliverTwice),
        Some(Defect::SkipRetransmission),
        Some(Defect::ForgetTransitional),
        Some(Defect::IgnoreMergedState),
        Some(Defect::SkipSnapshot),
        Some(Defect::PromiseBeforeSync),
    ] {
        activate(defect);
        let mut found = 0;
        for (life, journal) in &journals {
            match replay_from(&journal[..], |_| {}).unwrap().verdict {
                Verdict::Same => {}
                Verdict::Different(difference) => {
                    assert!(
                        matches!(difference.kind, Kind::Action { .. } | Kind::State { .. }),
                        "{difference}"
                    );
                    found += 1;
                }
                Verdict::Fell { .. } => found += 1,
            }
            assert!(
                defect.is_some() || found == 0,
                "life {life:?} without a defect"
            );
        }
        activate(None);
        assert!(defect.is_none() || found > 0, "{defect:?} is not found out");
    }
}
