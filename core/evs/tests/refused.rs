//! Goal: a frame that is refused changes nothing, and no frame ever makes a member panic.
//! Method: members in every phase, with traffic under way, are given garbage, mutated copies of real frames,
//! old frames, frames of other rings and lives, and well-formed frames that contradict what is known. Whenever
//! a frame is answered by a refusal, the fingerprint before and after must be equal.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_evs::{Action, Config, Event, Evs, Note};
use ringfort_machine::{
    Digest, Incarnation, Instant, Level, Machine, Member, NodeId, ProcessId, RingId, Seed,
    SubclusterId,
};
use ringfort_wire::ring::{
    Beacon, Candidate, Commit, CommitLine, Data, DataBuilder, Hurry, Join, Neighbour, OldRing,
    Request, RingBody, Token,
};
use ringfort_wire::{Frame, Kind};

use common::world::{CLUSTER, World, node_id, process};

const MS: Duration = Duration::from_millis(1);

fn fingerprint(evs: &Evs) -> u64 {
    let mut digest = Digest::new();
    evs.digest(&mut digest);
    digest.finish()
}

/// Gives `frame` to `evs`; a refusal must leave it as it was.
fn give(evs: &mut Evs, now: Instant, from: NodeId, frame: Frame) -> bool {
    let before = fingerprint(evs);
    let mut out = Vec::new();
    evs.handle(
        now,
        Event::Frame {
            from,
            frame: frame.clone(),
        },
        &mut out,
    );
    let refused = out
        .iter()
        .any(|action| matches!(action, Action::Note(Note::Refused { .. })));
    if refused {
        assert_eq!(
            before,
            fingerprint(evs),
            "a refused {:?} left its mark",
            frame.kind
        );
        let quiet = out.iter().all(|action| match action {
            Action::Note(_) => true,
            Action::Transmit { .. }
            | Action::Sent { .. }
            | Action::Deliver(_)
            | Action::Install(_)
            | Action::Left => false,
        });
        assert!(quiet, "a refused {:?} had an effect: {out:?}", frame.kind);
    }
    refused
}

/// A world in one of several states, and all frames that crossed it.
fn world(state: u8, seed: u64) -> World {
    let mut world = World::new(4, Seed::from_number(seed));
    world.record = true;
    (0..4).for_each(|host| world.start(host));
    world.run_while(MS * 2000, |world| !world.is_together(&[0, 1, 2, 3]));
    world.run_for(MS * 20);
    for host in 0..4 {
        for level in Level::ALL {
            let _ = world.submit(host, level, Bytes::from(vec![host as u8; 700]));
        }
    }
    world.run_for(Duration::from_micros(300 + seed % 400));
    if state > 0 {
        world.crash(3);
        world.run_for(MS);
        let _ = world.submit(0, Level::Safe, Bytes::from_static(b"x"));
        let wanted = ["operational", "gather", "commit", "recovery"][usize::from(state % 4)];
        world.run_while(MS * 1000, |world| {
            world.hosts[1].evs.as_ref().unwrap().status().state != wanted
        });
    }
    world
}

fn number() -> impl Strategy<Value = u64> {
    let edges = [
        1,
        2,
        3,
        5,
        8,
        9,
        64,
        1000,
        (1 << 47) - 1,
        1 << 47,
        (1 << 48) - 1,
    ];
    prop_oneof![Just(0_u64), prop::sample::select(edges.to_vec()), 0..40_u64]
}

fn any_process() -> impl Strategy<Value = ProcessId> {
    (0..6_usize, 1..3_u64).prop_map(|(host, life)| process(host, life))
}

fn any_member() -> impl Strategy<Value = Member> {
    any_process().prop_map(|process| Member {
        process,
        subcluster: SubclusterId(1),
    })
}

/// The ring of the victim, or some other.
fn any_ring(own: RingId) -> impl Strategy<Value = RingId> {
    let other = (number(), any_process()).prop_map(|(sequence, representative)| RingId {
        sequence,
        representative,
    });
    let next = (0..4_u64, any_process()).prop_map(move |(ahead, representative)| RingId {
        sequence: own.sequence + ahead,
        representative,
    });
    prop_oneof![2 => Just(own), 1 => next, 1 => other]
}

fn any_token(own: RingId) -> impl Strategy<Value = Frame> {
    let parts = (
        any_ring(own),
        number(),
        number(),
        number(),
        any_process(),
        any::<(u32, u32)>(),
    );
    (parts, prop::collection::btree_set(number(), 0..5)).prop_map(
        |((ring, hop, seq, aru, setter, (sent, backlog)), requests)| {
            let aru = aru.min(seq);
            let token = Token {
                ring,
                hop,
                seq,
                aru,
                setter: (aru != seq).then_some(setter),
                sent,
                backlog,
                requests: requests
                    .into_iter()
                    .filter(|wanted| (1..=seq).contains(wanted))
                    .map(|seq| Request {
                        seq,
                        by: (seq % 3 > 0).then_some((seq % 5) as u8),
                    })
                    .collect(),
            };
            Frame::new(Kind::Token, token.encode())
        },
    )
}

