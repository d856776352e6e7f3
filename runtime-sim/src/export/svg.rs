//! One picture of a run: a lane for each node and each address, one axis of time. Everything that is known only
//! at the end (the scale, which addresses there are) makes this a collection first and a drawing then.
//!
//! The picture is one file without scripts, fonts or references. It is as wide for an hour as for a second:
//! periods too short for a pixel become ticks, one a pixel at most, and deliveries a shade.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use super::{
    timeline::{Span, Track, What},
    view::{Outcome, View},
};
use crate::trace::{ConfKind, CrashKind, Event, Kind, Process, Run, Text};

mod draw;
mod key;
mod lanes;
mod links;
mod paper;
mod style;

/// Deliveries are counted in steps of this, in nanoseconds.
const STEP_NS: u64 = 10_000_000;

/// A configuration at one node.
#[derive(Clone, Debug)]
struct Stay {
    from: u64,
    to: u64,
    conf: Text,
    kind: ConfKind,
    members: Vec<Process>,
}

/// What happened at a node at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Start,
    Stop,
    Kill,
    Power,
    Disk,
    Gap,
}

/// What is drawn in the lane of one node.
#[derive(Debug, Default)]
struct Lane {
    lives: Vec<(u64, u64)>,
    pauses: Vec<(u64, u64)>,
    stays: Vec<Stay>,
    marks: Vec<(u64, Mark, String)>,
    /// Number of deliveries by step of the axis.
    deliveries: BTreeMap<u64, u32>,
}

/// What is drawn in the lane of one address.
#[derive(Debug, Default)]
struct Address {
    held: Vec<(u64, u64, Text)>,
    unanswered: Vec<u64>,
}

/// A stretch of time in which the same links are lost.
#[derive(Debug)]
struct Cut {
    from: u64,
    to: u64,
    links: BTreeSet<(Text, Text)>,
}

/// Everything that is drawn.
#[derive(Debug, Default)]
struct Picture {
    run: Option<Run>,
    phases: Vec<(u64, u64, bool)>,
    /// In the order of the `run` line, then of appearance.
    nodes: Vec<Text>,
    lanes: BTreeMap<Text, Lane>,
    addresses: BTreeMap<Text, Address>,
    cuts: Vec<(u64, u64, Text, Text)>,
    /// The regular configurations of more than one member, in the order in which they first appeared.
    shared: BTreeMap<Text, usize>,
    delivered: u64,
    sent: u64,
}

pub(super) struct Svg<W> {
    out: W,
    picture: Picture,
}

impl<W: Write> Svg<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            picture: Picture::default(),
        }
    }
}

impl Picture {
    fn lane(&mut self, node: &Text) -> &mut Lane {
        if !self.nodes.contains(node) {
            self.nodes.push(node.clone());
        }
        self.lanes.entry(node.clone()).or_default()
    }

    fn mark(&mut self, event: &Event, node: &Text, mark: Mark, what: String) {
        self.lane(node).marks.push((event.t, mark, what));
    }

    fn stay(&mut self, node: &Text, stay: Stay) {
        self.lane(node).stays.push(stay);
    }
}

impl<W: Write> View for Svg<W> {
    fn begin(&mut self, run: &Run) -> io::Result<()> {
        self.picture.nodes.clone_from(&run.nodes);
        self.picture.run = Some(run.clone());
        for vip in &run.options.vips {
            self.picture.addresses.entry(vip.clone()).or_default();
        }
        Ok(())
    }

    fn span(&mut self, span: &Span) -> io::Result<()> {
        let (from, to) = (span.from, span.to);
        let picture = &mut self.picture;
        match (&span.track, &span.what) {
            (Track::Phase, what) => picture.phases.push((from, to, *what == What::Calm)),
            (Track::Link { from: a, to: b }, _) => {
                picture.cuts.push((from, to, a.clone(), b.clone()));
            }
            (Track::Life(node), _) => picture.lane(node).lives.push((from, to)),
            (Track::Pause(node), _) => picture.lane(node).pauses.push((from, to)),
            (
                Track::Configuration(node),
                What::In {
                    conf,
                    kind,
                    members,
                },
            ) => {
                let stay = Stay {
                    from,
                    to,
                    conf: conf.clone(),
                    kind: *kind,
                    members: members.clone(),
                };
                picture.stay(node, stay);
            }
            (Track::Configuration(_), _) => {}
            (Track::Address { node, vip }, _) => {
                let address = picture.addresses.entry(vip.clone()).or_default();
                address.held.push((from, to, node.clone()));
            }
        }
        Ok(())
    }

    fn point(&mut self, event: &Event) -> io::Result<()> {
        let picture = &mut self.picture;
        let Some(p) = &event.p else {
            if let Kind::VipProbe { vip, ok: false, .. } = &event.kind {
                let address = picture.addresses.entry(vip.clone()).or_default();
                address.unanswered.push(event.t);
            }
            return Ok(());
        };
        let node = p.node();
        match &event.kind {
            Kind::Start => picture.mark(event, node, Mark::Start, format!("{p} starts")),
            Kind::Stop => picture.mark(event, node, Mark::Stop, format!("{p} stops")),
            Kind::Crash { how } => match how {
                CrashKind::Kill => picture.mark(event, node, Mark::Kill, format!("{p} is killed")),
                CrashKind::Power => {
                    picture.mark(event, node, Mark::Power, format!("{p} loses power"));
                }
            },
            Kind::Disk { fault } => {
                picture.mark(event, node, Mark::Disk, format!("disk fault: {fault}"));
            }
            Kind::Gap {
                node: of,
                log,
                first,
                last,
                cause,
                ..
            } => {
                let what = format!("gap in {log} of {of}, {first} to {last}: {cause}");
                picture.mark(event, node, Mark::Gap, what);
            }
            Kind::Send { .. } => picture.sent += 1,
            Kind::Deliver { .. } => {
                picture.delivered += 1;
                let deliveries = &mut picture.lane(node).deliveries;
                *deliveries.entry(event.t / STEP_NS).or_default() += 1;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self, outcome: &Outcome) -> io::Result<Option<u64>> {
        let Self { mut out, picture } = self;
        let text = draw::draw(picture, outcome);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(None)
    }
}
