//! Goal: every case of membership, told as a story that a reader can follow. Method: the transcripts in
//! `scenarios/`, replayed under virtual time; `UPDATE=1` rewrites them. Every story ends with the judge.
//!
//! | command | effect |
//! |---|---|
//! | `world N [accelerated=0] [datagram=BYTES]` | a world of N hosts, all started |
//! | `empty N` | a world of N hosts, none started |
//! | `start H…` `crash H…` `pause H MS` `leave H` | what happens to hosts |
//! | `submit H LEVEL TEXT` or `submit H LEVEL size=BYTES` | a message |
//! | `cut FROM TO`, `parts 0,1 2,3`, `heal` | one direction of a link; all links between parts; none |
//! | `drop KIND N` | the next N frames of a kind are lost |
//! | `run MS` | time passes |
//! | `until together H…` | time passes until exactly these are together |
//! | `until sent H NUMBER` | time passes until a message has its place |
//! | `until state H STATE` | time passes until a host is in that phase |
//! | `log` | what was sent, delivered and installed since the last `log` |
//! | `why` | why membership was agreed on anew since the last `why`, by host |
//! | `judge` | the verdict on everything so far |
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use ringfort_evs::{Event, Note};
use ringfort_machine::{Configuration, ConfigurationKind, Level, ProcessId, Seed};
use ringfort_testkit::{Step, run_directory};
use ringfort_wire::Kind;

use common::judge::judge;
use common::world::{Did, World};

const MS: Duration = Duration::from_millis(1);

struct Teller {
    world: World,
    shown: std::collections::BTreeMap<ProcessId, usize>,
    noted: usize,
}

impl Teller {
    fn new() -> Self {
        Self {
            world: World::new(0, Seed::from_number(0)),
            shown: std::collections::BTreeMap::new(),
            noted: 0,
        }
    }

    fn tell(&mut self, step: &Step) -> String {
        match step.command.as_str() {
            "world" => self.create(step, true),
            "empty" => self.create(step, false),
            "start" => self.each(step, World::start),
            "crash" => self.each(step, World::crash),
            "leave" => self.each(step, |world, host| world.event(host, Event::Leave)),
            "pause" => {
                self.world.pause(host(step, 0), MS * step.number(1) as u32);
                String::new()
            }
            "submit" => self.submit(step),
            "cut" => {
                self.world.cuts.insert((host(step, 0), host(step, 1)));
                String::new()
            }
            "parts" => self.parts(step),
            "heal" => {
                self.world.cuts.clear();
                String::new()
            }
            "drop" => {
                let count = step.number(1) as u32;
                self.world.drops.push((kind(step.argument(0)), count));
                String::new()
            }
            "run" => {
                self.world.run_for(MS * step.number(0) as u32);
                String::new()
            }
            "until" => self.until(step),
            "log" => self.log(),
            "why" => self.why(),
            "judge" => match judge(&self.world.lives) {
                complaints if complaints.is_empty() => "virtually synchronous".to_owned(),
                complaints => complaints.join("\n"),
            },
            other => panic!("line {}: no command `{other}`", step.line),
        }
    }

    fn create(&mut self, step: &Step, start: bool) -> String {
        let hosts = host(step, 0);
        self.world = World::new(hosts, Seed::from_number(1));
        self.shown.clear();
        self.noted = 0;
        self.world.configure = match (step.option("accelerated"), step.option("datagram")) {
            (Some("0"), None) => |config| config.windows.accelerated = 0,
            (None, Some("300")) => |config| config.datagram_limit = 300,
            (None, None) => |_| {},
            other => panic!("line {}: {other:?}", step.line),
        };
        if start {
            (0..hosts).for_each(|host| self.world.start(host));
        }
        String::new()
    }

    fn each(&mut self, step: &Step, mut what: impl FnMut(&mut World, usize)) -> String {
        for index in 0..step.arguments.len() {
            what(&mut self.world, host(step, index));
        }
        String::new()
    }

    fn submit(&mut self, step: &Step) -> String {
        let name = step.argument(1);
        let level = Level::ALL
            .into_iter()
            .find(|level| level.name() == name)
            .expect("a level");
        let payload = match step.option("size") {
            Some(size) => Bytes::from(vec![b'x'; size.parse().unwrap()]),
            None => Bytes::copy_from_slice(step.argument(2).as_bytes()),
        };
        match self.world.submit(host(step, 0), level, payload) {
            Ok(number) => format!("number {number}"),
            Err(refusal) => refusal.to_string(),
        }
    }

