//! `ringfort log`: write to, read from and look into a log directory.
//!
//! Reading and looking change nothing and work while a daemon writes. Writing is refused then: a log has one
//! writer.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use bytes::Bytes;
use clap::{Args, Subcommand};
use ringfort_logs::{Class, Record, RecordId, store::Fetched};
use serde::Serialize;
use serde_json::json;

use super::{Verdict, print, print_json};
use crate::{BootError, boot, journal::Journal};

/// Between two looks at a followed log.
const FOLLOW: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(super) enum Options {
    /// Append lines, durably; without lines on the command line, those of standard input.
    Write(Write),
    /// Print the records.
    Tail(Tail),
    /// Print what the log consists of and who has read how far.
    Stat(Stat),
}

#[derive(Args, Debug)]
pub(super) struct Log {
    /// The directory of the log.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
    /// The key of the log; by default the last part of the directory.
    #[arg(long)]
    key: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Write {
    #[command(flatten)]
    log: Log,
    /// When a record becomes durable: sync, batch or none. At the end all of them are.
    #[arg(long, default_value = "batch", value_parser = class)]
    class: Class,
    /// A subscriber that shall exist, so that nothing is dropped before it has read it. May be repeated.
    #[arg(long = "subscriber", value_name = "NAME")]
    subscribers: Vec<String>,
    /// The records.
    #[arg(value_name = "LINE")]
    lines: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct Tail {
    #[command(flatten)]
    log: Log,
    /// The first record wanted, as printed in JSON (incarnation:sequence); by default the oldest.
    #[arg(long, value_name = "ID", value_parser = record_id)]
    from: Option<RecordId>,
    /// Go on as records come.
    #[arg(long)]
    follow: bool,
}

#[derive(Args, Debug)]
pub(super) struct Stat {
    #[command(flatten)]
    log: Log,
}

fn class(text: &str) -> Result<Class, String> {
    Class::from_name(text).ok_or_else(|| "expected sync, batch or none".into())
}

fn record_id(text: &str) -> Result<RecordId, String> {
    RecordId::parse(text).ok_or_else(|| "expected incarnation:sequence, such as 1:42".into())
}

pub(super) fn run(options: &Options) -> Result<Verdict, BootError> {
    match options {
        Options::Write(options) => write(options),
        Options::Tail(options) => tail(options),
        Options::Stat(options) => stat(options),
    }?;
    Ok(Verdict::Good)
}

fn write(options: &Write) -> Result<(), BootError> {
    let log = &options.log;
    let mut journal = Journal::write(&log.directory, log.key.as_deref(), &options.subscribers)?;
    let (mut first, mut last, mut records) = (None, None, 0u64);
    let mut append = |line: String| -> Result<(), BootError> {
        let id = journal.append(options.class, Bytes::from(line))?;
        first.get_or_insert(id);
        last = Some(id);
        records += 1;
        Ok(())
    };
    if options.lines.is_empty() {
        for line in io::stdin().lines() {
            append(line.map_err(|source| BootError::system("read standard input", source))?)?;
        }
    } else {
        for line in &options.lines {
            append(line.clone())?;
        }
    }
    journal.close()?;
    let text = |id: Option<RecordId>| id.map(|id| id.to_string());
    if log.json {
        return print_json(
            &json!({ "records": records, "first": text(first), "last": text(last) }),
        );
    }
    match (text(first), text(last)) {
        (Some(first), Some(last)) => {
            print(format!("{records} records written, {first} to {last}\n"))
        }
        _ => print("nothing written\n"),
    }
}

fn tail(options: &Tail) -> Result<(), BootError> {
    let log = &options.log;
    let mut after = match options.from {
        None => RecordId::BEFORE_ALL,
        Some(from) => RecordId::new(from.incarnation, from.sequence.saturating_sub(1)),
    };
    let mut seen = BTreeMap::new();
    loop {
        let now = lengths(&log.directory)?;
        if now != seen {
            seen = now;
            let mut journal = Journal::read(&log.directory, log.key.as_deref())?;
            print_after(&mut journal, &mut after, log.json)?;
        }
        if !options.follow {
            return Ok(());
        }
        thread::sleep(FOLLOW);
    }
}

/// Prints everything after `after`, and moves it on.
fn print_after(journal: &mut Journal, after: &mut RecordId, json: bool) -> Result<(), BootError> {
    while let Some(fetched) = journal.fetch(*after) {
        match fetched {
            Fetched::Records { records, .. } => {
                let mut text = String::new();
                for record in &records {
                    text.push_str(&line(record, json)?);
                    *after = record.id;
                }
                print(text)?;
            }
            Fetched::Gap(gap) => {
                if gap.last <= *after {
                    return Ok(());
                }
                *after = gap.last;
                if json {
                    print_json(&json!({
                        "gap": { "first": gap.first.to_string(), "last": gap.last.to_string(),
                                 "cause": format!("{:?}", gap.cause).to_lowercase() }
                    }))?;
                } else {
                    tracing::error!(
                        "records {} to {} are lost: {:?}",
                        gap.first,
                        gap.last,
                        gap.cause
                    );
                }
            }
            Fetched::Closing => return Ok(()),
        }
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    id: String,
    time_ns: u64,
    class: &'a str,
    text: String,
}

fn line(record: &Record, json: bool) -> Result<String, BootError> {
    let text = String::from_utf8_lossy(&record.payload).into_owned();
    if !json {
        return Ok(text + "\n");
    }
    let row = Row {
        id: record.id.to_string(),
        time_ns: record.wall_ns,
        class: record.class.name(),
        text,
    };
    serde_json::to_string(&row)
        .map(|line| line + "\n")
        .map_err(|error| BootError::Ended(format!("cannot print JSON: {error}")))
}

fn stat(options: &Stat) -> Result<(), BootError> {
    let log = &options.log;
    let in_use = boot::claim_log_if_present(&log.directory)?.is_none();
    let journal = Journal::read(&log.directory, log.key.as_deref())?;
    let status = journal.status();
    let text = |id: Option<RecordId>| id.map(|id| id.to_string());
    if log.json {
        let subscribers: Vec<_> = status
            .subscribers
            .iter()
            .map(|subscriber| {
                json!({
                    "name": &*subscriber.name,
                    "checkpoint": subscriber.checkpoint.to_string(),
                    "lag_records": subscriber.lag_records,
                    "lag_bytes": subscriber.lag_bytes,
                })
            })
            .collect();
        return print_json(&json!({
            "key": &*status.key, "in_use": in_use, "segments": status.segments, "bytes": status.bytes,
            "last": text(status.last), "subscribers": subscribers,
        }));
    }
    let mut out = format!(
        "{}\n\t[on disk: {} bytes in {} segments]\n\t[last record: {}]\n\t[writer: {}]\n",
        status.key,
        status.bytes,
        status.segments,
        text(status.last).unwrap_or_else(|| "none".into()),
        if in_use { "running" } else { "none" }
    );
    for subscriber in &status.subscribers {
        out.push_str(&format!(
            "\t[subscriber: '{}' @ {}, {} records and {} bytes behind]\n",
            subscriber.name, subscriber.checkpoint, subscriber.lag_records, subscriber.lag_bytes
        ));
    }
    print(out)
}

/// Names and lengths of the files of a log: when they change there is something new.
fn lengths(directory: &Path) -> Result<BTreeMap<String, u64>, BootError> {
    let entries =
        fs::read_dir(directory).map_err(|source| BootError::file("open", directory, source))?;
    Ok(entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Some((name, entry.metadata().ok()?.len()))
        })
        .collect())
}
