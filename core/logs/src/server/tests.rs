//! The service towards a puller: who is admitted, who is fenced, what a broken or late message does.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

extern crate std;

use std::{vec, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{Digest, Instant, Machine, OrderId, step};
use ringfort_wire::logs::{Body, Epoch, RecordId, Why};

use super::{Action, Event, HEARTBEAT, SILENCE, Server, Stream};
use crate::{
    disk::{DiskAction, DiskErrorKind, DiskOutcome},
    note::Note,
    record::{Append, Class},
    store,
};

struct Bench {
    server: Server,
    now: Instant,
    said: Vec<(Stream, Body)>,
    closed: Vec<Stream>,
    notes: Vec<Note>,
    /// Orders that are answered only when told to, because their path has this ending.
    held: Vec<(OrderId, DiskAction)>,
    hold: Option<&'static str>,
}

impl Bench {
    fn new() -> Self {
        let config = store::Config {
            subscribers: vec!["master".into()],
            ..store::Config::new("mainlog", "log")
        };
        let mut actions = Vec::new();
        let server = Server::new(vec![config], Instant::ORIGIN, &mut actions).expect("settings");
        let mut bench = Self {
            server,
            now: Instant::ORIGIN,
            said: Vec::new(),
            closed: Vec::new(),
            notes: Vec::new(),
            held: Vec::new(),
            hold: None,
        };
        bench.absorb(actions);
        bench
    }

    fn absorb(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Disk(order, action) => {
                    let held = self.hold.is_some_and(|end| action.path().ends_with(end));
                    if held {
                        self.held.push((order, action));
                    } else {
                        self.answer(order, &action);
                    }
                }
                Action::Send { stream, body } => self.said.push((stream, body)),
                Action::CloseStream { stream } => self.closed.push(stream),
                Action::Note(note) => self.notes.push(note),
                Action::Recovered { .. }
                | Action::Appended { .. }
                | Action::AppendRefused { .. }
                | Action::Written { .. }
                | Action::Durable { .. }
                | Action::Subscribed { .. }
                | Action::Unsubscribed { .. }
                | Action::Checkpointed { .. }
                | Action::Closed => {}
            }
        }
    }

    fn answer(&mut self, order: OrderId, action: &DiskAction) {
        let outcome = match action {
            DiskAction::List { .. } => DiskOutcome::Listing(Vec::new()),
            DiskAction::Read { .. } => DiskOutcome::Failed(DiskErrorKind::Missing.into()),
            DiskAction::Write { .. }
            | DiskAction::Sync { .. }
            | DiskAction::Truncate { .. }
            | DiskAction::Replace { .. }
            | DiskAction::Remove { .. } => DiskOutcome::Done,
        };
        self.tell(Event::Done { order, outcome });
    }

    fn tell(&mut self, event: Event) {
        let mut actions = Vec::new();
        step(&mut self.server, self.now, event, &mut actions);
        self.absorb(actions);
    }

    fn open(&mut self, stream: u64) {
        self.tell(Event::Opened {
            stream: Stream(stream),
        });
    }

    fn hear(&mut self, stream: u64, body: Body) -> Vec<Body> {
        self.said.clear();
        self.tell(Event::Frame {
            stream: Stream(stream),
            body,
        });
        self.said.drain(..).map(|(_, body)| body).collect()
    }

    fn append(&mut self, payload: &'static [u8]) {
        self.tell(Event::Append {
            log: "mainlog".into(),
            append: Append {
                class: Class::Sync,
                payload: Bytes::from_static(payload),
                wall_ns: 1,
            },
        });
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        self.server.digest(&mut digest);
        digest.finish()
    }
}

fn subscribe(subscriber: &str, attempt: u64) -> Body {
    Body::Subscribe {
        channel: 1,
        log: "mainlog".into(),
        subscriber: subscriber.into(),
        from: None,
        epoch: Epoch {
            incarnation: 1,
            attempt,
        },
        credit: 1000,
    }
}

