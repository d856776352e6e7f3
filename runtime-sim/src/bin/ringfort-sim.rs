//! `ringfort-sim`: simulated clusters on the command line. One seed, many seeds, or a recorded trace.
#![allow(clippy::print_stdout, clippy::print_stderr)] // this is where the program talks

use std::{
    fs::File,
    io::BufReader,
    ops::Range,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use clap::{Args, Parser, Subcommand};
use ringfort_runtime_sim::{
    explore::{Summary, explore},
    replay,
    run::{self, Request, replay_command},
    world::Report,
};
use serde_json::json;

/// Deterministic simulation of whole clusters.
#[derive(Debug, Parser)]
#[command(name = "ringfort-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the run of one seed.
    Run {
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
    },
    /// Make the runs of many seeds.
    Explore {
        /// The seeds, `A..B` with B excluded.
        #[arg(long, value_name = "A..B", value_parser = range)]
        seeds: Range<u64>,
        /// Threads; by default one for each processor.
        #[arg(long)]
        jobs: Option<usize>,
        #[command(flatten)]
        common: Common,
    },
    /// Judge a recorded trace.
    Check {
        /// The trace.
        file: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
struct Common {
    /// How many nodes; drawn from the seed by default.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=64))]
    nodes: Option<u64>,
    /// How long faults strike, for example 60, 60s, 5m.
    #[arg(long = "for", value_name = "T", default_value = "60s", value_parser = time)]
    faults_for: Duration,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Switch a deliberate fault on, to see it caught.
    #[cfg(feature = "defects")]
    #[arg(long, value_name = "NAME", value_parser = defect)]
    defect: Option<ringfort_machine::defect::Defect>,
}

impl Common {
    fn request(&self, seed: u64, trace: Option<PathBuf>) -> Request {
        #[cfg(feature = "defects")]
        ringfort_machine::defect::activate(self.defect);
        Request {
            seed,
            nodes: self.nodes,
            faults_for: self.faults_for,
            trace,
        }
    }
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("`{text}` is no range of seeds; write A..B, for example 0..100");
    let (low, high) = text.split_once("..").ok_or_else(wrong)?;
    let low = low.parse().map_err(|_| wrong())?;
    let high = high.parse().map_err(|_| wrong())?;
    if low < high {
        Ok(low..high)
    } else {
        Err(wrong())
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write seconds, or 90s, 5m, 1h");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    match &text[digits.len()..] {
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        _ => Err(wrong()),
    }
}

#[cfg(feature = "defects")]
fn defect(name: &str) -> Result<ringfort_machine::defect::Defect, String> {
    use ringfort_machine::defect::Defect;
    Defect::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Defect::ALL.iter().map(|defect| defect.name()).collect();
        format!(
            "there is no defect `{name}`; there are {}",
            names.join(", ")
        )
    })
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run {
            seed,
            trace,
            notes,
            common,
        } => run_one(&common, seed, trace, notes),
        Command::Explore {
            seeds,
            jobs,
            common,
        } => run_many(&common, seeds, jobs),
        Command::Check { file, json } => check(&file, json),
    }
}

fn complain(what: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("ringfort-sim: {what}");
    ExitCode::FAILURE
}

fn run_one(common: &Common, seed: u64, trace: Option<PathBuf>, notes: bool) -> ExitCode {
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

/// Says what broke, when, and how to see it again.
fn explain(request: &Request, report: &Report) {
    let Some(violation) = &report.violation else {
        return;
    };
    eprintln!("seed {}: {violation}", report.seed);
    eprintln!("at {} s, commit {}", report.end, run::commit());
    if !report.wakes.is_empty() {
        let wakes: Vec<String> = report
            .wakes
            .iter()
            .take(5)
            .map(|(why, count)| format!("{why} ({count})"))
            .collect();
        eprintln!("woken since calm: {}", wakes.join(", "));
    }
    eprintln!("again: {}", replay_command(request));
}

fn report_json(report: &Report) -> serde_json::Value {
    json!({
        "seed": report.seed,
        "commit": run::commit(),
        "hash": report.hash,
        "verdict": report.violation.as_ref().map_or("ok", |violation| violation.checker),
        "message": report.violation.as_ref().map(|violation| violation.message.as_str()),
        "end_ns": report.end.as_nanos(),
        "steps": report.steps,
        "lines": report.lines,
        "frames": { "delivered": report.carried.delivered, "lost": report.carried.lost },
        "wakes": report.wakes.iter().take(5).collect::<Vec<_>>(),
    })
}

fn run_many(common: &Common, seeds: Range<u64>, jobs: Option<usize>) -> ExitCode {
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

fn check(file: &PathBuf, as_json: bool) -> ExitCode {
    let judged = File::open(file)
        .map_err(replay::TraceError::from)
        .and_then(|open| replay::check(BufReader::new(open)));
    let judgement = match judged {
        Ok(judgement) => judgement,
        Err(error) => return complain(&format!("{}: {error}", file.display())),
    };
    let verdict = judgement
        .violation
        .as_ref()
        .map_or("ok", |violation| violation.checker);
    if as_json {
        let message = judgement
            .violation
            .as_ref()
            .map(|violation| violation.message.as_str());
        println!(
            "{}",
            json!({
                "lines": judgement.lines,
                "written": judgement.written,
                "verdict": verdict,
                "message": message,
            })
        );
    } else {
        println!(
            "{} lines, written as {}: {verdict}",
            judgement.lines, judgement.written
        );
    }
    match judgement.violation {
        Some(violation) => complain(&violation),
        None => ExitCode::SUCCESS,
    }
}
