//! Goal: the runner finds what there is to find, says so, and stays silent otherwise. Method: the program itself
//! against the canary, which must fail, and against a target that must not.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn soak(failures: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_soak"))
        .args(arguments)
        .arg("--failures")
        .arg(failures)
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_canary_is_found_made_small_written_down_and_replayed() {
    let failures = tempfile::tempdir().unwrap();
    let limits = ["canary", "--execs", "1000000", "--for", "10m", "--json"];
    let output = soak(failures.path(), &limits);
    assert_eq!(output.status.code(), Some(1), "a failure is an exit code");
    let failed = &report(&output)["failed"];
    assert_eq!(failed["bytes"], 4, "nothing but the word is left: {failed}");
    assert!(failed["place"].as_str().unwrap().contains("canary.rs"));

    let file = failed["file"].as_str().unwrap();
    let again = soak(failures.path(), &["canary", "--input", file]);
    assert!(!again.status.success(), "it fails again");
    assert!(String::from_utf8_lossy(&again.stderr).contains("the canary sings"));

    let other = soak(failures.path(), &limits);
    assert_eq!(report(&other)["executions"], report(&output)["executions"]);
}

#[test]
fn what_holds_is_no_failure() {
    let failures = tempfile::tempdir().unwrap();
    let output = soak(
        failures.path(),
        &["console_line", "--execs", "200", "--json"],
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(report(&output)["executions"], 200);
    assert_eq!(report(&output)["failed"], Value::Null);
    assert!(failures.path().read_dir().unwrap().next().is_none());
}

#[test]
fn a_wrong_request_says_what_there_is() {
    let failures = tempfile::tempdir().unwrap();
    let output = soak(failures.path(), &["wire_dekode"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("wire_decode") && text.contains("canary"),
        "{text}"
    );
    let output = soak(failures.path(), &["all", "--for", "soon"]);
    assert_eq!(output.status.code(), Some(2));
}
