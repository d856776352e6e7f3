//! The Chrome JSON trace format (Trace Event Format, Google), which ui.perfetto.dev and its SQL processor read: a
//! process is a node, a thread a track of it. Periods are complete events (`X`), points instants (`i`). Times are
//! microseconds; the fraction keeps the nanoseconds.
//!
//! Perfetto binds an arrow to the innermost slice that is open on its track when it comes, and a flow ends at the
//! first `f`. So with arrows a message is a slice without length around its flow events, and each receiver has a
//! flow of its own. A period is written when it ends; the format does not ask for the order of time. What comes
//! at the same instant on the same track is written in order.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    timeline::{Span, Track, What},
    view::{Outcome, View, kind_name, level_name},
};
use crate::trace::{ConfKind, CrashKind, Event, Kind, MessageName, Process, Run, Text};

/// The process of tracks that belong to no node.
const CLUSTER: u64 = 1;

/// One event of the format; its fields are named as there.
#[derive(Serialize)]
struct Entry<'a> {
    ph: &'static str,
    name: &'a str,
    cat: &'static str,
    ts: f64,
    pid: u64,
    tid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Value>,
}

impl<'a> Entry<'a> {
    const fn new(
        ph: &'static str,
        at: u64,
        place: Place,
        cat: &'static str,
        name: &'a str,
    ) -> Self {
        Self {
            ph,
            name,
            cat,
            ts: micros(at),
            pid: place.pid,
            tid: place.tid,
            dur: None,
            s: None,
            id: None,
            bp: None,
            args: None,
        }
    }
}

#[derive(Clone, Copy)]
struct Place {
    pid: u64,
    tid: u64,
}

pub(super) struct Perfetto<W> {
    out: W,
    flows: Option<Flows>,
    begun: bool,
    processes: BTreeMap<Text, u64>,
    tracks: BTreeMap<(u64, String), u64>,
}

/// Arrows that are still under way.
#[derive(Default)]
struct Flows {
    /// The members of the last configuration of each process.
    members: BTreeMap<Process, Vec<Process>>,
    next: u64,
    open: BTreeMap<(MessageName, Process), u64>,
}

impl<W: Write> Perfetto<W> {
    pub(super) fn new(out: W, flows: bool) -> Self {
        Self {
            out,
            flows: flows.then(Flows::default),
            begun: false,
            processes: BTreeMap::new(),
            tracks: BTreeMap::new(),
        }
    }

    fn head(&mut self, about: &Value) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        write!(
            self.out,
            "{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":["
        )?;
        self.describe(
            "process_name",
            CLUSTER,
            0,
            json!({ "name": "cluster" }),
            true,
        )?;
        self.describe(
            "process_sort_index",
            CLUSTER,
            0,
            json!({ "sort_index": CLUSTER }),
            false,
        )
    }

