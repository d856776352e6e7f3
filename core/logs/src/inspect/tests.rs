//! What a tool sees of files that a store wrote is what the store's readers see.

extern crate std;

use std::{collections::BTreeMap, string::String, vec, vec::Vec};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use ringfort_machine::{Instant, Machine, OrderId};
use ringfort_wire::logs::RecordId;

use super::{Checkpoint, Finding, checkpoint_file, newest, segments};
use crate::{
    disk::{DiskAction, DiskErrorKind, DiskOutcome},
    record::{Append, Class, Record},
    store::{Action, Config, Event, Store},
};

/// The simplest disk that a store can work on: nothing is ever lost.
fn execute(files: &mut BTreeMap<String, BytesMut>, action: &DiskAction) -> DiskOutcome {
    match action {
        DiskAction::List { .. } => DiskOutcome::Listing(Vec::new()),
        DiskAction::Read { .. } => DiskOutcome::Failed(DiskErrorKind::Missing.into()),
        DiskAction::Write { file, offset, data } => {
            let content = files.entry((**file).into()).or_default();
            content.resize(*offset as usize, 0);
            content.extend_from_slice(data);
            DiskOutcome::Done
        }
        DiskAction::Replace { file, data } => {
            files.insert((**file).into(), BytesMut::from(&data[..]));
            DiskOutcome::Done
        }
        DiskAction::Sync { .. } | DiskAction::Truncate { .. } | DiskAction::Remove { .. } => {
            DiskOutcome::Done
        }
    }
}

fn written(count: u8) -> (BTreeMap<String, BytesMut>, Vec<RecordId>) {
    let config = Config {
        segment_limit_bytes: 300,
        subscribers: vec!["master".into()],
        ..Config::new("mainlog", "log")
    };
    let mut actions: Vec<Action> = Vec::new();
    let mut store = Store::new(config, Instant::ORIGIN, &mut actions).expect("settings");
    for number in 0..count {
        let append = Append {
            class: Class::Sync,
            payload: Bytes::from(vec![number; usize::from(number)]),
            wall_ns: u64::from(number),
        };
        store.handle(Instant::ORIGIN, Event::Append(append), &mut actions);
    }
    let (mut files, mut ids) = (BTreeMap::new(), Vec::new());
    while !actions.is_empty() {
        let orders: Vec<(OrderId, DiskAction)> = core::mem::take(&mut actions)
            .into_iter()
            .filter_map(|action| match action {
                Action::Disk(order, action) => Some((order, action)),
                Action::Appended { id, .. } => {
                    ids.push(id);
                    None
                }
                Action::Recovered { .. }
                | Action::AppendRefused { .. }
                | Action::Written { .. }
                | Action::Durable { .. }
                | Action::Fetched { .. }
                | Action::Subscribed { .. }
                | Action::Unsubscribed { .. }
                | Action::Checkpointed { .. }
                | Action::Closed
                | Action::Note(_) => None,
            })
            .collect();
        for (order, action) in orders {
            let outcome = execute(&mut files, &action);
            store.handle(
                Instant::ORIGIN,
                Event::Done { order, outcome },
                &mut actions,
            );
        }
    }
    (files, ids)
}

fn names(files: &BTreeMap<String, BytesMut>) -> Vec<&str> {
    files
        .keys()
        .filter_map(|path| path.strip_prefix("log/"))
        .collect()
}

fn read(files: &BTreeMap<String, BytesMut>) -> (Vec<Record>, Vec<Finding>) {
    let (mut records, mut findings) = (Vec::new(), Vec::new());
    for segment in segments(names(files)) {
        let path = String::from("log/") + &segment.file();
        let content = files[&path].clone().freeze();
        let mut iterator = segment.records(&content, Some("mainlog"));
        records.extend(iterator.by_ref());
        findings.push(iterator.finding());
    }
    (records, findings)
}

#[test]
fn a_tool_reads_what_was_written() {
    let (files, ids) = written(20);
    let (records, findings) = read(&files);
    assert_eq!(
        records.iter().map(|record| record.id).collect::<Vec<_>>(),
        ids
    );
    assert!(findings.len() > 3 && findings.iter().all(|finding| *finding == Finding::End));
    assert!(
        records
            .iter()
            .all(|record| record.payload.len() as u64 == record.wall_ns)
    );
    let slots = files.iter().filter_map(|(path, content)| {
        checkpoint_file(path.strip_prefix("log/")?)?;
        Checkpoint::decode(content)
    });
    assert_eq!(newest(slots).map(|slot| slot.name), Some("master".into()));
}

#[test]
fn a_segment_of_another_log_yields_nothing() {
    let (files, _) = written(2);
    let segment = &segments(names(&files))[0];
    let content = files[&(String::from("log/") + &segment.file())]
        .clone()
        .freeze();
    let mut records = segment.records(&content, Some("bounces"));
    assert_eq!(records.next(), None);
    assert_eq!(records.finding(), Finding::Header);
    assert_eq!(
        segment.records(&content, None).count(),
        2,
        "without a key the file says it"
    );
}

proptest! {
    #[test]
    fn damage_ends_a_segment_and_invents_nothing(which in 0usize..100, at in 0usize..1000, bit in 0u32..8) {
        let (mut files, _) = written(12);
        let (sound, _) = read(&files);
        let paths: Vec<String> = files.keys().filter(|path| path.ends_with(".seg")).cloned().collect();
        let content = files.get_mut(&paths[which % paths.len()]).expect("a file");
        let at = at % content.len();
        content[at] ^= 1 << bit;
        let (records, findings) = read(&files);
        prop_assert!(records.iter().all(|record| sound.contains(record)));
        prop_assert!(records.len() < sound.len() || findings.iter().all(|finding| *finding == Finding::End) || at < 92);
    }
}
