//! Goal: nothing is delivered but what a live process has sealed, and that once. Method: attackers that have recorded
//! everything repeat, flip, cut and invent.

use bytes::Bytes;
use ringfort_machine::{Digest, Machine, Rng, Seed};
use ringfort_seal::{OVERHEAD, Reason};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::network::{Delivered, Network, node};

fn digest(network: &Network, number: usize) -> u64 {
    let mut digest = Digest::new();
    network.members[number].seal.digest(&mut digest);
    digest.finish()
}

#[test]
pub(crate) fn what_is_sealed_arrives_once_and_from_whom_it_is() {
    let mut network = Network::new(3);
    network.send(0, b"to all");
    for number in [1, 2] {
        assert_eq!(network.frames(number), [b"to all"]);
        assert_eq!(
            network.members[number].delivered[0].from,
            network.process(0)
        );
    }
    assert!(network.frames(0).is_empty());
    let (_, sealed) = network.sealed().pop().unwrap();
    assert_eq!(sealed.len(), b"to all".len() + OVERHEAD);
    const { assert!(OVERHEAD <= 32) };
    assert!(
        !sealed.windows(6).any(|part| part == b"to all"),
        "it can be read"
    );
}

#[test]
pub(crate) fn a_repetition_is_refused() {
    let mut network = Network::new(2);
    for _ in 0..5 {
        network.send(0, b"once");
    }
    for (_, datagram) in network.sealed() {
        network.inject(1, Some(0), datagram);
    }
    assert_eq!(network.frames(1).len(), 5);
    assert_eq!(network.refused(1, Reason::Replayed), 5);
}

#[test]
pub(crate) fn nothing_changed_or_cut_is_opened() {
    let mut network = Network::new(2);
    network.send(0, b"the original of it");
    let (_, sealed) = network.sealed().pop().unwrap();
    // Behind the counter of the original: only the tag stands between a forgery and the ring.
    for at in 8..sealed.len() {
        for bit in 0..8 {
            let mut forged = sealed.to_vec();
            forged[at] ^= 1 << bit;
            network.inject(1, Some(0), forged.into());
        }
    }
    for length in 0..sealed.len() {
        network.inject(1, Some(0), sealed.slice(..length));
    }
    assert_eq!(network.frames(1), [b"the original of it"]);
    network.send(0, b"still heard");
    assert_eq!(
        network.frames(1).len(),
        2,
        "a forged counter has moved the window"
    );
}

#[test]
pub(crate) fn a_frame_for_one_opens_nowhere_else() {
    let mut network = Network::new(3);
    let event = ringfort_seal::Event::Send {
        to: ringfort_seal::Destination::Node(node(1)),
        frame: Bytes::from_static(b"a token"),
    };
    network.tell(0, event);
    network.settle();
    let (_, _, token) = network.recorded.last().cloned().unwrap();
    network.inject(2, Some(0), token.clone());
    let mut to_all = token.to_vec();
    to_all[1] = 0x11;
    network.inject(2, Some(0), to_all.into());
    assert_eq!(network.frames(1), [b"a token"]);
    assert!(network.frames(2).is_empty(), "two nodes have the token");
    assert_eq!(network.refused(2, Reason::Forged), 2);
}

#[test]
pub(crate) fn an_earlier_life_is_not_heard() {
    let mut network = Network::new(2);
    network.members[1].cut = true;
    network.send(0, b"never heard by the other");
    network.members[1].cut = false;
    let old = network.sealed();
    let greetings = network.greetings_to(1);
    network.restart(0);
    network.run(Duration::from_millis(100));
    for (_, datagram) in greetings.into_iter().chain(old) {
        network.inject(1, Some(0), datagram);
        network.settle();
    }
    assert!(
        network.frames(1).is_empty(),
        "a recording of an earlier life was opened"
    );
    assert!(network.refused(1, Reason::StaleIncarnation) > 0);
    network.send(0, b"the new life");
    assert_eq!(network.frames(1), [b"the new life"]);
    assert_eq!(network.members[1].delivered[0].from, network.process(0));
}

#[test]
pub(crate) fn a_new_life_of_the_receiver_hears_no_recording() {
    let mut network = Network::new(2);
    network.send(0, b"said to the earlier life");
    let (old, greetings) = (network.sealed(), network.greetings_to(1));
    // The sender is gone as well; only its words are left.
    network.members[0].cut = true;
    network.restart(1);
    network.members[1].delivered.clear();
    for (_, datagram) in greetings.iter().chain(&old).chain(&greetings) {
        network.inject(1, Some(0), datagram.clone());
    }
    network.run(Duration::from_secs(3));
    assert!(network.frames(1).is_empty());
    let status = network.members[1].seal.status();
    assert_eq!(
        status.peers,
        [(node(0), None, None)],
        "nobody has proved to be here"
    );
}

