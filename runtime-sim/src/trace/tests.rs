//! Goal: the lines are exactly those of the format. Method: expected lines as text, and a round trip of each.

use super::*;

fn line(event: &Event) -> String {
    let line = serde_json::to_string(event).unwrap();
    let back: Event = serde_json::from_str(&line).unwrap();
    assert_eq!(&back, event, "{line}");
    line
}

fn process(text: &str) -> Process {
    text.parse().unwrap()
}

fn of(text: &str, kind: Kind) -> Event {
    Event::of(Instant::from_nanos(7), process(text), kind)
}

#[test]
fn world_events_have_no_process() {
    let event = Event::world(Instant::from_nanos(7), Kind::Calm { core: None });
    assert_eq!(line(&event), r#"{"t":7,"ev":"calm"}"#);
    let event = Event::world(
        Instant::from_nanos(8),
        Kind::Cut {
            from: "n1".into(),
            to: "n2".into(),
        },
    );
    assert_eq!(line(&event), r#"{"t":8,"ev":"cut","from":"n1","to":"n2"}"#);
    let event = Event::world(
        Instant::from_nanos(9),
        Kind::VipProbe {
            vip: "10.0.2.1/24".into(),
            ok: true,
            by: Some(process("n1#2")),
        },
    );
    assert_eq!(
        line(&event),
        r#"{"t":9,"ev":"vip_probe","vip":"10.0.2.1/24","ok":true,"by":"n1#2"}"#
    );
}

#[test]
fn process_events_name_it() {
    assert_eq!(
        line(&of("n1#1", Kind::Start)),
        r#"{"t":7,"ev":"start","p":"n1#1"}"#
    );
    assert_eq!(
        line(&of(
            "n1#1",
            Kind::Crash {
                how: CrashKind::Power
            }
        )),
        r#"{"t":7,"ev":"crash","how":"power","p":"n1#1"}"#
    );
    assert_eq!(
        line(&of(
            "n1#1",
            Kind::Deliver {
                m: MessageName::new(process("n2#1"), 17),
                level: Level::Safe,
                conf: "c".into(),
                sum: Sum(255),
                n: u64::MAX,
            }
        )),
        r#"{"t":7,"ev":"deliver","m":"n2#1:17","level":"safe","conf":"c","sum":"00000000000000ff","n":18446744073709551615,"p":"n1#1"}"#
    );
    assert_eq!(
        line(&of(
            "n1#1",
            Kind::Get {
                object: "o".into(),
                key: "k".into(),
                sum: None
            }
        )),
        r#"{"t":7,"ev":"get","object":"o","key":"k","sum":null,"p":"n1#1"}"#
    );
    assert_eq!(
        line(&of(
            "m1#3",
            Kind::Gap {
                node: "n1".into(),
                log: "l".into(),
                sub: "s".into(),
                first: RecordId {
                    incarnation: 2,
                    sequence: 9
                },
                last: RecordId {
                    incarnation: 2,
                    sequence: 11
                },
                cause: "power".into(),
            }
        )),
        r#"{"t":7,"ev":"gap","node":"n1","log":"l","sub":"s","first":"2:9","last":"2:11","cause":"power","p":"m1#3"}"#
    );
}

#[test]
fn the_run_line_keeps_unknown_options() {
    let text = r#"{"t":0,"ev":"run","schema":1,"seed":5,"commit":"c","nodes":["n1"],"options":{"faults":["kill"],"vips":[],"services":["groups"],"gaps":false,"latency_ns":3}}"#;
    let event: Event = serde_json::from_str(text).unwrap();
    assert_eq!(line(&event), text);
}

#[test]
fn later_events_and_fields_are_ignored() {
    let event: Event =
        serde_json::from_str(r#"{"t":1,"ev":"teleport","p":"n1#1","to":3}"#).unwrap();
    assert_eq!(event.kind, Kind::Unknown);
    let event: Event =
        serde_json::from_str(r#"{"t":1,"ev":"start","p":"n1#1","colour":"red"}"#).unwrap();
    assert_eq!(event.kind, Kind::Start);
}

#[test]
fn wrong_names_are_errors() {
    for text in ["n1", "n1#", "n1#x", "#"] {
        assert!(text.parse::<Process>().is_err(), "{text}");
    }
    assert!("n1#1".parse::<MessageName>().is_err());
    assert!("1".parse::<RecordId>().is_err());
    assert_eq!("a#b#3".parse::<Process>().unwrap().node().as_str(), "a#b");
}
