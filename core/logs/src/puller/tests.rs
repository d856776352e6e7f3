//! The puller by its orders and messages: the order of steps, the names it tries, how it comes back.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

extern crate std;

use std::{collections::VecDeque, string::String, vec, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{Instant, Machine, NodeId, OrderId, Seed, step};
use ringfort_wire::logs::{Body, Lag, Payload, Record, RecordId, Why};

use super::{Action, Config, Event, Puller};
use crate::{
    disk::{DiskAction, DiskErrorKind, DiskOutcome},
    server::Stream,
};

struct Bench {
    puller: Puller,
    now: Instant,
    orders: VecDeque<(OrderId, DiskAction)>,
    told: Vec<Action>,
}

const NODE: &str = "mta1";

impl Bench {
    fn new() -> Self {
        let config = Config {
            max_open: 2,
            ..Config::new("boss", "state", "out/%{l}-%d").expect("settings")
        };
        let mut actions = Vec::new();
        let puller = Puller::new(config, Seed::from_number(1), Instant::ORIGIN, &mut actions)
            .expect("settings");
        let mut bench = Self {
            puller,
            now: Instant::ORIGIN,
            orders: VecDeque::new(),
            told: Vec::new(),
        };
        bench.absorb(actions);
        bench
    }

    fn absorb(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Disk(order, action) => self.orders.push_back((order, action)),
                Action::Note(_) => {}
                other => self.told.push(other),
            }
        }
    }

    fn tell(&mut self, event: Event) {
        let mut actions = Vec::new();
        step(&mut self.puller, self.now, event, &mut actions);
        self.absorb(actions);
    }

    fn answer(&mut self, failure: Option<DiskErrorKind>) -> Option<&'static str> {
        let (order, action) = self.orders.pop_front()?;
        let (kind, well) = match action {
            DiskAction::List { .. } => ("list", DiskOutcome::Listing(Vec::new())),
            DiskAction::Read { .. } => ("read", DiskOutcome::Data(Bytes::new())),
            DiskAction::Write { .. } => ("write", DiskOutcome::Done),
            DiskAction::Sync { .. } => ("sync", DiskOutcome::Done),
            DiskAction::Truncate { .. } => ("truncate", DiskOutcome::Done),
            DiskAction::Replace { .. } => ("replace", DiskOutcome::Done),
            DiskAction::Remove { .. } => ("remove", DiskOutcome::Done),
        };
        let outcome = failure.map_or(well, |kind| DiskOutcome::Failed(kind.into()));
        self.tell(Event::Done { order, outcome });
        Some(kind)
    }

    fn work(&mut self) -> Vec<&'static str> {
        core::iter::from_fn(|| self.answer(None)).collect()
    }

    fn wake(&mut self) {
        self.now = self.puller.deadline().expect("something is due").at;
        self.tell(Event::Wake);
    }

    fn target(&mut self, up: bool) {
        self.tell(Event::Target {
            node: NodeId::of_name(NODE),
            name: NODE.into(),
            subcluster: "default".into(),
            address: "10.0.0.1:4802".parse().expect("an address"),
            up,
        });
    }

    fn hear(&mut self, body: Body) -> Vec<Body> {
        self.told.clear();
        let stream = Stream(1);
        self.tell(Event::Frame { stream, body });
        self.said()
    }

    fn said(&mut self) -> Vec<Body> {
        let said = |action: Action| match action {
            Action::Send { body, .. } => Some(body),
            _ => None,
        };
        self.told.drain(..).filter_map(said).collect()
    }

    /// Up to a subscription to one log.
    fn reading() -> Self {
        let mut bench = Self::new();
        bench.work();
        bench.target(true);
        bench.tell(Event::Connected { stream: Stream(1) });
        bench.hear(Body::Published {
            logs: vec!["mainlog".into()],
        });
        bench.hear(Body::Start {
            channel: 1,
            after: RecordId::new(1, 0),
        });
        bench
    }

    fn batch(&mut self, ids: core::ops::RangeInclusive<u64>) {
        let records = ids
            .map(|sequence| Record {
                id: RecordId::new(1, sequence),
                wall_ns: sequence * 86_400_000_000_000,
                payload: Payload(Bytes::from_static(b"line")),
            })
            .collect();
        let body = Body::Batch {
            channel: 1,
            records,
            lag: Lag::default(),
        };
        let stream = Stream(1);
        self.tell(Event::Frame { stream, body });
    }
}