    fn parts(&mut self, step: &Step) -> String {
        let part = |text: &String| text.split(',').map(|host| host.parse().unwrap()).collect();
        let parts: Vec<Vec<usize>> = step.arguments.iter().map(part).collect();
        self.world.partition(&parts);
        String::new()
    }

    fn until(&mut self, step: &Step) -> String {
        let start = self.world.now;
        let came = match step.argument(0) {
            "together" => {
                let members: Vec<usize> =
                    (1..step.arguments.len()).map(|i| host(step, i)).collect();
                self.world
                    .run_while(MS * 20_000, |world| !world.is_together(&members))
            }
            "sent" => {
                let (process, number) = (self.world.process(host(step, 1)), step.number(2));
                self.world.run_while(MS * 20_000, |world| {
                    let log = &world.lives[&process].log;
                    !log.iter()
                        .any(|(_, did)| matches!(did, Did::Sent { number: n, .. } if *n == number))
                })
            }
            "state" => {
                let (host, state) = (host(step, 1), step.argument(2));
                self.world.run_while(MS * 20_000, |world| {
                    let evs = world.hosts[host].evs.as_ref();
                    evs.is_none_or(|evs| evs.status().state != state)
                })
            }
            other => panic!("line {}: until what? {other}", step.line),
        };
        let took = self.world.now.since(start).as_millis();
        if came {
            format!("after {took} ms")
        } else {
            "never".to_owned()
        }
    }

    fn log(&mut self) -> String {
        let mut text = String::new();
        for (process, life) in &self.world.lives {
            let shown = self.shown.entry(*process).or_default();
            for (_, did) in &life.log[*shown..] {
                match did {
                    Did::Submitted { .. } => {}
                    Did::Sent { number, level, .. } => {
                        let _ = writeln!(text, "{}: sent {number} {level}", name(*process));
                    }
                    Did::Delivered(delivery) => {
                        let _ = writeln!(
                            text,
                            "{}: {} {} of {}: {}",
                            name(*process),
                            delivery.level,
                            delivery.number,
                            name(delivery.sender),
                            payload(&delivery.payload)
                        );
                    }
                    Did::Installed(configuration) => {
                        let _ = writeln!(text, "{}: {}", name(*process), shown_as(configuration));
                    }
                }
            }
            *shown = life.log.len();
        }
        if text.is_empty() {
            "nothing".to_owned()
        } else {
            text
        }
    }

    fn why(&mut self) -> String {
        let mut text = String::new();
        for (_, host, note) in &self.world.notes[self.noted..] {
            if let Note::Gathering { why } = note {
                let _ = writeln!(text, "{host}: {}", why.name());
            }
        }
        self.noted = self.world.notes.len();
        if text.is_empty() {
            "nothing".to_owned()
        } else {
            text
        }
    }
}

fn host(step: &Step, index: usize) -> usize {
    step.number(index) as usize
}

fn kind(name: &str) -> Kind {
    match name {
        "token" => Kind::Token,
        "data" => Kind::Data,
        "join" => Kind::Join,
        "commit" => Kind::Commit,
        "beacon" => Kind::Beacon,
        "hurry" => Kind::Hurry,
        other => panic!("no kind `{other}`"),
    }
}

/// The host's number, with its life if that is not the first.
fn name(process: ProcessId) -> String {
    let host = process.node.0 - 1;
    match process.incarnation.0 {
        1 => host.to_string(),
        life => format!("{host}#{life}"),
    }
}

fn shown_as(configuration: &Configuration) -> String {
    let members: Vec<String> = configuration
        .members
        .iter()
        .map(|m| name(m.process))
        .collect();
    let kind = match configuration.kind {
        ConfigurationKind::Regular => "regular",
        ConfigurationKind::Transitional => "transitional",
    };
    format!("{kind} {{{}}}", members.join(" "))
}

fn payload(bytes: &[u8]) -> String {
    if bytes.len() > 40 {
        return format!("{} bytes", bytes.len());
    }
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn stories_of_membership() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    run_directory(&directory, |_| {
        let mut teller = Teller::new();
        move |step: &Step| teller.tell(step)
    });
}
