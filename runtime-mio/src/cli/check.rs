//! `ringfort check`: is this configuration right, and if not, what is wrong where.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Verdict, print, print_json};
use crate::{BootError, configuration::judge};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Configuration files; each is checked with everything it includes.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON object for each file.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    file: String,
    valid: bool,
    errors: usize,
    warnings: usize,
    report: String,
}

/// Checks each file; good if all pass. Warnings do not count against a file.
pub(super) fn run(options: &Options) -> Result<Verdict, BootError> {
    let mut verdict = Verdict::Good;
    for file in &options.files {
        let judged = judge(file, None);
        let valid = judged.errors == 0 && judged.settings.is_some();
        if !valid {
            verdict = Verdict::Bad;
        }
        let answer = Answer {
            file: file.display().to_string(),
            valid,
            errors: judged.errors,
            warnings: judged.warnings,
            report: judged.report,
        };
        if options.json {
            print_json(&answer)?;
        } else {
            if !answer.report.is_empty() {
                print(format!("{}\n", answer.report.trim_end()))?;
            }
            let words = if valid {
                "Configuration valid".into()
            } else {
                format!("{} mistakes", answer.errors)
            };
            print(format!("{}: {words}\n", answer.file))?;
        }
    }
    Ok(verdict)
}
