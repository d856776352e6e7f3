//! `ringfort-sim replay` of a node's journal. Exit code 0 if all of it was done again, 1 if something differs, 2 if
//! the file cannot be read to its end.

use std::{
    fs,
    io::{self, IsTerminal},
    path::Path,
    process::ExitCode,
};

use ringfort_node::journal::{Difference, End, Kind};
use ringfort_runtime_sim::journal::{Outcome, Seen, Verdict, replay};
use serde_json::{Value, json};

use crate::output::complain;

/// What the program ends with if a journal cannot be read to its end.
const UNREADABLE: u8 = 2;

pub(crate) fn run(file: &Path, notes: bool, as_json: bool) -> ExitCode {
    let whole = fs::metadata(file).map_or(0, |data| data.len());
    let live = io::stderr().is_terminal() && !notes;
    let mut told = 0;
    let outcome = replay(file, |seen| match seen {
        Seen::Note(at, note) if notes => eprintln!("{at} {note:?}"),
        Seen::Progress(read) if live && whole > 0 && read * 100 / whole > told => {
            told = read * 100 / whole;
            eprint!("\r{told} % of the journal ");
        }
        Seen::Note(..) | Seen::Progress(_) => {}
    });
    if told > 0 {
        eprintln!();
    }
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            if as_json {
                let message = error.to_string();
                println!("{}", json!({ "verdict": "unreadable", "message": message }));
            }
            complain(&format!("{}: {error}", file.display()));
            return ExitCode::from(UNREADABLE);
        }
    };
    if as_json {
        println!("{}", to_json(&outcome));
    } else {
        print(&outcome);
    }
    match outcome.verdict {
        Verdict::Same => ExitCode::SUCCESS,
        Verdict::Different(_) | Verdict::Fell { .. } => ExitCode::FAILURE,
    }
}

/// Why recording ended, in words.
fn ending(outcome: &Outcome) -> &'static str {
    match outcome.end {
        Some(End::Halted) => "the node halted",
        Some(End::Limit) => "the journal reached its limit",
        None => "the journal was cut: the process was killed, died, or could not write on",
    }
}

fn print(outcome: &Outcome) {
    let Outcome { build, .. } = outcome;
    println!(
        "{} events over {:.3} s replayed, {} digests of the state agreed; {}",
        outcome.events,
        outcome.span.as_secs_f64(),
        outcome.digests,
        if matches!(outcome.verdict, Verdict::Same) {
            ending(outcome)
        } else {
            "it did not end as it was recorded"
        }
    );
    if !outcome.same_build {
        println!(
            "written by another build, ringfort {} of revision {}",
            build.version, build.revision
        );
    }
    if outcome.torn_bytes > 0 {
        println!("{} bytes of a torn record at the end", outcome.torn_bytes);
    }
    if let Some(event) = &outcome.unfinished {
        println!("it ends while the node was handling {event}");
    }
    if let Some(said) = &outcome.fell {
        println!("the node falls over that event here, too: {said}");
    }
    match &outcome.verdict {
        Verdict::Same => println!("same"),
        Verdict::Different(difference) => println!("different\n{difference}"),
        Verdict::Fell { said, events } => {
            for event in events {
                println!("  {event}");
            }
            println!(
                "different\nthe node falls over the last of these, which the recorded one did not: {said}"
            );
        }
    }
}

fn to_json(outcome: &Outcome) -> Value {
    let (verdict, difference) = match &outcome.verdict {
        Verdict::Same => ("same", Value::Null),
        Verdict::Different(difference) => ("different", difference_json(difference)),
        Verdict::Fell { said, events } => (
            "different",
            json!({ "kind": "fell", "said": said, "events": events }),
        ),
    };
    json!({
        "verdict": verdict,
        "difference": difference,
        "build": { "version": outcome.build.version, "revision": outcome.build.revision },
        "same_build": outcome.same_build,
        "events": outcome.events,
        "span_ns": u64::try_from(outcome.span.as_nanos()).unwrap_or(u64::MAX),
        "digests": outcome.digests,
        "end": outcome.end.map_or("cut", |end| match end {
            End::Halted => "halted",
            End::Limit => "limit",
        }),
        "torn_bytes": outcome.torn_bytes,
        "unfinished": outcome.unfinished,
        "fell": outcome.fell,
    })
}

fn difference_json(difference: &Difference) -> Value {
    let mut value = json!({
        "event": difference.event,
        "at_ns": difference.at.as_nanos(),
        "what": difference.what,
        "before": difference.before,
    });
    let kind = match &difference.kind {
        Kind::Action {
            index,
            recorded,
            replayed,
            recorded_count,
            replayed_count,
        } => json!({
            "kind": "action",
            "action": index,
            "recorded": recorded.map(|print| print.to_string()),
            "replayed": replayed.as_ref().map(|(print, _)| print.to_string()),
            "replayed_action": replayed.as_ref().map(|(_, text)| text),
            "recorded_actions": recorded_count,
            "replayed_actions": replayed_count,
        }),
        Kind::State {
            recorded,
            replayed,
            agreed,
        } => json!({
            "kind": "state",
            "recorded": format!("{recorded:016x}"),
            "replayed": format!("{replayed:016x}"),
            "agreed_after": agreed,
        }),
    };
    if let (Value::Object(all), Value::Object(more)) = (&mut value, kind) {
        all.extend(more);
    }
    value
}
