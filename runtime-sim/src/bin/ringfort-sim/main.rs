//! `ringfort-sim`: simulated clusters on the command line. Each command has a file of its own; this one only
//! knows which there are.
#![allow(clippy::print_stdout, clippy::print_stderr)] // this is where the program talks

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod arguments;
mod bench;
mod check;
mod coverage;
mod explore;
mod export;
mod output;
mod progress;
mod replay;
mod replay_journal;
mod run;
mod shrink;

/// Deterministic simulation of whole clusters.
#[derive(Debug, Parser)]
#[command(name = "ringfort-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Explore(explore::Explore),
    Check(check::Check),
    Bench(bench::Bench),
    Replay(replay::Replay),
    Shrink(shrink::Shrink),
    Export(export::Export),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => run::run(arguments),
        Command::Explore(arguments) => explore::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Shrink(arguments) => shrink::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    }
}
