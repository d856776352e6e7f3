//! One log by its orders to the disk: what is ordered when, and what a failure of one order leads to.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it looks for"
)]

extern crate std;

use std::{collections::VecDeque, vec, vec::Vec};

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_machine::{Instant, Machine, OrderId, step};
use ringfort_wire::logs::RecordId;

use super::{Action, Config, Event, Fetched, ReadId, Store};
use crate::{
    disk::{DiskAction, DiskErrorKind, DiskOutcome},
    record::{Append, AppendError, Class, RECORD_LIMIT},
};

struct Bench {
    store: Store,
    now: Instant,
    orders: VecDeque<(OrderId, DiskAction)>,
    told: Vec<Action>,
}

impl Bench {
    fn starting(config: Config) -> Self {
        let mut actions = Vec::new();
        let store = Store::new(config, Instant::ORIGIN, &mut actions).expect("settings");
        let mut bench = Self {
            store,
            now: Instant::ORIGIN,
            orders: VecDeque::new(),
            told: Vec::new(),
        };
        bench.absorb(actions);
        bench
    }

    fn running(config: Config) -> Self {
        let mut bench = Self::starting(config);
        while bench.answer(None) {}
        bench.told.clear();
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
        step(&mut self.store, self.now, event, &mut actions);
        self.absorb(actions);
    }

    fn append(&mut self, class: Class) {
        self.tell(Event::Append(Append {
            class,
            payload: Bytes::from_static(b"payload"),
            wall_ns: 1,
        }));
    }

    /// Answers the oldest order: well, or with a failure.
    fn answer(&mut self, failure: Option<DiskErrorKind>) -> bool {
        let Some((order, action)) = self.orders.pop_front() else {
            return false;
        };
        let outcome = match (failure, action) {
            (Some(kind), _) => DiskOutcome::Failed(kind.into()),
            (None, DiskAction::List { .. }) => DiskOutcome::Listing(Vec::new()),
            (None, DiskAction::Read { .. }) => DiskOutcome::Data(Bytes::new()),
            (None, _) => DiskOutcome::Done,
        };
        self.tell(Event::Done { order, outcome });
        true
    }

    fn wake(&mut self) {
        let due = self.store.deadline().expect("something is due");
        self.now = due.at;
        self.tell(Event::Wake);
    }

    /// The kinds of the orders with the disk.
    fn kinds(&self) -> Vec<&'static str> {
        let kind = |action: &DiskAction| match action {
            DiskAction::List { .. } => "list",
            DiskAction::Read { .. } => "read",
            DiskAction::Write { .. } => "write",
            DiskAction::Sync { .. } => "sync",
            DiskAction::Truncate { .. } => "truncate",
            DiskAction::Replace { .. } => "replace",
            DiskAction::Remove { .. } => "remove",
        };
        self.orders.iter().map(|(_, action)| kind(action)).collect()
    }

    fn durable(&self) -> Vec<u64> {
        let upto = |action: &Action| match action {
            Action::Durable { upto } => Some(upto.sequence),
            _ => None,
        };
        self.told.iter().filter_map(upto).collect()
    }
}

fn config() -> Config {
    Config::new("mainlog", "log")
}

#[test]
fn one_sync_serves_all_that_wait() {
    let mut bench = Bench::running(config());
    bench.append(Class::Sync);
    assert_eq!(bench.kinds(), ["write", "sync"], "at once");
    for _ in 0..5 {
        bench.append(Class::Sync);
    }
    bench.answer(None);
    bench.answer(None);
    assert_eq!(bench.durable(), [1]);
    while bench.answer(None) {}
    assert_eq!(
        bench.durable(),
        [1, 6],
        "the second sync covers the other five"
    );
}

#[test]
fn a_class_says_when_to_sync() {
    let mut bench = Bench::running(config());
    bench.append(Class::None);
    assert_eq!(
        (bench.kinds(), bench.store.deadline()),
        (vec!["write"], None)
    );
    bench.append(Class::Batch);
    let due = bench.store.deadline().expect("a batch waits");
    assert_eq!(due.at, Instant::ORIGIN + config().batch_delay);
    bench.wake();
    assert_eq!(bench.kinds(), ["write", "write", "sync"]);
    while bench.answer(None) {}
    assert_eq!(bench.durable(), [2]);
}