fn sequences(said: &[Body]) -> Vec<u64> {
    said.iter()
        .flat_map(|body| match body {
            Body::Batch { records, .. } => {
                records.iter().map(|record| record.id.sequence).collect()
            }
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn records_are_pushed_as_soon_as_they_are_durable() {
    let mut bench = Bench::new();
    bench.open(1);
    let said = bench.hear(1, subscribe("master", 1));
    assert_eq!(
        said,
        [Body::Start {
            channel: 1,
            after: RecordId::new(1, 0)
        }]
    );
    bench.append(b"one");
    let said: Vec<Body> = bench.said.drain(..).map(|(_, body)| body).collect();
    assert_eq!(sequences(&said), [1], "at the same instant");
}

#[test]
fn credit_limits_what_is_sent() {
    let mut bench = Bench::new();
    for _ in 0..30 {
        bench.append(&[b'x'; 60]);
    }
    bench.open(1);
    let said = bench.hear(1, subscribe("master", 1));
    assert_eq!(
        sequences(&said),
        (1..=10).collect::<Vec<_>>(),
        "100 bytes each"
    );
    assert_eq!(bench.hear(1, Body::Heartbeat), []);
    let said = bench.hear(
        1,
        Body::Credit {
            channel: 1,
            bytes: 200,
        },
    );
    assert_eq!(sequences(&said), [11, 12]);
}

#[test]
fn a_newer_reader_fences_an_older_one_and_not_the_other_way_round() {
    let mut bench = Bench::new();
    bench.open(1);
    bench.open(2);
    bench.open(3);
    bench.hear(1, subscribe("master", 5));
    bench.said.clear();
    let said = bench.hear(2, subscribe("master", 6));
    let why = Why::Fenced;
    assert_eq!(said[0], Body::Ended { channel: 1, why });
    let said = bench.hear(3, subscribe("master", 4));
    assert_eq!(said, [Body::Refused { channel: 1, why }]);
    let late = Body::Checkpoint {
        channel: 1,
        id: RecordId::BEFORE_ALL,
    };
    assert_eq!(bench.hear(1, late), [], "the fenced one is not heard");
    bench.tell(Event::Closed { stream: Stream(2) });
    assert!(matches!(
        bench.hear(3, subscribe("master", 4))[0],
        Body::Start { .. }
    ));
}

#[test]
fn refusals_change_nothing() {
    let mut bench = Bench::new();
    bench.open(1);
    bench.hear(1, subscribe("master", 1));
    let before = bench.digest();
    let unknown_log = Body::Subscribe {
        channel: 2,
        log: "other".into(),
        subscriber: "master".into(),
        from: None,
        epoch: Epoch {
            incarnation: 1,
            attempt: 2,
        },
        credit: 1,
    };
    for (body, why) in [
        (unknown_log, Why::UnknownLog),
        (subscribe("master", 9), Why::Channel),
    ] {
        assert!(
            matches!(bench.hear(1, body)[..], [Body::Refused { why: said, .. }] if said == why)
        );
    }
    for late in [
        Body::Credit {
            channel: 99,
            bytes: 5,
        },
        Body::Checkpoint {
            channel: 99,
            id: RecordId::BEFORE_ALL,
        },
        Body::Unsubscribe { channel: 99 },
        Body::Heartbeat,
    ] {
        assert_eq!(bench.hear(1, late), []);
    }
    bench.hear(77, Body::List);
    assert_eq!(bench.digest(), before);
    bench.open(2);
    let why = Why::UnknownSubscriber;
    assert_eq!(
        bench.hear(2, subscribe("nobody", 1)),
        [Body::Refused { channel: 1, why }]
    );
}

#[test]
fn a_checkpoint_is_acknowledged_when_it_is_durable() {
    let mut bench = Bench::new();
    bench.append(b"one");
    bench.append(b"two");
    bench.open(1);
    bench.hear(1, subscribe("master", 1));
    bench.hold = Some(".cp");
    let id = RecordId::new(1, 1);
    assert_eq!(bench.hear(1, Body::Checkpoint { channel: 1, id }), []);
    let newest = RecordId::new(1, 2);
    assert_eq!(
        bench.hear(
            1,
            Body::Checkpoint {
                channel: 1,
                id: newest
            }
        ),
        []
    );
    bench.hold = None;
    assert_eq!(bench.held.len(), 1, "one write at a time");
    for (order, action) in core::mem::take(&mut bench.held) {
        bench.answer(order, &action);
    }
    let done = |id| (Stream(1), Body::CheckpointDone { channel: 1, id });
    assert_eq!(bench.said, [done(id), done(newest)]);
}

#[test]
fn who_breaks_the_protocol_is_cut_off() {
    let mut bench = Bench::new();
    bench.open(1);
    bench.hear(1, subscribe("master", 1));
    let id = RecordId::new(1, 9);
    bench.hear(1, Body::Checkpoint { channel: 1, id });
    assert_eq!(
        bench.closed,
        [Stream(1)],
        "a checkpoint of what was never sent"
    );
    bench.open(2);
    bench.hear(
        2,
        Body::Start {
            channel: 1,
            after: id,
        },
    );
    assert_eq!(bench.closed, [Stream(1), Stream(2)]);
}

#[test]
fn silence_ends_a_stream_and_heartbeats_prevent_it() {
    let mut bench = Bench::new();
    bench.open(1);
    bench.now = Instant::ORIGIN + HEARTBEAT;
    bench.tell(Event::Wake);
    assert_eq!(bench.said, [(Stream(1), Body::Heartbeat)]);
    bench.now = Instant::ORIGIN + SILENCE;
    bench.tell(Event::Wake);
    assert_eq!(bench.closed, [Stream(1)]);
    assert_eq!(bench.server.streams(), 0);
}

#[test]
fn logs_come_and_go_with_the_configuration() {
    let mut bench = Bench::new();
    bench.open(1);
    let published = |logs: &[&str]| Body::Published {
        logs: logs.iter().map(|log| (*log).into()).collect(),
    };
    assert_eq!(bench.hear(1, Body::List), [published(&["mainlog"])]);
    bench.hear(1, subscribe("master", 1));
    bench.said.clear();
    bench.tell(Event::Configure(vec![store::Config::new(
        "bounces", "log2",
    )]));
    let why = Why::UnknownLog;
    let said: Vec<Body> = bench.said.drain(..).map(|(_, body)| body).collect();
    assert_eq!(said[0], Body::Ended { channel: 1, why });
    assert_eq!(said.last(), Some(&published(&["bounces"])));
}
