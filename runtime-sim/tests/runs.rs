//! Goal: a seed is a run, whatever runs beside it and however it is judged. Method: whole runs of drawn clusters,
//! made twice, in threads, and judged again from their files.

use std::{collections::BTreeSet, fs, io::BufReader, time::Duration};

use ringfort_runtime_sim::{
    explore::explore,
    replay,
    run::{Request, run},
    trace::{Event, Kind},
};

fn request(seed: u64, nodes: Option<u64>) -> Request {
    Request {
        seed,
        nodes,
        faults_for: Duration::from_secs(8),
        sealed: false,
        trace: None,
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_on_any_thread() {
    let pattern = request(0, Some(3));
    let one = explore(100..104, &pattern, 1, |_, _| true);
    let two = explore(100..104, &pattern, 2, |_, _| true);
    assert!(one.errors.is_empty() && two.errors.is_empty());
    let hashes = |reports: &std::collections::BTreeMap<u64, _>| -> Vec<String> {
        let hash = |report: &ringfort_runtime_sim::world::Report| report.hash.clone();
        reports.values().map(hash).collect()
    };
    assert_eq!(hashes(&one.reports), hashes(&two.reports));
    let different: BTreeSet<String> = hashes(&one.reports).into_iter().collect();
    assert_eq!(different.len(), 4, "and another seed gives another");
}

#[test]
fn short_runs_keep_every_property() {
    let summary = explore(0..12, &request(0, None), 2, |_, _| true);
    assert!(summary.errors.is_empty(), "{:?}", summary.errors);
    let failures: Vec<_> = summary.failures().collect();
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(summary.reports.len(), 12);
}

#[test]
fn a_recorded_trace_is_judged_as_it_was_when_it_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace.jsonl");
    let request = Request {
        sealed: false,
        trace: Some(file.clone()),
        ..request(7, Some(4))
    };
    let report = run(&request).unwrap();
    let judgement = replay::check(BufReader::new(fs::File::open(&file).unwrap())).unwrap();
    assert_eq!(judgement.lines, report.lines);
    assert_eq!(judgement.violation, report.violation);

    let text = fs::read_to_string(&file).unwrap();
    let kinds: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let has = |wanted: fn(&Kind) -> bool| kinds.iter().any(|event| wanted(&event.kind));
    assert!(matches!(kinds[0].kind, Kind::Run(_)));
    assert!(matches!(kinds.last().unwrap().kind, Kind::End { .. }));
    assert!(has(|kind| matches!(kind, Kind::Conf { .. })));
    assert!(has(|kind| matches!(kind, Kind::Deliver { .. })));
    assert!(has(|kind| matches!(kind, Kind::Calm { .. })));

    let damaged = text.replacen("\"ev\":\"conf\"", "\"ev\":\"cond\"", 1);
    let error = replay::check(damaged.as_bytes()).unwrap_err();
    assert!(matches!(error, replay::TraceError::Hash { .. }), "{error}");
    let cut = &text[..text.len() / 2];
    let cut = &cut[..=cut.rfind('\n').unwrap()];
    let error = replay::check(cut.as_bytes()).unwrap_err();
    assert!(matches!(error, replay::TraceError::NoEnd), "{error}");
}
