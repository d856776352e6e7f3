//! `ringfort-sim export`: a recorded trace as a picture or for a tool that shows it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use ringfort_runtime_sim::{
    export::{self, ExportError, Exported, Selection},
    replay::TraceError,
    trace::Text,
};

use crate::output::complain;

/// More events than this make ShiViz slow.
const SHIVIZ_EVENTS: u64 = 3_000;

/// Write a recorded trace in a form to look at.
#[derive(Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    format: Formats,
    /// The trace; `-` for stdin.
    file: PathBuf,
    /// Where to write; stdout by default.
    #[arg(short, long = "out", value_name = "OUT")]
    out: Option<PathBuf>,
    /// Nothing before this simulated time, for example 12, 12.5s, 300ms, 2m.
    #[arg(long, value_name = "T", default_value = "0", value_parser = moment)]
    from: u64,
    /// Nothing after this simulated time.
    #[arg(long, value_name = "T", value_parser = moment)]
    to: Option<u64>,
    /// Only these nodes.
    #[arg(long, value_name = "NODE,…", value_delimiter = ',')]
    nodes: Vec<String>,
    /// At most so many events of the trace; what comes later is left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
    /// With --perfetto: an arrow from each message to each of its deliveries.
    #[arg(long, requires = "perfetto")]
    flows: bool,
    /// Print what was done as JSON.
    #[arg(long, requires = "out")]
    json: bool,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Formats {
    /// For ui.perfetto.dev: the Chrome JSON trace format.
    #[arg(long)]
    perfetto: bool,
    /// For ShiViz: a log with vector clocks, its parser in the first line.
    #[arg(long)]
    shiviz: bool,
    /// One picture.
    #[arg(long)]
    svg: bool,
}

pub(crate) fn run(arguments: &Export) -> ExitCode {
    let exported = match export(arguments) {
        Ok(exported) => exported,
        Err(error) => return complain(&failure(arguments, &error)),
    };
    if !exported.whole {
        eprintln!(
            "{}: no `end` line, the trace was cut off; what it has is shown",
            arguments.file.display()
        );
    }
    if arguments.format.shiviz && exported.written > SHIVIZ_EVENTS {
        eprintln!(
            "{} events; ShiViz gets slow beyond {SHIVIZ_EVENTS}: narrow with --from, --to, --nodes or --max",
            exported.written
        );
    }
    if arguments.json {
        println!(
            "{}",
            serde_json::json!({
                "read": exported.read,
                "selected": exported.selected,
                "written": exported.written,
                "whole": exported.whole,
            })
        );
    }
    ExitCode::SUCCESS
}

fn export(arguments: &Export) -> Result<Exported, ExportError> {
    let events = export::read(open(&arguments.file).map_err(TraceError::from)?);
    let selection = Selection {
        from: arguments.from,
        to: arguments.to,
        nodes: nodes(&arguments.nodes),
        max: arguments.max,
    };
    let out = create(arguments.out.as_deref()).map_err(ExportError::Write)?;
    let Formats {
        perfetto, shiviz, ..
    } = arguments.format;
    if perfetto {
        export::perfetto(events, &selection, arguments.flows, out)
    } else if shiviz {
        export::shiviz(events, &selection, out)
    } else {
        export::svg(events, &selection, out)
    }
}

/// Which file was in the way: the trace, or the result.
fn failure(arguments: &Export, error: &ExportError) -> String {
    let out = || arguments.out.as_deref().unwrap_or(Path::new("stdout"));
    let file = match error {
        ExportError::Trace(_) => &arguments.file,
        ExportError::Write(_) => out(),
    };
    format!("{}: {error}", file.display())
}

fn nodes(names: &[String]) -> BTreeSet<Text> {
    names.iter().map(|name| name.as_str().into()).collect()
}

fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    Ok(if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file)?))
    })
}

fn create(out: Option<&Path>) -> io::Result<Box<dyn Write>> {
    Ok(match out {
        Some(path) => Box::new(BufWriter::new(File::create(path)?)),
        None => Box::new(BufWriter::new(io::stdout().lock())),
    })
}

/// Simulated nanoseconds.
fn moment(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time; write seconds, or 12.5s, 300ms, 2m");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "" | "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return Err(wrong());
    }
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| wrong());
    let scale = 10_u64.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
    let part = u128::from(number(fraction)?) * u128::from(unit) / u128::from(scale);
    let part = u64::try_from(part).map_err(|_| wrong())?;
    let whole = number(whole)?.checked_mul(unit).ok_or_else(wrong)?;
    whole.checked_add(part).ok_or_else(wrong)
}
