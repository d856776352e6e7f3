//! Lives a recorded life again, and stops where it goes another way.
//!
//! The first action that differs is the report: after it, nothing that a node does says anything about the
//! recorded one. A digest that differs although no action did shows state that went apart without a trace.
//!
//! An assertion that ended the recorded process ends the replay as well; whoever wants to see more than that
//! catches it around [`Replay::take`].

use alloc::{
    boxed::Box,
    collections::VecDeque,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use bytes::Bytes;
use ringfort_machine::{Digest, Instant, Machine};

use super::{
    print::{Print, Printer},
    record::{Build, End, Origin, Record},
    stored::Malformed,
    view,
};
use crate::{Action, ConfigError, Event, Node};

/// How many events before a difference are shown with it.
const BEFORE: usize = 8;

/// What a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The node was started; its first actions are there.
    Started,
    /// It handled an event; its actions are there.
    Handled,
    /// Its actions are those that were recorded.
    Agreed,
    /// Its state is the one that was recorded.
    SameState,
    /// The journal ends.
    Ended(End),
}

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The record is none, or has no place here.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The node refuses the configuration that it was started with.
    #[error("the node refuses the recorded configuration: {0}")]
    Refused(#[from] ConfigError),
    /// The node does something else.
    #[error("{0}")]
    Different(Box<Difference>),
}

/// Where a replay went another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the event; 0 is the start.
    pub event: u64,
    /// Its instant.
    pub at: Instant,
    /// What it was.
    pub what: String,
    /// What differs.
    pub kind: Kind,
    /// The events before it, oldest first.
    pub before: Vec<String>,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An action about the event.
    Action {
        /// Which, counted from 0; those before it agree.
        index: usize,
        /// What was recorded; none if the recorded node wanted no more.
        recorded: Option<Print>,
        /// What the replay wants; none if it wants no more.
        replayed: Option<(Print, String)>,
        /// How many actions were recorded.
        recorded_count: usize,
        /// How many the replay has.
        replayed_count: usize,
    },
    /// The state after the event, although all actions agree.
    State {
        /// As recorded.
        recorded: u64,
        /// Of the replay.
        replayed: u64,
        /// The last event after which the states were known to agree, if there is one.
        agreed: Option<u64>,
    },
}

/// A replay under way. Feed it the records of a [`super::Decoder`].
#[derive(Default)]
pub struct Replay {
    life: Option<Life>,
}

struct Life {
    node: Node,
    build: Build,
    started: Instant,
    /// Events handled.
    number: u64,
    at: Instant,
    /// Whether the outcome of the last event has not been compared.
    open: bool,
    ended: bool,
    actions: Vec<Action>,
    /// The last event and those before it, as recorded; empty before the first.
    recent: VecDeque<Bytes>,
    printer: Printer,
    /// Digests that agreed, and the last event before one.
    digests: u64,
    agreed: Option<u64>,
}

impl Replay {
    /// Takes the next record and does what it says.
    ///
    /// # Errors
    /// [`Fault`]; nothing may be taken after it.
    ///
    /// # Panics
    /// Where the node does, as it did when it was recorded.
    pub fn take(&mut self, content: &Bytes) -> Result<Taken, Fault> {
        let record = Record::decode(content)?;
        let Some(life) = &mut self.life else {
            return match record {
                Record::Origin(origin) => {
                    self.life = Some(Life::start(*origin)?);
                    Ok(Taken::Started)
                }
                Record::Event { .. } | Record::Outcome(_) | Record::Digest(_) | Record::End(_) => {
                    Err(Malformed("the record of the origin").into())
                }
            };
        };
        if life.ended {
            return Err(Malformed("nothing after the end").into());
        }
        match record {
            Record::Origin(_) => Err(Malformed("one origin only").into()),
            Record::Event { at, event } => life.event(at, event, content),
            Record::Outcome(prints) => life.outcome(&prints),
            Record::Digest(digest) => life.digest(digest),
            Record::End(end) => {
                life.ended = true;
                Ok(Taken::Ended(end))
            }
        }
    }

    /// What the node wanted about the last event, in order.
    pub fn actions(&self) -> &[Action] {
        self.life.as_ref().map_or(&[], |life| &life.actions)
    }

    /// The replayed node, once it has started.
    pub fn node(&self) -> Option<&Node> {
        self.life.as_ref().map(|life| &life.node)
    }

    /// Who wrote the journal, once its first record is taken.
    pub fn build(&self) -> Option<&Build> {
        self.life.as_ref().map(|life| &life.build)
    }

    /// How many events were handled.
    pub fn events(&self) -> u64 {
        self.life.as_ref().map_or(0, |life| life.number)
    }

    /// How many digests agreed.
    pub fn digests(&self) -> u64 {
        self.life.as_ref().map_or(0, |life| life.digests)
    }

    /// The instant of the last event.
    pub fn at(&self) -> Instant {
        self.life.as_ref().map_or(Instant::ORIGIN, |life| life.at)
    }

