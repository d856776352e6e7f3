//! `ringfort-sim explore`: the runs of many seeds.

use std::{
    collections::BTreeMap,
    ops::Range,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use ringfort_runtime_sim::{
    explore::{Summary, explore},
    recorder::Tally,
    run::{Request, RunError, replay_command},
    world::Report,
};
use serde_json::{Value, json};

use crate::{
    arguments::{Common, range},
    output::report_json,
    progress::Progress,
};

/// How many of the slowest seeds are named.
const SLOWEST: usize = 5;

/// Make the runs of many seeds.
#[derive(Args, Debug)]
pub(crate) struct Explore {
    /// The seeds, `A..B` with B excluded.
    #[arg(long, value_name = "A..B", value_parser = range)]
    seeds: Range<u64>,
    /// Threads; by default one for each processor.
    #[arg(long)]
    jobs: Option<usize>,
    /// Say how often each note of the core was said; fail if one never was that could have been.
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(arguments: Explore) -> ExitCode {
    let Explore {
        seeds,
        jobs,
        coverage,
        common,
    } = arguments;
    let jobs = jobs
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let pattern = common.request(seeds.start, None);
    let progress = Progress::new(seeds.end - seeds.start);
    let begun = Instant::now();
    let summary = explore(seeds, &pattern, jobs, |seed, result| {
        progress.done(failure(seed, result));
        true
    });
    progress.finish();
    let made = Made {
        summary: &summary,
        took: begun.elapsed(),
        jobs,
    };
    if common.json {
        println!("{}", made.json());
    } else {
        made.print(&pattern);
    }
    for (seed, error) in &summary.errors {
        eprintln!("seed {seed}: {error}");
    }
    let heard = !coverage || crate::coverage::tell(&summary);
    let clean = summary.errors.is_empty() && summary.failures().next().is_none() && heard;
    if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What is said of a run at once, if it failed.
fn failure(seed: u64, result: &Result<Report, RunError>) -> Option<String> {
    match result {
        Ok(report) => report
            .violation
            .as_ref()
            .map(|violation| format!("seed {seed}: {violation}")),
        Err(error) => Some(format!("seed {seed}: {error}")),
    }
}

/// All the runs, and what they took.
struct Made<'a> {
    summary: &'a Summary,
    took: Duration,
    jobs: usize,
}

impl Made<'_> {
    fn json(&self) -> Value {
        let runs: Vec<_> = self.summary.reports.values().map(report_json).collect();
        let failures: Vec<_> = self
            .summary
            .failures()
            .map(|(seed, checker)| json!({ "seed": seed, "verdict": checker }))
            .collect();
        let totals = self.summary.totals();
        let slowest: Vec<_> = self
            .summary
            .slowest(SLOWEST)
            .into_iter()
            .map(|(seed, cost)| json!({ "seed": seed, "cpu_s": cost.as_secs_f64() }))
            .collect();
        json!({
            "runs": runs,
            "failures": failures,
            "summary": {
                "runs": totals.runs,
                "errors": self.summary.errors.len(),
                "jobs": self.jobs,
                "took_s": self.took.as_secs_f64(),
                "cpu_s": totals.cpu.as_secs_f64(),
                "simulated_s": totals.simulated.as_secs_f64(),
                "cluster_seconds_per_cpu_hour": totals.cluster_seconds_per_cpu_hour(),
                "messages": { "sent": totals.tally.sent, "delivered": totals.tally.delivered },
                "configurations": totals.tally.configurations,
                "faults": totals.tally.faults,
                "verdicts": totals.verdicts,
                "slowest": slowest,
            },
        })
    }

    fn print(&self, pattern: &Request) {
        let totals = self.summary.totals();
        let row = |name: &str, value: &str| println!("{name:<16} {value}");
        row(
            "runs",
            &format!(
                "{} in {:.1} s on {} threads",
                totals.runs,
                self.took.as_secs_f64(),
                self.jobs
            ),
        );
        row(
            "simulated",
            &format!(
                "{:.0} s, {:.0} cluster-seconds for each CPU-hour",
                totals.simulated.as_secs_f64(),
                totals.cluster_seconds_per_cpu_hour()
            ),
        );
        let Tally {
            sent,
            delivered,
            configurations,
            faults,
        } = &totals.tally;
        row("messages", &format!("{sent} sent, {delivered} delivered"));
        row("configurations", &format!("{configurations} installed"));
        row("faults", &counts(faults));
        row("verdicts", &counts(&totals.verdicts));
        let slowest: Vec<String> = self
            .summary
            .slowest(SLOWEST)
            .iter()
            .map(|(seed, cost)| format!("{seed} ({:.2} s)", cost.as_secs_f64()))
            .collect();
        row("slowest seeds", &slowest.join(", "));
        for report in self.summary.reports.values() {
            if let Some(violation) = &report.violation {
                let seed = report.seed;
                println!("seed {seed}: {violation}");
                let again = Request {
                    seed,
                    ..pattern.clone()
                };
                println!("    {}", replay_command(&again));
            }
        }
    }
}

fn counts<K: std::fmt::Display>(of: &BTreeMap<K, u64>) -> String {
    if of.is_empty() {
        return "none".to_owned();
    }
    let all: Vec<String> = of
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    all.join(", ")
}
