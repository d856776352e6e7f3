//! A lab as a program: what its `main` calls.

use std::{env, fmt::Display, io, ops::Range, path::PathBuf, process::ExitCode};

use clap::Parser;
use serde_json::json;

use super::Lab;

/// Runs a lab: whole clusters in virtual time, under faults drawn from a seed.
#[derive(Parser, Debug)]
struct Arguments {
    /// The runs of these seeds, `A..B` with B excluded, up to the first that fails.
    #[arg(long, value_name = "A..B", default_value = "0..100", value_parser = range)]
    seeds: Range<u64>,
    /// One run only.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where its trace goes.
    #[arg(long, value_name = "FILE", requires = "seed")]
    trace: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
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

impl Lab {
    /// Does what the command line of the present program asks for: `--seeds A..B`, or `--seed N` with `--trace FILE`.
    /// The exit code is 0 only if nothing was objected to.
    pub fn main(mut self) -> ExitCode {
        let arguments = Arguments::parse();
        self.command = env::args().next();
        match arguments.seed {
            Some(seed) => self.one(seed, &arguments),
            None => self.many(&arguments),
        }
    }

    fn one(&self, seed: u64, arguments: &Arguments) -> ExitCode {
        let report = match &arguments.trace {
            None => self.run(seed),
            Some(file) => match self.record(seed, file) {
                Ok(report) => report,
                Err(error) => {
                    let file = file.display();
                    say(
                        &mut io::stderr(),
                        &format_args!("{file}: {error}; choose another file"),
                    );
                    return ExitCode::FAILURE;
                }
            },
        };
        let good = report.violation.is_none();
        if arguments.json {
            say(&mut io::stdout(), &report.json());
        } else if good {
            say(&mut io::stdout(), &report);
        } else {
            say(&mut io::stderr(), &report);
        }
        code(good)
    }

    fn many(&self, arguments: &Arguments) -> ExitCode {
        let summary = self.explore(arguments.seeds.clone());
        let good = summary.failure().is_none();
        if arguments.json {
            let failure = summary.failure().map(super::Report::json);
            let runs: Vec<_> = summary.reports.values().map(super::Report::json).collect();
            say(
                &mut io::stdout(),
                &json!({ "runs": runs, "failure": failure }),
            );
        } else if good {
            say(&mut io::stdout(), &summary);
        } else {
            say(&mut io::stderr(), &summary);
        }
        code(good)
    }
}

fn code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A reader that went away is no failure of the runs.
fn say(to: &mut impl io::Write, what: &dyn Display) {
    let _ = writeln!(to, "{what}");
}
