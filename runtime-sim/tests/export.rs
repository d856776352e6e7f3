//! Goal: the commands of docs/simulation.md that make pictures work, and a long run gives a bounded one. Method:
//! the program itself, on the traces of seeds; what comes out is looked at by structure, since a seed is another
//! run after every change.

use std::{fs, path::Path, process::Command};

fn sim(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfort-sim"))
        .current_dir(directory)
        .args(arguments)
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("all formats are text")
}

#[test]
fn a_recorded_seed_is_exported_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let run = [
        "run", "--seed", "18", "--nodes", "4", "--for", "12", "--trace", "18.jsonl",
    ];
    sim(here, &run);
    let done = sim(
        here,
        &[
            "export", "--svg", "18.jsonl", "--to", "20", "-o", "18.svg", "--json",
        ],
    );
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert_eq!(done["whole"], true);
    let picture = fs::read_to_string(here.join("18.svg")).unwrap();
    for node in ["n1", "n2", "n3", "m1"] {
        assert!(
            picture.contains(&format!(">{node}</text>")),
            "{node} has no lane"
        );
    }
    assert!(picture.contains("seed 18") && picture.contains("class=\"c0\""));
    let again = sim(here, &["export", "--svg", "18.jsonl", "--to", "20"]);
    assert_eq!(picture, again, "the same trace gives the same picture");

    let json = sim(here, &["export", "--perfetto", "18.jsonl", "--flows"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["traceEvents"].as_array().unwrap().len() > 100);
    let shiviz = [
        "export", "--shiviz", "18.jsonl", "--from", "500ms", "--to", "2.5s", "--nodes", "n1,n2",
    ];
    let log = sim(here, &shiviz);
    assert!(log.starts_with("(?<host>"), "{log}");
}

#[test]
fn a_picture_of_two_minutes_of_seven_nodes_stays_small() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    sim(
        here,
        &[
            "run", "--seed", "20", "--nodes", "7", "--for", "60", "--trace", "t.jsonl",
        ],
    );
    let picture = sim(here, &["export", "--svg", "t.jsonl"]);
    assert!(picture.len() < 1_000_000, "{} bytes", picture.len());
}

#[test]
fn a_broken_trace_is_refused_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("t.jsonl"),
        "{\"t\":0,\"ev\":\"calm\"}\nx\n",
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ringfort-sim"))
        .current_dir(directory.path())
        .args(["export", "--svg", "t.jsonl", "-o", "t.svg"])
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        errors.contains("t.jsonl: line 2 is not an event"),
        "{errors}"
    );
}
