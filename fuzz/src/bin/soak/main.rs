//! `soak`: seeded fuzzing campaigns on a stable compiler.
//!
//! Every target gets its time on one of a few threads. What fails is made small, written down, and printed with
//! the command that replays it; the exit code is then 1. The program itself only parses arguments and prints;
//! see `ringfort_fuzz::campaign` for what a campaign is, and [`watch`] for what no panic reports.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use ringfort_fuzz::{ALL, CANARY, Marks, Target, find};

mod crew;
mod report;
mod watch;

/// Runs fuzz targets from a seed, without a special compiler.
#[derive(Parser, Debug)]
#[command(version, about)]
struct Arguments {
    /// The targets to run; `all` means all that must not fail. See --list.
    #[arg(required_unless_present = "list")]
    targets: Vec<String>,
    /// How long each target runs: a number with ms, s, m or h.
    #[arg(long = "for", default_value = "30s", value_parser = duration)]
    time: Duration,
    /// Ends each target after this many executions, if its time is not up before.
    #[arg(long)]
    execs: Option<u64>,
    /// The seed that all inputs follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many run at a time. With more jobs than targets, a target runs several times with unlike inputs.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Runs one target with this file instead, without a guard: the panic is printed as it is.
    #[arg(long)]
    input: Option<PathBuf>,
    /// An input that takes longer than this counts as hanging.
    #[arg(long, default_value = "10s", value_parser = duration)]
    hang: Duration,
    /// The most memory the program may use, in MiB, before the inputs at hand are written down.
    #[arg(long, default_value_t = 2048)]
    memory: u64,
    /// Writes a few inputs that together show what was found new into this directory, one below it per target.
    #[arg(long)]
    save: Option<PathBuf>,
    /// How many inputs --save writes for each target, at most.
    #[arg(long, default_value_t = 24)]
    save_most: usize,
    /// Writes each input to a file before it is run, for what kills the whole process. Slow.
    #[arg(long)]
    record: bool,
    /// Where failing inputs are written.
    #[arg(long, default_value_os_t = ringfort_fuzz::corpus::home().join("failures"))]
    failures: PathBuf,
    /// Prints one JSON object for each target instead of text.
    #[arg(long)]
    json: bool,
    /// Lists the targets.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        report::list(arguments.json);
        return ExitCode::SUCCESS;
    }
    let targets = match chosen(&arguments.targets) {
        Ok(targets) => targets,
        Err(problem) => return report::refuse(&problem),
    };
    match (&arguments.input, targets.as_slice()) {
        (Some(path), [target]) => replay(target, path),
        (Some(_), _) => report::refuse("--input needs exactly one target"),
        (None, _) => crew::run(&arguments, &targets),
    }
}

/// The targets with these names, in the order given.
fn chosen(names: &[String]) -> Result<Vec<&'static Target>, String> {
    let mut targets: Vec<&'static Target> = Vec::new();
    for name in names {
        if name == "all" {
            targets.extend(ALL);
        } else {
            let target = find(name);
            targets.push(target.ok_or_else(|| {
                let all: Vec<&str> = ALL.iter().chain([&CANARY]).map(|one| one.name).collect();
                format!(
                    "no target is called `{name}`; there are: {}",
                    all.join(", ")
                )
            })?);
        }
    }
    Ok(targets)
}

fn replay(target: &Target, path: &PathBuf) -> ExitCode {
    match fs::read(path) {
        Ok(input) => {
            (target.run)(&input, &mut Marks::default());
            report::passed(target, path);
            ExitCode::SUCCESS
        }
        Err(error) => report::refuse(&format!("cannot read {}: {error}", path.display())),
    }
}

/// `30s`, `20m`, `1h` or `200ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis))
        .filter(|millis| *millis > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| "a time is a number with a unit, such as 30s, 20m or 1h".into())
}
