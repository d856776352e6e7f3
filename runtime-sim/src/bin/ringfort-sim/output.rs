//! What several commands print.

use std::process::ExitCode;

use ringfort_runtime_sim::{
    run::{self, Request, replay_command},
    world::Report,
};
use serde_json::json;

pub(crate) fn complain(what: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("ringfort-sim: {what}");
    ExitCode::FAILURE
}

/// Says what broke, when, and how to see it again.
pub(crate) fn explain(request: &Request, report: &Report) {
    let Some(violation) = &report.violation else {
        return;
    };
    eprintln!("seed {}: {violation}", report.seed);
    eprintln!("at {} s, commit {}", report.end, run::commit());
    if !report.wakes.is_empty() {
        let wakes: Vec<String> = report
            .wakes
            .iter()
            .take(5)
            .map(|(why, count)| format!("{why} ({count})"))
            .collect();
        eprintln!("woken since calm: {}", wakes.join(", "));
    }
    eprintln!("again: {}", replay_command(request));
}

pub(crate) fn report_json(report: &Report) -> serde_json::Value {
    json!({
        "seed": report.seed,
        "commit": run::commit(),
        "hash": report.hash,
        "verdict": report.violation.as_ref().map_or("ok", |violation| violation.checker),
        "message": report.violation.as_ref().map(|violation| violation.message.as_str()),
        "end_ns": report.end.as_nanos(),
        "steps": report.steps,
        "lines": report.lines,
        "messages": { "sent": report.tally.sent, "delivered": report.tally.delivered },
        "configurations": report.tally.configurations,
        "faults": report.tally.faults,
        "frames": { "delivered": report.carried.delivered, "lost": report.carried.lost },
        "wakes": report.wakes.iter().take(5).collect::<Vec<_>>(),
    })
}
