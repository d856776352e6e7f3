//! Goal: each format says what the trace says, for any trace that keeps to its description, and the same bytes
//! every time. Method: a small trace written by hand, as another program would write it; the results are taken
//! apart again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::trace::Text;

/// Two nodes form a ring, are parted, and one loses power; the address is held twice for a while. There are fields
/// and events that this version does not know, and the `run` line has no options.
const TRACE: &str = r#"{"t":0,"ev":"run","schema":9,"seed":7,"commit":"abc","nodes":["n1","n2"],"weather":"fine"}
{"t":1000000,"ev":"start","p":"n1#1"}
{"t":1000000,"ev":"conf","p":"n1#1","conf":"A","kind":"regular","members":["n1#1"]}
{"t":2000000,"ev":"start","p":"n2#1","colour":"red"}
{"t":1000000000,"ev":"conf","p":"n1#1","conf":"A>B","kind":"transitional","members":["n1#1"],"reg":"A"}
{"t":1000000000,"ev":"conf","p":"n1#1","conf":"B","kind":"regular","members":["n1#1","n2#1"]}
{"t":1100000000,"ev":"conf","p":"n2#1","conf":"B","kind":"regular","members":["n1#1","n2#1"]}
{"t":1200000000,"ev":"teleport","p":"n2#1","to":3}
{"t":1250000000,"ev":"own","p":"n2#1","what":"vote","data":{"for":"n1"}}
{"t":1300000000,"ev":"send","p":"n1#1","m":"n1#1:1","level":"agreed","conf":"B","sum":"1"}
{"t":1300000000,"ev":"deliver","p":"n1#1","m":"n1#1:1","level":"agreed","conf":"B","sum":"1","n":1}
{"t":1400000001,"ev":"deliver","p":"n2#1","m":"n1#1:1","level":"agreed","conf":"B","sum":"1","n":1}
{"t":1500000000,"ev":"send","p":"n2#1","m":"n2#1:1","level":"safe","conf":"B","sum":"2"}
{"t":1600000000,"ev":"deliver","p":"n1#1","m":"n2#1:1","level":"safe","conf":"B","sum":"2","n":2}
{"t":1700000000,"ev":"vip_up","p":"n1#1","vip":"10.0.0.1/32","iface":"eth0"}
{"t":2000000000,"ev":"cut","from":"n1","to":"n2"}
{"t":2000000000,"ev":"cut","from":"n2","to":"n1"}
{"t":2100000000,"ev":"vip_up","p":"n2#1","vip":"10.0.0.1/32","iface":"eth0"}
{"t":2200000000,"ev":"pause","p":"n1#1"}
{"t":2300000000,"ev":"vip_probe","vip":"10.0.0.1/32","ok":false}
{"t":2500000000,"ev":"resume","p":"n1#1"}
{"t":3000000000,"ev":"disk","p":"n2#1","fault":"torn"}
{"t":3000000000,"ev":"crash","p":"n2#1","how":"power"}
{"t":4000000000,"ev":"calm"}
{"t":5000000000,"ev":"end","hash":"0","verdict":"ok"}
"#;

fn export(
    text: &str,
    how: impl FnOnce(Lines<&[u8]>, &mut Vec<u8>) -> Result<Exported, ExportError>,
) -> (String, Exported) {
    let mut out = Vec::new();
    let exported = how(read(text.as_bytes()), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), exported)
}

fn as_perfetto(text: &str, selection: &Selection, flows: bool) -> Vec<Value> {
    let (text, _) = export(text, |events, out| perfetto(events, selection, flows, out));
    let mut whole: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(events) = whole["traceEvents"].take() else {
        panic!("no list of events: {text}");
    };
    events
}

fn as_svg(text: &str, selection: &Selection) -> String {
    export(text, |events, out| svg(events, selection, out)).0
}

fn of_kind<'a>(events: &'a [Value], ph: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["ph"] == ph)
}

