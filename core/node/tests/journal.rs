//! Goal: a recorded life is lived again exactly, and the first thing that is not the same is named with its place.
//! Method: one node alone with its machines, fed by hand with wakes, answers of disk and platform, a console, a
//! client and garbage; its journal is replayed as it is, altered, cut and limited.

#[allow(dead_code)] // a part of it is for tests of whole clusters
mod common;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use common::config;
use ringfort_logs::{DiskAction, DiskOutcome};
use ringfort_machine::{Incarnation, Instant, Machine, Seed, step};
use ringfort_node::{
    Action, Boot, ConnectionEvent, ConnectionId, ConsoleEvent, ConsolePeer, Event, ListenerAction,
    ListenerEvent, ListenerId, LocalEvent, SessionId,
    journal::{
        Build, Cut, Decoder, Difference, End, Family, Fault, Kind, Origin, Record, Recorder,
        Replay, Taken, Tape,
    },
};
use ringfort_vip::{AddressAction, AddressOutcome};

/// A tape in memory, which takes so many bytes.
#[derive(Clone, Default)]
struct Memory {
    bytes: Rc<RefCell<Vec<u8>>>,
    end: Rc<Cell<Option<End>>>,
    room: usize,
}

impl Tape for Memory {
    fn put(&mut self, bytes: &[u8]) -> bool {
        let mut all = self.bytes.borrow_mut();
        let fits = all.len() + bytes.len() <= self.room;
        if fits {
            all.extend_from_slice(bytes);
        }
        fits
    }

    fn end(&mut self, end: End) {
        self.end.set(Some(end));
    }
}

/// What became of a life.
struct Lived {
    journal: Vec<u8>,
    end: Option<End>,
    /// Everything that the node wanted.
    actions: Vec<String>,
}

/// A node with its surroundings, as far as it needs any.
struct Stage {
    node: Recorder<Memory>,
    now: Instant,
    /// Answers on their way.
    answers: VecDeque<Event>,
    actions: Vec<String>,
    halted: bool,
}

fn origin() -> Origin {
    Origin {
        build: Build {
            version: "test".into(),
            revision: "none".into(),
        },
        boot: Boot {
            seed: Seed::from_number(4),
            incarnation: Incarnation(1),
            wall_origin_ns: 1_700_000_000_000_000_000,
            system_boot: Some(1),
        },
        now: Instant::from_nanos(17),
        config: config(0, 2),
    }
}

impl Stage {
    /// Gives it an event, and then the answers to what it wants.
    fn give(&mut self, event: Event) {
        self.answers.push_back(event);
        while let Some(event) = self.answers.pop_front() {
            let mut out = Vec::new();
            step(&mut self.node, self.now, event, &mut out);
            self.execute(out);
        }
    }

    /// Does what is wanted.
    fn execute(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.actions.push(format!("{action:?}"));
            let answer = match action {
                Action::Disk(order, action) => {
                    let outcome = match action {
                        DiskAction::List { .. } => DiskOutcome::Listing(vec![]),
                        DiskAction::Read { .. } => DiskOutcome::Data(Bytes::new()),
                        DiskAction::Write { .. }
                        | DiskAction::Sync { .. }
                        | DiskAction::Truncate { .. }
                        | DiskAction::Replace { .. }
                        | DiskAction::Remove { .. } => DiskOutcome::Done,
                    };
                    Event::Disk { order, outcome }
                }
                Action::Address(order, action) => {
                    let outcome = match action {
                        AddressAction::Survey => AddressOutcome::Found(vec![]),
                        AddressAction::Acquire { .. }
                        | AddressAction::Release { .. }
                        | AddressAction::Announce { .. } => AddressOutcome::Done,
                    };
                    Event::Address { order, outcome }
                }
                Action::Listener(ListenerAction::Open { listener, .. }) => {
                    Event::Listener(ListenerEvent::Opened { listener })
                }
                Action::Halt(_) => {
                    self.halted = true;
                    continue;
                }
                Action::Datagram { .. }
                | Action::Stream(_)
                | Action::Console(_)
                | Action::Listener(ListenerAction::Close { .. })
                | Action::Connection(_)
                | Action::Bus(_)
                | Action::Group { .. }
                | Action::Seal(_)
                | Action::Note(_) => continue,
            };
            self.answers.push_back(answer);
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.node.deadline().filter(|due| due.at <= end)
            && !self.halted
        {
            self.now = deadline.at.max(self.now);
            self.give(Event::Wake);
        }
        self.now = end;
    }
}

