//! A log for ShiViz, which draws what happened before what (Beschastnikh, Wang, Brun and Ernst: Debugging
//! distributed systems, CACM 2016). An event has a vector clock (Fidge 1988, Mattern 1989): how many events of
//! each node came before it. A column is a node over all its lives; an arrow is a message of the ring.
//!
//! The clocks count the events that are shown, as ShiViz demands: a node's own number rises by one from event to
//! event. Deliveries at nodes that are not shown still carry what came before, so that no order is lost.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    rc::Rc,
};

use super::{
    timeline::Span,
    view::{Outcome, View, kind_name, level_name},
};
use crate::trace::{CrashKind, Event, Kind, MessageName, Run, Text};

/// The regular expression that ShiViz needs for the log; it is its first line.
pub const PARSER: &str =
    r"(?<host>\S+) (?<clock>\{.*\})\n(?<time>\S+) (?<process>\S+) (?<event>.*)";

/// For each node, how many of its events came before.
type Clock = BTreeMap<Text, u64>;

pub(super) struct Shiviz<W> {
    out: W,
    /// What each node has seen.
    clocks: BTreeMap<Text, Clock>,
    /// What the sender of each message had seen when it sent it.
    sent: BTreeMap<MessageName, Rc<Clock>>,
    begun: bool,
    written: u64,
}

impl<W: Write> Shiviz<W> {
    pub(super) const fn new(out: W) -> Self {
        Self {
            out,
            clocks: BTreeMap::new(),
            sent: BTreeMap::new(),
            begun: false,
            written: 0,
        }
    }

    fn head(&mut self) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        writeln!(self.out, "{PARSER}\n")
    }

    /// Lets the clocks follow `event`; `seen` if it becomes an event of the log.
    fn follow(&mut self, event: &Event, seen: bool) {
        let Some(p) = &event.p else { return };
        let clock = self.clocks.entry(p.node().clone()).or_default();
        if let Kind::Deliver { m, .. } = &event.kind
            && let Some(sent) = self.sent.get(m)
        {
            for (node, count) in &**sent {
                let known = clock.entry(node.clone()).or_default();
                *known = (*known).max(*count);
            }
        }
        if seen {
            *clock.entry(p.node().clone()).or_default() += 1;
        }
        if let Kind::Send { m, .. } = &event.kind {
            self.sent.insert(m.clone(), Rc::new(clock.clone()));
        }
    }
}

impl<W: Write> View for Shiviz<W> {
    fn begin(&mut self, _: &Run) -> io::Result<()> {
        self.head()
    }

    fn span(&mut self, _: &Span) -> io::Result<()> {
        Ok(())
    }

    fn point(&mut self, event: &Event) -> io::Result<()> {
        self.head()?;
        let (Some(p), Some(what)) = (&event.p, describe(&event.kind)) else {
            return Ok(());
        };
        self.follow(event, true);
        self.written += 1;
        let clock: serde_json::Map<String, serde_json::Value> = self.clocks[p.node()]
            .iter()
            .map(|(node, count)| (host(node), (*count).into()))
            .collect();
        writeln!(
            self.out,
            "{} {}\n{}.{:09} {} {what}",
            host(p.node()),
            serde_json::Value::Object(clock),
            event.t / 1_000_000_000,
            event.t % 1_000_000_000,
            one_word(&p.to_string()),
        )
    }

    fn unseen(&mut self, event: &Event) {
        self.follow(event, false);
    }

    fn finish(mut self, _: &Outcome) -> io::Result<Option<u64>> {
        self.head()?;
        self.out.flush()?;
        Ok(Some(self.written))
    }
}

fn host(node: &Text) -> String {
    one_word(node)
}

/// The parser takes a name to end at the first blank.
fn one_word(name: &str) -> String {
    name.replace(char::is_whitespace, "_")
}

/// One line for the events of the ring, of lives and of addresses; clients, logs and counters would hide them.
fn describe(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Start => "start".to_owned(),
        Kind::Stop => "stop".to_owned(),
        Kind::Crash {
            how: CrashKind::Kill,
        } => "killed".to_owned(),
        Kind::Crash {
            how: CrashKind::Power,
        } => "power lost".to_owned(),
        Kind::Pause => "paused".to_owned(),
        Kind::Resume => "resumed".to_owned(),
        Kind::Disk { fault } => format!("disk fault {}", one_line(fault)),
        Kind::Conf {
            conf,
            kind,
            members,
            ..
        } => {
            let members: Vec<String> = members.iter().map(ToString::to_string).collect();
            format!(
                "{} configuration {} of {}",
                kind_name(*kind),
                one_line(conf),
                one_line(&members.join(" "))
            )
        }
        Kind::Send { m, level, conf, .. } => format!(
            "send {} {} in {}",
            one_line(&m.to_string()),
            level_name(*level),
            one_line(conf)
        ),
        Kind::Deliver { m, level, n, .. } => format!(
            "deliver {} {} at {n}",
            one_line(&m.to_string()),
            level_name(*level)
        ),
        Kind::VipUp { vip, .. } => format!("address {} up", one_line(vip)),
        Kind::VipDown { vip, .. } => format!("address {} down", one_line(vip)),
        Kind::Own { what, data } => format!("{} {data}", one_line(what)),
        _ => return None,
    })
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
