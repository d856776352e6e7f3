//! `ringfort-sim replay`: does again what a file tells. The beginning of the file says which kind it is: the journal of
//! a node is lived again, anything else is read as a schedule and run.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use ringfort_runtime_sim::{journal, run, schedule::Schedule, world::Report};

use crate::{
    output::{complain, report_json},
    replay_journal,
};

/// Run a schedule that `shrink` or somebody wrote, or live the life of a node again from its journal.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The schedule, or the journal of `ringfort node --journal` or `run --journal`.
    file: PathBuf,
    /// Write the trace of a schedule to this file.
    #[arg(long, value_name = "FILE", conflicts_with = "notes")]
    trace: Option<PathBuf>,
    /// Print everything that the node of a journal says about itself to stderr.
    #[arg(long)]
    notes: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Replay) -> ExitCode {
    // A file that is not there is named where schedules are read.
    if journal::is_journal(&arguments.file).unwrap_or(false) {
        if arguments.trace.is_some() {
            return complain(&"a journal has no trace: leave --trace away, or give a schedule");
        }
        return replay_journal::run(&arguments.file, arguments.notes, arguments.json);
    }
    if arguments.notes {
        return complain(&format!(
            "{}: this is no journal of a node: leave --notes away, or give a FILE of `ringfort node --journal FILE`",
            arguments.file.display()
        ));
    }
    let read = fs::read_to_string(&arguments.file).map_err(|error| error.to_string());
    let schedule =
        match read.and_then(|text| Schedule::parse(&text).map_err(|error| error.to_string())) {
            Ok(schedule) => schedule,
            Err(error) => return complain(&format!("{}: {error}", arguments.file.display())),
        };
    if let Err(error) = switch_on(&schedule) {
        return complain(&error);
    }
    match run::follow(&schedule, arguments.trace.as_ref()) {
        Ok(report) => tell(arguments, &schedule, &report),
        Err(error) => complain(&format!("{}: {error}", arguments.file.display())),
    }
}

/// The defect that a schedule shows is switched on, if this program has it.
pub(crate) fn switch_on(schedule: &Schedule) -> Result<(), String> {
    let Some(name) = &schedule.defect else {
        return Ok(());
    };
    #[cfg(feature = "defects")]
    {
        let Some(defect) = ringfort_machine::defect::Defect::from_name(name) else {
            return Err(format!("there is no defect `{name}`"));
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
