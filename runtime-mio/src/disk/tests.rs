//! Goal: orders have their effect in issue order, joined or not, complete in order, and never leave their
//! areas. Method: run batches against a directory of the test and compare with a byte array kept beside it.

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_logs::{DiskAction, DiskErrorKind, DiskOutcome};
use ringfort_machine::OrderId;

use super::{Area, Files, Places, execute};

fn files(root: &std::path::Path) -> Files {
    let area = Area {
        root: root.to_owned(),
        file_mode: 0o640,
        dir_mode: 0o755,
    };
    Files::new(Places::new(area, Vec::new()))
}

fn run(files: &mut Files, actions: Vec<DiskAction>) -> Vec<DiskOutcome> {
    let mut orders: Vec<_> = actions
        .into_iter()
        .enumerate()
        .map(|(number, action)| (OrderId(number as u64), action))
        .collect();
    let count = orders.len() as u64;
    let mut done = Vec::new();
    execute(files, &mut orders, &mut done);
    let numbers: Vec<_> = done.iter().map(|(order, _)| order.0).collect();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn write(file: &str, offset: u64, data: &'static [u8]) -> DiskAction {
    DiskAction::Write {
        file: file.into(),
        offset,
        data: Bytes::from_static(data),
    }
}

fn read(file: &str) -> DiskAction {
    DiskAction::Read {
        file: file.into(),
        offset: 0,
        length: 1000,
    }
}

#[test]
fn neighbouring_writes_and_syncs_are_one_but_complete_one_by_one() {
    let root = tempfile::tempdir().unwrap();
    let mut files = files(root.path());
    let sync = || DiskAction::Sync {
        file: "log/0".into(),
    };
    let outcomes = run(
        &mut files,
        vec![
            write("log/0", 0, b"one,"),
            sync(),
            write("log/0", 4, b"two,"),
            write("log/0", 8, b"three"),
            sync(),
            write("log/1", 0, b"other"),
            read("log/0"),
        ],
    );
    assert_eq!(
        outcomes[6],
        DiskOutcome::Data(Bytes::from_static(b"one,two,three"))
    );
    assert!(
        outcomes[..6]
            .iter()
            .all(|outcome| *outcome == DiskOutcome::Done)
    );
}

#[test]
fn a_replaced_file_has_its_new_content_and_a_removed_one_is_gone() {
    let root = tempfile::tempdir().unwrap();
    let mut files = files(root.path());
    let replace = |data: &'static [u8]| DiskAction::Replace {
        file: "a/b/c".into(),
        data: Bytes::from_static(data),
    };
    let outcomes = run(
        &mut files,
        vec![
            replace(b"first"),
            replace(b"second"),
            read("a/b/c"),
            DiskAction::Remove {
                file: "a/b/c".into(),
            },
            DiskAction::Remove {
                file: "a/b/c".into(),
            },
            DiskAction::List {
                directory: "a/b".into(),
            },
            DiskAction::List {
                directory: "nowhere".into(),
            },
        ],
    );
    assert_eq!(
        outcomes[2],
        DiskOutcome::Data(Bytes::from_static(b"second"))
    );
    assert_eq!(outcomes[4], DiskOutcome::Done);
    assert_eq!(outcomes[5], DiskOutcome::Listing(Vec::new()));
    assert_eq!(outcomes[6], DiskOutcome::Listing(Vec::new()));
}

#[test]
fn nothing_outside_of_the_areas_is_touched() {
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let mut files = files(root.path());
    let absolute = outside.path().join("x").to_str().unwrap().to_owned();
    for name in ["../x", "a/../../x", &absolute, ""] {
        let outcome = run(&mut files, vec![write(name, 0, b"data")]).remove(0);
        assert!(
            matches!(&outcome, DiskOutcome::Failed(error) if error.kind == DiskErrorKind::Denied),
            "{name}: {outcome:?}"
        );
    }
    assert_eq!(outside.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_missing_file_is_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let outcome = run(&mut files(root.path()), vec![read("none")]).remove(0);
    assert!(
        matches!(&outcome, DiskOutcome::Failed(error) if error.kind == DiskErrorKind::Missing),
        "{outcome:?}"
    );
}

proptest! {
    #[test]
    fn any_batch_of_writes_gives_what_single_writes_give(
        writes in prop::collection::vec((0usize..2, 0usize..40, prop::collection::vec(any::<u8>(), 1..8), any::<bool>()), 0..30))
    {
        let root = tempfile::tempdir().unwrap();
        let mut files = files(root.path());
        let mut model = [Vec::new(), Vec::new()];
        let mut actions = Vec::new();
        for (file, offset, data, sync) in writes {
            let bytes: &mut Vec<u8> = &mut model[file];
            let end = offset + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[offset..end].copy_from_slice(&data);
            let name = format!("file{file}");
            actions.push(DiskAction::Write { file: name.as_str().into(), offset: offset as u64, data: data.into() });
            if sync {
                actions.push(DiskAction::Sync { file: name.as_str().into() });
            }
        }
        run(&mut files, actions);
        for (file, bytes) in model.iter().enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
            let outcome = run(&mut files, vec![read(&format!("file{file}"))]).remove(0);
            prop_assert_eq!(outcome, DiskOutcome::Data(Bytes::from(bytes.clone())));
        }
    }
}
