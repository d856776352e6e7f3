//! `ringfort-sim bench`: how fast simulation is here.

use std::{ops::Range, process::ExitCode, time::Duration};

use clap::Args;
use ringfort_runtime_sim::{
    bench::{self, Measured},
    run::{self, RunError},
};
use serde_json::json;

use crate::{
    arguments::{range, time},
    output::complain,
};

/// Measure how fast simulation is, and what the checkers cost.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// Simulated time of the idle and of the loaded cluster.
    #[arg(long = "for", value_name = "T", default_value = "10m", value_parser = time)]
    lasts: Duration,
    /// The drawn runs to make.
    #[arg(long, value_name = "A..B", default_value = "1..41", value_parser = range)]
    seeds: Range<u64>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Bench) -> ExitCode {
    let measured = match measure(arguments) {
        Ok(measured) => measured,
        Err(error) => return complain(&error),
    };
    if arguments.json {
        let cases: Vec<_> = measured.iter().map(as_json).collect();
        println!("{}", json!({ "commit": run::commit(), "cases": cases }));
        return ExitCode::SUCCESS;
    }
    println!(
        "| case | runs | simulated s | processor s | cluster-s an hour | runs an hour | checkers | lines |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for one in &measured {
        println!(
            "| {} | {} | {} | {:.2} | {} | {} | {} % | {} |",
            one.case,
            one.runs,
            one.simulated_seconds,
            one.cpu_ms as f64 / 1_000.0,
            one.seconds_per_hour(),
            one.runs_per_hour(),
            one.checkers_percent(),
            one.lines
        );
    }
    ExitCode::SUCCESS
}

fn measure(arguments: &Bench) -> Result<[Measured; 4], RunError> {
    eprint!("\ridle cluster   ");
    let idle = bench::cluster("idle", &bench::idle(), arguments.lasts)?;
    eprint!("\rloaded cluster ");
    let moderate = bench::cluster("moderate", &bench::moderate(), arguments.lasts)?;
    eprint!("\rbusy cluster   ");
    let busy = bench::cluster("busy", &bench::busy(), arguments.lasts)?;
    let swarm = bench::swarm(arguments.seeds.clone(), |seed| {
        eprint!("\rseed {seed}      ")
    })?;
    eprint!("\r                \r");
    Ok([idle, moderate, busy, swarm])
}

fn as_json(measured: &Measured) -> serde_json::Value {
    json!({
        "measured": measured,
        "cluster_seconds_per_cpu_hour": measured.seconds_per_hour(),
        "runs_per_cpu_hour": measured.runs_per_hour(),
        "checkers_percent": measured.checkers_percent(),
    })
}
