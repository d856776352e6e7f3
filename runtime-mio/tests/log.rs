//! Goal: what `log write` has confirmed, `log tail` prints and `log stat` counts; a log has one writer.
//! Method: the program's own subcommands on a directory of the test, beside a running daemon for the lock.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use common::{Node, ringfort, run};
use serde_json::Value;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("mainlog");
    let log = log.to_str().unwrap();
    let output = run(&["log", "write", log, "--subscriber", "master", "one", "two"]);
    assert!(output.status.success(), "{output:?}");

    let mut child = ringfort()
        .args(["log", "write", log, "--json", "--class", "sync"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for number in 3..=1000 {
        writeln!(input, "line {number}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let written: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(written["records"], 998);

    let output = run(&["log", "tail", log]);
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 1000, "{output:?}");
    assert_eq!(
        (lines[0], lines[1], lines[999]),
        ("one", "two", "line 1000")
    );

    let output = run(&["log", "stat", log, "--json"]);
    let stat: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(stat["in_use"], false);
    assert_eq!(stat["last"], written["last"]);
    assert_eq!(stat["subscribers"][0]["name"], "master");
    assert_eq!(stat["subscribers"][0]["lag_records"], 1000);

    let from = written["last"].as_str().unwrap();
    let output = run(&["log", "tail", log, "--json", "--from", from]);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&record["text"], &record["id"]),
        (&"line 1000".into(), &from.into())
    );
}

#[test]
fn reading_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("mainlog");
    assert!(
        run(&["log", "write", log.to_str().unwrap(), "one"])
            .status
            .success()
    );
    let listing = || {
        let mut files: Vec<_> = std::fs::read_dir(&log)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                (path.clone(), std::fs::read(path).unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let before = listing();
    assert!(
        run(&["log", "tail", log.to_str().unwrap()])
            .status
            .success()
    );
    assert!(
        run(&["log", "stat", log.to_str().unwrap()])
            .status
            .success()
    );
    assert_eq!(listing(), before);
}

#[test]
fn following_shows_what_comes() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("mainlog");
    let log = log.to_str().unwrap();
    assert!(
        run(&["log", "write", log, "--subscriber", "me", "before"])
            .status
            .success()
    );
    let mut child = ringfort()
        .args(["log", "tail", "--follow", log])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "before");
    assert!(run(&["log", "write", log, "after"]).status.success());
    assert_eq!(lines.next().unwrap().unwrap(), "after");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_log_of_a_daemon_is_read_but_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Node::new(directory.path(), "n1").start();
    let log = daemon.node.log();
    let log = log.to_str().unwrap();
    let output = run(&["log", "write", log, "mine"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("in use"), "{output:?}");
    let output = run(&["log", "stat", log, "--json"]);
    let stat: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(stat["in_use"], true);
    daemon.stop();
    assert!(run(&["log", "write", log, "mine"]).status.success());
}

#[test]
fn no_log_is_an_error() {
    let output = run(&["log", "tail", "/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nowhere"));
}
