//! `ringfort-sim run`: the run of one seed.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Args;
use ringfort_runtime_sim::run;

use crate::{
    arguments::Common,
    output::{complain, explain, report_json},
};

/// Make the run of one seed.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The seed.
    #[arg(long)]
    seed: u64,
    /// Write the trace to this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print everything that the processes say about themselves to stderr.
    #[arg(long)]
    notes: bool,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(arguments: Run) -> ExitCode {
    let Run {
        seed,
        trace,
        notes,
        common,
    } = arguments;
    let request = common.request(seed, trace);
    let begun = Instant::now();
    let result = run::world(&request).and_then(|mut world| {
        if notes {
            world.watch_notes(Box::new(|at, p, note| eprintln!("{at} {p} {note:?}")));
        }
        run::finish(&request, world)
    });
    let report = match result {
        Ok(report) => report,
        Err(error) => return complain(&error),
    };
    let took = begun.elapsed();
    if common.json {
        println!("{}", report_json(&report));
    } else {
        println!(
            "seed {seed}: {} simulated seconds, {} steps, {} lines in {:.2} s\n{}",
            report.end.as_nanos() / 1_000_000_000,
            report.steps,
            report.lines,
            took.as_secs_f64(),
            report.hash
        );
    }
    explain(&request, &report);
    if report.violation.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
