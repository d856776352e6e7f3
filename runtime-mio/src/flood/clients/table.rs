//! The table of a flood.

use std::io::{self, Write};

use super::Row;

/// The head of the table.
///
/// # Errors
/// Those of `out`.
pub fn write_head(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>7} {:>7} {:>6} {:<10} {:>11} {:>9} {:>11} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}  checked",
        "clients",
        "senders",
        "bytes",
        "level",
        "messages/s",
        "MB/s",
        "raw msg/s",
        "ratio",
        "min us",
        "p50 us",
        "p90 us",
        "p99 us",
        "p99.9 us",
        "max us",
        "raw p50",
        "ratio"
    )
}

/// One line of the table.
///
/// # Errors
/// Those of `out`.
pub fn write_row(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let number = |value: Option<f64>, digits: usize| match value {
        Some(value) => format!("{value:.digits$}"),
        None => "-".to_owned(),
    };
    let latency = row.latency.as_ref();
    let time = |time: Option<f64>| number(time, 0);
    let checked = if row.is_clean() {
        "good".to_owned()
    } else {
        let Row {
            missing,
            repeated,
            damaged,
            ..
        } = row;
        format!("WRONG: {missing} missing, {repeated} repeated, {damaged} damaged")
    };
    let changes = match row.disturbances {
        0 => String::new(),
        count => format!(", {count} membership messages meanwhile"),
    };
    writeln!(
        out,
        "{:>7} {:>7} {:>6} {:<10} {:>11} {:>9} {:>11} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}  {checked}{changes}",
        row.clients,
        row.senders,
        row.size_bytes,
        row.level,
        number(row.messages_per_s, 0),
        number(row.megabytes_per_s, 1),
        number(row.raw_messages_per_s, 0),
        number(row.ratio, 2),
        time(latency.map(|latency| latency.min_us)),
        time(latency.map(|latency| latency.p50_us)),
        time(latency.map(|latency| latency.p90_us)),
        time(latency.map(|latency| latency.p99_us)),
        time(latency.map(|latency| latency.p999_us)),
        time(latency.map(|latency| latency.max_us)),
        time(latency.and_then(|latency| latency.raw_p50_us)),
        number(latency.and_then(|latency| latency.ratio), 2),
    )
}
