//! Goal: the list of excuses names notes that exist, once each. Method: against the names that the core declares.

use std::collections::BTreeSet;

use super::*;

#[test]
fn excuses_are_for_notes_that_exist_and_say_why() {
    let known: BTreeSet<Kind> = Note::kinds().collect();
    assert!(known.len() > 100, "{}", known.len());
    let mut seen = BTreeSet::new();
    for (kind, why) in EXCUSED {
        assert!(known.contains(kind), "{kind:?}");
        assert!(seen.insert(kind), "{kind:?} twice");
        assert!(why.len() > 10, "{kind:?}");
    }
}

#[test]
fn what_nobody_said_is_missing() {
    let none = Coverage::of(&Summary::default());
    assert_eq!(none.share().0, 0);
    assert_eq!(none.missing().count(), none.share().1 - EXCUSED.len());
}
