//! Turns events into periods: from the event that begins something to the one that ends it. The rules of the
//! format that no line states are applied here: a crash ends a pause and a configuration, a loss of power takes
//! the addresses along, `calm` mends all links and may cut others for good.
//!
//! A period is handed out when it ends, cut to the shown stretch of time; so nothing needs to be known about the
//! rest of the run.

use std::{collections::BTreeMap, mem};

use super::Selection;
use crate::trace::{ConfKind, CrashKind, Event, Kind, Process, Text};

/// Where a period is drawn. On one track, one period is over before the next begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Track {
    /// The part of the run: faults, calm.
    Phase,
    /// One direction of a link.
    Link { from: Text, to: Text },
    /// The lives of a node.
    Life(Text),
    /// When the process of a node stood still.
    Pause(Text),
    /// The last configuration delivered at a node.
    Configuration(Text),
    /// Whether a node's interface has an address.
    Address { node: Text, vip: Text },
}

/// What is so during a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Anything may strike.
    Faults,
    /// No fault is injected.
    Calm,
    /// The link is lost.
    Cut,
    /// The process exists.
    Alive(Process),
    /// The process stands still.
    Paused,
    /// The process is in this configuration.
    In {
        /// Its id.
        conf: Text,
        /// Its kind.
        kind: ConfKind,
        /// Its members.
        members: Vec<Process>,
    },
    /// The interface has the address.
    Held,
}

/// A period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Where it belongs.
    pub(super) track: Track,
    /// Simulated nanoseconds.
    pub(super) from: u64,
    /// Simulated nanoseconds; not before `from`.
    pub(super) to: u64,
    /// What is so.
    pub(super) what: What,
}

/// What holds now.
pub(super) struct Timeline<'a> {
    selection: &'a Selection,
    open: BTreeMap<Track, (u64, What)>,
    nodes: Vec<Text>,
    over: Vec<Span>,
}

impl<'a> Timeline<'a> {
    pub(super) const fn new(selection: &'a Selection) -> Self {
        Self {
            selection,
            open: BTreeMap::new(),
            nodes: Vec::new(),
            over: Vec::new(),
        }
    }

    /// Takes an event and returns the periods that it ends.
    pub(super) fn on(&mut self, event: &Event) -> Vec<Span> {
        match &event.p {
            None => self.world(event.t, &event.kind),
            Some(p) => self.process(event.t, p, &event.kind),
        }
        mem::take(&mut self.over)
    }

    /// The shown stretch ends at `at`: what still holds ends there.
    pub(super) fn finish(mut self, at: u64) -> Vec<Span> {
        while let Some((track, (from, what))) = self.open.pop_first() {
            self.hand_out(track, from, at, what);
        }
        self.over
    }

    fn world(&mut self, at: u64, kind: &Kind) {
        match kind {
            Kind::Run(run) => {
                self.nodes.clone_from(&run.nodes);
                self.begin(Track::Phase, at, What::Faults);
            }
            Kind::Cut { from, to } => {
                let (from, to) = (from.clone(), to.clone());
                // A link that is cut twice is still one cut.
                let track = Track::Link { from, to };
                self.open.entry(track).or_insert((at, What::Cut));
            }
            Kind::Heal { from, to } => {
                let (from, to) = (from.clone(), to.clone());
                self.end(Track::Link { from, to }, at);
            }
            Kind::Calm { core } => self.calm(at, core.as_deref()),
            _ => {}
        }
    }

    fn calm(&mut self, at: u64, core: Option<&[Text]>) {
        self.begin(Track::Phase, at, What::Calm);
        let apart = |from: &Text, to: &Text| {
            core.is_some_and(|core| core.contains(from) != core.contains(to))
        };
        let healed: Vec<Track> = self
            .open
            .keys()
            .filter(|track| matches!(track, Track::Link { from, to } if !apart(from, to)))
            .cloned()
            .collect();
        for track in healed {
            self.end(track, at);
        }
        for from in &self.nodes {
            for to in self.nodes.iter().filter(|to| apart(from, to)) {
                let (from, to) = (from.clone(), to.clone());
                let track = Track::Link { from, to };
                self.open.entry(track).or_insert((at, What::Cut));
            }
        }
    }

    fn process(&mut self, at: u64, p: &Process, kind: &Kind) {
        let node = p.node();
        match kind {
            Kind::Start => self.begin(Track::Life(node.clone()), at, What::Alive(p.clone())),
            Kind::Stop => self.gone(at, node),
            Kind::Crash { how } => {
                self.gone(at, node);
                if *how == CrashKind::Power {
                    self.drop_addresses(at, node);
                }
            }
            Kind::Pause => self.begin(Track::Pause(node.clone()), at, What::Paused),
            Kind::Resume => self.end(Track::Pause(node.clone()), at),
            Kind::Conf {
                conf,
                kind,
                members,
                ..
            } => {
                let what = What::In {
                    conf: conf.clone(),
                    kind: *kind,
                    members: members.clone(),
                };
                self.begin(Track::Configuration(node.clone()), at, what);
            }
            Kind::VipUp { vip, .. } => {
                let (node, vip) = (node.clone(), vip.clone());
                let track = Track::Address { node, vip };
                self.open.entry(track).or_insert((at, What::Held));
            }
            Kind::VipDown { vip, .. } => {
                let (node, vip) = (node.clone(), vip.clone());
                self.end(Track::Address { node, vip }, at);
            }
            _ => {}
        }
    }

    fn gone(&mut self, at: u64, node: &Text) {
        self.end(Track::Pause(node.clone()), at);
        self.end(Track::Configuration(node.clone()), at);
        self.end(Track::Life(node.clone()), at);
    }

    fn drop_addresses(&mut self, at: u64, lost: &Text) {
        let theirs: Vec<Track> = self
            .open
            .keys()
            .filter(|track| matches!(track, Track::Address { node, .. } if node == lost))
            .cloned()
            .collect();
        for track in theirs {
            self.end(track, at);
        }
    }

    fn begin(&mut self, track: Track, at: u64, what: What) {
        self.end(track.clone(), at);
        self.open.insert(track, (at, what));
    }

    fn end(&mut self, track: Track, at: u64) {
        if let Some((from, what)) = self.open.remove(&track) {
            self.hand_out(track, from, at, what);
        }
    }

    fn hand_out(&mut self, track: Track, from: u64, to: u64, what: What) {
        let shown = match &track {
            Track::Phase => true,
            Track::Link { from, to } => self.selection.has(from) || self.selection.has(to),
            Track::Life(node)
            | Track::Pause(node)
            | Track::Configuration(node)
            | Track::Address { node, .. } => self.selection.has(node),
        };
        if shown && to >= self.selection.from {
            self.over.push(Span {
                track,
                from: from.max(self.selection.from),
                to,
                what,
            });
        }
    }
}
