//! The command line of `ringfort`: one subcommand a file, parsed as data, decided here once.
//!
//! Long options; `--json` on everything that prints state; answers on standard output, everything else on
//! standard error; exit code 0 only on success.

mod check;
mod console;
mod daemon;
mod flood;
mod group;
mod keys;
mod log;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};

use crate::{BootError, up};

/// Clustering for a fleet of network services: one ordered bus, addresses that survive their owner, shared
/// counters, durable logs, one console.
#[derive(Debug, Parser)]
#[command(name = "ringfort", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole cluster on this machine: N nodes and a manager, as real processes on the loopback.
    Up(up::Options),
    /// Run a node.
    Node(daemon::Options),
    /// Run a manager: collects the logs of all nodes.
    Manager(daemon::Options),
    /// Run the bus alone: groups for programs written for Spread, without addresses, counters and logs.
    Bus(daemon::Options),
    /// Open a console, or run one command on it.
    Console(console::Options),
    /// Check configuration files and explain what is wrong.
    Check(check::Options),
    /// Write, read and inspect local logs.
    #[command(subcommand)]
    Log(log::Options),
    /// Join, listen to or send to groups of the bus.
    #[command(subcommand)]
    Group(group::Options),
    /// Keys of the seal: make, show, trust, revoke, rotate.
    #[command(subcommand)]
    Keys(keys::Options),
    /// Measure what the bus delivers to its clients, or rings inside this process, beside plain UDP.
    Flood(flood::Options),
}

/// How a command ended, if not by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As asked.
    Good,
    /// It did its work, and the answer is no.
    Bad,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(&arguments.command);
    let outcome = match arguments.command {
        Command::Up(options) => up::run(&options),
        Command::Node(options) => daemon::run(&options, daemon::Kind::Node),
        Command::Manager(options) => daemon::run(&options, daemon::Kind::Manager),
        Command::Bus(options) => daemon::run(&options, daemon::Kind::Bus),
        Command::Console(options) => console::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Log(options) => log::run(&options),
        Command::Group(options) => group::run(&options),
        Command::Keys(options) => keys::run(&options),
        Command::Flood(options) => flood::run(&options),
    };
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error with its reason on standard error.
fn complain(error: &BootError) {
    let text = error.to_string();
    let text = text.trim_end();
    // Rendered diagnostics say "error" themselves.
    let head = if text.starts_with("error") {
        ""
    } else {
        "ringfort: "
    };
    let _ = writeln!(io::stderr(), "{head}{text}");
}

/// Daemons write log lines to standard error; tools stay quiet but for errors. `RINGFORT_LOG` chooses.
fn start_logging(command: &Command) {
    let default = match command {
        Command::Node(_) | Command::Manager(_) | Command::Bus(_) => tracing::Level::INFO,
        Command::Up(_)
        | Command::Console(_)
        | Command::Check(_)
        | Command::Log(_)
        | Command::Group(_)
        | Command::Keys(_)
        | Command::Flood(_) => tracing::Level::ERROR,
    };
    let level = std::env::var("RINGFORT_LOG")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(default);
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(level)
        .with_target(false)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .init();
}

/// Writes to standard output. A reader that has gone away (`| head`) ends the program quietly.
pub(crate) fn print(text: impl AsRef<str>) -> Result<(), BootError> {
    let mut out = io::stdout().lock();
    match out
        .write_all(text.as_ref().as_bytes())
        .and_then(|()| out.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(source) => Err(BootError::system("write to standard output", source)),
        Ok(()) => Ok(()),
    }
}

/// Prints a value as one JSON object on a line.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), BootError> {
    let mut text = serde_json::to_string(value)
        .map_err(|error| BootError::Ended(format!("cannot print JSON: {error}")))?;
    text.push('\n');
    print(text)
}

/// Reads a duration such as `20s`, `500ms`, `2m`, `1h`, or plain seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is no unit of time: use ms, s, m or h")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "expected a time such as 20s, 500ms or 2m".to_owned())?;
    Duration::try_from_secs_f64(number * scale).map_err(|error| error.to_string())
}

/// Reads a number of bytes such as `4096`, `64K`, `100M`, `1G`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (number, scale) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1 << 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 1 << 30),
        Some(_) | None => (text, 1),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(scale))
        .ok_or_else(|| "expected a number of bytes such as 4096, 64K, 100M or 1G".into())
}

#[cfg(test)]
mod tests;
