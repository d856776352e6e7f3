//! `ringfort flood`: how much a ring delivers over real sockets, beside what the same sockets carry without it.
//!
//! Every member runs in a thread of its own with the ring machine and the datagram code of the daemon, all of
//! them send as much as the ring takes, and every delivery at every member is checked and counted. The raw
//! figure beside it is the same datagrams to the same number of receivers through the same calls, with no
//! protocol at all. Both are measured in one run on one machine, so their ratio is what the order costs.
//!
//! [`clients`] is the other flood: clients of daemons, which see what programs see.
//!
//! What it deliberately is not: a test of correctness under faults, which is the simulator's work, or a figure
//! for a network: everything happens on the loopback of this host, whose processors all members share.

pub mod clients;
mod histogram;
mod member;
mod raw;
mod tally;

use std::{io::Write, time::Duration};

use ringfort_machine::Level;
use serde::Serialize;

use crate::BootError;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Numbers of members.
    pub nodes: Vec<usize>,
    /// Bytes of a message.
    pub sizes: Vec<usize>,
    /// Delivery levels.
    pub levels: Vec<Level>,
    /// How long each measurement takes.
    pub time: Duration,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Members of the ring.
    pub nodes: usize,
    /// Bytes of a message.
    pub size_bytes: usize,
    /// Delivery level.
    pub level: &'static str,
    /// Messages a second, delivered at each member (the slowest).
    pub messages_per_s: f64,
    /// The same in 10^6 payload bytes a second.
    pub megabytes_per_s: f64,
    /// From submission to delivery, the median, in microseconds; the sender's wait for the token included.
    pub latency_p50_us: u64,
    /// The same, 99 of 100.
    pub latency_p99_us: u64,
    /// Datagrams a second without the ring, received by each member (the slowest).
    pub raw_messages_per_s: f64,
    /// The same in 10^6 bytes a second.
    pub raw_megabytes_per_s: f64,
    /// Ring over raw, in bytes.
    pub ratio: f64,
    /// Packets that the ring had to send again.
    pub retransmissions: u64,
    /// New memberships while measuring: zero in a healthy run.
    pub disturbances: u64,
}

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Processors of this host.
    pub processors: usize,
    /// The measurements.
    pub rows: Vec<Row>,
}

/// Measures everything in `plan`, calling `progress` with each line as it is known.
///
/// # Errors
/// [`BootError`] if a ring does not form or delivers something wrong.
pub fn run(plan: &Plan, mut progress: impl FnMut(&Row)) -> Result<Report, BootError> {
    let mut rows = Vec::new();
    for &nodes in &plan.nodes {
        for &size in &plan.sizes {
            let raw = raw::measure(nodes, size, plan.time)?;
            for &level in &plan.levels {
                let ring = member::measure(nodes, size, level, plan.time)?;
                let megabytes = |messages: f64| messages * size as f64 / 1e6;
                let row = Row {
                    nodes,
                    size_bytes: size,
                    level: level.name(),
                    messages_per_s: ring.messages_per_s,
                    megabytes_per_s: megabytes(ring.messages_per_s),
                    latency_p50_us: ring.latency.percentile(50),
                    latency_p99_us: ring.latency.percentile(99),
                    raw_messages_per_s: raw,
                    raw_megabytes_per_s: megabytes(raw),
                    ratio: if raw > 0.0 {
                        ring.messages_per_s / raw
                    } else {
                        0.0
                    },
                    retransmissions: ring.retransmissions,
                    disturbances: ring.disturbances,
                };
                progress(&row);
                rows.push(row);
            }
        }
    }
    let processors = std::thread::available_parallelism().map_or(1, Into::into);
    Ok(Report { processors, rows })
}

/// The head of the table.
pub fn write_head(out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{:>5} {:>6} {:<8} {:>11} {:>9} {:>9} {:>9} {:>11} {:>9} {:>6} {:>8}",
        "nodes",
        "bytes",
        "level",
        "messages/s",
        "MB/s",
        "p50 us",
        "p99 us",
        "raw msg/s",
        "raw MB/s",
        "ratio",
        "resent"
    )
}

/// One line of the table.
pub fn write_row(out: &mut impl Write, row: &Row) -> std::io::Result<()> {
    writeln!(
        out,
        "{:>5} {:>6} {:<8} {:>11.0} {:>9.1} {:>9} {:>9} {:>11.0} {:>9.1} {:>6.2} {:>8}",
        row.nodes,
        row.size_bytes,
        row.level,
        row.messages_per_s,
        row.megabytes_per_s,
        row.latency_p50_us,
        row.latency_p99_us,
        row.raw_messages_per_s,
        row.raw_megabytes_per_s,
        row.ratio,
        row.retransmissions
    )
}

/// Bytes a frame may add to a message of the ring: header, fields, and room to wrap it in recovery.
const OVERHEAD: usize = 256;

/// The largest datagram of a ring for messages of `size` bytes: an Ethernet frame, or as much as they need.
pub(crate) fn datagram_limit(size: usize) -> usize {
    (size + OVERHEAD).clamp(1472, ringfort_wire::limits::DATAGRAM)
}