#[test]
fn a_reader_gets_durable_records_only_and_soon() {
    let mut bench = Bench::running(config());
    let read = ReadId(1);
    bench.tell(Event::Read {
        read,
        after: RecordId::BEFORE_ALL,
        limit_bytes: 1000,
    });
    bench.append(Class::None);
    bench.answer(None);
    let fetched = |bench: &Bench| {
        bench
            .told
            .iter()
            .any(|action| matches!(action, Action::Fetched { .. }))
    };
    assert!(!fetched(&bench), "written is not durable");
    let due = bench.store.deadline().expect("the reader waits");
    assert_eq!(due.at, Instant::ORIGIN + config().reader_delay);
    bench.wake();
    bench.answer(None);
    assert!(fetched(&bench));
}

#[test]
fn a_full_disk_is_tried_again_at_the_same_place() {
    let mut bench = Bench::running(config());
    bench.append(Class::Sync);
    let first = bench.orders[0].1.clone();
    bench.append(Class::Sync);
    bench.answer(Some(DiskErrorKind::Full));
    while bench.answer(None) {}
    assert_eq!(
        bench.durable(),
        [],
        "a write behind a failed one does not count"
    );
    bench.wake();
    assert_eq!(bench.kinds(), ["truncate"]);
    bench.answer(None);
    let (
        DiskAction::Write { offset, data, .. },
        DiskAction::Write {
            offset: before,
            data: lone,
            ..
        },
    ) = (&bench.orders[0].1, &first)
    else {
        panic!("a write");
    };
    assert_eq!(
        (offset, data.len()),
        (before, 2 * lone.len()),
        "both, from the same place"
    );
    while bench.answer(None) {}
    assert_eq!(bench.durable(), [2]);
}

#[test]
fn a_failed_sync_moves_to_a_new_copy_and_is_never_trusted() {
    let mut bench = Bench::running(config());
    bench.append(Class::Sync);
    while bench.answer(None) {}
    bench.append(Class::Sync);
    bench.answer(None);
    bench.append(Class::None);
    bench.answer(Some(DiskErrorKind::Failed));
    bench.answer(None);
    assert_eq!(bench.kinds(), ["replace"]);
    bench.append(Class::None);
    assert_eq!(bench.kinds(), ["replace"], "nothing is written meanwhile");
    bench.answer(Some(DiskErrorKind::Failed));
    bench.wake();
    assert_eq!(bench.kinds(), ["replace"], "again, as a whole");
    bench.answer(None);
    assert_eq!(bench.durable(), [1, 4], "all that waited is in the copy");
    bench.append(Class::Sync);
    while bench.answer(None) {}
    assert_eq!(bench.durable(), [1, 4, 5]);
    let ids: Vec<u64> = bench
        .told
        .iter()
        .filter_map(|action| match action {
            Action::Appended { id, .. } => Some(id.sequence),
            _ => None,
        })
        .collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
}

#[test]
fn appends_wait_for_recovery_and_are_bounded() {
    let mut bench = Bench::starting(config());
    bench.append(Class::Sync);
    assert_eq!(bench.told, [], "nothing has a place yet");
    let large = Append {
        class: Class::None,
        payload: Bytes::from(vec![0; 8 << 20]),
        wall_ns: 0,
    };
    bench.tell(Event::Append(large.clone()));
    assert!(matches!(
        bench.told[..],
        [Action::AppendRefused {
            why: AppendError::Busy { .. },
            ..
        }]
    ));
    bench.told.clear();
    while bench.answer(None) {}
    assert_eq!(bench.told[0], Action::Recovered { upto: None });
    assert_eq!(bench.durable(), [1]);
    bench.tell(Event::Append(large));
    let why = AppendError::TooLong {
        found: 8 << 20,
        limit: RECORD_LIMIT,
    };
    assert!(
        matches!(bench.told.last(), Some(Action::AppendRefused { why: said, .. }) if *said == why)
    );
}

#[test]
fn a_slow_disk_refuses_instead_of_growing() {
    let mut bench = Bench::running(config());
    let mut refused = 0;
    for _ in 0..20 {
        bench.tell(Event::Append(Append {
            class: Class::None,
            payload: Bytes::from(vec![0; RECORD_LIMIT]),
            wall_ns: 0,
        }));
        refused = bench
            .told
            .iter()
            .filter(|told| matches!(told, Action::AppendRefused { .. }))
            .count();
    }
    assert_eq!(refused, 13, "7 of 20 records of 1 MiB fit into 8 MiB");
    while bench.answer(None) {}
    assert_eq!(bench.durable().last(), Some(&7));
}

