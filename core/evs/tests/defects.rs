//! Goal: show that the judge objects to each deliberate fault of the ring, so that its silence means something.
//! Method: random stories with one fault switched on at a time, until one is found out. Needs the feature
//! `defects`; without it this file is empty.
#![cfg(feature = "defects")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ringfort_machine::defect::{Defect, activate};

use common::story::Story;

/// The faults of this crate, and how many stories it may take to find each.
const FAULTS: [Defect; 11] = [
    Defect::SkipRetransmission,
    Defect::DeliverSafeEarly,
    Defect::ForgetTransitional,
    Defect::EndRecoveryEarly,
    Defect::DeliverOverHole,
    Defect::DeliverTwice,
    Defect::ReuseRingId,
    Defect::SendInTransition,
    Defect::DropLastFragment,
    Defect::ForgetOutbox,
    Defect::HoardInRecovery,
];
const STORIES: u64 = 400;

/// The first complaint about story `number`; an assertion of the ring itself counts as one.
fn complaint(number: u64) -> Option<String> {
    let play = AssertUnwindSafe(|| {
        let mut story = Story::new(number);
        story.world.keep_notes = false;
        story.run()
    });
    match catch_unwind(play) {
        Ok(complaints) => complaints.into_iter().next(),
        Err(_) => Some("an assertion failed".to_owned()),
    }
}

#[test]
fn every_fault_is_found_out() {
    let mut missed = Vec::new();
    for fault in FAULTS {
        activate(Some(fault));
        let found = (0..STORIES).find_map(|number| Some((number, complaint(number)?)));
        match found {
            Some((number, complaint)) => println!("{}: story {number}: {complaint}", fault.name()),
            None => missed.push(fault.name()),
        }
    }
    activate(None);
    assert!(missed.is_empty(), "not found out: {missed:?}");
    assert_eq!(
        (0..20).find_map(complaint),
        None,
        "without a fault there is nothing to find"
    );
}
