//! Goal: the life of a real daemon is lived again exactly from its journal, whether it left in good order or was
//! killed. Method: a daemon on the loopback with `--journal`, consoles, a reload and garbage; then the replay.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    net::UdpSocket,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use common::{Node, local, wait};
use ringfort_node::journal::{Decoder, End, Record, Replay, Taken};

fn journal(directory: &Path) -> PathBuf {
    directory.join("n1.journal")
}

fn started(directory: &Path, more: &[&str]) -> common::Daemon {
    let node = Node::new(directory, "n1");
    let journal = journal(directory);
    let mut arguments = vec!["--journal", journal.to_str().unwrap()];
    arguments.extend(more);
    node.start_with(&arguments)
}

/// What the node is told in an ordinary life.
fn live(daemon: &common::Daemon) {
    daemon.ask("cluster nodename");
    daemon.json("cluster membership");
    let stranger = UdpSocket::bind(local(0)).unwrap();
    stranger
        .send_to(b"nonsense", local(daemon.node.bus))
        .unwrap();
    daemon.signal("-HUP");
    daemon.wait_said("Reloaded");
    daemon.ask("version");
}

/// Replays a journal to its end, which must agree. The kinds of events in it, and how it ends.
fn replay(path: &Path) -> (Replay, Vec<String>, Taken) {
    replay_if_begun(path).expect("a journal")
}

/// The same, if the journal has a first record yet.
fn replay_if_begun(path: &Path) -> Option<(Replay, Vec<String>, Taken)> {
    let mut decoder = Decoder::default();
    decoder.feed(&fs::read(path).unwrap());
    let mut replay = Replay::default();
    let (mut kinds, mut last) = (Vec::new(), None);
    while let Some((offset, content)) = decoder.next_record().unwrap() {
        if let Record::Event { event, .. } = Record::decode(&content).unwrap() {
            kinds.push(format!("{event:?}"));
        }
        match replay.take(&content) {
            Ok(taken) => last = Some(taken),
            Err(fault) => panic!("at byte {offset}: {fault}"),
        }
    }
    decoder.finish().ok()?;
    Some((replay, kinds, last?))
}

#[test]
fn a_life_that_ended_well_is_lived_again() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = started(directory.path(), &[]);
    live(&daemon);
    daemon.stop();
    let path = journal(directory.path());
    let (replay, kinds, last) = replay(&path);
    assert_eq!(last, Taken::Ended(End::Halted));
    assert!(replay.digests() >= 1);
    assert_eq!(replay.build().unwrap().version, env!("CARGO_PKG_VERSION"));
    for wanted in [
        "Wake",
        "Seal(Status",
        "Console(Line",
        "Disk",
        "Reload",
        "Leave",
    ] {
        let found = kinds.iter().any(|kind| kind.starts_with(wanted));
        assert!(found, "no {wanted} among {} events", kinds.len());
    }
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_killed_life_is_lived_again_and_its_journal_outlives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = started(directory.path(), &[]);
    live(&daemon);
    let node = daemon.node.clone();
    let path = journal(directory.path());
    wait("the reload in the journal", || {
        // What a killed process has not written yet is lost; so it is killed after that.
        let reload = |kind: &String| kind.starts_with("Reload");
        replay_if_begun(&path)?.1.iter().any(reload).then_some(())
    });
    daemon.signal("-KILL");
    assert!(!daemon.ended().success());
    node.start_with(&["--journal", path.to_str().unwrap()])
        .stop();
    let (killed, kinds, last) = replay(&directory.path().join("n1.journal.old"));
    assert!(!matches!(last, Taken::Ended(_)), "{last:?}");
    assert!(killed.events() > 10);
    assert!(kinds.iter().any(|kind| kind.starts_with("Reload")));
    let (again, _, last) = replay(&path);
    assert_eq!(last, Taken::Ended(End::Halted));
    let process = |replay: &Replay| replay.node().unwrap().process();
    assert!(process(&again).incarnation > process(&killed).incarnation);
}

#[test]
fn a_full_journal_stops_and_the_node_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = started(directory.path(), &["--journal-limit", "4K"]);
    daemon.wait_said("has reached its limit");
    live(&daemon);
    daemon.assert_serving();
    daemon.stop();
    let path = journal(directory.path());
    assert!(fs::metadata(&path).unwrap().len() <= 4096);
    let (_, _, last) = replay(&path);
    assert_eq!(last, Taken::Ended(End::Limit));
}

#[test]
fn a_file_that_is_no_journal_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = journal(directory.path());
    fs::write(&path, "precious").unwrap();
    let node = Node::new(directory.path(), "n1");
    let said = node.run_refused_with(&["--journal", path.to_str().unwrap()]);
    assert!(said.contains("choose another file"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}
