//! Goal: `ringfort group`, `ringfort flood` and the client library work with real daemons, and the flood's checks find
//! what is wrong. Method: daemons of `ringfort bus`; for the faults a daemon in this process that lies once.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "of another test")]
#[path = "bus/client.rs"]
mod client;
mod common;
#[allow(dead_code, reason = "of another test")]
#[path = "bus/daemons.rs"]
mod daemons;
#[allow(dead_code, reason = "of another test")]
#[path = "../client/tests/common/mod.rs"]
mod memory;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Stdio},
};

use client::Door;
use common::{LIMIT, ringfort, run};
use daemons::Cluster;
use memory::{
    bus::{Bus, Fault},
    server::Server,
};
use ringfort_client::{Address, Cause, Connection, Name, Options, Received, View};
use serde_json::Value;

fn address(door: &Door) -> String {
    match door {
        Door::Unix(path) => path.display().to_string(),
        Door::Tcp(address) => format!("{}@{}", address.port(), address.ip()),
    }
}

/// A listener whose lines are read one by one.
struct Lines {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Lines {
    fn of(arguments: &[&str]) -> Self {
        let mut child = ringfort()
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.next()).unwrap()
    }
}

/// A member, a listener, and senders, at two daemons.
#[test]
fn members_listeners_and_senders() {
    let cluster = Cluster::started(&["n1", "n2"]);
    let (first, second) = (address(&cluster.unix(0)), address(&cluster.tcp(1)));
    let member = ["group", "join", "g1", "--name", "al", "--connect", &first];
    let mut member = Lines::of(&[&member[..], &["--count", "6"]].concat());
    assert_eq!(member.next(), "g1  -- #al#n1 joined; 1 member: #al#n1");
    let json = ["group", "join", "g1", "--json", "--connect", &second];
    let mut json = Lines::of(&[&json[..], &["--name", "bo", "--count", "5"]].concat());
    let view = json.json();
    assert_eq!(view["event"], "view");
    assert_eq!(
        (&view["cause"], &view["member"]),
        (&"join".into(), &"#bo#n2".into())
    );
    assert_eq!(view["members"], serde_json::json!(["#al#n1", "#bo#n2"]));
    let joined = member.next();
    assert_eq!(joined, "g1  -- #bo#n2 joined; 2 members: #al#n1 #bo#n2");

    let send = [
        "group",
        "send",
        "g1",
        "nobody",
        "--connect",
        &second,
        "--name",
        "cy",
    ];
    let sent = run(&[
        &send[..],
        &["-m", "\u{1b}[2J", "--type", "-3", "--level", "safe"],
    ]
    .concat());
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(
        member.next(),
        "g1,nobody  #cy#n2 (safe, type -3): \\u{1b}[2J"
    );
    let message = json.json();
    assert_eq!(
        (&message["data"], &message["type"]),
        (&"\u{1b}[2J".into(), &(-3).into())
    );
    assert_eq!(message["groups"], serde_json::json!(["g1", "nobody"]));
    // Lines, one of them not text; each is a message, also to a client alone.
    let mut lines = ringfort()
        .args(["group", "send", "#bo#n2", "#al#n1", "--connect", &first])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = lines.stdin.take().unwrap();
    input.write_all(b"one\n\nlast \xff").unwrap();
    drop(input);
    assert!(lines.wait().unwrap().success());
    for text in ["one", ""] {
        assert_eq!(json.json()["data"], text);
    }
    assert_eq!(json.json()["data_hex"], "6c61737420ff");
    for end in ["): one", "):", "): last \u{fffd}"] {
        let line = member.next();
        assert!(
            line.starts_with("#bo#n2,#al#n1  #") && line.ends_with(end),
            "{line}"
        );
    }
    for mut listener in [member, json] {
        assert!(listener.child.wait().unwrap().success());
    }
}

