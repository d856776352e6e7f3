//! Goal: no incarnation comes twice, and nobody shares a directory. Method: start over and over in a directory
//! of the test; hold a lock and ask for it again (locks of one process on two descriptors exclude each other).

use std::fs;

use super::{claim_log, claim_state, next_incarnation};
use crate::BootError;

#[test]
fn incarnations_grow_and_survive() {
    let directory = tempfile::tempdir().unwrap();
    let first = next_incarnation(directory.path()).unwrap();
    let second = next_incarnation(directory.path()).unwrap();
    assert!(second > first);
    assert!(first.0 > 1_700_000_000, "never below the time in seconds");
    fs::write(directory.path().join("incarnation"), "9999999999\n").unwrap();
    assert_eq!(
        next_incarnation(directory.path()).unwrap().0,
        10_000_000_000
    );
}

#[test]
fn a_damaged_counter_is_an_error_not_a_guess() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("incarnation"), "12x\n").unwrap();
    let error = next_incarnation(directory.path()).unwrap_err().to_string();
    assert!(error.contains("does not hold a number"), "{error}");
}

#[test]
fn a_state_directory_has_one_holder_who_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let held = claim_state(&state).unwrap();
    let error = claim_state(&state).unwrap_err();
    assert!(matches!(&error, BootError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    drop(held);
    assert!(claim_state(&state).is_ok());
}

#[test]
fn a_log_directory_has_one_holder() {
    let directory = tempfile::tempdir().unwrap();
    let held = claim_log(directory.path()).unwrap();
    assert!(claim_log(directory.path()).is_err());
    drop(held);
    assert!(claim_log(directory.path()).is_ok());
}
