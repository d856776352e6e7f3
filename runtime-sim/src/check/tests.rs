//! Every checker objects to a trace that breaks its property, by its own name, and none objects to a good one.
//! The traces are written by hand, a line an event, so that they do not depend on the simulator.

use ringfort_machine::Instant;

use super::all;
use crate::trace::Event;

const SECOND: u64 = 1_000_000_000;

/// Runs all checkers over the lines; `Err` with the name of the first that objects.
fn judge(lines: &str) -> Result<(), &'static str> {
    let mut checkers = all();
    let mut end = Instant::ORIGIN;
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let event: Event =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        end = event.at();
        for checker in &mut checkers {
            checker.on(&event).map_err(|violation| violation.checker)?;
        }
    }
    for checker in &mut checkers {
        checker.finish(end).map_err(|violation| violation.checker)?;
    }
    Ok(())
}

/// A run with the families `services` exercised.
fn run(services: &str) -> String {
    format!(
        r#"{{"t":0,"ev":"run","schema":1,"seed":1,"commit":"c","nodes":["n1","n2"],"options":{{"faults":[],"vips":["10.0.0.1/32"],"services":[{services}],"gaps":false}}}}
        {{"t":0,"ev":"start","p":"n1#1"}}
        {{"t":0,"ev":"start","p":"n2#1"}}
        "#
    )
}

/// Both processes alone, then together in `r`.
const TOGETHER: &str = r#"
    {"t":1,"ev":"conf","p":"n1#1","conf":"a","kind":"regular","members":["n1#1"]}
    {"t":1,"ev":"conf","p":"n2#1","conf":"b","kind":"regular","members":["n2#1"]}
    {"t":2,"ev":"conf","p":"n1#1","conf":"a>r","kind":"transitional","members":["n1#1"],"reg":"a"}
    {"t":2,"ev":"conf","p":"n1#1","conf":"r","kind":"regular","members":["n1#1","n2#1"]}
    {"t":2,"ev":"conf","p":"n2#1","conf":"b>r","kind":"transitional","members":["n2#1"],"reg":"b"}
    {"t":2,"ev":"conf","p":"n2#1","conf":"r","kind":"regular","members":["n1#1","n2#1"]}
"#;

fn send(p: &str, number: u64, level: &str) -> String {
    format!(
        r#"{{"t":3,"ev":"send","p":"{p}","m":"{p}:{number}","level":"{level}","conf":"r","sum":"ab"}}
        "#
    )
}

fn deliver(p: &str, m: &str, level: &str, n: u64) -> String {
    format!(
        r#"{{"t":4,"ev":"deliver","p":"{p}","m":"{m}","level":"{level}","conf":"r","sum":"ab","n":{n}}}
        "#
    )
}

fn ring(rest: &[String]) -> Result<(), &'static str> {
    judge(&format!("{}{TOGETHER}{}", run(""), rest.concat()))
}

#[test]
fn a_good_ring_passes() {
    let both = |m: &str, n| {
        [
            deliver("n1#1", m, "agreed", n),
            deliver("n2#1", m, "agreed", n),
        ]
        .concat()
    };
    let lines = [
        send("n1#1", 1, "agreed"),
        send("n2#1", 1, "agreed"),
        both("n1#1:1", 1),
        both("n2#1:1", 2),
    ];
    assert_eq!(ring(&lines), Ok(()));
}

#[test]
fn configurations() {
    let regular_only =
        r#"{"t":5,"ev":"conf","p":"n1#1","conf":"s","kind":"regular","members":["n1#1"]}"#;
    assert_eq!(
        ring(&[regular_only.into()]),
        Err("configurations"),
        "no transitional one between"
    );
    let not_me = r#"{"t":5,"ev":"conf","p":"n1#1","conf":"r>s","kind":"transitional","members":["n2#1"],"reg":"r"}"#;
    assert_eq!(
        ring(&[not_me.into()]),
        Err("configurations"),
        "without itself"
    );
    let after_end = r#"{"t":5,"ev":"crash","p":"n1#1","how":"kill"}
        {"t":6,"ev":"submit","p":"n1#1","m":"n1#1:9"}"#;
    assert_eq!(
        ring(&[after_end.into()]),
        Err("configurations"),
        "a line after the end"
    );
}

