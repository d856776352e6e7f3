//! How far `explore` is: one line that is redrawn on a terminal, a line now and then elsewhere, so that the log of
//! a CI job stays readable. All of it on stderr.

use std::{
    fmt,
    io::{self, IsTerminal},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often the line of a terminal is redrawn, at most, in a second.
const REDRAWS: u8 = 10;
/// How long it is from one line to the next elsewhere.
const BETWEEN: Duration = Duration::from_secs(10);

const TEMPLATE: &str = "{bar:32} {pos}/{len} seeds, {msg}, {rate}, {eta} left";

pub(crate) struct Progress {
    total: u64,
    begun: Instant,
    state: Mutex<State>,
    /// Only on a terminal.
    bar: Option<ProgressBar>,
}

struct State {
    done: u64,
    failed: u64,
    said: Instant,
}

impl Progress {
    pub(crate) fn new(total: u64) -> Self {
        let now = Instant::now();
        let bar = io::stderr().is_terminal().then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
            let style = ProgressStyle::with_template(TEMPLATE).expect("the template is right");
            let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                // The line lacks a number then, no more.
                let _ = write!(out, "{:.1}/s", state.per_sec());
            };
            ProgressBar::with_draw_target(Some(total), target)
                .with_style(style.with_key("rate", rate))
                .with_message("0 failed")
        });
        Self {
            total,
            begun: now,
            state: Mutex::new(State {
                done: 0,
                failed: 0,
                said: now,
            }),
            bar,
        }
    }

    /// A run is over; `failure` says of which seed and why, if it failed.
    pub(crate) fn done(&self, failure: Option<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += 1;
        state.failed += u64::from(failure.is_some());
        match &self.bar {
            Some(bar) => {
                if let Some(failure) = failure {
                    bar.println(failure);
                    bar.set_message(format!("{} failed", state.failed));
                }
                bar.inc(1);
            }
            None => {
                if let Some(failure) = failure {
                    eprintln!("{failure}");
                }
                if state.said.elapsed() >= BETWEEN || state.done == self.total {
                    state.said = Instant::now();
                    eprintln!("{}", self.line(&state));
                }
            }
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    #[expect(clippy::cast_precision_loss)] // numbers of seeds
    fn line(&self, state: &State) -> String {
        let rate = state.done as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        let left = (self.total - state.done) as f64 / rate.max(1e-9);
        format!(
            "{}/{} seeds, {} failed, {rate:.1}/s, {left:.0} s left",
            state.done, self.total, state.failed
        )
    }
}
