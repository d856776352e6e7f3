//! Goal: the protocol can be read as conversations, byte for byte. Method: the stories in `scenarios/`.
//!
//! Bytes are written as `05`, `"text"`, and `00*12` for twelve zeros, on input and on output alike.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use ringfort_session::{Cause, ClientEvent, Config, Event, GroupName, Name, SessionId, View};
use ringfort_testkit::{Step, run_directory};

use crate::daemon::{Daemon, group_id};

#[test]
fn conversations() {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"));
    run_directory(directory, |_| {
        let mut story = Story {
            daemon: Daemon::new(Config::new("dmn1")),
            sessions: BTreeMap::new(),
        };
        move |step: &Step| story.run(step)
    });
}

struct Story {
    daemon: Daemon,
    sessions: BTreeMap<String, SessionId>,
}

impl Story {
    fn run(&mut self, step: &Step) -> String {
        let who = step.argument(0).to_owned();
        let known = self.sessions.get(&who).copied();
        let session = || known.unwrap_or_else(|| panic!("line {}: who is {who}?", step.line));
        match step.command.as_str() {
            "open" => {
                let session = self.daemon.open();
                self.sessions.insert(who.clone(), session);
            }
            "bytes" => {
                let bytes = read(&step.input.join(" "));
                self.daemon.bytes(session(), &bytes);
            }
            "close" => self.daemon.close(session()),
            "transitional" => self.view(session(), step.argument(1), Cause::Transitional, &[]),
            "network" => {
                let sets: Vec<Vec<Name>> = step.input.iter().map(|line| names(line)).collect();
                let members = sets.concat();
                let sets = sets.into();
                self.view(
                    session(),
                    step.argument(1),
                    Cause::Network { sets },
                    &members,
                );
            }
            other => panic!("line {}: unknown command {other}", step.line),
        }
        self.report()
    }

    fn view(&mut self, session: SessionId, group: &str, cause: Cause, members: &[Name]) {
        let view = View {
            group: GroupName::new(group).unwrap(),
            id: group_id(4096),
            members: members.into(),
            cause,
        };
        let event = ClientEvent::View(view);
        self.daemon.event(Event::Deliver { session, event });
    }

    /// What everybody was sent, and who was closed, since the last step.
    fn report(&mut self) -> String {
        let mut text = String::new();
        for (name, session) in &self.sessions {
            for bytes in self.daemon.sent.remove(session).unwrap_or_default() {
                let _ = writeln!(text, "{name} < {}", show(&bytes));
            }
            if let Some(reason) = self.daemon.closed.remove(session) {
                let _ = writeln!(text, "{name} closed: {reason:?}");
            }
        }
        text
    }
}

fn names(line: &str) -> Vec<Name> {
    line.split_whitespace()
        .map(|name| Name::new(name).unwrap())
        .collect()
}

/// Bytes from their notation.
fn read(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (inside, after) = quoted.split_once('"').expect("a text ends");
            bytes.extend_from_slice(inside.as_bytes());
            rest = after.trim_start();
            continue;
        }
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let (byte, count) = word.split_once('*').unwrap_or((word, "1"));
        let byte = u8::from_str_radix(byte, 16).unwrap();
        bytes.extend(std::iter::repeat_n(byte, count.parse().unwrap()));
        rest = after.trim_start();
    }
    bytes
}

/// Bytes in their notation: runs of two or more letters as text, of four or more zeros as a count.
fn show(mut bytes: &[u8]) -> String {
    let mut words = Vec::new();
    while let Some(first) = bytes.first() {
        let run = |is: fn(&u8) -> bool| bytes.iter().take_while(|byte| is(byte)).count();
        let letters = run(|byte| (b' '..=b'~').contains(byte) && *byte != b'"');
        let zeros = run(|byte| *byte == 0);
        let used = match (letters, zeros) {
            (2.., _) => {
                words.push(format!(
                    "\"{}\"",
                    String::from_utf8_lossy(&bytes[..letters])
                ));
                letters
            }
            (_, 4..) => {
                words.push(format!("00*{zeros}"));
                zeros
            }
            (_, _) => {
                words.push(format!("{first:02x}"));
                1
            }
        };
        bytes = &bytes[used..];
    }
    words.join(" ")
}

/// The notation loses nothing.
#[test]
fn what_is_shown_is_read_back() {
    let bytes: Vec<u8> = (0..=255).chain([0; 9]).chain(*b"a\"bc").collect();
    assert_eq!(read(&show(&bytes)), bytes);
}
