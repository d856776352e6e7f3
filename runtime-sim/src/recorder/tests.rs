//! Goal: the hash covers exactly the bytes before the last line, and the first violation ends the trace.
//! Method: a trace in memory, hashed again.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::trace::CrashKind;

#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct NoKill;

impl Checker for NoKill {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        let how = CrashKind::Kill;
        if event.kind == (Kind::Crash { how }) {
            return Err(Violation::new("no-kill", "killed"));
        }
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        Ok(())
    }
}

fn record(kinds: Vec<Kind>) -> (String, Ending) {
    let memory = Memory::default();
    let mut recorder = Recorder::new(vec![Box::new(NoKill)]).writing_to(Box::new(memory.clone()));
    let p: Process = "n1#1".parse().unwrap();
    for (number, kind) in kinds.into_iter().enumerate() {
        recorder.of(Instant::from_nanos(number as u64), &p, kind);
    }
    let ending = recorder.finish(Instant::from_nanos(99)).unwrap();
    let text = String::from_utf8(memory.0.borrow().clone()).unwrap();
    (text, ending)
}

#[test]
fn the_hash_is_that_of_the_lines_before_the_last() {
    let (text, ending) = record(vec![Kind::Start, Kind::Stop]);
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    let hash: String = Sha256::digest(format!("{before}\n").as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(ending.hash, hash);
    assert_eq!(
        last,
        format!(r#"{{"t":99,"ev":"end","hash":"{hash}","verdict":"ok"}}"#)
    );
    assert_eq!(ending.lines, 3);
}

#[test]
fn nothing_is_written_after_a_violation() {
    let kill = Kind::Crash {
        how: CrashKind::Kill,
    };
    let (text, ending) = record(vec![Kind::Start, kill, Kind::Start]);
    assert_eq!(ending.violation.unwrap().checker, "no-kill");
    assert_eq!(text.lines().count(), 3);
    assert!(text.ends_with("\"verdict\":\"no-kill\"}\n"));
}

#[test]
fn what_happens_is_counted() {
    let kill = Kind::Crash {
        how: CrashKind::Power,
    };
    let disk = Kind::Disk {
        fault: "torn".into(),
    };
    let (text, ending) = record(vec![Kind::Pause, kill, disk.clone(), disk]);
    let mut twice = ending.tally.clone();
    twice.add(&ending.tally);
    let counts: Vec<(&str, u64)> = twice
        .faults
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    assert_eq!(counts, [("disk-torn", 4), ("pause", 2), ("power", 2)]);
    let mut read = Tally::default();
    for line in text.lines() {
        read.on(&serde_json::from_str(line).unwrap());
    }
    assert_eq!(read, ending.tally, "the trace gives the same");
}