/// A life of some twelve seconds that ends well. `tape` and how long the journal may become.
fn live(tape: Option<(Memory, u64)>) -> Lived {
    let kept = tape.as_ref().map(|(tape, _)| tape.clone());
    let origin = origin();
    let (now, reload) = (origin.now, origin.config.clone());
    let mut out = Vec::new();
    let node = Recorder::start(origin, tape, &mut out).expect("a good configuration");
    let mut stage = Stage {
        node,
        now,
        answers: VecDeque::new(),
        actions: vec![],
        halted: false,
    };
    stage.execute(out);
    stage.run(Duration::from_secs(3));
    let session = SessionId(1);
    let client: SocketAddr = ([10, 9, 9, 9], 1234).into();
    for event in [
        Event::Datagram {
            from: client,
            bytes: Bytes::from_static(b"nonsense"),
        },
        Event::Console(ConsoleEvent::Opened {
            session,
            peer: ConsolePeer::Local { user: Some(0) },
            target: "control".into(),
        }),
        Event::Console(ConsoleEvent::Line {
            session,
            line: "cluster nodename".into(),
        }),
        Event::Connection(ConnectionEvent::Accepted {
            connection: ConnectionId(5),
            listener: ListenerId(0),
            peer: client,
            local: ([127, 1, 0, 1], 2525).into(),
        }),
        Event::Local(LocalEvent::Count {
            object: "inbound_cidr".into(),
            key: "10.0.0.0/8".into(),
            by: 2,
        }),
        Event::Reload(Box::new(reload)),
    ] {
        stage.give(event);
        stage.run(Duration::from_millis(100));
    }
    stage.run(Duration::from_secs(9));
    stage.give(Event::Leave);
    stage.run(Duration::from_secs(5));
    assert!(stage.halted, "it leaves");
    Lived {
        journal: kept
            .as_ref()
            .map_or(vec![], |tape| tape.bytes.borrow().clone()),
        end: kept.and_then(|tape| tape.end.get()),
        actions: stage.actions,
    }
}

fn recorded() -> Lived {
    let tape = Memory {
        room: usize::MAX,
        ..Memory::default()
    };
    live(Some((tape, u64::MAX)))
}

/// The contents of all frames, and what was torn off.
fn records(journal: &[u8]) -> (Vec<Bytes>, Cut) {
    let mut decoder = Decoder::default();
    decoder.feed(journal);
    let mut all = Vec::new();
    while let Some((_, content)) = decoder.next_record().expect("a good journal") {
        all.push(content);
    }
    (all, decoder.finish().expect("a good journal"))
}

/// The replay, everything that the node wanted in it, and the last thing taken.
fn replay(records: &[Bytes]) -> Result<(Replay, Vec<String>, Taken), Fault> {
    let mut replay = Replay::default();
    let mut actions = Vec::new();
    let mut last = None;
    for content in records {
        let taken = replay.take(content)?;
        if matches!(taken, Taken::Started | Taken::Handled) {
            actions.extend(replay.actions().iter().map(|action| format!("{action:?}")));
        }
        last = Some(taken);
    }
    Ok((replay, actions, last.expect("there are records")))
}

fn difference(records: &[Bytes]) -> Difference {
    match replay(records) {
        Err(Fault::Different(difference)) => *difference,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is the same"),
    }
}

/// Where the record that `wanted` accepts is.
fn position(records: &[Bytes], wanted: impl Fn(&Record) -> bool) -> usize {
    let found = |content: &Bytes| wanted(&Record::decode(content).expect("a good record"));
    records.iter().position(found).expect("there is one")
}

/// The number of the event in record `at`.
fn number(records: &[Bytes], at: usize) -> u64 {
    let is_event = |content: &&Bytes| matches!(Record::decode(content), Ok(Record::Event { .. }));
    records[..=at].iter().filter(is_event).count() as u64
}

#[test]
fn a_recorded_life_is_lived_again() {
    let lived = recorded();
    assert_eq!(lived.end, Some(End::Halted));
    let (records, cut) = records(&lived.journal);
    assert_eq!(cut.torn_bytes, 0);
    let (replay, actions, last) = replay(&records).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(last, Taken::Ended(End::Halted));
    assert!(replay.events() > 100, "{} events", replay.events());
    assert!(replay.digests() >= 2, "one in the middle, one at the end");
    assert!(!replay.is_open());
    assert_eq!(actions, lived.actions);
}

#[test]
fn recording_changes_nothing() {
    assert_eq!(live(None).actions, recorded().actions);
}

