//! Goal: a daemon starts, answers on both kinds of console, reloads all or nothing, and leaves in good order.
//! Method: one real daemon, alone in its cluster, watched through its consoles, its output and its exit code.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
};

use common::{Node, local, run};

#[test]
fn both_kinds_of_console_answer() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Node::new(directory.path(), "n1").start();
    assert_eq!(daemon.ask("cluster nodename"), "n1\n");
    let tcp = local(daemon.node.console).to_string();
    let output = run(&["console", &tcp, "cluster", "nodename"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "n1\n");
    assert_eq!(daemon.json("cluster nodename")["name"], "n1");
    let mode = fs::metadata(daemon.node.control())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    daemon.stop();
}

#[test]
fn a_refused_command_has_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Node::new(directory.path(), "n1").start();
    let control = daemon.node.control();
    for command in ["no such command", "no such command --json"] {
        let output = run(&["console", control.to_str().unwrap(), command]);
        assert_eq!(output.status.code(), Some(1), "{command}: {output:?}");
    }
    let missing = directory.path().join("nowhere");
    let output = run(&["console", missing.to_str().unwrap(), "version"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is the daemon running"));
}

#[test]
fn a_person_sees_banner_and_prompt() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Node::new(directory.path(), "n1").start();
    let mut stream = TcpStream::connect(local(daemon.node.console)).unwrap();
    stream.set_read_timeout(Some(common::LIMIT)).unwrap();
    stream.write_all(b"cluster nodename\r\nquit\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let text = text.replace('\0', "");
    assert!(
        text.starts_with("##############################################\n# "),
        "{text}"
    );
    let prompt = format!(" {}> ", local(daemon.node.console));
    assert_eq!(text.matches(&prompt).count(), 2, "{text}");
    assert!(text.contains("> n1\n"), "{text}");
}

#[test]
fn a_left_over_socket_is_replaced_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::new(directory.path(), "n1");
    let daemon = node.start();
    daemon.signal("-KILL");
    assert!(!daemon.ended().success());
    assert!(node.control().exists());
    node.start().stop();
    assert!(!node.control().exists(), "a good end removes it");
}

#[test]
fn a_reload_is_all_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::new(directory.path(), "n1");
    let mut daemon = node.start();
    let good = node.text();

    fs::write(
        node.configuration(),
        good.replace("view_mature_time", "view_matter_time"),
    )
    .unwrap();
    daemon.signal("-HUP");
    daemon.wait_said("the configuration stays as it was");
    assert!(
        daemon.said().contains("view_matter_time"),
        "{}",
        daemon.said()
    );
    daemon.assert_serving();

    let other = common::free_udp();
    fs::write(
        node.configuration(),
        good.replace(&node.bus.to_string(), &other.to_string()),
    )
    .unwrap();
    daemon.signal("-HUP");
    daemon.wait_said("the bus address cannot change while the process runs");
    daemon.assert_serving();

    let address = local(common::free_tcp());
    node.more = format!("ESMTP_Listener {{ Listen \"{address}\" {{ Banner = \"fresh\" }} }}");
    // Everything else moves to other lines and stays what it was.
    fs::write(
        node.configuration(),
        format!("# one\n# two\n{}", node.text()),
    )
    .unwrap();
    daemon.signal("-HUP");
    daemon.wait_said("Reloaded");
    let banner = common::wait("the new listener", || {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(common::LIMIT)).ok()?;
        let mut banner = String::new();
        stream.read_to_string(&mut banner).ok()?;
        (!banner.is_empty()).then_some(banner)
    });
    assert!(banner.starts_with("220 fresh n1-"), "{banner}");
    daemon.assert_serving();
    daemon.stop();
}

#[test]
fn an_interrupt_leaves_in_good_order_too() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::new(directory.path(), "n1");
    let daemon = node.start();
    daemon.signal("-INT");
    assert!(daemon.ended().success());
    assert!(!node.control().exists());
}

#[test]
fn a_console_can_end_it() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = Node::new(directory.path(), "n1").start();
    daemon.ask("shutdown");
    assert!(daemon.ended().success());
}
