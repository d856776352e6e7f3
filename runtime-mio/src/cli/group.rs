//! `ringfort group`: be a member of groups, listen to them, send to them, at a Ringfort or a Spread daemon.

mod show;

use std::{
    io::{self, BufRead, BufReader, Read},
    time::Duration,
};

use clap::{Args, Subcommand};
use ringfort_client::{Address, Connection, Multicast, Options as Session, Received, Service};

use super::{Verdict, duration, print};
use crate::BootError;

/// A line of standard input becomes a message of at most so many bytes; the rest of it becomes the next.
const LINE: u64 = 100_000;

#[derive(Debug, Subcommand)]
pub(super) enum Options {
    /// Join groups, and print who comes and goes and what is said.
    Join(Listen),
    /// Send a message to groups or clients, or each line of standard input.
    Send(Send),
    /// Print what is said in groups.
    Tail(Listen),
}

/// Where the daemon is and what we are called there.
#[derive(Args, Debug)]
struct Where {
    /// The daemon: 4803 (a Unix socket in /tmp), 4803@host, host:4803, or the path of a socket.
    #[arg(long, value_name = "ADDRESS", default_value = "4803")]
    connect: Address,
    /// What to be called, up to 10 characters; by default the daemon invents a name.
    #[arg(long, default_value = "")]
    name: String,
    /// How long the daemon may take to let us in.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    patience: Duration,
}

#[derive(Args, Debug)]
pub(super) struct Listen {
    /// The groups.
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    place: Where,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// End after so many lines.
    #[arg(long, value_name = "LINES")]
    count: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Send {
    /// Groups, or clients by their private names (#name#daemon).
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    place: Where,
    /// The message; without one, each line of standard input is one.
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    /// What is asked of the delivery: unreliable, reliable, fifo, causal, agreed, safe.
    #[arg(long, default_value = "agreed")]
    level: Service,
    /// 16 bits for the receivers (Spread: mess_type).
    #[arg(
        long = "type",
        value_name = "NUMBER",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    tag: i16,
}

/// Does what was asked. Joining and listening end with the daemon, or after so many lines.
pub(super) fn run(options: &Options) -> Result<Verdict, BootError> {
    match options {
        Options::Join(options) => listen(options, true),
        Options::Tail(options) => listen(options, false),
        Options::Send(options) => send(options),
    }
}

fn open(place: &Where, membership: bool) -> Result<Connection, BootError> {
    let options = Session {
        membership,
        ..Session::named(&place.name)
    };
    Connection::connect_within(&place.connect, &options, place.patience).map_err(ended)
}

fn listen(options: &Listen, membership: bool) -> Result<Verdict, BootError> {
    let mut bus = open(&options.place, membership)?;
    for group in &options.groups {
        bus.join(group).map_err(ended)?;
    }
    let mut left = options.count;
    while left != Some(0) {
        let received = bus.receive().map_err(ended)?;
        let line = if options.json {
            show::json(&received)
        } else {
            show::text(&received)
        };
        print(line + "\n")?;
        left = left.map(|left| left - 1);
        if let Received::Rejected(_) = received {
            return Ok(Verdict::Bad);
        }
    }
    bus.disconnect().map_err(ended)?;
    Ok(Verdict::Good)
}

/// Sends everything and waits until the daemon has it.
fn send(options: &Send) -> Result<Verdict, BootError> {
    let mut bus = open(&options.place, false)?;
    let groups: Vec<&str> = options.groups.iter().map(String::as_str).collect();
    let queue = |bus: &mut Connection, data: &[u8]| {
        let message = Multicast::new(options.level, &groups, data).tag(options.tag);
        bus.queue(&message).map_err(ended)
    };
    if let Some(text) = &options.message {
        queue(&mut bus, text.as_bytes())?;
    } else {
        let mut input = BufReader::new(io::stdin());
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = input.by_ref().take(LINE).read_until(b'\n', &mut line);
            if read.map_err(|source| BootError::system("read standard input", source))? == 0 {
                break;
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            queue(&mut bus, text)?;
            if input.buffer().is_empty() {
                bus.flush().map_err(ended)?; // the next line may be long in coming
            }
        }
    }
    bus.disconnect().map_err(ended)?;
    Ok(Verdict::Good)
}

fn ended(error: ringfort_client::Error) -> BootError {
    BootError::Ended(error.to_string())
}
