//! `ringfort flood --connect`: how much a bus delivers to its clients, and how fast, at a Ringfort or a Spread daemon.
//!
//! One client for each address, a thread each, all members of one group; some of them send. A measurement has two
//! parts: as much as the daemons take, counted at each receiver; then so many messages a second, each with the time of
//! its sending. Sender and receiver are threads of this process and have one clock, so a latency is of one way. Every
//! message is checked: each receiver gets each sender's messages without a gap, once, and, at FIFO and above, in order.
//!
//! Beside it stands what the same number of processes would exchange with plain datagrams and no protocol, and how long
//! the same hops take without a bus, measured in the same run: figures of a shared machine mean something only as ratios.
//!
//! What it deliberately is not: part of any daemon. It sees what programs see.

mod bare;
mod shared;
mod table;
mod track;
mod worker;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ringfort_client::{Address, Connection, Options, Received, Service};
use serde::Serialize;

use self::{
    shared::{Cell, Load, Outcome, Shared},
    worker::Worker,
};
use super::{histogram::Histogram, raw};
use crate::BootError;

pub use self::{
    shared::STAMP_BYTES,
    table::{write_head, write_row},
};

/// The largest datagram of the raw path, in bytes; larger messages have no figure beside them.
const RAW: usize = 60_000;
/// How long the bus may take to carry what was sent when the sending ends, and to make all clients members.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One client at each.
    pub addresses: Vec<Address>,
    /// The group that all join.
    pub group: String,
    /// How many of the clients send: the first ones.
    pub senders: usize,
    /// Bytes of a message, at least [`STAMP_BYTES`].
    pub sizes: Vec<usize>,
    /// Delivery levels.
    pub levels: Vec<Service>,
    /// Before each measurement.
    pub warmup: Duration,
    /// How long each measurement takes.
    pub time: Duration,
    /// Whether throughput is measured.
    pub throughput: bool,
    /// Messages a second of all senders together, to measure latency with; nothing: not measured.
    pub rate: Option<f64>,
    /// Whether every byte of every message is compared.
    pub check: bool,
    /// Whether the path without a bus is measured too.
    pub raw: bool,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Clients, each of which receives everything.
    pub clients: usize,
    /// How many of them send.
    pub senders: usize,
    /// Bytes of a message.
    pub size_bytes: usize,
    /// Delivery level.
    pub level: &'static str,
    /// Messages a second at the slowest receiver.
    pub messages_per_s: Option<f64>,
    /// The same in 10^6 bytes of data a second.
    pub megabytes_per_s: Option<f64>,
    /// From sending to receiving.
    pub latency: Option<Latency>,
    /// Datagrams a second without a bus, at the slowest receiver.
    pub raw_messages_per_s: Option<f64>,
    /// Bus over raw.
    pub ratio: Option<f64>,
    /// Messages that never came, at any receiver.
    pub missing: u64,
    /// Messages that came again, or after a later one of their sender.
    pub repeated: u64,
    /// Messages that were not as they were sent.
    pub damaged: u64,
    /// Changes of the group while it was measured: zero in a quiet run.
    pub disturbances: u64,
}

/// Times from sending to receiving, at receivers other than the sender, in microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Messages a second of all senders together.
    pub rate: f64,
    /// How many were counted.
    pub samples: u64,
    /// The least.
    pub min_us: f64,
    /// The median.
    pub p50_us: f64,
    /// 90 of 100.
    pub p90_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// 999 of 1000.
    pub p999_us: f64,
    /// The greatest.
    pub max_us: f64,
    /// The median of the same hops without a bus.
    pub raw_p50_us: Option<f64>,
    /// 99 of 100 of these.
    pub raw_p99_us: Option<f64>,
    /// Bus over raw, of the medians.
    pub ratio: Option<f64>,
}

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Processors of this host, shared by daemons and clients on it.
    pub processors: usize,
    /// Where the clients were.
    pub addresses: Vec<String>,
    /// The measurements.
    pub rows: Vec<Row>,
}

