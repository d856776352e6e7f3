//! `ringfort flood`: with `--connect`, the table of [`crate::flood::clients`]; otherwise that of [`crate::flood`].

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use clap::{Args, ValueEnum};
use ringfort_client::{Address, Service};
use ringfort_machine::Level;

use super::{Verdict, duration, print, print_json};
use crate::{BootError, flood};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// A bus daemon, Ringfort's or Spread's: 4803 (a Unix socket in /tmp), 4803@host, host:4803, or the path of a socket.
    /// Give it once for each client. Without it, whole rings are measured inside this process.
    #[arg(long, value_name = "ADDRESS")]
    connect: Vec<Address>,
    /// Numbers of members, one ring after the other (without --connect).
    #[arg(long, value_delimiter = ',', default_value = "3,5", value_parser = clap::value_parser!(u16).range(2..=128), conflicts_with = "connect")]
    nodes: Vec<u16>,
    /// Bytes of a message; with --connect 32 to 143120, otherwise 1 to 60000.
    #[arg(long, value_delimiter = ',', default_value = "64,1350,8192", value_parser = clap::value_parser!(u32).range(1..=143_120))]
    sizes: Vec<u32>,
    /// Delivery levels: reliable, fifo, causal, agreed, safe; with --connect also unreliable.
    #[arg(long, value_delimiter = ',', default_value = "agreed,safe")]
    levels: Vec<Service>,
    /// How long each measurement takes.
    #[arg(long, default_value = "2s", value_parser = duration)]
    seconds: Duration,
    /// How long the load runs before each measurement.
    #[arg(long, default_value = "500ms", value_parser = duration, requires = "connect")]
    warmup: Duration,
    /// How many of the clients send: the first ones. By default all.
    #[arg(long, requires = "connect")]
    senders: Option<usize>,
    /// Messages a second, of all senders together, to measure latency with.
    #[arg(long, default_value = "200", requires = "connect")]
    rate: f64,
    /// Measure only this. By default both.
    #[arg(long, requires = "connect")]
    only: Option<Only>,
    /// Compare every byte of every message, not only its length and its place in the order.
    #[arg(long, requires = "connect")]
    check: bool,
    /// Do not measure plain datagrams, and the bare way of a message, beside the bus.
    #[arg(long, requires = "connect")]
    no_raw: bool,
    /// The group to send to. By default one of this process's own.
    #[arg(long, requires = "connect")]
    group: Option<String>,
    /// Print one JSON object at the end instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    Throughput,
    Latency,
}

/// Measures and prints.
pub(super) fn run(options: &Options) -> Result<Verdict, BootError> {
    if options.connect.is_empty() {
        rings(options)
    } else {
        clients(options)
    }
}

/// Rings inside this process.
fn rings(options: &Options) -> Result<Verdict, BootError> {
    let plan = flood::Plan {
        nodes: options
            .nodes
            .iter()
            .map(|count| usize::from(*count))
            .collect(),
        sizes: sizes(options, 1, 60_000)?,
        levels: options
            .levels
            .iter()
            .map(|service| level(*service))
            .collect::<Result<_, _>>()?,
        time: options.seconds,
    };
    if !options.json {
        table(flood::write_head)?;
    }
    let mut failed = Ok(());
    let report = flood::run(&plan, |row| {
        if !options.json && failed.is_ok() {
            failed = table(|out| flood::write_row(out, row));
        }
    })?;
    failed?;
    if options.json {
        print_json(&report)?;
    }
    Ok(Verdict::Good)
}

/// Clients of daemons. Good if every message came, once, in order, as it was sent.
fn clients(options: &Options) -> Result<Verdict, BootError> {
    let count = options.connect.len();
    let senders = options.senders.unwrap_or(count);
    if !(1..=count).contains(&senders) {
        return Err(BootError::Configuration(format!(
            "--senders {senders}: there are {count} clients; use 1 to {count}"
        )));
    }
    if !(options.rate > 0.0 && options.rate <= 1e6) {
        return Err(BootError::Configuration(format!(
            "--rate {}: use a number of messages a second above 0, at most 1000000",
            options.rate
        )));
    }
    let group = || format!("flood-{}", std::process::id());
    let plan = flood::clients::Plan {
        addresses: options.connect.clone(),
        group: options.group.clone().unwrap_or_else(group),
        senders,
        sizes: sizes(options, flood::clients::STAMP_BYTES, 143_120)?,
        levels: options.levels.clone(),
        warmup: options.warmup,
        time: options.seconds,
        throughput: options.only != Some(Only::Latency),
        rate: (options.only != Some(Only::Throughput)).then_some(options.rate),
        check: options.check,
        raw: !options.no_raw,
    };
    if !options.json {
        table(flood::clients::write_head)?;
    }
    let mut failed = Ok(());
    let report = flood::clients::run(&plan, progress, |row| {
        progress("");
        if !options.json && failed.is_ok() {
            failed = table(|out| flood::clients::write_row(out, row));
        }
    });
    progress("");
    let report = report?;
    failed?;
    if options.json {
        print_json(&report)?;
    }
    Ok(if report.is_clean() {
        Verdict::Good
    } else {
        Verdict::Bad
    })
}

/// What is being done, on a line of the terminal that is written over.
fn progress(what: &str) {
    let mut out = io::stderr();
    if out.is_terminal() {
        let _ = write!(out, "\r\x1b[K{what}"); // nobody to tell
    }
}

fn table(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<(), BootError> {
    let mut line = Vec::new();
    let _ = write(&mut line); // into memory
    print(String::from_utf8_lossy(&line))
}

fn sizes(options: &Options, least: usize, most: usize) -> Result<Vec<usize>, BootError> {
    let fits = |size: &u32| {
        let size = *size as usize;
        if (least..=most).contains(&size) {
            Ok(size)
        } else {
            Err(BootError::Configuration(format!(
                "--sizes {size}: a message of this flood has {least} to {most} bytes"
            )))
        }
    };
    options.sizes.iter().map(fits).collect()
}

fn level(service: Service) -> Result<Level, BootError> {
    match service {
        Service::Unreliable => Err(BootError::Configuration(
            "--levels unreliable: a ring has no such level; use reliable, or measure clients with --connect".into(),
        )),
        Service::Reliable => Ok(Level::Reliable),
        Service::Fifo => Ok(Level::Fifo),
        Service::Causal => Ok(Level::Causal),
        Service::Agreed => Ok(Level::Agreed),
        Service::Safe => Ok(Level::Safe),
    }
}
