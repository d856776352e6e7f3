//! What no panic reports: an input that never ends, and one that eats the memory. The inputs at hand are written
//! down and the program ends, since neither can be stopped from outside its thread.

use std::{
    fs,
    path::PathBuf,
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ringfort_fuzz::{Target, corpus};

use crate::{Arguments, crew::lock, report};

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);

/// What one worker is doing.
#[derive(Default)]
struct Desk {
    input: Vec<u8>,
    target: &'static str,
    since: Option<Instant>,
    executions: u64,
}

/// Looks over the shoulders of the workers.
pub(crate) struct Watch {
    desks: Vec<Arc<Mutex<Desk>>>,
    hang: Duration,
    memory_bytes: u64,
    failures: PathBuf,
    record: bool,
    quiet: bool,
    start: Instant,
    lines: AtomicU64,
}

impl Watch {
    pub(crate) fn new(arguments: &Arguments, jobs: usize) -> Self {
        Self {
            desks: (0..jobs).map(|_| Arc::default()).collect(),
            hang: arguments.hang,
            memory_bytes: arguments.memory.saturating_mul(1 << 20),
            failures: arguments.failures.clone(),
            record: arguments.record,
            quiet: arguments.json,
            start: Instant::now(),
            lines: AtomicU64::new(0),
        }
    }

    /// `worker` is about to run `input`.
    pub(crate) fn begin(&self, worker: usize, target: &Target, input: &[u8]) {
        let Some(desk) = self.desks.get(worker) else {
            return;
        };
        let mut desk = lock(desk);
        desk.input.clear();
        desk.input.extend_from_slice(input);
        desk.target = target.name;
        desk.since = Some(Instant::now());
        if self.record {
            let file = self
                .failures
                .join(format!("{}-running-{worker}", target.name));
            let _ = fs::create_dir_all(&self.failures).and_then(|()| fs::write(file, input));
        }
    }

    /// `worker` has come back.
    pub(crate) fn end(&self, worker: usize, executions: u64) {
        if let Some(desk) = self.desks.get(worker) {
            let mut desk = lock(desk);
            desk.since = None;
            desk.executions = executions;
        }
    }

    /// Looks at everybody once.
    pub(crate) fn look(&self) {
        let held = resident_bytes();
        for desk in &self.desks {
            let late = lock(desk)
                .since
                .is_some_and(|since| since.elapsed() > self.hang);
            if late {
                self.stop("hangs", std::slice::from_ref(desk));
            }
        }
        if held > self.memory_bytes {
            self.stop("uses too much memory", &self.desks);
        }
        let due = self.start.elapsed().as_secs() / PROGRESS.as_secs();
        if !self.quiet && self.lines.fetch_max(due, Ordering::Relaxed) < due {
            for desk in &self.desks {
                let desk = lock(desk);
                report::progress(desk.target, desk.executions, held);
            }
        }
    }

    /// Writes down what `desks` are running, and ends the program.
    fn stop(&self, what: &str, desks: &[Arc<Mutex<Desk>>]) -> ! {
        for desk in desks {
            let desk = lock(desk);
            if desk.since.is_some() {
                let file = corpus::write(&self.failures, &format!("{}-", desk.target), &desk.input);
                report::stopped(desk.target, what, &file.map_err(|error| error.to_string()));
            }
        }
        process::exit(1)
    }
}

/// Memory in use, in bytes; zero where the system does not tell in this way.
fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(4096)
}
