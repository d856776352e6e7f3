//! Goal: a lost, doubled or torn record is found; that the trial can fail. Method: files written by hand.

use std::fs;

use super::judge;

fn line(id: &str) -> String {
    format!("1.000@C@{id}@l@127.0.0.1:1@127.0.0.2:2@accepted\n")
}

#[test]
fn every_kind_of_mistake_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("mainlog");
    fs::create_dir(&log).unwrap();
    fs::write(
        log.join("n1"),
        line("n1-1-1") + &line("n1-1-2") + &line("n1-1-2"),
    )
    .unwrap();
    fs::write(
        log.join("n2"),
        line("n2-1-1") + "1.0@C@n2-1\n" + "1.000@C@n2-1-9@l@half",
    )
    .unwrap();
    let acknowledged = ["n1-1-1", "n1-1-2", "n2-1-2"].map(str::to_owned).into();
    let judged = judge(directory.path(), &acknowledged);
    assert_eq!(judged.records, 4);
    assert_eq!(
        (judged.missing, judged.duplicates, judged.strange),
        (1, 1, 1)
    );
    assert_eq!(judged.examples.len(), 3);
}

#[test]
fn what_adds_up_is_good() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("n1"),
        line("n1-1-1") + &line("n1-1-2"),
    )
    .unwrap();
    let judged = judge(directory.path(), &["n1-1-1".to_owned()].into());
    assert_eq!(
        (judged.records, judged.missing, judged.duplicates),
        (2, 0, 0)
    );
}