    fn describe(
        &mut self,
        name: &str,
        pid: u64,
        tid: u64,
        args: Value,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            self.out.write_all(b",")?;
        }
        let entry = json!({ "ph": "M", "name": name, "pid": pid, "tid": tid, "args": args });
        write!(self.out, "\n{entry}")
    }

    fn write(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.out.write_all(b",\n")?;
        serde_json::to_writer(&mut self.out, entry).map_err(io::Error::from)
    }

    fn node(&mut self, node: &Text) -> io::Result<u64> {
        self.head(&json!({}))?;
        if let Some(pid) = self.processes.get(node) {
            return Ok(*pid);
        }
        let pid = CLUSTER + 1 + self.processes.len() as u64;
        self.processes.insert(node.clone(), pid);
        self.describe("process_name", pid, 0, json!({ "name": &**node }), false)?;
        self.describe(
            "process_sort_index",
            pid,
            0,
            json!({ "sort_index": pid }),
            false,
        )?;
        Ok(pid)
    }

    fn place(&mut self, pid: u64, track: &str, rank: u64) -> io::Result<Place> {
        self.head(&json!({}))?;
        // Perfetto takes a thread with the number of its process for the main thread; these numbers are above.
        let next = 1_000_000 + self.tracks.len() as u64;
        if let Some(tid) = self.tracks.get(&(pid, track.to_owned())) {
            return Ok(Place { pid, tid: *tid });
        }
        self.tracks.insert((pid, track.to_owned()), next);
        self.describe("thread_name", pid, next, json!({ "name": track }), false)?;
        self.describe(
            "thread_sort_index",
            pid,
            next,
            json!({ "sort_index": rank }),
            false,
        )?;
        Ok(Place { pid, tid: next })
    }

    fn of(&mut self, node: &Text, track: &str, rank: u64) -> io::Result<Place> {
        let pid = self.node(node)?;
        self.place(pid, track, rank)
    }

    fn instant(
        &mut self,
        event: &Event,
        place: Place,
        cat: &'static str,
        name: &str,
        args: Value,
    ) -> io::Result<()> {
        let mut entry = Entry::new("i", event.t, place, cat, name);
        entry.s = Some("t");
        entry.args = Some(args);
        self.write(&entry)
    }

    /// A message sent or delivered: an instant, or the slice that its arrows are bound to.
    fn message(
        &mut self,
        event: &Event,
        place: Place,
        m: &MessageName,
        args: Value,
    ) -> io::Result<()> {
        let name = m.to_string();
        let Some(arrows) = self.flows.as_mut().map(|flows| flows.take(event, m)) else {
            return self.instant(event, place, "message", &name, args);
        };
        let mut slice = Entry::new("B", event.t, place, "message", &name);
        slice.args = Some(args);
        self.write(&slice)?;
        for (ph, id) in arrows {
            let mut arrow = Entry::new(ph, event.t, place, "flow", "message");
            arrow.id = Some(id);
            arrow.bp = (ph == "f").then_some("e");
            self.write(&arrow)?;
        }
        self.write(&Entry::new("E", event.t, place, "message", &name))
    }
}

impl Flows {
    /// The flow events of a message at one place: their kind and number.
    fn take(&mut self, event: &Event, m: &MessageName) -> Vec<(&'static str, u64)> {
        let Some(p) = &event.p else {
            return Vec::new();
        };
        match &event.kind {
            Kind::Send { .. } => {
                let members = self.members.get(p).cloned().unwrap_or_default();
                let others = members.into_iter().filter(|member| member != p);
                others
                    .map(|member| {
                        self.next += 1;
                        self.open.insert((m.clone(), member), self.next);
                        ("s", self.next)
                    })
                    .collect()
            }
            _ => {
                let arrived = self.open.remove(&(m.clone(), p.clone()));
                arrived.map(|id| ("f", id)).into_iter().collect()
            }
        }
    }

    fn follow(&mut self, p: &Process, kind: ConfKind, members: &[Process]) {
        if kind == ConfKind::Regular {
            self.members.insert(p.clone(), members.to_vec());
        }
    }
}

impl<W: Write> View for Perfetto<W> {
    fn begin(&mut self, run: &Run) -> io::Result<()> {
        self.head(&json!({
            "seed": run.seed,
            "commit": run.commit,
            "schema": run.schema,
            "options": run.options,
        }))
    }

    fn span(&mut self, span: &Span) -> io::Result<()> {
        let (place, cat) = match &span.track {
            Track::Phase => {
                self.head(&json!({}))?;
                (self.place(CLUSTER, "phase", 0)?, "phase")
            }
            Track::Link { from, to } => {
                let track = format!("link {from} to {to}");
                (self.place(CLUSTER, &track, 2)?, "fault")
            }
            Track::Life(node) => (self.of(node, "life", 0)?, "life"),
            Track::Pause(node) => (self.of(node, "pauses", 1)?, "fault"),
            Track::Configuration(node) => (self.of(node, "configuration", 2)?, "configuration"),
            Track::Address { node, vip } => (self.of(node, vip, 6)?, "address"),
        };
        let (name, args) = match &span.what {
            What::Faults => ("faults".to_owned(), None),
            What::Calm => ("calm".to_owned(), None),
            What::Cut => ("cut".to_owned(), None),
            What::Alive(p) => (p.to_string(), None),
            What::Paused => ("paused".to_owned(), None),
            What::In {
                conf,
                kind,
                members,
            } => {
                let count = members.len();
                let args = json!({ "kind": kind_name(*kind), "members": members });
                let name = match kind {
                    ConfKind::Regular => format!("{conf}, {count} members"),
                    ConfKind::Transitional => format!("transitional {conf}, {count} members"),
                };
                (name, Some(args))
            }
            What::Held => ("held".to_owned(), None),
        };
        let mut entry = Entry::new("X", span.from, place, cat, &name);
        entry.dur = Some(micros(span.to - span.from));
        entry.args = args;
        self.write(&entry)
    }

