//! `ringfort-sim replay`: a schedule, run again.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use ringfort_runtime_sim::{run, schedule::Schedule, world::Report};

use crate::output::{complain, report_json};

/// Run a schedule that `shrink` or somebody wrote.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The schedule.
    file: PathBuf,
    /// Write the trace to this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Replay) -> ExitCode {
    let read = fs::read_to_string(&arguments.file).map_err(|error| error.to_string());
    let schedule =
        match read.and_then(|text| Schedule::parse(&text).map_err(|error| error.to_string())) {
            Ok(schedule) => schedule,
            Err(error) => return complain(&format!("{}: {error}", arguments.file.display())),
        };
    if let Err(code) = switch_on(&schedule) {
        return code;
    }
    match run::follow(&schedule, arguments.trace.as_ref()) {
        Ok(report) => tell(arguments, &schedule, &report),
        Err(error) => complain(&format!("{}: {error}", arguments.file.display())),
    }
}

/// The defect that a schedule shows is switched on, if this program has it.
fn switch_on(schedule: &Schedule) -> Result<(), ExitCode> {
    let Some(name) = &schedule.defect else {
        return Ok(());
    };
    #[cfg(feature = "defects")]
    {
        let Some(defect) = ringfort_machine::defect::Defect::from_name(name) else {
            return Err(complain(&format!("there is no defect `{name}`")));
        };
        ringfort_machine::defect::activate(Some(defect));
    }
    #[cfg(not(feature = "defects"))]
    eprintln!(
        "the schedule shows the defect `{name}`, which this program does not have: build it with \
         `--features ringfort-runtime-sim/defects`"
    );
    Ok(())
}

fn tell(arguments: &Replay, schedule: &Schedule, report: &Report) -> ExitCode {
    let verdict = report
        .violation
        .as_ref()
        .map_or("ok", |violation| violation.checker);
    if arguments.json {
        println!("{}", report_json(report));
    } else {
        println!(
            "{} steps, {} simulated seconds: {verdict}, written as {}\n{}",
            schedule.steps.len(),
            report.end.as_nanos() / 1_000_000_000,
            schedule.expect,
            report.hash
        );
    }
    match &report.violation {
        Some(violation) => complain(violation),
        None => ExitCode::SUCCESS,
    }
}
