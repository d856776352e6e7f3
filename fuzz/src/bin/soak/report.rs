//! What `soak` prints. Outcomes go to the standard output, progress and refusals to the standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use ringfort_fuzz::{ALL, CANARY, Target};
use serde_json::{Value, json};

/// How a campaign ended.
pub(crate) struct Outcome {
    pub target: &'static str,
    pub lane: usize,
    pub seed: u64,
    pub executions: u64,
    pub seconds: f64,
    pub corpus: usize,
    pub kept: usize,
    pub marks: usize,
    pub saved: usize,
    pub failed: Option<Failed>,
}

/// A failure that was found.
pub(crate) struct Failed {
    pub message: String,
    pub place: String,
    pub bytes: usize,
    pub found_bytes: usize,
    pub file: Result<PathBuf, String>,
}

pub(crate) fn outcome(outcome: &Outcome, json: bool) {
    let rate = outcome.executions as f64 / outcome.seconds.max(1e-9);
    if json {
        println!("{}", as_json(outcome, rate));
        return;
    }
    let verdict = if outcome.failed.is_some() {
        "FAILED"
    } else {
        "ok"
    };
    println!(
        "{:<16} {verdict:<6} {:>10} runs {:>7.1} s {:>9.0}/s  corpus {:>3}, kept {:>4}, marks {:>5}",
        outcome.target,
        outcome.executions,
        outcome.seconds,
        rate,
        outcome.corpus,
        outcome.kept,
        outcome.marks
    );
    if outcome.saved > 0 {
        println!("  {} inputs saved", outcome.saved);
    }
    if let Some(failed) = &outcome.failed {
        println!("  {}\n  raised at {}", failed.message, failed.place);
        println!("  {} bytes, made of {}", failed.bytes, failed.found_bytes);
        kept(outcome.target, &failed.file);
    }
}

fn as_json(outcome: &Outcome, rate: f64) -> Value {
    let failed = outcome.failed.as_ref().map(|failed| {
        json!({
            "message": failed.message,
            "place": failed.place,
            "bytes": failed.bytes,
            "found_bytes": failed.found_bytes,
            "file": failed.file.as_ref().ok(),
        })
    });
    json!({
        "target": outcome.target,
        "lane": outcome.lane,
        "seed": outcome.seed,
        "executions": outcome.executions,
        "seconds": outcome.seconds,
        "per_second": rate.round(),
        "corpus": outcome.corpus,
        "kept": outcome.kept,
        "marks": outcome.marks,
        "saved": outcome.saved,
        "failed": failed,
    })
}

/// Where a failing input is, and how to run it again.
fn kept(target: &str, file: &Result<PathBuf, String>) {
    match file {
        Ok(path) => println!("  replay: {}", replay(target, path)),
        Err(error) => println!("  the input could not be written down: {error}"),
    }
}

fn replay(target: &str, path: &Path) -> String {
    format!(
        "cargo run --release -p ringfort-fuzz --bin soak -- {target} --input {}",
        path.display()
    )
}

pub(crate) fn stopped(target: &str, what: &str, file: &Result<PathBuf, String>) {
    println!("{target:<16} FAILED: it {what}");
    kept(target, file);
}

pub(crate) fn progress(target: &str, executions: u64, memory_bytes: u64) {
    eprintln!(
        "{target:<16} {executions:>10} runs so far, {} MiB",
        memory_bytes >> 20
    );
}

pub(crate) fn list(json: bool) {
    for target in ALL.iter().chain([&CANARY]) {
        if json {
            println!(
                "{}",
                json!({ "target": target.name, "about": target.about })
            );
        } else {
            println!("{:<16} {}", target.name, target.about);
        }
    }
}

pub(crate) fn passed(target: &Target, path: &Path) {
    println!("{}: {} passes", target.name, path.display());
}

/// Says why nothing was done. Exit code 2, as for a wrong option.
pub(crate) fn refuse(problem: &str) -> ExitCode {
    eprintln!("soak: {problem}");
    ExitCode::from(2)
}
