//! `ringfort-sim explore`: the runs of many seeds.

use std::{
    ops::Range,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use clap::Args;
use ringfort_runtime_sim::{
    explore::{Summary, explore},
    run::{Request, replay_command},
};
use serde_json::json;

use crate::{
    arguments::{Common, range},
    output::report_json,
};

/// Make the runs of many seeds.
#[derive(Args, Debug)]
pub(crate) struct Explore {
    /// The seeds, `A..B` with B excluded.
    #[arg(long, value_name = "A..B", value_parser = range)]
    seeds: Range<u64>,
    /// Threads; by default one for each processor.
    #[arg(long)]
    jobs: Option<usize>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(arguments: Explore) -> ExitCode {
    let Explore {
        seeds,
        jobs,
        common,
    } = arguments;
    let jobs = jobs
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let pattern = common.request(seeds.start, None);
    let total = seeds.end - seeds.start;
    let (done, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    let summary = explore(seeds, &pattern, jobs, |_, result| {
        let good = result
            .as_ref()
            .is_ok_and(|report| report.violation.is_none());
        let failed = failed.fetch_add(u64::from(!good), Ordering::Relaxed) + u64::from(!good);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        eprint!("\r{done} of {total} seeds, {failed} failed ");
        true
    });
    eprintln!();
    if common.json {
        print_json(&summary);
    } else {
        print_table(&pattern, &summary, begun.elapsed());
    }
    for (seed, error) in &summary.errors {
        eprintln!("seed {seed}: {error}");
    }
    let clean = summary.errors.is_empty() && summary.failures().next().is_none();
    if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print_json(summary: &Summary) {
    let runs: Vec<_> = summary.reports.values().map(report_json).collect();
    let failures: Vec<_> = summary
        .failures()
        .map(|(seed, checker)| json!({ "seed": seed, "verdict": checker }))
        .collect();
    println!("{}", json!({ "runs": runs, "failures": failures }));
}

fn print_table(pattern: &Request, summary: &Summary, took: Duration) {
    let simulated: u64 = summary
        .reports
        .values()
        .map(|report| report.end.as_nanos() / 1_000_000_000)
        .sum();
    println!(
        "{} runs, {simulated} simulated seconds in {:.1} s",
        summary.reports.len(),
        took.as_secs_f64()
    );
    for (checker, count) in summary.by_checker() {
        println!("{checker:<24} {count:>6}");
    }
    for report in summary.reports.values() {
        if let Some(violation) = &report.violation {
            println!("seed {}: {violation}", report.seed);
            println!(
                "    {}",
                replay_command(&Request {
                    seed: report.seed,
                    ..pattern.clone()
                })
            );
        }
    }
}