    fn point(&mut self, event: &Event) -> io::Result<()> {
        let Some(p) = &event.p else {
            return self.world_point(event);
        };
        let node = p.node();
        match &event.kind {
            Kind::Send { m, level, conf, .. } => {
                let place = self.of(node, "sends", 3)?;
                let args = json!({ "level": level_name(*level), "configuration": conf });
                self.message(event, place, m, args)
            }
            Kind::Deliver {
                m, level, conf, n, ..
            } => {
                let place = self.of(node, "deliveries", 4)?;
                let args =
                    json!({ "level": level_name(*level), "configuration": conf, "ordinal": n });
                self.message(event, place, m, args)
            }
            Kind::Conf { kind, members, .. } => {
                if let Some(flows) = &mut self.flows {
                    flows.follow(p, *kind, members);
                }
                Ok(())
            }
            Kind::Crash { how } => {
                let name = match how {
                    CrashKind::Kill => "kill",
                    CrashKind::Power => "power lost",
                };
                self.fault(event, node, name)
            }
            Kind::Stop => self.fault(event, node, "stop"),
            Kind::Disk { fault } => self.fault(event, node, &format!("disk: {fault}")),
            Kind::View {
                client,
                group,
                view,
                members,
                ..
            } => {
                let place = self.of(node, "views", 7)?;
                let args = json!({ "client": client, "view": view, "members": members });
                self.instant(event, place, "group", group, args)
            }
            Kind::Gap {
                node: of,
                log,
                sub,
                first,
                last,
                cause,
            } => {
                let place = self.of(node, "gaps of logs", 8)?;
                let args = json!({ "node": of, "log": log, "subscriber": sub,
                    "first": first, "last": last });
                self.instant(event, place, "log", &format!("gap: {cause}"), args)
            }
            Kind::Own { what, data } => {
                let place = self.of(node, "own events", 9)?;
                self.instant(event, place, "own", what, json!({ "data": data }))
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self, outcome: &Outcome) -> io::Result<Option<u64>> {
        self.head(&json!({}))?;
        let verdict = outcome.verdict.as_deref().unwrap_or("none: cut off");
        let place = self.place(CLUSTER, "phase", 0)?;
        let (at, name) = match outcome.broken_at {
            Some(at) => (at, format!("violation: {verdict}")),
            None => (outcome.end, format!("verdict: {verdict}")),
        };
        if (outcome.from..=outcome.to).contains(&at) {
            let mut entry = Entry::new("i", at, place, "verdict", &name);
            entry.s = Some("g");
            self.write(&entry)?;
        }
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()?;
        Ok(None)
    }
}

impl<W: Write> Perfetto<W> {
    fn world_point(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            Kind::VipProbe { vip, ok: false, .. } => {
                let place = self.place(CLUSTER, "probes without an answer", 1)?;
                self.instant(event, place, "address", vip, json!({}))
            }
            _ => Ok(()),
        }
    }

    fn fault(&mut self, event: &Event, node: &Text, name: &str) -> io::Result<()> {
        let place = self.of(node, "faults", 5)?;
        self.instant(event, place, "fault", name, json!({}))
    }
}

/// Exact up to 2^53 µs of a run's time, with three digits after the point.
#[expect(clippy::cast_precision_loss)] // a run of three months keeps its nanoseconds
const fn micros(ns: u64) -> f64 {
    ns as f64 / 1000.0
}
