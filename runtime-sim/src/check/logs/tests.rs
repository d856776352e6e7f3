//! Goal: the checker allows what a loss of power and a late checkpoint really lead to. Method: traces written by
//! hand; the rest of the checker is tested with all others in `check/tests.rs`.

use super::Logs;
use crate::{checker::Checker, trace::Event};

fn judge(lines: &[String]) -> Result<(), String> {
    let mut checker = Logs::default();
    for line in lines {
        let event: Event = serde_json::from_str(line).unwrap();
        checker
            .on(&event)
            .map_err(|violation| violation.message.clone())?;
    }
    Ok(())
}

fn of(p: &str, rest: &str) -> String {
    format!(r#"{{"t":1,"p":"{p}",{rest}}}"#)
}

fn append(p: &str, id: &str) -> String {
    of(
        p,
        &format!(r#""ev":"append","log":"l","id":"{id}","sum":"ab","class":"none""#),
    )
}

fn durable(p: &str, upto: &str) -> String {
    of(p, &format!(r#""ev":"durable","log":"l","upto":"{upto}""#))
}

fn record(p: &str, id: &str) -> String {
    of(
        p,
        &format!(r#""ev":"record","node":"n1","log":"l","sub":"master","id":"{id}","sum":"ab""#),
    )
}

#[test]
fn a_kill_does_not_lose_what_power_lost_before() {
    let mut lines = vec![
        append("n1#1", "1:1"),
        append("n1#1", "1:2"),
        durable("n1#1", "1:1"),
        of("n1#1", r#""ev":"crash","how":"power""#),
        durable("n1#2", "1:1"),
        of("n1#2", r#""ev":"crash","how":"kill""#),
        durable("n1#3", "1:1"),
    ];
    assert_eq!(judge(&lines), Ok(()));
    lines.extend([
        append("n1#3", "3:2"),
        of("n1#3", r#""ev":"crash","how":"kill""#),
        durable("n1#4", "1:1"),
    ]);
    assert!(judge(&lines).unwrap_err().contains("a kill lost it"));
}

#[test]
fn a_subscriber_goes_back_as_far_as_it_must_and_skips_nothing() {
    let come = [
        append("n1#1", "1:1"),
        append("n1#1", "1:2"),
        append("n1#1", "1:3"),
        append("n1#1", "1:4"),
        record("m1#1", "1:1"),
        of(
            "m1#1",
            r#""ev":"checkpoint","node":"n1","log":"l","sub":"master","id":"1:1""#,
        ),
        record("m1#1", "1:2"),
        record("m1#1", "1:3"),
        of("m1#1", r#""ev":"crash","how":"power""#),
    ];
    let then = |ids: &[&str]| {
        let again = ids.iter().map(|id| record("m1#2", id));
        let lines: Vec<String> = come.iter().cloned().chain(again).collect();
        judge(&lines)
    };
    assert_eq!(then(&["1:3", "1:4"]), Ok(()), "it kept the second");
    assert_eq!(then(&["1:2", "1:3"]), Ok(()));
    assert!(then(&["1:1"]).unwrap_err().contains("below its checkpoint"));
    assert!(then(&["1:2", "1:4"]).unwrap_err().contains("without 1:3"));
}
