//! Goal: a rotation loses nothing and ends the old key; a node that was away learns the new one; a revoked node learns
//! nothing. Method: rotations while frames flow, with members cut off, restarted and revoked.

use ringfort_seal::{Event, Note, Reason};
use std::time::Duration;

use crate::network::{Network, node, trusted};

fn epochs(network: &Network) -> Vec<u64> {
    network
        .members
        .iter()
        .map(|member| member.seal.status().epoch)
        .collect()
}

#[test]
pub(crate) fn a_rotation_loses_nothing() {
    let mut network = Network::new(4);
    assert_eq!(epochs(&network), [1, 1, 1, 1]);
    let mut sent = 0;
    for epoch in 2..8 {
        network.tell((epoch % 4) as usize, Event::Rotate(epoch));
        for _ in 0..3 {
            // Sent before anything of the rotation has arrived, while it does, and after it.
            network.send(0, b"flowing");
            sent += 1;
        }
        network.run(Duration::from_millis(20));
        assert_eq!(epochs(&network), [epoch; 4]);
    }
    for number in 1..4 {
        assert_eq!(network.frames(number).len(), sent);
        assert_eq!(network.refused(number, Reason::UnknownKey), 0);
    }
}

#[test]
pub(crate) fn the_new_key_waits_for_every_member() {
    let mut network = Network::new(3);
    network.members[2].cut = true;
    network.tell(0, Event::Rotate(2));
    network.run(Duration::from_millis(500));
    assert_eq!(epochs(&network), [1, 1, 1], "used before all have it");
    // What the third misses, it misses because of the cut and not of the key: under the old one it is heard at once.
    network.members[2].cut = false;
    network.send(0, b"under the old key");
    assert_eq!(network.frames(2), [b"under the old key"]);
    network.run(Duration::from_secs(2));
    assert_eq!(epochs(&network), [2, 2, 2]);
}

#[test]
pub(crate) fn a_rotation_does_not_wait_for_a_node_that_is_down() {
    let mut network = Network::new(3);
    network.members[2].cut = true;
    for number in [0, 1] {
        network.tell(number, Event::Members(vec![node(0), node(1)]));
    }
    network.tell(1, Event::Rotate(2));
    network.run(Duration::from_millis(50));
    assert_eq!(epochs(&network)[..2], [2, 2]);
    network.restart(2);
    network.members[2].cut = false;
    network.run(Duration::from_secs(3));
    assert_eq!(epochs(&network), [2, 2, 2], "it did not learn of the epoch");
    network.send(2, b"I am back");
    network.send(0, b"we see");
    assert_eq!(network.frames(0), [b"I am back"]);
    assert_eq!(network.frames(2), [b"we see"]);
}

#[test]
pub(crate) fn an_old_key_opens_nothing() {
    let mut network = Network::new(2);
    network.members[1].cut = true;
    network.send(0, b"held back by an attacker");
    network.members[1].cut = false;
    let (_, held) = network.sealed().pop().unwrap();
    network.tell(0, Event::Rotate(2));
    network.run(Duration::from_millis(100));
    network.send(0, b"under the new key");
    network.run(Duration::from_secs(2));
    network.inject(1, Some(0), held);
    assert_eq!(network.frames(1), [b"under the new key"]);
    assert_eq!(network.refused(1, Reason::UnknownKey), 1);
    let dropped = |note: &Note| matches!(note, Note::KeyDropped { epoch: 1, .. });
    assert!(network.members[1].notes.iter().any(dropped));
}

#[test]
pub(crate) fn a_revoked_node_is_neither_heard_nor_told() {
    let mut network = Network::new(3);
    for number in [0, 1] {
        network.tell(number, Event::Trust(trusted([0, 1])));
    }
    network.run(Duration::from_millis(100));
    for number in [0, 1] {
        network.tell(number, Event::Members(vec![node(0), node(1)]));
    }
    network.run(Duration::from_millis(100));
    assert!(
        network.members[0].seal.status().epoch > 1,
        "the epoch goes on"
    );
    network.send(2, b"may I");
    network.send(0, b"among us");
    assert!(network.frames(0).is_empty() && network.members[1].delivered.len() == 1);
    assert!(network.frames(2).is_empty(), "the revoked node reads on");
    // Forgiven, it is heard again.
    for number in [0, 1] {
        network.tell(number, Event::Trust(trusted([0, 1, 2])));
    }
    network.run(Duration::from_secs(3));
    network.send(2, b"thank you");
    assert_eq!(network.frames(0), [b"thank you"]);
}