#[test]
fn removing_a_subscriber_frees_what_only_it_wanted() {
    let mut bench = Bench::running(Config {
        segment_limit_bytes: 256,
        unread_limit_bytes: 0,
        subscribers: vec!["slow".into()],
        ..config()
    });
    for _ in 0..20 {
        bench.append(Class::Sync);
        while bench.answer(None) {}
    }
    let before = bench.store.status();
    assert!(before.segments > 5, "{before:?}");
    bench.tell(Event::RemoveSubscriber("slow".into()));
    while bench.answer(None) {}
    let after = bench.store.status();
    assert_eq!((after.segments, after.subscribers.len()), (1, 0));
    bench.tell(Event::AddSubscriber("late".into()));
    while bench.answer(None) {}
    let lag = bench.store.status().subscribers[0].lag_records;
    assert!(
        (1..=4).contains(&lag),
        "it begins with what is kept, not {lag} back"
    );
}

/// Found by the fuzz target `log_replay`: the deadline stood in the past until the disk answered.
#[test]
fn a_retry_waits_for_what_is_still_with_the_disk() {
    let mut bench = Bench::running(config());
    bench.tell(Event::AddSubscriber("s".into()));
    while bench.answer(None) {}
    bench.tell(Event::RemoveSubscriber("s".into()));
    assert_eq!(bench.kinds(), ["remove", "remove"]);
    assert!(bench.answer(Some(DiskErrorKind::Failed)));
    bench.now = bench.now + bench.store.config().retry_delay * 10;
    bench.tell(Event::Wake);
    let due = bench.store.deadline().map(|deadline| deadline.at);
    assert!(due.is_none_or(|at| at > bench.now), "{due:?} has passed");
    assert!(bench.answer(None), "the slow one is done at last");
    assert_eq!(bench.kinds(), ["remove", "remove"], "both again");
    while bench.answer(None) {}
    let gone = Action::Unsubscribed {
        subscriber: "s".into(),
    };
    assert_eq!(bench.told.last(), Some(&gone));
}

#[test]
fn a_checkpoint_of_what_was_never_promised_is_refused() {
    let mut bench = Bench::running(Config {
        subscribers: vec!["master".into()],
        ..config()
    });
    bench.append(Class::None);
    bench.answer(None);
    let id = RecordId::new(1, 1);
    let subscriber: alloc::sync::Arc<str> = "master".into();
    bench.tell(Event::Checkpoint { subscriber, id });
    assert!(bench.orders.is_empty(), "written and not durable");
}

#[test]
fn an_answer_to_nothing_changes_nothing() {
    let mut bench = Bench::running(config());
    bench.append(Class::Sync);
    let digest = |bench: &Bench| {
        let mut digest = ringfort_machine::Digest::new();
        bench.store.digest(&mut digest);
        digest.finish()
    };
    let before = digest(&bench);
    for order in [OrderId(0), OrderId(999)] {
        let outcome = DiskOutcome::Done;
        bench.tell(Event::Done { order, outcome });
    }
    assert_eq!(digest(&bench), before);
}

proptest! {
    /// Whatever lies in the directory, the log begins, takes a record, and hands it out.
    #[test]
    fn garbage_in_the_directory_never_panics(
        contents in prop::collection::vec((0u64..4, 0u64..30, 0u32..3, prop::collection::vec(any::<u8>(), 0..300)), 0..6),
    ) {
        let names: Vec<_> = contents
            .iter()
            .map(|(incarnation, sequence, copy, _)| std::format!("{incarnation:016x}-{sequence:016x}-{copy:04x}.seg"))
            .chain(["6d.0.cp".into(), ".1.cp".into(), "other".into()])
            .collect();
        let mut bench = Bench::starting(config());
        for _ in 0..200 {
            let Some((order, action)) = bench.orders.pop_front() else {
                break;
            };
            let outcome = match &action {
                DiskAction::List { .. } => DiskOutcome::Listing(
                    names.iter().map(|name| crate::disk::Entry { name: name.clone(), length: 300 }).collect(),
                ),
                DiskAction::Read { file, offset, .. } => {
                    let found = contents.iter().zip(&names).find(|(_, name)| file.ends_with(name.as_str()));
                    let bytes = found.map_or(&[][..], |(content, _)| &content.3);
                    DiskOutcome::Data(Bytes::copy_from_slice(bytes.get(*offset as usize..).unwrap_or_default()))
                }
                _ => DiskOutcome::Done,
            };
            bench.tell(Event::Done { order, outcome });
        }
        prop_assert!(bench.store.is_running());
        bench.append(Class::Sync);
        while bench.answer(None) {}
        let last = bench.store.status().last.expect("one record");
        bench.tell(Event::Read { read: ReadId(1), after: RecordId::new(last.incarnation, last.sequence - 1), limit_bytes: 100 });
        let handed = bench.told.iter().any(|told| matches!(told, Action::Fetched { fetched: Fetched::Records { records, .. }, .. } if records[0].id == last));
        prop_assert!(handed, "{:?}", bench.told);
    }
}
