//! The threads that run campaigns, and the loop that looks after them.

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use ringfort_fuzz::{
    Target,
    campaign::{Campaign, Found},
    corpus, minimise,
};

use crate::{
    Arguments,
    report::{self, Failed, Outcome},
    watch::Watch,
};

/// Runs that minimising a failure may take.
const MINIMISING: usize = 20_000;
/// Between two looks at the threads.
const LOOK: Duration = Duration::from_millis(200);
/// Executions between two looks at the clock; a power of two.
const BATCH: u64 = 16;

/// One target in one lane.
#[derive(Clone, Copy)]
struct Shift {
    target: &'static Target,
    lane: usize,
}

/// Runs all shifts, prints their outcomes, and tells whether any failed.
pub(crate) fn run(arguments: &Arguments, targets: &[&'static Target]) -> ExitCode {
    let jobs = arguments.jobs.max(1);
    let lanes = jobs.div_ceil(targets.len().max(1));
    let shifts: Vec<Shift> = (0..lanes)
        .flat_map(|lane| targets.iter().map(move |target| Shift { target, lane }))
        .collect();
    let next = AtomicUsize::new(0);
    let watch = Watch::new(arguments, jobs);
    let mut failed = false;
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for worker in 0..jobs {
            let (tell, shifts, next, watch) = (tell.clone(), &shifts, &next, &watch);
            scope.spawn(move || {
                while let Some(shift) = shifts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = work(arguments, *shift, worker, watch);
                    if tell.send(outcome).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        loop {
            match told.recv_timeout(LOOK) {
                Ok(outcome) => {
                    failed |= outcome.failed.is_some();
                    report::outcome(&outcome, arguments.json);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => watch.look(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// One campaign from its beginning to its end.
fn work(arguments: &Arguments, shift: Shift, worker: usize, watch: &Watch) -> Outcome {
    let Shift { target, lane } = shift;
    let inputs = corpus::read(&corpus::directory(target.name)).unwrap_or_default();
    let seeds = inputs.len();
    let corpus = inputs.into_iter().map(|(_, input)| input).collect();
    let mut campaign = Campaign::new(target, corpus, arguments.seed, lane);
    let start = Instant::now();
    let most = arguments.execs.unwrap_or(u64::MAX);
    let mut found = None;
    while found.is_none() && campaign.executions() < most {
        if campaign.executions() % BATCH == 0 && start.elapsed() >= arguments.time {
            break;
        }
        let input = campaign.prepare();
        watch.begin(worker, target, &input);
        found = campaign.execute(input).err();
        watch.end(worker, campaign.executions());
    }
    let seconds = start.elapsed().as_secs_f64();
    let failed = found.map(|found| write_down(arguments, target, *found));
    let saved = arguments.save.as_ref().map_or(0, |directory| {
        let inputs = campaign.distil(arguments.save_most);
        let directory = directory.join(target.name);
        let written = inputs
            .iter()
            .filter(|input| corpus::write(&directory, "", input).is_ok());
        written.count()
    });
    Outcome {
        target: target.name,
        lane,
        seed: arguments.seed,
        executions: campaign.executions(),
        seconds,
        corpus: seeds,
        kept: campaign.kept().len(),
        marks: campaign.marks(),
        saved,
        failed,
    }
}

fn write_down(arguments: &Arguments, target: &Target, found: Found) -> Failed {
    let long = found.input.len();
    let (input, failure) = minimise(target, &found.input, found.failure, MINIMISING);
    let file = corpus::write(&arguments.failures, &format!("{}-", target.name), &input);
    Failed {
        message: failure.message,
        place: failure.place,
        bytes: input.len(),
        found_bytes: long,
        file: file.map_err(|error| error.to_string()),
    }
}

/// A lock that a panic of another thread does not spoil: what it guards is only ever replaced whole.
pub(crate) fn lock<T>(mutex: &Arc<Mutex<T>>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
