//! `ringfort flood`: the table of [`crate::flood`].

use std::time::Duration;

use clap::Args;
use ringfort_machine::Level;

use super::{Verdict, duration, print, print_json};
use crate::{BootError, flood};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Numbers of members, one ring after the other.
    #[arg(long, value_delimiter = ',', default_value = "3,5", value_parser = clap::value_parser!(u16).range(2..=128))]
    nodes: Vec<u16>,
    /// Bytes of a message.
    #[arg(long, value_delimiter = ',', default_value = "64,1350,8192", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    sizes: Vec<u32>,
    /// Delivery levels: reliable, fifo, causal, agreed, safe.
    #[arg(long, value_delimiter = ',', default_value = "agreed,safe", value_parser = level)]
    levels: Vec<Level>,
    /// How long each measurement takes.
    #[arg(long, default_value = "2s", value_parser = duration)]
    seconds: Duration,
    /// Print one JSON object at the end instead of the table.
    #[arg(long)]
    json: bool,
}

fn level(text: &str) -> Result<Level, String> {
    Level::ALL
        .into_iter()
        .find(|level| level.name() == text)
        .ok_or_else(|| "expected reliable, fifo, causal, agreed or safe".into())
}

/// Measures and prints.
pub(super) fn run(options: &Options) -> Result<Verdict, BootError> {
    let plan = flood::Plan {
        nodes: options
            .nodes
            .iter()
            .map(|count| usize::from(*count))
            .collect(),
        sizes: options.sizes.iter().map(|size| *size as usize).collect(),
        levels: options.levels.clone(),
        time: options.seconds,
    };
    let write = |bytes: Vec<u8>| print(String::from_utf8_lossy(&bytes));
    if !options.json {
        let mut head = Vec::new();
        let _ = flood::write_head(&mut head); // into memory
        write(head)?;
    }
    let mut failed = Ok(());
    let report = flood::run(&plan, |row| {
        if !options.json && failed.is_ok() {
            let mut line = Vec::new();
            let _ = flood::write_row(&mut line, row);
            failed = write(line);
        }
    })?;
    failed?;
    if options.json {
        print_json(&report)?;
    }
    Ok(Verdict::Good)
}
