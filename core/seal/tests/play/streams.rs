//! Goal: streams deliver exactly what was sent, between those who say they are, or nothing. Method: two ends joined by
//! hand, cut anywhere, and an attacker in between.

use bytes::Bytes;
use ringfort_seal::{Reason, StreamAction, StreamEvent, StreamId};
use std::time::Duration;

use crate::network::{Network, node};

const ID: u64 = 4;

/// Takes what a member wants done with its stream: what to send, and the rest.
fn take(network: &mut Network, number: usize) -> (Vec<u8>, Vec<StreamAction>) {
    let (mut bytes, mut rest) = (Vec::new(), Vec::new());
    for (_, action) in network.members[number].streams.drain(..) {
        match action {
            StreamAction::Transmit(more) => bytes.extend_from_slice(&more),
            StreamAction::Ready(_) | StreamAction::Deliver(_) | StreamAction::Refuse => {
                rest.push(action)
            }
        }
    }
    (bytes, rest)
}

/// Joins member 0 to member 1, in pieces of `piece` bytes.
fn joined(piece: usize) -> Network {
    let mut network = Network::new(3);
    network.stream(1, ID, StreamEvent::Accepted);
    network.stream(0, ID, StreamEvent::Connected { to: node(1) });
    let (opening, _) = take(&mut network, 0);
    give(&mut network, 1, &opening, piece);
    let (answer, ready) = take(&mut network, 1);
    assert!(
        ready.is_empty(),
        "ready before the other end has proved anything"
    );
    give(&mut network, 0, &answer, piece);
    let (proof, ready) = take(&mut network, 0);
    assert_eq!(ready, [StreamAction::Ready(network.process(1))]);
    give(&mut network, 1, &proof, piece);
    let (_, ready) = take(&mut network, 1);
    assert_eq!(ready, [StreamAction::Ready(network.process(0))]);
    network
}

fn give(network: &mut Network, number: usize, bytes: &[u8], piece: usize) {
    for piece in bytes.chunks(piece) {
        network.stream(
            number,
            ID,
            StreamEvent::Arrived(Bytes::copy_from_slice(piece)),
        );
    }
}

#[test]
pub(crate) fn what_is_sent_arrives_however_it_is_cut() {
    for piece in [1, 7, 100_000] {
        let mut network = joined(piece);
        let text: Bytes = (0..50_000_u32).map(|at| at as u8).collect();
        for (from, to) in [(0, 1), (1, 0)] {
            network.stream(from, ID, StreamEvent::Send(text.clone()));
            let (sealed, _) = take(&mut network, from);
            assert!(
                sealed.len() > text.len() && !sealed.windows(64).any(|part| part == &text[..64])
            );
            give(&mut network, to, &sealed, piece);
            let (_, delivered) = take(&mut network, to);
            let delivered: Vec<u8> = delivered
                .into_iter()
                .flat_map(|action| match action {
                    StreamAction::Deliver(text) => text,
                    other @ (StreamAction::Transmit(_)
                    | StreamAction::Ready(_)
                    | StreamAction::Refuse) => panic!("{other:?}"),
                })
                .collect();
            assert!(delivered == text);
        }
    }
}

#[test]
pub(crate) fn records_cannot_be_changed_repeated_or_left_out() {
    let sealed = |network: &mut Network| {
        network.stream(0, ID, StreamEvent::Send(Bytes::from_static(b"one")));
        let (one, _) = take(network, 0);
        network.stream(0, ID, StreamEvent::Send(Bytes::from_static(b"two")));
        (one, take(network, 0).0)
    };
    type Attack = fn(Vec<u8>, Vec<u8>) -> Vec<u8>;
    let attacks: [Attack; 4] = [
        |mut one, _| {
            one[4] ^= 1;
            one
        },
        |one, _| [one.clone(), one].concat(),
        |_, two| two,
        |one, _| [&[0, 0], &one[..]].concat(),
    ];
    for attack in attacks {
        let mut network = joined(usize::MAX);
        let (one, two) = sealed(&mut network);
        give(&mut network, 1, &attack(one, two), usize::MAX);
        let (_, told) = take(&mut network, 1);
        assert_eq!(told.last(), Some(&StreamAction::Refuse), "{told:?}");
        assert!(told.len() <= 2);
        network.stream(1, ID, StreamEvent::Arrived(Bytes::from_static(b"more")));
        assert!(
            take(&mut network, 1).1.is_empty(),
            "something follows the refusal"
        );
    }
}

#[test]
pub(crate) fn a_recorded_stream_opens_nothing() {
    let mut network = Network::new(2);
    network.stream(1, ID, StreamEvent::Accepted);
    network.stream(0, ID, StreamEvent::Connected { to: node(1) });
    let (opening, _) = take(&mut network, 0);
    give(&mut network, 1, &opening, usize::MAX);
    let (answer, _) = take(&mut network, 1);
    give(&mut network, 0, &answer, usize::MAX);
    let (proof, _) = take(&mut network, 0);
    network.stream(0, ID, StreamEvent::Send(Bytes::from_static(b"pay me")));
    let (order, _) = take(&mut network, 0);
    // The same words again, on a stream of the attacker's.
    network.stream(1, 9, StreamEvent::Accepted);
    for bytes in [opening, proof, order] {
        network.stream(1, 9, StreamEvent::Arrived(bytes.into()));
    }
    let told: Vec<_> = network.members[1]
        .streams
        .drain(..)
        .filter(|(id, _)| *id == StreamId(9))
        .collect();
    assert!(
        told.iter().all(|(_, action)| !matches!(
            action,
            StreamAction::Ready(_) | StreamAction::Deliver(_)
        ))
    );
    assert_eq!(told.last(), Some(&(StreamId(9), StreamAction::Refuse)));
}

#[test]
pub(crate) fn another_node_cannot_answer_for_the_one_that_was_meant() {
    let mut network = Network::new(3);
    network.stream(2, ID, StreamEvent::Accepted);
    network.stream(0, ID, StreamEvent::Connected { to: node(1) });
    let (opening, _) = take(&mut network, 0);
    give(&mut network, 2, &opening, usize::MAX);
    let (answer, told) = take(&mut network, 2);
    assert!(
        answer.is_empty() && told == [StreamAction::Refuse],
        "the greeting was for another"
    );
}

#[test]
pub(crate) fn a_stream_that_proves_nothing_is_closed() {
    let mut network = Network::new(2);
    network.stream(1, ID, StreamEvent::Accepted);
    give(&mut network, 1, &[0xd5; 40], usize::MAX);
    network.run(Duration::from_secs(4));
    assert!(take(&mut network, 1).1.is_empty());
    network.run(Duration::from_secs(2));
    assert_eq!(take(&mut network, 1).1, [StreamAction::Refuse]);
    for id in 0..300 {
        network.stream(1, 100 + id, StreamEvent::Accepted);
    }
    assert_eq!(
        take(&mut network, 1).1.len(),
        300 - 256,
        "strangers' streams are not bounded"
    );
    assert!(network.refused(1, Reason::TooMany) > 0);
}
