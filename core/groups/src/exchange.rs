//! A merge in progress: the states that the members of one configuration send each other, and what is held
//! back until the last of them has come.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use bytes::Bytes;
use ringfort_machine::{
    Configuration, ConfigurationId, Digest, Instant, Level, Position, ProcessId, defect,
};
use ringfort_wire::group::{Control, GroupName, State, StateClient};

use crate::roster::{Memberships, Roster, digest_memberships};

/// An ordered message as the ring delivered it.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) position: Position,
    pub(crate) sender: ProcessId,
    pub(crate) number: u64,
    pub(crate) level: Level,
    pub(crate) payload: Bytes,
}

/// Something that came after the configuration began and before all states were known.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    Message(Passage),
    Transitional(Configuration),
}

/// What has come of one member's state.
#[derive(Debug, Default)]
struct Partial {
    side: Option<ProcessId>,
    parts: u32,
    complete: bool,
    memberships: Memberships,
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It was the last that was missing.
    Completed,
    /// More are missing.
    Wanting,
    /// It does not follow the one before it; nothing changed.
    OutOfSequence,
    /// It is for another configuration, or not from a member; nothing changed.
    Stale,
}

/// One exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) configuration: ConfigurationId,
    pub(crate) warn_at: Instant,
    pub(crate) held: VecDeque<Held>,
    states: BTreeMap<ProcessId, Partial>,
}

impl Exchange {
    /// The exchange of the members of the regular `configuration`.
    pub(crate) fn new(configuration: &Configuration, warn_at: Instant) -> Self {
        let members = configuration.members.iter();
        Self {
            configuration: configuration.id,
            warn_at,
            held: VecDeque::new(),
            states: members
                .map(|member| (member.process, Partial::default()))
                .collect(),
        }
    }

    /// Takes one part of the state of `sender`.
    pub(crate) fn accept(&mut self, sender: ProcessId, state: State) -> Accepted {
        if state.configuration != self.configuration {
            return Accepted::Stale;
        }
        let Some(partial) = self.states.get_mut(&sender) else {
            return Accepted::Stale;
        };
        let follows = partial.parts == state.part && !partial.complete;
        if !follows || partial.side.is_some_and(|side| side != state.side) {
            return Accepted::OutOfSequence;
        }
        partial.parts += 1;
        partial.side = Some(state.side);
        partial.complete = state.last;
        for StateClient { client, groups } in state.clients {
            let groups = groups.into_iter().filter(|group| !group.is_private());
            partial
                .memberships
                .entry(client)
                .or_default()
                .extend(groups);
        }
        if self.states.values().all(|partial| partial.complete) {
            Accepted::Completed
        } else {
            Accepted::Wanting
        }
    }

    /// Members whose state is not complete.
    pub(crate) fn missing(&self) -> Vec<ProcessId> {
        let missing = self.states.iter().filter(|(_, state)| !state.complete);
        missing.map(|(process, _)| *process).collect()
    }

    /// All members.
    pub(crate) fn members(&self) -> BTreeSet<ProcessId> {
        self.states.keys().copied().collect()
    }

    /// Which side each member came from, named by the smallest process of the side.
    pub(crate) fn sides(&self) -> BTreeMap<ProcessId, ProcessId> {
        let states = self.states.iter();
        states
            .map(|(process, state)| (*process, state.side.unwrap_or(*process)))
            .collect()
    }

    /// The roster that the states make together, as process `me` sees it.
    pub(crate) fn roster(&self, me: ProcessId) -> Roster {
        let ignored = if defect::active(defect::Defect::IgnoreMergedState) {
            let others = self.states.iter().rev();
            let mut others = others.filter(|(p, s)| **p != me && !s.memberships.is_empty());
            others.next().map(|(process, _)| *process)
        } else {
            None
        };
        let mut roster = Roster::default();
        for (process, state) in &self.states {
            if Some(*process) != ignored {
                roster.adopt(*process, &state.memberships);
            }
        }
        roster
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        digest_configuration(self.configuration, into);
        for (process, state) in &self.states {
            into.number(process.node.0).number(process.incarnation.0);
            into.number(u64::from(state.parts)).flag(state.complete);
            digest_memberships(&state.memberships, into);
        }
        into.number(self.held.len() as u64);
        for held in &self.held {
            match held {
                Held::Message(passage) => {
                    into.number(passage.position.ordinal);
                    into.bytes(&passage.payload);
                }
                Held::Transitional(configuration) => digest_configuration(configuration.id, into),
            }
        }
    }
}

/// Adds a configuration's name to a fingerprint.
pub(crate) fn digest_configuration(id: ConfigurationId, into: &mut Digest) {
    for ring in [Some(id.ring), id.from] {
        into.flag(ring.is_some());
        if let Some(ring) = ring {
            into.number(ring.sequence);
            into.number(ring.representative.node.0);
            into.number(ring.representative.incarnation.0);
        }
    }
}

/// The state of a process with these memberships, in parts of about `part_bytes` bytes of names: at least one
/// part, and a client whose groups do not fit is continued in the next.
pub(crate) fn parts(
    configuration: ConfigurationId,
    side: ProcessId,
    memberships: Option<&Memberships>,
    part_bytes: usize,
) -> Vec<Control> {
    let mut parts: Vec<Vec<StateClient>> = alloc::vec![Vec::new()];
    let mut room = part_bytes;
    for (client, groups) in memberships.into_iter().flatten() {
        let mut continued = false;
        for group in groups {
            let own = if continued { 0 } else { client.as_str().len() };
            let bytes = group.as_str().len() + own + 2;
            if bytes > room && room < part_bytes {
                parts.push(Vec::new());
                room = part_bytes;
                continued = false;
            }
            room = room.saturating_sub(bytes);
            if let Some(part) = parts.last_mut() {
                add(part, client, group, continued);
            }
            continued = true;
        }
    }
    let last = parts.len() - 1;
    let numbered = parts.into_iter().enumerate();
    numbered
        .map(|(part, clients)| {
            Control::State(State {
                configuration,
                side,
                part: part as u32,
                last: part == last,
                clients,
            })
        })
        .collect()
}

fn add(
    part: &mut Vec<StateClient>,
    client: &ringfort_wire::group::ClientName,
    group: &GroupName,
    continued: bool,
) {
    match part.last_mut() {
        Some(entry) if continued => entry.groups.push(group.clone()),
        Some(_) | None => part.push(StateClient {
            client: client.clone(),
            groups: alloc::vec![group.clone()],
        }),
    }
}