#[test]
fn delivery() {
    assert_eq!(
        ring(&[deliver("n1#1", "n2#1:1", "agreed", 1)]),
        Err("delivery"),
        "never sent"
    );
    let twice = deliver("n2#1", "n1#1:1", "reliable", 1);
    assert_eq!(
        ring(&[send("n1#1", 1, "reliable"), twice.clone(), twice]),
        Err("delivery"),
        "twice"
    );
    assert_eq!(
        ring(&[send("n1#1", 1, "agreed")]),
        Err("delivery"),
        "not at its sender"
    );
    let submitted = r#"{"t":5,"ev":"submit","p":"n1#1","m":"n1#1:9"}"#;
    assert_eq!(
        ring(&[submitted.into()]),
        Err("delivery"),
        "accepted and never sent"
    );
}

#[test]
fn fifo_and_causal() {
    let two = [send("n1#1", 1, "fifo"), send("n1#1", 2, "fifo")];
    let skipped = [two.concat(), deliver("n1#1", "n1#1:2", "fifo", 2)];
    assert_eq!(ring(&skipped), Err("fifo"));
    let cause = [
        send("n1#1", 1, "causal"),
        deliver("n1#1", "n1#1:1", "causal", 1),
        deliver("n2#1", "n1#1:1", "causal", 1),
        send("n2#1", 1, "causal"),
        deliver("n2#1", "n2#1:1", "causal", 2),
        deliver("n1#1", "n2#1:1", "causal", 2),
    ];
    assert_eq!(ring(&cause), Ok(()));
    let third = r#"{"t":0,"ev":"start","p":"n3#1"}
        {"t":1,"ev":"conf","p":"n3#1","conf":"c","kind":"regular","members":["n3#1"]}
        {"t":2,"ev":"conf","p":"n3#1","conf":"c>r","kind":"transitional","members":["n3#1"],"reg":"c"}
        {"t":2,"ev":"conf","p":"n3#1","conf":"r","kind":"regular","members":["n1#1","n2#1","n3#1"]}
        "#;
    let head = format!(
        "{}{}",
        run(""),
        TOGETHER.replace(r#"["n1#1","n2#1"]"#, r#"["n1#1","n2#1","n3#1"]"#)
    );
    let effect_first = [cause[..5].concat(), deliver("n3#1", "n2#1:1", "causal", 2)].concat();
    assert_eq!(
        judge(&format!("{head}{third}{effect_first}")),
        Err("causal")
    );
}

#[test]
fn order() {
    let sent = [send("n1#1", 1, "agreed"), send("n2#1", 1, "agreed")].concat();
    let crossed = [
        sent.clone(),
        deliver("n1#1", "n1#1:1", "agreed", 1),
        deliver("n1#1", "n2#1:1", "agreed", 2),
        deliver("n2#1", "n2#1:1", "agreed", 1),
    ];
    assert_eq!(ring(&crossed), Err("order"), "one ordinal, two messages");
    let backwards = [
        sent.clone(),
        deliver("n1#1", "n1#1:1", "agreed", 2),
        deliver("n1#1", "n2#1:1", "agreed", 1),
    ];
    assert_eq!(ring(&backwards), Err("order"), "descending");
    let both = |m: &str, one, other| {
        [
            deliver("n1#1", m, "agreed", one),
            deliver("n2#1", m, "agreed", other),
        ]
        .concat()
    };
    assert_eq!(
        ring(&[send("n1#1", 1, "agreed"), both("n1#1:1", 1, 2)]),
        Err("one-ordinal")
    );
    let hole = [
        sent,
        both("n1#1:1", 1, 1),
        deliver("n2#1", "n2#1:1", "agreed", 3),
        deliver("n1#1", "n2#1:1", "agreed", 3),
        send("n1#1", 2, "agreed"),
        deliver("n1#1", "n1#1:2", "agreed", 4),
        send("n2#1", 2, "agreed"),
        both("n2#1:2", 5, 5),
    ];
    assert_eq!(ring(&hole), Err("order"), "n2#1 never delivered ordinal 4");
}

/// Both go on from `r` to `s` together.
const ONWARD: &str = r#"
    {"t":8,"ev":"conf","p":"n1#1","conf":"r>s","kind":"transitional","members":["n1#1","n2#1"],"reg":"r"}
    {"t":8,"ev":"conf","p":"n1#1","conf":"s","kind":"regular","members":["n1#1","n2#1"]}
    {"t":8,"ev":"conf","p":"n2#1","conf":"r>s","kind":"transitional","members":["n1#1","n2#1"],"reg":"r"}
    {"t":8,"ev":"conf","p":"n2#1","conf":"s","kind":"regular","members":["n1#1","n2#1"]}
"#;

#[test]
fn virtual_synchrony_and_safe_delivery() {
    let one_sided = [
        send("n1#1", 1, "agreed"),
        deliver("n1#1", "n1#1:1", "agreed", 1),
        ONWARD.into(),
    ];
    assert_eq!(ring(&one_sided), Err("virtual-synchrony"));
    let unsafe_ = [
        send("n1#1", 1, "safe"),
        deliver("n1#1", "n1#1:1", "safe", 1),
    ];
    assert_eq!(ring(&unsafe_), Err("safe"));
    let died = r#"{"t":5,"ev":"crash","p":"n2#1","how":"kill"}"#;
    assert_eq!(
        ring(&[unsafe_.concat(), died.into()]),
        Ok(()),
        "n2#1 ended first"
    );
}

fn calm(rest: &str) -> String {
    format!("{{\"t\":9,\"ev\":\"calm\"}}\n{rest}")
}

fn at(second: u64, line: &str) -> String {
    format!("{{\"t\":{},{line}}}\n", second * SECOND)
}

#[test]
fn progress() {
    let apart = TOGETHER.lines().take(3).collect::<Vec<_>>().join("\n");
    let late = at(40, r#""ev":"vip_probe","vip":"10.0.0.1/32","ok":false"#);
    assert_eq!(
        judge(&format!("{}{apart}\n{}", run(""), calm(&late))),
        Err("progress")
    );
    assert_eq!(
        judge(&format!("{}{TOGETHER}{}", run(""), calm(&late))),
        Ok(())
    );
}

fn vips(rest: &str) -> Result<(), &'static str> {
    judge(&format!("{}{TOGETHER}{rest}", run(r#""vips""#)))
}

#[test]
fn addresses() {
    let up = |t: u64, p: &str| {
        at(
            t,
            &format!(r#""ev":"vip_up","p":"{p}","vip":"10.0.0.1/32","iface":"eth0""#),
        )
    };
    let probe = at(
        40,
        r#""ev":"vip_probe","vip":"10.0.0.1/32","ok":true,"by":"n1#1""#,
    );
    assert_eq!(
        vips(&[up(1, "n1#1"), up(2, "n2#1")].concat()),
        Err("addresses"),
        "taken from a member"
    );
    assert_eq!(
        vips(
            &[
                up(1, "n1#1"),
                calm(&at(9, r#""ev":"disk","p":"n1#1","fault":"none""#))
            ]
            .concat()
        ),
        Ok(())
    );
    let settled = format!("{}{}{probe}", up(1, "n1#1"), at(2, r#""ev":"calm""#));
    assert_eq!(vips(&settled), Ok(()));
    let silent = format!(
        "{}{}{}",
        up(1, "n1#1"),
        at(2, r#""ev":"calm""#),
        probe.replace("true,\"by\":\"n1#1\"", "false")
    );
    assert_eq!(vips(&silent), Err("addresses"), "nobody answers");
    let apart = TOGETHER.lines().take(3).collect::<Vec<_>>().join("\n");
    let merge = TOGETHER
        .lines()
        .skip(3)
        .collect::<Vec<_>>()
        .join("\n")
        .replace("\"t\":2", "\"t\":2000000000");
    let both = format!(
        "{}{apart}\n{}{}{merge}",
        run(r#""vips""#),
        up(1, "n1#1"),
        up(1, "n2#1")
    );
    let tick = |t| at(t, r#""ev":"cut","from":"n1","to":"n2""#);
    assert_eq!(judge(&format!("{both}\n{}", tick(3))), Ok(()));
    assert_eq!(
        judge(&format!("{both}\n{}", tick(5))),
        Err("addresses"),
        "overlap for 3 s"
    );
}

fn logs(rest: &[String]) -> Result<(), &'static str> {
    judge(&format!("{}{TOGETHER}{}", run(r#""logs""#), rest.concat()))
}

fn append(id: &str) -> String {
    at(
        1,
        &format!(r#""ev":"append","p":"n1#1","log":"main","id":"{id}","sum":"1","class":"sync""#),
    )
}

fn durable(p: &str, id: &str) -> String {
    at(
        1,
        &format!(r#""ev":"durable","p":"{p}","log":"main","upto":"{id}""#),
    )
}

fn subscriber(ev: &str, rest: &str) -> String {
    at(
        1,
        &format!(r#""ev":"{ev}","p":"n2#1","node":"n1","log":"main","sub":"master"{rest}"#),
    )
}

fn record(id: &str) -> String {
    subscriber("record", &format!(r#","id":"{id}","sum":"1""#))
}

#[test]
fn log_ids_and_durability() {
    assert_eq!(
        logs(&[append("1:2"), append("1:1")]),
        Err("logs"),
        "descending"
    );
    assert_eq!(
        logs(&[append("1:1"), durable("n1#1", "1:2")]),
        Err("logs"),
        "beyond the last"
    );
    let end = |how: &str| {
        format!(
            "{}{}",
            at(1, &format!(r#""ev":"crash","p":"n1#1","how":"{how}""#)),
            at(1, r#""ev":"start","p":"n1#2""#)
        )
    };
    let two = [append("1:1"), append("1:2"), durable("n1#1", "1:1")].concat();
    assert_eq!(
        logs(&[two.clone(), end("kill"), durable("n1#2", "1:1")]),
        Err("logs"),
        "a kill lost one"
    );
    assert_eq!(
        logs(&[two.clone(), end("power"), durable("n1#2", "1:1")]),
        Ok(())
    );
    assert_eq!(
        logs(&[two, end("power"), durable("n1#2", "0:0")]),
        Err("logs"),
        "a promise is broken"
    );
    let late = at(40, r#""ev":"cut","from":"n1","to":"n2""#);
    assert_eq!(logs(&[append("1:1"), late]), Err("logs"), "never durable");
}

#[test]
fn log_subscribers() {
    let three = [
        append("1:1"),
        append("1:2"),
        append("1:3"),
        durable("n1#1", "1:3"),
    ]
    .concat();
    let start = [three, subscriber("subscribe", "")].concat();
    assert_eq!(
        logs(&[start.clone(), record("1:1"), record("1:3")]),
        Err("logs"),
        "one skipped"
    );
    assert_eq!(
        logs(&[start.clone(), record("1:1"), record("1:1")]),
        Err("logs"),
        "one twice"
    );
    assert_eq!(
        logs(&[start.clone(), record("1:1"), record("1:2"), record("1:3")]),
        Ok(())
    );
    let changed = record("1:1").replace("\"sum\":\"1\"", "\"sum\":\"2\"");
    assert_eq!(logs(&[start.clone(), changed]), Err("logs"), "changed");
    let checkpoint = |id: &str| subscriber("checkpoint", &format!(r#","id":"{id}""#));
    assert_eq!(
        logs(&[start.clone(), record("1:1"), checkpoint("1:2")]),
        Err("logs"),
        "acknowledged unseen"
    );
    let gap = subscriber("gap", r#","first":"1:1","last":"1:1","cause":"budget""#);
    assert_eq!(
        logs(&[start.clone(), gap]),
        Err("logs"),
        "a gap in a run without"
    );
    let again = [
        start.clone(),
        record("1:1"),
        record("1:2"),
        checkpoint("1:1"),
        at(1, r#""ev":"crash","p":"n1#1","how":"kill""#),
        at(1, r#""ev":"start","p":"n1#2""#),
        durable("n1#2", "1:3"),
    ]
    .concat();
    assert_eq!(
        logs(&[again.clone(), record("1:2")]),
        Ok(()),
        "from the checkpoint"
    );
    assert_eq!(
        logs(&[again, record("1:1")]),
        Err("logs"),
        "below the checkpoint"
    );
    let late = at(40, r#""ev":"cut","from":"n1","to":"n2""#);
    assert_eq!(
        logs(&[start, record("1:1"), late]),
        Err("logs"),
        "never arrived"
    );
}

fn counters(rest: &str) -> Result<(), &'static str> {
    judge(&format!("{}{TOGETHER}{rest}", run(r#""counters""#)))
}

#[test]
fn counters_agree_and_add_up() {
    let count = |by: i64| {
        at(
            1,
            &format!(r#""ev":"count","p":"n1#1","object":"o","key":"k","kind":"gauge","by":{by}"#),
        )
    };
    let tree = |t, p: &str, total: i64, hash: &str| {
        at(
            t,
            &format!(
                r#""ev":"tree","p":"{p}","object":"o","conf":"r","n":7,"hash":"{hash}","total":{total}"#
            ),
        )
    };
    assert_eq!(counters(&count(-1)), Err("counters"), "below zero");
    let one = [count(2), tree(40, "n1#1", 2, "a")].concat();
    assert_eq!(
        counters(&[one.clone(), tree(40, "n2#1", 2, "a")].concat()),
        Ok(())
    );
    assert_eq!(
        counters(&[one.clone(), tree(40, "n2#1", 3, "b")].concat()),
        Err("counters"),
        "disagree"
    );
    assert_eq!(counters(&one), Err("counters"), "one has no tree");
    let wrong = [count(1), tree(40, "n1#1", 2, "a"), tree(40, "n2#1", 2, "a")].concat();
    assert_eq!(counters(&wrong), Err("counters"), "the sum is wrong");
}

mod groups;