#[test]
fn an_altered_event_is_the_first_difference() {
    let (mut records, _) = records(&recorded().journal);
    let at = position(&records, |record| {
        matches!(
            record,
            Record::Event {
                event: Event::Console(ConsoleEvent::Line { .. }),
                ..
            }
        )
    });
    let mut bytes = records[at].to_vec();
    *bytes.last_mut().expect("the end of the line") = b'a';
    records[at] = Bytes::from(bytes);
    let difference = difference(&records);
    assert_eq!(difference.event, number(&records, at));
    assert!(
        difference.what.contains("cluster nodenama"),
        "{}",
        difference.what
    );
    assert_eq!(difference.before.len(), 8);
    let Kind::Action {
        index,
        recorded: Some(print),
        replayed: Some((other, text)),
        ..
    } = &difference.kind
    else {
        panic!("{difference}");
    };
    assert_eq!(*index, 0);
    assert_eq!(
        (print.family, other.family),
        (Family::Console, Family::Console)
    );
    assert!(text.contains("Print"), "{text}");
    let told = difference.to_string();
    for part in [
        "action 1 of the replay differs",
        "recorded: Console",
        "> event ",
    ] {
        assert!(told.contains(part), "{part} in:\n{told}");
    }
}

#[test]
fn an_event_left_out_is_noticed() {
    let (mut records, _) = records(&recorded().journal);
    let at = position(&records, |record| {
        matches!(
            record,
            Record::Event {
                event: Event::Local(LocalEvent::Count { .. }),
                ..
            }
        )
    });
    let number = number(&records, at);
    records.drain(at..at + 2); // with its outcome
    let difference = difference(&records);
    assert!(difference.event >= number, "{difference}");
}

#[test]
fn a_state_that_differs_is_named_with_the_last_that_did_not() {
    let (mut records, _) = records(&recorded().journal);
    let first = position(&records, |record| matches!(record, Record::Digest(_)));
    let again = first
        + 1
        + position(&records[first + 1..], |record| {
            matches!(record, Record::Digest(_))
        });
    let mut bytes = records[again].to_vec();
    bytes[1] ^= 1;
    records[again] = Bytes::from(bytes);
    let difference = difference(&records);
    let agreed = Some(number(&records, first));
    assert!(
        matches!(difference.kind, Kind::State { agreed: found, .. } if found == agreed),
        "{difference}"
    );
}

#[test]
fn a_journal_keeps_its_limit_and_replays_to_there() {
    let whole = recorded().journal.len() as u64;
    for limit in [whole / 2, whole / 3, 1000] {
        let tape = Memory {
            room: usize::MAX,
            ..Memory::default()
        };
        let lived = live(Some((tape, limit)));
        assert_eq!(lived.end, Some(End::Limit));
        assert!(lived.journal.len() as u64 <= limit);
        let (records, cut) = records(&lived.journal);
        assert_eq!(cut.torn_bytes, 0);
        let (_, _, last) = replay(&records).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(last, Taken::Ended(End::Limit));
    }
}

#[test]
fn a_tape_that_takes_no_more_ends_the_journal_and_not_the_node() {
    let tape = Memory {
        room: 5000,
        ..Memory::default()
    };
    let lived = live(Some((tape, u64::MAX)));
    assert_eq!(lived.end, None);
    assert_eq!(lived.actions, live(None).actions);
    let (records, _) = records(&lived.journal);
    let (replay, _, _) = replay(&records).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(replay.events() > 0);
}

#[test]
fn a_process_that_fell_over_an_event_left_it_in_the_journal() {
    let (records, _) = records(&recorded().journal);
    let last = records.len() / 2;
    let at =
        (0..last).rfind(|at| matches!(Record::decode(&records[*at]), Ok(Record::Event { .. })));
    let at = at.expect("there are events");
    let (replay, _, taken) = replay(&records[..=at]).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(taken, Taken::Handled);
    assert!(replay.is_open());
    let recent = replay.recent();
    let expected = format!("event {} at ", number(&records, at));
    assert!(
        recent.last().expect("some").starts_with(&expected),
        "{recent:?}"
    );
}

#[test]
fn records_out_of_place_are_refused() {
    let (records, _) = records(&recorded().journal);
    let event = position(&records, |record| matches!(record, Record::Event { .. }));
    let end = records.len() - 1;
    for order in [
        vec![event],
        vec![0, 0],
        vec![0, event],
        vec![0, 1, 1],
        vec![0, end, 1],
        vec![0, 1, event, event],
    ] {
        let chosen: Vec<Bytes> = order.iter().map(|at| records[*at].clone()).collect();
        let fault = replay(&chosen).err();
        assert!(
            matches!(fault, Some(Fault::Malformed(_))),
            "{order:?}: {fault:?}"
        );
    }
}