#[test]
fn nothing_is_acknowledged_before_it_is_kept() {
    let mut bench = Bench::reading();
    bench.batch(1..=1);
    assert_eq!(bench.said(), []);
    bench.wake();
    for kind in ["list", "replace", "write", "sync"] {
        assert_eq!(bench.answer(None), Some(kind));
    }
    assert!(
        matches!(bench.told[..], [Action::Record { .. }]),
        "{:?}",
        bench.told
    );
    bench.told.clear();
    assert_eq!(bench.answer(None), Some("replace"));
    let id = RecordId::new(1, 1);
    let (channel, bytes) = (1, 44);
    assert_eq!(
        bench.said(),
        [
            Body::Checkpoint { channel, id },
            Body::Credit { channel, bytes }
        ]
    );
    bench.hear(Body::CheckpointDone { channel, id });
    bench.hear(Body::Heartbeat);
    let status = bench.puller.status(bench.now);
    assert_eq!(status.sources[0].checkpoint, Some(id));
    assert_eq!((status.open_files, status.records), (1, 1));
}

#[test]
fn a_failed_sync_writes_everything_again() {
    let mut bench = Bench::reading();
    bench.batch(1..=1);
    bench.wake();
    for _ in 0..3 {
        bench.answer(None);
    }
    assert_eq!(bench.answer(Some(DiskErrorKind::Failed)), Some("sync"));
    assert!(bench.orders.is_empty());
    bench.wake();
    assert_eq!(bench.work(), ["write", "sync", "replace"]);
    let records = bench
        .told
        .iter()
        .filter(|told| matches!(told, Action::Record { .. }));
    assert_eq!(records.count(), 1);
}

#[test]
fn no_more_outputs_are_open_than_allowed() {
    let mut bench = Bench::reading();
    bench.batch(1..=5);
    bench.wake();
    bench.work();
    while bench.puller.status(bench.now).sources[0].waiting_records > 0 {
        assert!(bench.puller.status(bench.now).open_files <= 2);
        bench.wake();
        bench.work();
    }
    let written: usize = bench
        .told
        .iter()
        .filter(|told| matches!(told, Action::Record { .. }))
        .count();
    assert_eq!(written, 5);
    bench.now = bench.now + core::time::Duration::from_secs(11);
    bench.tell(Event::Wake);
    assert_eq!(
        bench.puller.status(bench.now).open_files,
        0,
        "idle outputs are closed"
    );
}

#[test]
fn its_own_name_is_tried_before_the_common_one() {
    let mut bench = Bench::new();
    bench.work();
    bench.target(true);
    bench.tell(Event::Connected { stream: Stream(1) });
    assert_eq!(bench.said(), [Body::List]);
    let asked = |said: &[Body]| -> Vec<(u32, String)> {
        said.iter()
            .filter_map(|body| match body {
                Body::Subscribe {
                    channel,
                    subscriber,
                    ..
                } => Some((*channel, subscriber.clone())),
                _ => None,
            })
            .collect()
    };
    let said = bench.hear(Body::Published {
        logs: vec!["mainlog".into()],
    });
    assert_eq!(asked(&said), [(1, "boss".into())]);
    let why = Why::UnknownSubscriber;
    let said = bench.hear(Body::Refused { channel: 1, why });
    assert_eq!(asked(&said), [(2, "master".into())]);
    let said = bench.hear(Body::Refused { channel: 2, why });
    assert_eq!(asked(&said), [], "not at once");
    let mut said = Vec::new();
    while asked(&said).is_empty() {
        bench.wake();
        said = bench.said();
        bench.hear(Body::Heartbeat);
    }
    assert_eq!(asked(&said), [(3, "boss".into())], "from the beginning");
}

#[test]
fn a_record_out_of_order_ends_the_stream() {
    for bad in [3..=3, 0..=0] {
        let mut bench = Bench::reading();
        bench.batch(1..=1);
        bench.batch(bad);
        let closed = bench
            .told
            .iter()
            .any(|told| matches!(told, Action::CloseStream { .. }));
        assert!(closed, "{:?}", bench.told);
    }
}

#[test]
fn a_lost_node_is_called_again_later_and_later() {
    let mut bench = Bench::new();
    bench.work();
    bench.target(true);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let stream = bench
            .told
            .drain(..)
            .find_map(|told| match told {
                Action::Connect { stream, .. } => Some(stream),
                _ => None,
            })
            .expect("a call");
        bench.tell(Event::Closed { stream });
        let before = bench.now;
        bench.wake();
        waits.push(bench.now - before);
    }
    assert!(waits[0] <= core::time::Duration::from_millis(100));
    assert!(
        waits[11] >= core::time::Duration::from_secs(5)
            && waits[11] <= core::time::Duration::from_secs(10)
    );
    bench.target(false);
    assert_eq!(
        bench.puller.deadline(),
        None,
        "a node that has left is not called"
    );
}

#[test]
fn stopping_keeps_what_was_received() {
    let mut bench = Bench::reading();
    bench.batch(1..=2);
    bench.tell(Event::Stop);
    bench.work();
    let ends = |told: &Action| matches!(told, Action::Stopped);
    let records = bench
        .told
        .iter()
        .filter(|told| matches!(told, Action::Record { .. }))
        .count();
    assert_eq!((records, bench.told.iter().any(ends)), (2, true));
    assert_eq!(bench.puller.deadline(), None);
}