#[test]
fn refusals_say_what_to_do() {
    let cluster = Cluster::started(&["n1"]);
    let place = address(&cluster.unix(0));
    let mut holder = Lines::of(&["group", "join", "g1", "--name", "al", "--connect", &place]);
    holder.next();
    let cases = [
        (
            vec!["tail", "g1", "--name", "al", "--connect", &place],
            "try again",
        ),
        (
            vec!["tail", "a b", "--connect", &place],
            "\"a b\" is no group",
        ),
        (
            vec!["tail", "g1", "--connect", "/nowhere/4803"],
            "is one running?",
        ),
        (vec!["tail", "g1", "--connect", "host"], "4803@host"),
        (
            vec![
                "send",
                "g1",
                "-m",
                "x",
                "--name",
                "much-too-long",
                "--connect",
                &place,
            ],
            "up to 10",
        ),
    ];
    for (arguments, expected) in cases {
        let output = run(&[&["group"][..], &arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(expected),
            "{said}"
        );
    }
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
}

/// The library, as the loss of a daemon and its return look to a program (reference, section 13, 20).
#[test]
fn a_lost_daemon_is_a_mark_and_a_view_with_sets() {
    let mut cluster = Cluster::started(&["n1", "n2"]);
    let connect = |cluster: &Cluster, index, name| {
        let place: Address = address(&cluster.unix(index)).parse().unwrap();
        let mut bus = Connection::connect_within(&place, &Options::named(name), LIMIT).unwrap();
        bus.join("g1").unwrap();
        bus
    };
    let name = |text| Name::new(text).unwrap();
    let mut al = connect(&cluster, 0, "al");
    view(&mut al, &[name("#al#n1")]);
    let bo = connect(&cluster, 1, "bo");
    view(&mut al, &[name("#al#n1"), name("#bo#n2")]);
    cluster.crash(1);
    let mark = al.receive_within(LIMIT).unwrap();
    assert!(matches!(mark, Received::Transitional { group, .. } if group == name("g1")));
    let alone = view(&mut al, &[name("#al#n1")]);
    let sets = vec![vec![name("#al#n1")]];
    assert_eq!(alone.cause, Cause::Network { sets, own: 0 });
    drop(bo);
    cluster.start_one(1);
    cluster.wait_members(&[0, 1]);
    let _bo = connect(&cluster, 1, "bo");
    let both = view(&mut al, &[name("#al#n1"), name("#bo#n2")]);
    assert_eq!(both.cause, Cause::Join(name("#bo#n2")));
    assert_eq!(both.together(), [name("#al#n1")]);
}

fn view(bus: &mut Connection, members: &[Name]) -> View {
    let received = bus.receive_within(LIMIT).unwrap();
    let Received::View(view) = received else {
        panic!("{received:?}");
    };
    assert_eq!(view.members, members);
    view
}

fn flood(addresses: &[&str], more: &[&str]) -> (bool, Value) {
    let mut command = ringfort();
    command.args(["flood", "--json", "--warmup", "50ms", "--seconds", "200ms"]);
    for address in addresses {
        command.args(["--connect", address]);
    }
    let output = command.args(more).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.success(), report)
}

/// Every level and some sizes, three clients at two daemons over both kinds of socket, two of which send.
#[test]
fn a_flood_gets_everything() {
    let cluster = Cluster::started(&["n1", "n2"]);
    let doors = [cluster.unix(0), cluster.tcp(0), cluster.unix(1)].map(|door| address(&door));
    let addresses: Vec<&str> = doors.iter().map(String::as_str).collect();
    let levels = "unreliable,reliable,fifo,causal,agreed,safe";
    let more = [
        "--check",
        "--senders",
        "2",
        "--rate",
        "500",
        "--levels",
        levels,
    ];
    let more = [&more[..], &["--sizes", "32,8192"]].concat();
    let (good, report) = flood(&addresses, &more);
    let rows = report["rows"].as_array().unwrap();
    assert!(good, "{report:#}");
    assert_eq!(rows.len(), 12);
    for row in rows {
        assert_eq!((&row["clients"], &row["senders"]), (&3.into(), &2.into()));
        for fault in ["missing", "repeated", "damaged"] {
            assert_eq!(row[fault], 0, "{row:#}");
        }
        let number = |value: &Value| value.as_f64().unwrap();
        assert!(number(&row["messages_per_s"]) > 0.0 && number(&row["ratio"]) > 0.0);
        let latency = &row["latency"];
        assert!(latency["samples"].as_u64() > Some(0), "{row:#}");
        let quantiles = ["min_us", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"];
        let quantiles = quantiles.map(|name| number(&latency[name]));
        assert!(quantiles.is_sorted() && quantiles[0] > 0.0, "{row:#}");
        assert!(number(&latency["ratio"]) > 0.0, "{row:#}");
    }
}

/// A daemon that loses, repeats or damages one message is found out.
#[test]
fn a_flood_finds_what_is_wrong() {
    let cases = [
        (Fault::Lose, "agreed", "missing"),
        (Fault::Repeat, "agreed", "repeated"),
        (Fault::Repeat, "reliable", "repeated"),
        (Fault::Damage, "safe", "damaged"),
    ];
    for (fault, level, name) in cases {
        let mut bus = Bus::new(ringfort_session::Config::new("dmn1"));
        bus.fault = Some(fault);
        let server = Server::start_with(bus);
        let place = server.path().display().to_string();
        let more = ["--check", "--only", "latency", "--rate", "2000"];
        let more = [&more[..], &["--levels", level, "--sizes", "100"]].concat();
        let (good, report) = flood(&[&place, &place], &more);
        let row = &report["rows"][0];
        let faults = ["missing", "repeated", "damaged"].map(|fault| row[fault].as_u64().unwrap());
        assert_eq!(faults.iter().sum::<u64>(), 2, "{fault:?}: {row:#}");
        assert!(!good && row[name] == 2, "{fault:?}: {row:#}");
    }
    let more = ["--only", "throughput", "--sizes", "16"];
    let output = run(&[&["flood", "--connect", "4803"][..], &more].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("32 to 143120 bytes"), "{said}");
}
