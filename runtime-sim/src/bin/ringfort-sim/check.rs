//! `ringfort-sim check`: the checkers' verdict on a recorded trace.

use std::{fs::File, io::BufReader, path::PathBuf, process::ExitCode};

use clap::Args;
use ringfort_runtime_sim::replay;

use crate::output::complain;

/// Judge a recorded trace.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The trace.
    file: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Check) -> ExitCode {
    let Check { file, json } = arguments;
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
    if *json {
        let message = judgement
            .violation
            .as_ref()
            .map(|violation| violation.message.as_str());
        println!(
            "{}",
            serde_json::json!({
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
