//! Goal: everything put on the tape reaches the file, an old journal is kept, nothing else is overwritten, and no
//! failure reaches the one who records. Method: files in a directory of the test's own, and a writer that fails.

use std::{os::unix::fs::PermissionsExt, sync::mpsc};

use super::*;

fn text(path: &Path) -> Vec<u8> {
    fs::read(path).expect("it is there")
}

#[test]
fn everything_reaches_the_file_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let mut recording = Recording::start(&path).expect("a good path");
    let mut expected = Vec::new();
    for number in 0..20_000_u32 {
        let bytes = [number.to_le_bytes(); 8].concat();
        assert!(recording.put(&bytes));
        expected.extend_from_slice(&bytes);
    }
    drop(recording);
    assert!(text(&path) == expected);
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_old_journal_is_kept_and_nothing_else_is_touched() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    for first in [&b"RINGJNL\nfirst"[..], b"RINGJNL\nsecond"] {
        let mut recording = Recording::start(&path).expect("a good path");
        assert!(recording.put(first));
    }
    assert_eq!(text(&path), b"RINGJNL\nsecond");
    assert_eq!(
        text(&directory.path().join("journal.old")),
        b"RINGJNL\nfirst"
    );

    let precious = directory.path().join("precious");
    fs::write(&precious, "RINGfort").expect("a directory to write to");
    let error = Recording::start(&precious).expect_err("it is no journal");
    assert!(error.to_string().contains("choose another file"), "{error}");
    assert_eq!(text(&precious), b"RINGfort");
    assert!(Recording::start(directory.path()).is_err());
    assert!(Recording::start(&directory.path().join("nowhere/journal")).is_err());
}

#[test]
fn a_disk_that_fails_ends_the_recording_and_nothing_else() {
    let mut recording = Recording::over(Full, Path::new("full")).expect("a thread");
    assert!(recording.put(b"first"), "nobody waits for the disk");
    let thread = recording.thread.take().expect("it was started");
    thread.join().expect("a failure is no panic");
    assert!(!recording.put(b"second"));
    assert!(!recording.put(b"third"));
}

#[test]
fn a_disk_that_stands_still_ends_the_recording_at_the_limit() {
    let (go, gate) = mpsc::channel::<()>();
    let mut recording = Recording::over(Stuck(gate), Path::new("stuck")).expect("a thread");
    let piece = vec![0; BACKLOG / 8];
    let taken = (0..100).take_while(|_| recording.put(&piece)).count();
    // The writer may have taken some of it away before it got stuck.
    assert!((8..=16).contains(&taken), "{taken} pieces");
    drop(go); // or the end would wait for the disk
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes nothing until it is told to, and then everything.
struct Stuck(mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv(); // an error, and that is the sign
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
