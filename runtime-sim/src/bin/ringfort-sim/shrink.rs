//! `ringfort-sim shrink`: the smallest schedule that fails as a seed or another schedule does.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use clap::Args;
use ringfort_runtime_sim::{
    run::{self, RunError},
    schedule::Schedule,
    shrink::{Progress, Shrinker, verdict},
};

use crate::{arguments::Common, output::complain};

/// Make a failing run as small as it gets, as a schedule that `replay` runs.
#[derive(Args, Debug)]
pub(crate) struct Shrink {
    /// The schedule to begin with.
    #[arg(required_unless_present = "seed", conflicts_with = "seed")]
    file: Option<PathBuf>,
    /// The seed to begin with.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the result goes; printed by default.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The most runs to make.
    #[arg(long, value_name = "N", default_value = "3000")]
    runs: u64,
    /// Threads; by default one for each processor.
    #[arg(long)]
    jobs: Option<usize>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(arguments: &Shrink) -> ExitCode {
    let schedule = match beginning(arguments) {
        Ok(schedule) => schedule,
        Err(error) => return complain(&error),
    };
    if schedule.expect == "ok" {
        return complain(&"this run breaks nothing, so there is nothing to be made smaller");
    }
    let jobs = arguments
        .jobs
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let before = schedule.steps.len();
    let mut progress = |progress: Progress| {
        eprint!(
            "\r{} runs: {} steps, {} parameters, {} nodes    ",
            progress.runs, progress.steps, progress.settings, progress.nodes
        );
        let _ = std::io::stderr().flush();
    };
    // Hundreds of runs that panic on purpose need not say so each time.
    if schedule.expect == "panic" {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let small = Shrinker::new(jobs, arguments.runs, &verdict, &mut progress).shrink(schedule);
    eprintln!(
        "\r{}: {} of {before} steps are left{:30}",
        small.expect,
        small.steps.len(),
        ""
    );
    if arguments.common.json {
        let text = small.render();
        println!(
            "{}",
            serde_json::json!({ "verdict": small.expect, "before": before, "steps": small.steps.len(), "schedule": text })
        );
    }
    match &arguments.output {
        Some(path) => {
            if let Err(error) = fs::write(path, small.render()) {
                return complain(&format!("{}: {error}", path.display()));
            }
            eprintln!("again: ringfort-sim replay {}", path.display());
        }
        None if !arguments.common.json => print!("{}", small.render()),
        None => {}
    }
    ExitCode::SUCCESS
}

/// The whole run: kept of a seed, or from a file and run once for its verdict.
fn beginning(arguments: &Shrink) -> Result<Schedule, String> {
    let request = arguments
        .common
        .request(arguments.seed.unwrap_or_default(), None);
    #[cfg_attr(
        not(feature = "defects"),
        expect(unused_mut, reason = "only a defect changes it")
    )]
    let mut schedule = match &arguments.file {
        None => {
            let mut world = run::world(&request).map_err(|error| error.to_string())?;
            world.keep_steps();
            run::keep(&request, world)
                .map_err(|error| error.to_string())?
                .0
        }
        Some(path) => {
            let text =
                fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let schedule =
                Schedule::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            #[cfg(feature = "defects")]
            let chosen = arguments.common.defect.is_some();
            #[cfg(not(feature = "defects"))]
            let chosen = false;
            if !chosen {
                crate::replay::switch_on(&schedule)?;
            }
            if let Err(error @ (RunError::Configuration(_) | RunError::Trace { .. })) =
                run::follow(&schedule, None)
            {
                return Err(format!("{}: {error}", path.display()));
            }
            let verdict = verdict(&schedule);
            let expect = verdict.split(':').next().unwrap_or_default().to_owned();
            Schedule { expect, ..schedule }
        }
    };
    #[cfg(feature = "defects")]
    if let Some(defect) = arguments.common.defect {
        schedule.defect = Some(defect.name().to_owned());
    }
    Ok(schedule)
}
