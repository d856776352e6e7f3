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
    /// Write the journal of a node to this file, for `replay`; of its second life to FILE.2, and so on.
    #[arg(long, value_name = "NODE=FILE", value_parser = journal)]
    journal: Option<(String, PathBuf)>,
    #[command(flatten)]
    common: Common,
}

fn journal(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((node, file)) if !node.is_empty() && !file.is_empty() => {
            Ok((node.into(), file.into()))
        }
        Some(_) | None => Err(format!(
            "`{text}` is not NODE=FILE, for example n1=n1.journal"
        )),
    }
}

pub(crate) fn run(arguments: Run) -> ExitCode {
    let Run {
        seed,
        trace,
        notes,
        journal,
        common,
    } = arguments;
    let request = common.request(seed, trace);
    let begun = Instant::now();
    let world = match &journal {
        Some((node, _)) => {
            run::recorded_world(&request, node).map(|(world, journals)| (world, Some(journals)))
        }
        None => run::world(&request).map(|world| (world, None)),
    };
    let mut journals = None;
    let result = world.and_then(|(mut world, recorded)| {
        journals = recorded;
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
    if let (Some(journals), Some((_, path))) = (journals, journal)
        && let Err(error) = journals.write(&path)
    {
        return complain(&format!("{}: {error}", path.display()));
    }
    if report.violation.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
