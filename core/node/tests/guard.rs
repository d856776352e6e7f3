//! Goal: a node behind its guard lives as before, nothing leaves it in clear, rotations and revocations do what
//! they say, and its journal needs no key. Method: whole nodes on a network that keeps all it carried.

#[allow(dead_code, reason = "shared with the other tests of whole nodes")]
mod common;

use std::{cell::RefCell, rc::Rc, time::Duration};

use bytes::Bytes;
use common::{Cluster, VIPS, address, identity};
use ringfort_machine::{Incarnation, Instant, Machine, Seed, step};
use ringfort_node::{
    Action, Boot, Event, Guard, LocalEvent, SealEvent, StreamEvent, StreamId,
    journal::{Build, Decoder, End, Origin, Recorder, Replay, Tape},
};
use ringfort_seal::{self as seal, Seal};

const MANAGER: usize = 3;

fn formed() -> Cluster {
    let mut cluster = Cluster::new(4);
    cluster.run(Duration::from_secs(4));
    cluster
}

fn append(cluster: &mut Cluster, host: usize, text: &'static [u8]) {
    let event = LocalEvent::Append {
        log: "mainlog".into(),
        class: ringfort_logs::Class::Sync,
        payload: Bytes::from_static(text),
    };
    cluster.post(Duration::ZERO, host, Event::Local(event));
}

fn status(cluster: &Cluster, host: usize) -> seal::Status {
    let node = cluster.hosts[host].node.as_ref().expect("it runs");
    node.seal().expect("it is sealed").status()
}

#[test]
fn nothing_leaves_a_node_in_clear() {
    let mut cluster = formed();
    append(&mut cluster, 0, b"a line that is nobody's business");
    cluster.run(Duration::from_secs(3));
    assert!(
        cluster.gathered().contains("nobody's business"),
        "the manager has pulled nothing over its sealed stream"
    );
    for host in &cluster.hosts {
        assert!(host.carried.len() > 100);
        for sent in &host.carried {
            assert!(
                !sent.windows(4).any(|part| part == b"RGFT"),
                "a frame in clear"
            );
            assert!(!sent.windows(15).any(|part| part == b"nobody's busine"));
        }
    }
}

#[test]
fn a_rotation_by_command_changes_no_configuration() {
    let mut cluster = formed();
    let before = cluster.type_line(0, "info --json");
    let unknown = |cluster: &Cluster| {
        let all = (0..4).flat_map(|host| status(cluster, host).refused);
        let unknown = all.filter(|(reason, _)| *reason == seal::Reason::UnknownKey);
        unknown.map(|(_, count)| count).sum::<u64>()
    };
    let refused = unknown(&cluster); // of the start, before all had met
    let said = cluster.type_line(1, "seal rotate");
    assert!(said.contains("epoch 2"), "{said}");
    cluster.run(Duration::from_secs(1));
    for host in 0..4 {
        assert_eq!(status(&cluster, host).epoch, 2);
    }
    let shown = cluster.type_line(0, "seal status");
    assert!(
        shown.contains("Encryption: on") && shown.contains("Epoch: 2"),
        "{shown}"
    );
    assert!(shown.contains("manager: here"), "{shown}");
    assert_eq!(
        unknown(&cluster),
        refused,
        "a datagram was lost by the rotation"
    );
    let after = cluster.type_line(0, "info --json");
    let configuration = |text: &str| {
        text.split("\"configuration\":")
            .nth(1)
            .map(|rest| rest[..30].to_owned())
    };
    assert_eq!(configuration(&before), configuration(&after));
    for vip in VIPS {
        assert_eq!(cluster.owners(vip).len(), 1, "{vip}");
    }
}

#[test]
fn a_revoked_node_is_put_out_and_a_forgiven_one_comes_back() {
    let mut cluster = formed();
    let all = common::trusted(&cluster.hosts[0].config);
    let gone = cluster.hosts[2].config.node;
    let rest: Vec<_> = all
        .iter()
        .filter(|trusted| trusted.node != gone)
        .copied()
        .collect();
    for host in [0, 1, MANAGER] {
        let trust = SealEvent::Trust(rest.clone());
        cluster.post(Duration::ZERO, host, Event::Seal(trust));
    }
    cluster.run(Duration::from_secs(3));
    let shown = cluster.type_line(0, "cluster membership");
    assert!(!shown.contains("n3"), "{shown}");
    for host in [0, 1, MANAGER] {
        let trust = SealEvent::Trust(all.clone());
        cluster.post(Duration::ZERO, host, Event::Seal(trust));
    }
    cluster.run(Duration::from_secs(12));
    let shown = cluster.type_line(0, "cluster membership");
    assert!(shown.contains("n3"), "{shown}");
}

