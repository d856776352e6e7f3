//! Goal: a whole cluster of real processes keeps every promise while the owner of an address is killed.
//! Method: `up --for --json`, whose report is the program's own judgement, checked here once more from outside.
#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, time::Instant};

use common::{ringfort, run};
use serde_json::Value;

#[test]
fn nothing_is_lost_when_an_owner_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let output = ringfort()
        .args(["up", "--nodes", "3", "--for", "9s", "--json", "--dir"])
        .arg(directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(
        report["problems"],
        Value::Array(Vec::new()),
        "{report:#}\n{said}"
    );
    assert!(output.status.success());
    assert_eq!(report["ok"], true);
    assert_eq!(report["addresses"], 6);
    assert_eq!(report["counts_agreed"], 2);
    assert_eq!(
        (&report["missing"], &report["duplicates"]),
        (&0.into(), &0.into())
    );
    assert!(report["acknowledged"].as_u64().unwrap() > 100, "{report:#}");
    assert!(report["collected"].as_u64() >= report["acknowledged"].as_u64());
    assert!(!report["takeover"]["lost"].as_array().unwrap().is_empty());
    // The report is not taken at its word: the files are there, and say the same.
    let lines: usize = ["n1", "n2", "n3"]
        .iter()
        .filter_map(|node| {
            fs::read_to_string(directory.path().join("m1/logs/mainlog").join(node)).ok()
        })
        .map(|text| text.lines().count())
        .sum();
    assert_eq!(lines as u64, report["collected"].as_u64().unwrap());
}

#[test]
fn stopping_stops_everything() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = ringfort()
        .args(["up", "--nodes", "2", "--dir"])
        .arg(directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let controls: Vec<_> = ["n1", "n2", "m1"]
        .iter()
        .map(|name| directory.path().join(name).join("control"))
        .collect();
    let answers = |control: &std::path::Path| {
        run(&["console", control.to_str().unwrap(), "version"])
            .status
            .success()
    };
    for control in &controls {
        common::wait("a console", || answers(control).then_some(()));
    }
    let began = Instant::now();
    let id = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let status = common::wait("the end", || child.try_wait().unwrap());
    assert!(status.success(), "{status} after {:?}", began.elapsed());
    for control in &controls {
        assert!(
            !control.exists(),
            "{} has not stopped in good order",
            control.display()
        );
    }
}

#[test]
fn children_end_with_their_parent() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = ringfort()
        .args(["up", "--nodes", "1", "--dir"])
        .arg(directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let control = directory.path().join("n1/control");
    let answers = || {
        run(&["console", control.to_str().unwrap(), "version"])
            .status
            .success()
    };
    common::wait("a console", || answers().then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    common::wait("the end of the children", || (!answers()).then_some(()));
}

#[test]
fn a_killed_node_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = ringfort()
        .args(["up", "--nodes", "1", "--dir"])
        .arg(directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let control = directory.path().join("n1/control");
    let pid = || {
        let answers = run(&["console", control.to_str().unwrap(), "version"])
            .status
            .success();
        let pid = fs::read_to_string(directory.path().join("n1/state/ringfort.pid")).ok()?;
        answers.then(|| pid.trim().to_owned())
    };
    let first = common::wait("a console", pid);
    let kill = |signal, id: &str| {
        assert!(
            std::process::Command::new("kill")
                .args([signal, id])
                .status()
                .unwrap()
                .success()
        );
    };
    kill("-KILL", &first);
    common::wait("its next life", || pid().filter(|next| *next != first));
    kill("-INT", &child.id().to_string());
    assert!(common::wait("the end", || child.try_wait().unwrap()).success());
}