fn any_data(own: RingId) -> impl Strategy<Value = Frame> {
    let parts = (any_ring(own), number(), any_process(), number(), 0..3_u8);
    (parts, any_ring(own)).prop_map(|((ring, seq, sender, first, kind), inner)| {
        let build = |ring, seq| {
            let mut builder = DataBuilder::new(ring, seq, sender, 1472);
            builder.push(first, Level::Reliable, b"forged");
            builder.push(first.wrapping_add(1), Level::Safe, b"forged");
            builder.finish(CLUSTER)
        };
        let frame = if kind == 0 {
            let wrapped = Frame::decode(CLUSTER, &build(inner, seq)).unwrap().body;
            DataBuilder::new(ring, seq, sender, 1472).recovered(&wrapped, CLUSTER)
        } else {
            build(ring, seq)
        };
        Frame::decode(CLUSTER, &frame).unwrap()
    })
}

fn any_join(own: RingId) -> impl Strategy<Value = Frame> {
    let candidates = prop::collection::btree_map(any_process(), any::<(bool, bool, bool)>(), 0..7);
    let parts = (
        any_member(),
        number(),
        any_ring(own),
        number(),
        any::<bool>(),
        candidates,
    );
    parts.prop_map(|(sender, stamp, ring, ahead, leaving, mut candidates)| {
        candidates.insert(sender.process, (true, leaving, false));
        let candidate =
            |(process, (proposed, failed, heard)): (ProcessId, (bool, bool, bool))| Candidate {
                process,
                proposed: proposed || failed,
                failed,
                heard: heard || !(proposed || failed),
            };
        let join = Join {
            sender,
            stamp,
            ring,
            sequence: ring.sequence.saturating_add(ahead),
            leaving,
            candidates: candidates.into_iter().map(candidate).collect(),
        };
        Frame::new(Kind::Join, join.encode())
    })
}

fn any_commit(own: RingId) -> impl Strategy<Value = Frame> {
    let old = (any_ring(own), number(), number(), number(), any::<u128>());
    let lines = prop::collection::btree_map(any_process(), old, 1..6);
    (any_ring(own), lines, 0..7_usize, 1..3_u8).prop_map(|(ring, lines, filled, round)| {
        let line = |(index, (process, (ring, stable, aru, high, obligations)))| CommitLine {
            member: Member {
                process,
                subcluster: SubclusterId::of_name("default"),
            },
            old: (index < filled).then_some(OldRing {
                ring,
                stable,
                aru,
                high,
                obligations,
            }),
        };
        let representative = *lines.keys().next().unwrap();
        let commit = Commit {
            ring: RingId {
                sequence: ring.sequence,
                representative,
            },
            round,
            lines: lines.into_iter().enumerate().map(line).collect(),
        };
        Frame::new(Kind::Commit, commit.encode())
    })
}

fn any_beacon(own: RingId) -> impl Strategy<Value = Frame> {
    let neighbours = prop::collection::btree_map(any_process(), any::<(bool, bool)>(), 0..5);
    let parts = (any_member(), number(), any_ring(own), neighbours);
    parts.prop_map(|(sender, stamp, ring, neighbours)| {
        let neighbour = |(process, (heard, accused)): (ProcessId, (bool, bool))| Neighbour {
            process,
            heard: heard || !accused,
            accused,
            shunned: accused,
        };
        let beacon = Beacon {
            sender,
            stamp,
            ring,
            neighbours: neighbours.into_iter().map(neighbour).collect(),
        };
        Frame::new(Kind::Beacon, beacon.encode())
    })
}

fn any_frame(own: RingId) -> BoxedStrategy<Frame> {
    let hurry = (any_ring(own), any_process())
        .prop_map(|(ring, sender)| Frame::new(Kind::Hurry, Hurry { ring, sender }.encode()));
    let kinds = Kind::ALL.to_vec();
    let garbage = (
        prop::sample::select(kinds),
        prop::collection::vec(any::<u8>(), 0..120),
    )
        .prop_map(|(kind, body)| Frame::new(kind, Bytes::from(body)));
    prop_oneof![
        any_token(own),
        any_data(own),
        any_join(own),
        any_commit(own),
        any_beacon(own),
        hurry,
        garbage,
    ]
    .boxed()
}

/// One byte of a real frame is another.
fn mutated(frame: &Frame, at: usize, value: u8) -> Frame {
    let mut body = frame.body.to_vec();
    if let Some(index) = at.checked_rem(body.len()) {
        body[index] = value;
    }
    Frame::new(frame.kind, Bytes::from(body))
}

fn own_ring() -> RingId {
    let ring = world(0, 0).hosts[1].evs.as_ref().unwrap().status().ring;
    assert!(ring.sequence > 1, "the ring has formed");
    ring
}