impl Row {
    /// Whether everything came, once, in order, as it was sent.
    pub const fn is_clean(&self) -> bool {
        self.missing == 0 && self.repeated == 0 && self.damaged == 0
    }
}

impl Report {
    /// Whether everything came, once, in order, as it was sent.
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(Row::is_clean)
    }
}

/// Measures everything in `plan`; `progress` is told what begins, `done` each line.
///
/// # Errors
/// [`BootError`] if a client cannot attach, is thrown out, or gets no end of what was sent.
pub fn run(
    plan: &Plan,
    mut progress: impl FnMut(&str),
    mut done: impl FnMut(&Row),
) -> Result<Report, BootError> {
    progress("connecting");
    let clients = assemble(plan)?;
    let shared = Arc::new(Shared::new(plan));
    let threads: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(index, client)| {
            let worker = Worker::new(index, client, shared.clone())?;
            Ok(thread::spawn(move || worker.run()))
        })
        .collect::<Result<_, BootError>>()?;
    let mut rows = Vec::new();
    let mut outcome = Ok(());
    'all: for &size in &plan.sizes {
        progress(&format!("{size} B, raw"));
        let raw = match Raw::measure(plan, size) {
            Ok(raw) => raw,
            Err(error) => {
                outcome = Err(error);
                break;
            }
        };
        for &service in &plan.levels {
            match measure(plan, &shared, size, service, &raw, &mut progress) {
                Ok(row) => {
                    done(&row);
                    rows.push(row);
                }
                Err(error) => {
                    outcome = Err(error);
                    break 'all;
                }
            }
        }
    }
    shared.end();
    for thread in threads {
        let failed = || BootError::Ended("a client of the flood failed; see above".into());
        outcome = outcome.and(thread.join().map_err(|_| failed()));
    }
    outcome?;
    Ok(Report {
        processors: thread::available_parallelism().map_or(1, Into::into),
        addresses: plan.addresses.iter().map(Address::to_string).collect(),
        rows,
    })
}

/// Attaches all clients and waits until each of them sees all in the group.
fn assemble(plan: &Plan) -> Result<Vec<Connection>, BootError> {
    let failed = |address: &Address, error: ringfort_client::Error| {
        BootError::Ended(format!("client at {address}: {error}"))
    };
    let mut clients = Vec::new();
    for address in &plan.addresses {
        let options = Options {
            queue_bytes: 256 << 10,
            ..Options::default()
        };
        let client = Connection::connect_within(address, &options, PATIENCE)
            .and_then(|mut client| client.join(&plan.group).map(|()| client))
            .map_err(|error| failed(address, error))?;
        clients.push(client);
    }
    let names: Vec<_> = clients.iter().map(|client| *client.private()).collect();
    let until = Instant::now() + PATIENCE;
    for (client, address) in clients.iter_mut().zip(&plan.addresses) {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match client.receive_within(left) {
                Ok(Received::View(view))
                    if names.iter().all(|name| view.members.contains(name)) =>
                {
                    break;
                }
                Ok(_) => {}
                Err(ringfort_client::Error::TimedOut) => {
                    return Err(BootError::Ended(format!(
                        "the client at {address} did not see all {} clients in group {} within {} s: are the daemons of one bus?",
                        names.len(),
                        plan.group,
                        PATIENCE.as_secs(),
                    )));
                }
                Err(error) => return Err(failed(address, error)),
            }
        }
    }
    Ok(clients)
}

/// What is there without a bus.
#[derive(Debug, Default)]
struct Raw {
    /// Datagrams a second.
    rate: Option<f64>,
    /// Times over the hops.
    hops: Option<Histogram>,
}

impl Raw {
    fn measure(plan: &Plan, size: usize) -> Result<Self, BootError> {
        if !plan.raw || size > RAW {
            return Ok(Self::default());
        }
        let clients = plan.addresses.len().max(2);
        let rate = plan
            .throughput
            .then(|| raw::measure(clients, size, plan.time));
        let hops = plan.rate.map(|rate| bare::measure(size, rate, plan.time));
        Ok(Self {
            rate: rate.transpose()?,
            hops: hops.transpose()?,
        })
    }
}