/// Frames as an unsealed node would send them, from an address of the cluster, and a stranger's stream.
#[test]
fn what_is_not_sealed_never_reaches_the_node() {
    let mut cluster = formed();
    let beacon = Bytes::from_static(b"RGFT\x01\x05\0\0 nothing of this is ever looked at");
    let mut out: Vec<Action> = Vec::new();
    let now = cluster.now;
    let node = cluster.hosts[0].node.as_mut().expect("it runs");
    let mut before = ringfort_machine::Digest::new();
    node.inner().digest(&mut before);
    let stream = StreamId(99_999);
    for event in [
        Event::Datagram {
            from: address(1),
            bytes: beacon.clone(),
        },
        Event::Stream(StreamEvent::Accepted {
            stream,
            peer: address(1),
        }),
        Event::Stream(StreamEvent::Data {
            stream,
            bytes: [&beacon[..]; 4].concat().into(),
        }),
    ] {
        node.handle(now, event, &mut out);
    }
    let mut after = ringfort_machine::Digest::new();
    node.inner().digest(&mut after);
    assert_eq!(before.finish(), after.finish());
    let closed = |action: &Action| {
        matches!(
            action,
            Action::Stream(ringfort_node::StreamAction::Close { .. })
        )
    };
    assert!(out.iter().any(closed), "{out:?}");
}

/// A tape in memory.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl Tape for Memory {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.0.borrow_mut().extend_from_slice(bytes);
        true
    }

    fn end(&mut self, _: End) {}
}

/// The seal of a life of `me`, with `life` for its randomness.
fn make(me: &ringfort_node::Config, incarnation: u64, life: [u8; 32]) -> Seal {
    let config = seal::Config {
        me: ringfort_machine::ProcessId::new(me.node, Incarnation(incarnation)),
        cluster: me.cluster.0,
        identity: identity(me.node),
        life: seal::Secret::new(life),
        trusted: common::trusted(me),
    };
    Seal::new(config, Instant::ORIGIN)
}

/// Replays a journal, which must agree; says how many events it holds.
fn replayed(tape: &[u8]) -> u64 {
    let mut decoder = Decoder::default();
    decoder.feed(tape);
    let mut replay = Replay::default();
    while let Some((_, content)) = decoder.next_record().expect("a good journal") {
        if let Err(fault) = replay.take(&content) {
            panic!("{fault}");
        }
    }
    replay.events()
}

#[test]
fn the_journal_of_a_sealed_node_replays_without_a_key() {
    let config = common::config(0, 2);
    let boot = Boot {
        seed: Seed::from_number(7),
        incarnation: Incarnation(3),
        wall_origin_ns: 0,
        system_boot: None,
    };
    let now = Instant::ORIGIN;
    let origin = Origin {
        build: Build {
            version: "1".into(),
            revision: "2".into(),
        },
        boot,
        now,
        config: config.clone(),
    };
    let tape = Memory::default();
    let mut first = Vec::new();
    let node = Recorder::start(origin, Some((tape.clone(), u64::MAX)), &mut first);
    let node = node.expect("a good configuration");
    let secret = [0xab; 32];
    let mut guard = Guard::new(node, &config, Some(make(&config, 3, secret)));
    let mut out = Vec::new();
    guard.start(now, first, &mut out);
    let mut other = make(&common::config(1, 2), 1, [1; 32]);
    for ms in 0..200 {
        let now = now + Duration::from_millis(ms);
        // The other seal greets, and seals a frame that the ring will not like.
        let mut theirs = Vec::new();
        step(&mut other, now, seal::Event::Wake, &mut theirs);
        let frame = Bytes::from_static(b"no frame, but sealed");
        let to = seal::Destination::All;
        step(
            &mut other,
            now,
            seal::Event::Send { to, frame },
            &mut theirs,
        );
        for action in theirs {
            if let seal::Action::Transmit { datagram, .. } = action {
                let event = Event::Datagram {
                    from: address(1),
                    bytes: datagram,
                };
                step(&mut guard, now, event, &mut out);
            }
        }
        for action in out.drain(..) {
            if let Action::Datagram {
                bytes: datagram, ..
            } = action
            {
                step(
                    &mut other,
                    now,
                    seal::Event::Arrived {
                        from: Some(config.node),
                        datagram,
                    },
                    &mut Vec::new(),
                );
            }
        }
    }
    let tape = tape.0.borrow();
    let opened = tape
        .windows(20)
        .filter(|part| part == b"no frame, but sealed")
        .count();
    assert!(opened > 100, "the journal holds what was opened: {opened}");
    for hidden in [&secret, identity(config.node).secret().expose()] {
        assert!(
            !tape.windows(16).any(|part| part == &hidden[..16]),
            "a secret in the journal"
        );
    }
    assert!(replayed(&tape) > 100);
}