    /// The instant of the start.
    pub fn started(&self) -> Instant {
        let started = |life: &Life| life.started;
        self.life.as_ref().map_or(Instant::ORIGIN, started)
    }

    /// Whether the journal has no outcome of the last event: it stops where the node was handling it.
    pub fn is_open(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.open)
    }

    /// The last events in words, oldest first, the present one last.
    pub fn recent(&self) -> Vec<String> {
        self.life.as_ref().map_or_else(Vec::new, Life::recent)
    }
}

impl Life {
    fn start(origin: Origin) -> Result<Self, ConfigError> {
        let mut actions = Vec::new();
        let node = Node::new(origin.config, origin.boot, origin.now, &mut actions)?;
        Ok(Self {
            node,
            build: origin.build,
            started: origin.now,
            number: 0,
            at: origin.now,
            open: true,
            ended: false,
            actions,
            recent: VecDeque::new(),
            printer: Printer::default(),
            digests: 0,
            agreed: None,
        })
    }

    fn event(&mut self, at: Instant, event: Event, content: &Bytes) -> Result<Taken, Fault> {
        if self.open {
            return Err(Malformed("the outcome of the event before").into());
        }
        if at < self.at {
            return Err(Malformed("an instant that is not before the last one").into());
        }
        if self.recent.len() > BEFORE {
            self.recent.pop_front();
        }
        // A copy: a slice would keep all of the buffer that it came in.
        self.recent.push_back(Bytes::copy_from_slice(content));
        self.number += 1;
        self.at = at;
        self.open = true;
        self.actions.clear();
        self.node.handle(at, event, &mut self.actions);
        Ok(Taken::Handled)
    }

    fn outcome(&mut self, recorded: &[Print]) -> Result<Taken, Fault> {
        if !self.open {
            return Err(Malformed("an event before its outcome").into());
        }
        self.open = false;
        let Self {
            actions, printer, ..
        } = self;
        let replayed: Vec<Print> = actions.iter().map(|action| printer.print(action)).collect();
        let longest = recorded.len().max(replayed.len());
        let Some(index) = (0..longest).find(|at| recorded.get(*at) != replayed.get(*at)) else {
            return Ok(Taken::Agreed);
        };
        let cluster = self.node.config().cluster;
        let seen = self.actions.get(index);
        Err(self.different(Kind::Action {
            index,
            recorded: recorded.get(index).copied(),
            replayed: replayed
                .get(index)
                .copied()
                .zip(seen.map(|action| view::action(cluster, action))),
            recorded_count: recorded.len(),
            replayed_count: replayed.len(),
        }))
    }

    fn digest(&mut self, recorded: u64) -> Result<Taken, Fault> {
        if self.open {
            return Err(Malformed("the outcome of the event before").into());
        }
        let mut digest = Digest::new();
        self.node.digest(&mut digest);
        let replayed = digest.finish();
        if replayed != recorded {
            return Err(self.different(Kind::State {
                recorded,
                replayed,
                agreed: self.agreed,
            }));
        }
        self.digests += 1;
        self.agreed = Some(self.number);
        Ok(Taken::SameState)
    }

    fn different(&self, kind: Kind) -> Fault {
        let mut before = self.recent();
        let what = before.pop().unwrap_or_else(|| "the start".to_string());
        Fault::Different(Box::new(Difference {
            event: self.number,
            at: self.at,
            what,
            kind,
            before,
        }))
    }

    fn recent(&self) -> Vec<String> {
        let cluster = self.node.config().cluster;
        let first = self.number - self.recent.len() as u64;
        let line = |(content, number): (&Bytes, u64)| match Record::decode(content) {
            Ok(Record::Event { at, event }) => Some(alloc::format!(
                "event {number} at {at} s: {}",
                view::event(cluster, &event)
            )),
            Ok(Record::Origin(_) | Record::Outcome(_) | Record::Digest(_) | Record::End(_))
            | Err(_) => None,
        };
        self.recent
            .iter()
            .zip(first + 1..)
            .filter_map(line)
            .collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.before {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "> {}", self.what)?;
        match &self.kind {
            Kind::Action {
                index,
                recorded,
                replayed,
                recorded_count,
                replayed_count,
            } => {
                writeln!(f, "action {} of the replay differs:", index + 1)?;
                match recorded {
                    Some(print) => writeln!(f, "  recorded: {print}")?,
                    None => writeln!(f, "  recorded: nothing more, {recorded_count} actions")?,
                }
                match replayed {
                    Some((print, text)) => write!(f, "  replayed: {print}\n            {text}"),
                    None => write!(f, "  replayed: nothing more, {replayed_count} actions"),
                }
            }
            Kind::State {
                recorded,
                replayed,
                agreed,
            } => {
                write!(
                    f,
                    "the state differs after it, although every action agrees: recorded {recorded:016x}, replayed {replayed:016x}; "
                )?;
                match agreed {
                    Some(event) => write!(f, "the states were the same after event {event}"),
                    None => f.write_str("no earlier state was recorded"),
                }
            }
        }
    }
}