proptest! {
    /// Forged and garbled frames, one after the other: time goes on, and the member goes on.
    #[test]
    fn forged_frames_never_panic_and_refusals_leave_no_mark(
        state in 0..4_u8,
        seed in 0..4_u64,
        frames in prop::collection::vec((any_frame(own_ring()), 0..5_usize), 1..30),
    ) {
        let mut world = world(state, seed);
        let mut now = world.now;
        let evs = world.hosts[1].evs.as_mut().unwrap();
        for (frame, from) in frames {
            give(evs, now, node_id(from), frame);
            now = now + Duration::from_micros(500);
            if evs.deadline().is_some_and(|deadline| deadline.at <= now) {
                evs.handle(now, Event::Wake, &mut Vec::new());
            }
        }
        // Whatever it came to believe, it still comes to rest.
        for _ in 0..3000 {
            let Some(deadline) = evs.deadline() else { break };
            now = now.max(deadline.at);
            evs.handle(now, Event::Wake, &mut Vec::new());
        }
    }

    /// Real frames, repeated, late, out of order or garbled.
    #[test]
    fn real_frames_at_the_wrong_time(
        state in 0..4_u8,
        seed in 0..4_u64,
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<(bool, u16, u8)>()), 1..40),
    ) {
        let mut world = world(state, seed);
        let now = world.now;
        let recorded = std::mem::take(&mut world.recorded);
        let evs = world.hosts[1].evs.as_mut().unwrap();
        for (pick, (garble, at, value)) in picks {
            let (from, bytes) = pick.get(&recorded);
            let frame = Frame::decode(CLUSTER, bytes).unwrap();
            let frame = if garble { mutated(&frame, usize::from(at), value) } else { frame };
            give(evs, now, node_id(*from), frame);
        }
    }
}

/// Frames of an earlier life of a node are noted and ignored.
#[test]
fn an_earlier_life_is_ignored() {
    let mut world = World::new(2, Seed::from_number(1));
    world.record = true;
    world.start(0);
    world.start(1);
    world.run_while(MS * 2000, |world| !world.is_together(&[0, 1]));
    let old: Vec<Bytes> = world
        .recorded
        .iter()
        .filter(|(from, _)| *from == 1)
        .map(|(_, f)| f.clone())
        .collect();
    world.crash(1);
    world.start(1);
    assert!(world.run_while(MS * 2000, |world| !world.is_together(&[0, 1])));
    let now = world.now;
    let evs = world.hosts[0].evs.as_mut().unwrap();
    let mut stale = 0;
    for bytes in old {
        let frame = Frame::decode(CLUSTER, &bytes).unwrap();
        let before = fingerprint(evs);
        let mut out = Vec::new();
        evs.handle(
            now,
            Event::Frame {
                from: node_id(1),
                frame,
            },
            &mut out,
        );
        assert_eq!(before, fingerprint(evs));
        let noted = |action: &Action| matches!(action, Action::Note(Note::StaleIncarnation { .. }));
        stale += out.iter().filter(|action| noted(action)).count();
    }
    assert!(stale > 0);
}

/// Two processes under one name: each refuses the other's frames and nothing else happens to it.
#[test]
fn a_namesake_is_an_impostor() {
    let me = Member {
        process: ProcessId::new(NodeId(5), Incarnation(3)),
        subcluster: SubclusterId(1),
    };
    let mut out = Vec::new();
    let config = Config::new(me, CLUSTER);
    let mut evs = Evs::new(config, Seed::from_number(1), Instant::ORIGIN, &mut out).unwrap();
    let namesake = Member {
        process: ProcessId::new(NodeId(5), Incarnation(9)),
        ..me
    };
    let ring = RingId {
        sequence: 1,
        representative: namesake.process,
    };
    let beacon = Beacon {
        sender: namesake,
        stamp: 1,
        ring,
        neighbours: Vec::new(),
    };
    let frame = Frame::new(Kind::Beacon, beacon.encode());
    assert!(give(&mut evs, Instant::ORIGIN, NodeId(5), frame.clone()));
    assert!(give(&mut evs, Instant::ORIGIN, NodeId(6), frame));
}

/// A packet that differs from the one that has its place is refused.
#[test]
fn a_second_packet_for_one_place_is_refused() {
    let mut world = world(0, 1);
    world.run_for(Duration::from_micros(200));
    let now = world.now;
    let own = world.hosts[1].evs.as_ref().unwrap().status();
    let kept = world.recorded.iter().filter_map(|(from, bytes)| {
        let frame = Frame::decode(CLUSTER, bytes).unwrap();
        let data = Data::decode(&frame.body)
            .ok()
            .filter(|_| frame.kind == Kind::Data)?;
        (data.ring == own.ring && data.seq > own.stable && data.seq <= own.seq)
            .then_some((*from, data))
    });
    let (from, data) = kept.last().expect("packets are retained");
    let mut builder = DataBuilder::new(data.ring, data.seq, data.sender, 1472);
    builder.push(1, Level::Agreed, b"another");
    let frame = Frame::decode(CLUSTER, &builder.finish(CLUSTER)).unwrap();
    let evs = world.hosts[1].evs.as_mut().unwrap();
    assert!(give(evs, now, node_id(from), frame));
}