#[test]
pub(crate) fn strangers_get_nowhere() {
    let mut network = Network::new(2);
    let mut stranger = Network::new(3); // its number 2 is nobody to the others
    stranger.send(2, b"let me in");
    let before = digest(&network, 0);
    for (_, datagram) in stranger
        .greetings_to(0)
        .into_iter()
        .chain(stranger.sealed())
    {
        let claims = u64::from_le_bytes(datagram[8..16].try_into().unwrap());
        if claims == node(2).0 || datagram[1] == 0x11 {
            network.inject(0, None, datagram);
        }
    }
    assert_eq!(digest(&network, 0), before);
    assert!(
        network.refused(0, Reason::Untrusted) > 0 && network.refused(0, Reason::UnknownKey) > 0
    );
    let foreign = Bytes::from(
        network.greetings_to(0)[0]
            .1
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ u8::from(at == 3))
            .collect::<Vec<_>>(),
    );
    network.inject(0, Some(1), foreign);
    assert_eq!(network.refused(0, Reason::ForeignCluster), 1);
}

#[test]
pub(crate) fn a_flood_of_forged_greetings_is_bounded_and_does_not_part_those_who_know_each_other() {
    let mut network = Network::new(2);
    let (_, real) = network.greetings_to(0).pop().unwrap();
    let sent = network.recorded.len();
    for number in 0..10_000_u64 {
        let mut forged = real.to_vec();
        forged[16..24].copy_from_slice(&(number + 2).to_le_bytes());
        network.inject(0, Some(1), forged.into());
    }
    assert!(
        network.refused(0, Reason::Forged) <= 70,
        "proofs computed without bound"
    );
    assert!(network.refused(0, Reason::TooMany) >= 9_900);
    assert_eq!(network.recorded.len(), sent, "an answer to forgeries");
    network.send(1, b"heard");
    assert_eq!(network.frames(0), [b"heard"]);
    network.restart(1);
    network.run(Duration::from_secs(2));
    network.send(1, b"heard again");
    assert_eq!(network.frames(0).len(), 2);
}

/// Random attackers over lives, epochs and losses; the oracle knows what was sent by whom.
#[test]
pub(crate) fn whatever_attackers_do_only_what_was_sent_arrives_and_once() {
    for seed in 0..30 {
        let mut rng = Rng::new(Seed::from_number(seed));
        let mut network = Network::new(3);
        for _ in 0..300 {
            let who = rng.below(3) as usize;
            match rng.below(12) {
                0 => network.restart(who),
                1 => {
                    let epoch = network.members[who].seal.status().epoch;
                    network.tell(who, ringfort_seal::Event::Rotate(epoch + 1));
                }
                2 => network.members[who].cut ^= true,
                3 | 4 => network.run(Duration::from_millis(rng.below(1_500))),
                5..8 => {
                    let to = (who + 1) % 3;
                    let recorded = &network.recorded;
                    let Some((from, _, datagram)) = rng.pick(recorded).cloned() else {
                        continue;
                    };
                    let mut bytes = datagram.to_vec();
                    match rng.below(4) {
                        0 => {
                            let at = rng.below(bytes.len() as u64) as usize;
                            bytes[at] ^= 1 << rng.below(8);
                        }
                        1 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
                        _ => {}
                    }
                    network.inject(to, Some(from), bytes.into());
                }
                _ => network.send(who, b"a frame"),
            }
        }
        for number in 0..3 {
            judge(&network, number, seed);
        }
        for member in &mut network.members {
            member.cut = false;
            member.delivered.clear();
        }
        network.run(Duration::from_secs(5));
        network.send(0, b"after all that");
        assert_eq!(
            (network.frames(1), network.frames(2)),
            (vec![&b"after all that"[..]], vec![&b"after all that"[..]]),
            "seed {seed}"
        );
    }
}

/// What a member has delivered was sealed by whom it is said to be from, came once in each life of the member, and
/// never from an earlier life of its sender than the last time.
fn judge(network: &Network, number: usize, seed: u64) {
    let mut seen = BTreeSet::new();
    let mut latest = BTreeMap::new();
    for delivered in &network.members[number].delivered {
        let Delivered {
            life,
            from,
            key,
            counter,
            frame,
        } = delivered;
        assert!(seen.insert((*life, *key, *counter)), "seed {seed}: twice");
        assert_eq!(&frame[..], b"a frame", "seed {seed}");
        let header = [&[0xd5, 0x11], &key.0[..], &counter.to_le_bytes()].concat();
        let sealed = |(by, _, datagram): &(usize, Option<usize>, Bytes)| {
            node(*by) == from.node && datagram.starts_with(&header)
        };
        assert!(network.recorded.iter().any(sealed), "seed {seed}: invented");
        let last = latest.insert((*life, from.node), from.incarnation);
        assert!(
            last <= Some(from.incarnation),
            "seed {seed}: from an earlier life"
        );
    }
}
