//! What the clients of a flood share: the load of the moment, the window of the measurement, and the results.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ringfort_client::{Address, Service};

use super::Plan;
use crate::{BootError, flood::histogram::Histogram};

/// Bytes at the front of a message that say which one it is, the least that a message has.
pub const STAMP_BYTES: usize = 32;
/// Set in the sequence number of a sender's last message, which says how many there were.
const LAST: u64 = 1 << 63;

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Load {
    /// As much as the daemons take.
    Full,
    /// By each sender, one message in so much time.
    Paced(Duration),
}

/// One load of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) service: Service,
    pub(super) size: usize,
    pub(super) load: Load,
}

/// What the front of a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Chosen by this run, so that others who send to the group do not confuse it.
    pub(super) run: u32,
    /// The sender's index.
    pub(super) sender: u32,
    /// Which load it belongs to, counted from 1.
    pub(super) turn: u64,
    /// Counts the sender's messages of this load.
    pub(super) sequence: u64,
    /// Whether it is the last; then it is not counted, and `sequence` is the number of those before it.
    pub(super) last: bool,
    /// When it was sent, in nanoseconds since the run began.
    pub(super) sent: u64,
}

impl Stamp {
    pub(super) fn write(&self, out: &mut [u8]) {
        let sequence = self.sequence | if self.last { LAST } else { 0 };
        out[..4].copy_from_slice(&self.run.to_le_bytes());
        out[4..8].copy_from_slice(&self.sender.to_le_bytes());
        out[8..16].copy_from_slice(&self.turn.to_le_bytes());
        out[16..24].copy_from_slice(&sequence.to_le_bytes());
        out[24..STAMP_BYTES].copy_from_slice(&self.sent.to_le_bytes());
    }

    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let (words, _) = data.get(..STAMP_BYTES)?.as_chunks::<4>();
        let word = |at: usize| u32::from_le_bytes(words[at]);
        let long = |at| u64::from(word(at)) | u64::from(word(at + 1)) << 32;
        Some(Self {
            run: word(0),
            sender: word(1),
            turn: long(2),
            sequence: long(4) & !LAST,
            last: long(4) & LAST != 0,
            sent: long(6),
        })
    }
}

/// What the clients saw of one load.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) latency: Histogram,
    pub(super) missing: u64,
    pub(super) repeated: u64,
    pub(super) damaged: u64,
    pub(super) disturbances: u64,
}

impl Outcome {
    pub(super) const fn add_faults(&mut self, other: &Self) {
        self.missing += other.missing;
        self.repeated += other.repeated;
        self.damaged += other.damaged;
        self.disturbances += other.disturbances;
    }
}

/// What all threads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) run: u32,
    pub(super) group: String,
    pub(super) senders: usize,
    pub(super) clients: usize,
    pub(super) check: bool,
    origin: Instant,
    cell: Mutex<Cell>,
    turn: AtomicU64,
    sending: AtomicBool,
    ended: AtomicBool,
    /// Messages sent between these are measured.
    window: [AtomicU64; 2],
    delivered: Vec<AtomicU64>,
    /// The last load that each client is through with.
    finished: Vec<AtomicU64>,
    outcome: Mutex<Outcome>,
    failed: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(plan: &Plan) -> Self {
        let counters = || plan.addresses.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            run: std::process::id(),
            group: plan.group.clone(),
            senders: plan.senders,
            clients: plan.addresses.len(),
            check: plan.check,
            origin: Instant::now(),
            cell: Mutex::new(Cell {
                service: Service::Agreed,
                size: STAMP_BYTES,
                load: Load::Full,
            }),
            turn: AtomicU64::new(0),
            sending: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            window: [AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)],
            delivered: counters(),
            finished: counters(),
            outcome: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Nanoseconds since the run began.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A new load, for everybody at once.
    pub(super) fn begin(&self, cell: Cell) {
        *lock(&self.cell) = cell;
        *lock(&self.outcome) = Outcome::default();
        for bound in &self.window {
            bound.store(u64::MAX, Ordering::Relaxed);
        }
        self.sending.store(true, Ordering::Relaxed);
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// The load of the moment and its number.
    pub(super) fn cell(&self) -> (u64, Cell) {
        let turn = self.turn();
        (turn, *lock(&self.cell))
    }

    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    pub(super) fn open_window(&self) {
        self.window[0].store(self.now(), Ordering::Relaxed);
    }

    /// What is sent from here on does not count, and nothing more is.
    pub(super) fn close_window(&self) {
        self.window[1].store(self.now(), Ordering::Relaxed);
        self.sending.store(false, Ordering::Release);
    }

    pub(super) fn is_measured(&self, sent: u64) -> bool {
        let [start, end] = self.window.each_ref().map(|at| at.load(Ordering::Relaxed));
        sent >= start && sent < end
    }

    pub(super) fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Acquire)
    }

    pub(super) fn deliver(&self, client: usize, count: u64) {
        self.delivered[client].fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Vec<u64> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.delivered.iter().map(read).collect()
    }

    /// A client is through with the load.
    pub(super) fn finish(&self, client: usize, turn: u64, outcome: &Outcome) {
        let mut all = lock(&self.outcome);
        all.latency.merge(&outcome.latency);
        all.add_faults(outcome);
        self.finished[client].store(turn, Ordering::Release);
    }

    pub(super) fn all_finished(&self) -> bool {
        let turn = self.turn();
        let done = |finished: &AtomicU64| finished.load(Ordering::Acquire) == turn;
        self.finished.iter().all(done)
    }

    /// Who is not through with the load, as an error.
    pub(super) fn unfinished(&self, addresses: &[Address]) -> String {
        let turn = self.turn();
        let late = addresses.iter().zip(&self.finished);
        let late: Vec<String> = late
            .filter(|(_, finished)| finished.load(Ordering::Acquire) != turn)
            .map(|(address, _)| address.to_string())
            .collect();
        format!(
            "30 s after the last message was sent, clients have not got all of them: {}",
            late.join(", ")
        )
    }

    pub(super) fn collect(&self) -> Outcome {
        lock(&self.outcome).clone()
    }

    /// A client cannot go on, and so nobody can.
    pub(super) fn fail(&self, reason: String) {
        lock(&self.failed).get_or_insert(reason);
        self.end();
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Waits, unless a client fails.
    pub(super) fn pause(&self, time: Duration) -> Result<(), BootError> {
        let until = Instant::now() + time;
        loop {
            if let Some(reason) = lock(&self.failed).clone() {
                return Err(BootError::Ended(reason));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(20)));
        }
    }
}

/// A thread that failed while it held a lock has left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