fn measure(
    plan: &Plan,
    shared: &Shared,
    size: usize,
    service: Service,
    raw: &Raw,
    progress: &mut impl FnMut(&str),
) -> Result<Row, BootError> {
    let mut total = Outcome::default();
    let mut cell = |load| -> Result<(Duration, Vec<u64>, Outcome), BootError> {
        let cell = Cell {
            service,
            size,
            load,
        };
        let (time, counts, outcome) = one(plan, shared, cell)?;
        total.add_faults(&outcome);
        Ok((time, counts, outcome))
    };
    let mut messages_per_s = None;
    if plan.throughput {
        progress(&format!("{size} B {service}, throughput"));
        let (time, counts, _) = cell(Load::Full)?;
        let slowest = counts.into_iter().min().unwrap_or(0);
        messages_per_s = Some(slowest as f64 / time.as_secs_f64());
    }
    let mut latency = None;
    if let Some(rate) = plan.rate {
        progress(&format!("{size} B {service}, {rate} a second"));
        let interval = Duration::from_secs_f64(plan.senders as f64 / rate);
        let (_, _, outcome) = cell(Load::Paced(interval))?;
        latency = latency_of(rate, &outcome.latency, raw.hops.as_ref());
    }
    Ok(Row {
        clients: plan.addresses.len(),
        senders: plan.senders,
        size_bytes: size,
        level: service.name(),
        messages_per_s,
        megabytes_per_s: messages_per_s.map(|rate| rate * size as f64 / 1e6),
        latency,
        raw_messages_per_s: raw.rate,
        ratio: ratio(messages_per_s, raw.rate),
        missing: total.missing,
        repeated: total.repeated,
        damaged: total.damaged,
        disturbances: total.disturbances,
    })
}

fn latency_of(rate: f64, times: &Histogram, hops: Option<&Histogram>) -> Option<Latency> {
    let of = |times: &Histogram, share| {
        let time = times.quantile(share);
        time.map(|time| time.as_secs_f64() * 1e6)
    };
    let quantile = |share| of(times, share);
    let raw = |share| hops.and_then(|hops| of(hops, share));
    Some(Latency {
        rate,
        samples: times.count(),
        min_us: quantile(0.0)?,
        p50_us: quantile(0.5)?,
        p90_us: quantile(0.9)?,
        p99_us: quantile(0.99)?,
        p999_us: quantile(0.999)?,
        max_us: quantile(1.0)?,
        raw_p50_us: raw(0.5),
        raw_p99_us: raw(0.99),
        ratio: ratio(quantile(0.5), raw(0.5)),
    })
}

/// Bus over raw; nothing where one of them is not there.
fn ratio(bus: Option<f64>, raw: Option<f64>) -> Option<f64> {
    let raw = raw.filter(|raw| *raw > 0.0)?;
    bus.map(|bus| bus / raw)
}

/// One load: how long it was measured, what each client got in that time, and what all of them saw.
fn one(
    plan: &Plan,
    shared: &Shared,
    cell: Cell,
) -> Result<(Duration, Vec<u64>, Outcome), BootError> {
    shared.begin(cell);
    shared.pause(plan.warmup)?;
    let (start, before) = (Instant::now(), shared.counts());
    shared.open_window();
    shared.pause(plan.time)?;
    let (time, after) = (start.elapsed(), shared.counts());
    shared.close_window();
    let until = Instant::now() + PATIENCE;
    while !shared.all_finished() {
        if Instant::now() >= until {
            return Err(BootError::Ended(shared.unfinished(&plan.addresses)));
        }
        shared.pause(Duration::from_millis(1))?;
    }
    let counts = after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect();
    Ok((time, counts, shared.collect()))
}