/// The name of the track of an event, with that of its process.
fn track(events: &[Value], event: &Value) -> String {
    let name = |what: &str, tid: &Value| {
        of_kind(events, "M")
            .find(|meta| meta["name"] == what && meta["pid"] == event["pid"] && meta["tid"] == *tid)
            .unwrap_or_else(|| panic!("{event} is on a track without {what}"))["args"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let process = name("process_name", &Value::from(0));
    format!("{process}/{}", name("thread_name", &event["tid"]))
}

#[test]
fn perfetto_has_what_the_format_asks_for() {
    for flows in [false, true] {
        let events = as_perfetto(TRACE, &Selection::default(), flows);
        let mut depth: BTreeMap<String, i64> = BTreeMap::new();
        let mut begun = BTreeSet::new();
        for event in &events {
            assert!(event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
            let ph = event["ph"].as_str().unwrap();
            if ph != "M" {
                assert!(event["ts"].as_f64().unwrap() >= 0.0, "{event}");
                assert!(!event["name"].as_str().unwrap().is_empty(), "{event}");
                let at = depth.entry(track(&events, event)).or_default();
                match ph {
                    "B" => *at += 1,
                    "E" => *at -= 1,
                    "X" => assert!(event["dur"].as_f64().unwrap() >= 0.0, "{event}"),
                    "i" => assert!(event["s"] == "t" || event["s"] == "g", "{event}"),
                    "s" => assert!(*at == 1 && begun.insert(event["id"].as_u64()), "{event}"),
                    "f" => {
                        assert!(*at == 1 && begun.remove(&event["id"].as_u64()), "{event}");
                        assert_eq!(event["bp"], "e");
                    }
                    other => panic!("no such kind is written: {other}"),
                }
                assert!(
                    (0..=1).contains(at),
                    "slices of messages do not nest: {event}"
                );
            }
        }
        assert!(depth.values().all(|open| *open == 0), "{depth:?}");
        assert_eq!(of_kind(&events, "f").count(), if flows { 2 } else { 0 });
        assert!(begun.is_empty(), "every message arrived at the other node");
    }
}

#[test]
fn perfetto_periods_are_those_of_the_trace() {
    let events = as_perfetto(TRACE, &Selection::default(), false);
    let periods: BTreeSet<(String, String, u64, u64)> = of_kind(&events, "X")
        .map(|event| {
            let whole = |name: &str| (event[name].as_f64().unwrap() / 1000.0) as u64;
            let name = event["name"].as_str().unwrap().to_owned();
            (track(&events, event), name, whole("ts"), whole("dur"))
        })
        .collect();
    let expected = [
        ("cluster/link n1 to n2", "cut", 2000, 2000),
        ("cluster/link n2 to n1", "cut", 2000, 2000),
        ("cluster/phase", "calm", 4000, 1000),
        ("cluster/phase", "faults", 0, 4000),
        ("n1/10.0.0.1/32", "held", 1700, 3300),
        ("n1/configuration", "A, 1 members", 1, 999),
        ("n1/configuration", "B, 2 members", 1000, 4000),
        ("n1/configuration", "transitional A>B, 1 members", 1000, 0),
        ("n1/life", "n1#1", 1, 4999),
        ("n1/pauses", "paused", 2200, 300),
        ("n2/10.0.0.1/32", "held", 2100, 900),
        ("n2/configuration", "B, 2 members", 1100, 1900),
        ("n2/life", "n2#1", 2, 2998),
    ];
    let expected = expected
        .map(|(track, name, at, length)| (track.to_owned(), name.to_owned(), at, length))
        .into();
    assert_eq!(periods, expected);
    let nanoseconds = of_kind(&events, "i").any(|event| event["ts"] == 1_400_000.001);
    assert!(nanoseconds, "times keep their nanoseconds");
}

/// The events of a log for `ShiViz`, read as its parser says: host, clock, and the line of the event.
fn log(text: &str) -> Vec<(String, BTreeMap<String, u64>, String)> {
    let body = text
        .strip_prefix(&format!("{SHIVIZ_PARSER}\n\n"))
        .expect("the parser, and no delimiter of executions");
    let lines: Vec<&str> = body.lines().collect();
    lines
        .chunks(2)
        .map(|pair| {
            let (host, clock) = pair[0].split_once(' ').unwrap();
            let clock = serde_json::from_str(clock).unwrap();
            (host.to_owned(), clock, pair[1].to_owned())
        })
        .collect()
}

/// What `ShiViz` refuses: a clock that lacks its own host, or whose own number does not rise by one.
fn assert_clocks_rise(log: &[(String, BTreeMap<String, u64>, String)]) {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for (host, clock, event) in log {
        let before = seen.entry(host).or_default();
        assert_eq!(clock.get(host), Some(&(*before + 1)), "{event}");
        *before += 1;
    }
}

#[test]
fn shiviz_clocks_follow_the_messages() {
    let (text, exported) = export(TRACE, |events, out| {
        shiviz(events, &Selection::default(), out)
    });
    let log = log(&text);
    assert_eq!(exported.written, log.len() as u64);
    assert_clocks_rise(&log);
    let clock = |what: &str| &log.iter().find(|(.., line)| line.contains(what)).unwrap().1;
    let sent = clock("n1#1 send n1#1:1")["n1"];
    let before = clock("n2#1 regular configuration B").get("n1");
    assert_eq!(before, None, "nothing of n1 had reached n2");
    assert_eq!(clock("n2#1 deliver n1#1:1")["n1"], sent);
    assert!(clock(r#"n2#1 vote {"for":"n1"}"#).contains_key("n2"));
    let answer = clock("n1#1 deliver n2#1:1");
    assert_eq!(answer["n2"], clock("send n2#1:1")["n2"]);
}

#[test]
fn a_node_that_is_not_shown_still_passes_on_what_came_before() {
    let text = TRACE.replace(
        r#"{"t":1700000000,"#,
        r#"{"t":1650000000,"ev":"start","p":"n3#1"}
{"t":1650000000,"ev":"deliver","p":"n3#1","m":"n2#1:1","level":"safe","conf":"B","sum":"2","n":2}
{"t":1700000000,"#,
    );
    let selection = Selection {
        nodes: ["n1", "n3"].map(Text::from).into(),
        ..Selection::default()
    };
    let (text, _) = export(&text, |events, out| shiviz(events, &selection, out));
    let log = log(&text);
    assert_clocks_rise(&log);
    assert!(log.iter().all(|(host, ..)| host != "n2"));
    let last = &log
        .iter()
        .find(|(.., line)| line.contains("n3#1 deliver"))
        .unwrap()
        .1;
    assert!(last["n1"] > 0, "by way of n2: {last:?}");
}

#[test]
fn the_picture_shows_both_sides_and_the_loss_of_power() {
    let picture = as_svg(TRACE, &Selection::default());
    for wanted in [
        "seed 7 \u{b7} verdict: ok",
        "class=\"split\"",
        ">n1 | n2</text>",
        ">B (2)</text>",
        "class=\"powermark\"",
        "class=\"diskmark\"",
        "class=\"paused\"",
        "held by n1 and n2",
        "calm: no new fault",
    ] {
        assert!(picture.contains(wanted), "{wanted} is missing in {picture}");
    }
    let open = picture.matches("<title>").count();
    assert_eq!(open, picture.matches("</title>").count());
    assert!(!picture.contains("<script") && !picture.contains("href"));
}

#[test]
fn a_violation_is_marked_where_it_happened() {
    let broken = TRACE.replace("\"verdict\":\"ok\"", "\"verdict\":\"safe\"");
    let picture = as_svg(&broken, &Selection::default());
    assert!(picture.contains("class=\"wrong\"") && picture.contains(">safe broken</text>"));
    assert!(!as_svg(TRACE, &Selection::default()).contains("class=\"wrong\""));
    let events = as_perfetto(&broken, &Selection::default(), false);
    let marked = events
        .iter()
        .find(|event| event["name"] == "violation: safe")
        .unwrap();
    assert_eq!(marked["ts"], 4_000_000.0, "the last event before the end");
}

#[test]
fn strange_names_do_no_harm() {
    let text = TRACE
        .replace("\"B\"", r#""<b>\u0007&\"""#)
        .replace("10.0.0.1/32", "a <b> & c");
    let picture = as_svg(&text, &Selection::default());
    assert!(picture.contains("&lt;b&gt; &amp;&quot;"), "{picture}");
    assert!(!picture.contains("<b>") && !picture.contains('\u{7}'));
    as_perfetto(&text, &Selection::default(), true);
}

#[test]
fn a_selection_cuts_what_reaches_beyond_it() {
    let selection = Selection {
        from: 1_500_000_000,
        to: Some(2_400_000_000),
        nodes: ["n1"].map(Text::from).into(),
        max: None,
    };
    let events = as_perfetto(TRACE, &selection, false);
    let tracks: BTreeSet<String> = of_kind(&events, "X")
        .map(|event| track(&events, event))
        .collect();
    assert!(tracks.contains("n1/life") && tracks.contains("cluster/link n2 to n1"));
    assert!(
        tracks.iter().all(|track| !track.starts_with("n2")),
        "{tracks:?}"
    );
    for event in of_kind(&events, "X") {
        let from = event["ts"].as_f64().unwrap();
        let to = from + event["dur"].as_f64().unwrap();
        assert!(from >= 1_500_000.0 && to <= 2_400_000.0, "{event}");
    }
    let few = Selection {
        max: Some(9),
        ..Selection::default()
    };
    let (_, exported) = export(TRACE, |events, out| svg(events, &few, out));
    assert_eq!((exported.selected, exported.read), (9, 25));
}

#[test]
fn half_a_trace_is_shown_and_a_broken_one_named() {
    let half: String = TRACE
        .lines()
        .take(12)
        .map(|line| format!("{line}\n"))
        .collect();
    let (picture, exported) = export(&half, |events, out| svg(events, &Selection::default(), out));
    assert!(!exported.whole && picture.contains("the trace is cut off"));

    let fails = |text: &str| {
        svg(read(text.as_bytes()), &Selection::default(), io::sink())
            .unwrap_err()
            .to_string()
    };
    let error = fails(&TRACE.replace(
        "{\"t\":1300000000,\"ev\":\"send\"",
        "{\"t\":1300000000,\"ev\":\"send",
    ));
    assert!(
        error.starts_with("line 10 is not an event of a trace"),
        "{error}"
    );
    let error = fails(&TRACE.replace("\"t\":1600000000", "\"t\":1"));
    assert_eq!(error, "line 14 is earlier than the one before it");
    let error = fails(&TRACE.replace("\"seed\":7", "\"seed\":\"x\""));
    assert!(error.starts_with("line 1 "), "{error}");
}

#[test]
fn an_empty_trace_gives_an_empty_result() {
    assert!(as_svg("", &Selection::default()).ends_with("</svg>\n"));
    assert!(!as_perfetto("", &Selection::default(), true).is_empty());
}
