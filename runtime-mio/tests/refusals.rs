//! Goal: what cannot work is refused at the start, with a text that says what to do, and an exit code.
//! Method: start real daemons under each condition and read what they say.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    net::{TcpListener, UdpSocket},
};

use common::{Node, local, run};

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn a_bus_port_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::new(directory.path(), "n1");
    let _held = UdpSocket::bind(local(node.bus)).unwrap();
    let said = node.run_refused();
    assert_says(
        &said,
        &[
            "bus address",
            &local(node.bus).to_string(),
            "configure another port",
        ],
    );
}

#[test]
fn a_stream_port_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::new(directory.path(), "n1");
    let _held = TcpListener::bind(local(node.streams)).unwrap();
    assert_says(
        &node.run_refused(),
        &["cluster listener", "configure another port"],
    );
}

#[test]
fn a_console_port_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::new(directory.path(), "n1");
    let _held = TcpListener::bind(local(node.console)).unwrap();
    assert_says(
        &node.run_refused(),
        &["control address", "configure another port"],
    );
}

#[test]
fn an_address_of_another_host() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::new(directory.path(), "n1");
    node.more = "Bus { Bind_Address = 192.0.2.1 }".into();
    assert_says(
        &node.run_refused(),
        &["192.0.2.1", "no interface of this host has it"],
    );
}

#[test]
fn a_state_directory_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::new(directory.path(), "n1");
    // Not even root can make a directory there.
    node.more = "State_Dir = \"/proc/ringfort\"".into();
    assert_says(
        &node.run_refused(),
        &["create the state directory", "/proc/ringfort"],
    );
    let file = directory.path().join("file");
    fs::write(&file, "in the way").unwrap();
    node.more = format!("State_Dir = \"{}/state\"", file.display());
    assert_says(&node.run_refused(), &["create the state directory"]);
}

#[test]
fn two_daemons_on_one_state_directory() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::new(directory.path(), "n1");
    let mut first = node.start();
    let said = node.run_refused();
    assert_says(
        &said,
        &["is in use by the process", "choose another directory"],
    );
    first.assert_serving();
    first.stop();
}

#[test]
fn an_unknown_option_shows_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::new(directory.path(), "n1");
    node.more = "cluster {\n  view_matter_time = 3\n}".into();
    let said = node.run_refused();
    assert_says(
        &said,
        &[
            "view_matter_time",
            "ringfort.conf:",
            "did you mean `view_mature_time`",
        ],
    );
    let output = run(&["check", node.configuration().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_says(
        &String::from_utf8_lossy(&output.stdout),
        &["view_matter_time", "^^^"],
    );
    let output = run(&["check", "--json", node.configuration().to_str().unwrap()]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&answer["valid"], &answer["errors"]),
        (&false.into(), &1.into())
    );
}

#[test]
fn a_missing_file() {
    let output = run(&["node", "--config", "/nowhere/ringfort.conf"]);
    assert_eq!(output.status.code(), Some(1));
    assert_says(
        &String::from_utf8_lossy(&output.stderr),
        &["/nowhere/ringfort.conf", "no such file"],
    );
}

#[test]
fn a_good_file_passes_check() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::new(directory.path(), "n1");
    node.write();
    let output = run(&["check", node.configuration().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_says(
        &String::from_utf8_lossy(&output.stdout),
        &["Configuration valid"],
    );
}
