//! The group layer of one process as a machine: its state, its queries, its one door.
//!
//! What comes in goes on to where it is dealt with: configurations and merges to `merge`, the order of messages
//! to `order`, the commands of local clients to `local`.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use bytes::Bytes;
use ringfort_machine::{Deadline, Digest, Instant, Level, Machine, ProcessId, Sink};
use ringfort_wire::group::GroupName;

use crate::{
    Action, ClientEvent, Config, ConfigError, Event, MemberId,
    clients::Clients,
    exchange::{Exchange, Passage, digest_configuration},
    order::Place,
    roster::Roster,
};

/// Numbers for tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether every member's clients are known, so that nothing is held back.
    pub settled: bool,
    /// Local clients.
    pub clients: usize,
    /// Groups with members.
    pub groups: usize,
    /// Messages held back.
    pub held: usize,
    /// Commands that wait.
    pub pending: usize,
}

/// The group layer of one process.
///
/// **Sides.** `base` are the processes whose clients the roster knows: the members of the last configuration
/// in which all states were known. `together` are those of them that have come along with this process ever
/// since, through every transitional configuration. Being together is mutual, and everything else follows:
/// * If all members of a new regular configuration are together, nobody has anything to tell: the lost
///   members leave the roster, and that is the new view.
/// * Otherwise the lost members leave the roster too, but as the end of the transitional configuration, on this
///   side alone. Then every member submits its own memberships, and everything that the configuration delivers
///   is held back. When the last state is delivered the new roster is the union of the states, which hold at the
///   configuration's beginning; so the network view is given out for the beginning, and what was held back
///   follows it. Logically there never was a time in between.
/// * If the configuration ends first, all who pass its transitional configuration know the same states, hence
///   agree that it did not complete. Each side then goes on by itself, as if there had been no merge: without
///   the members it lost, it passes what was held back, in which only changes of its own clients mean
///   anything to it, and enters the next configuration with what results.
///
/// While a merge lasts no new command is submitted, so what is held back is bounded by what the members had in
/// their outboxes when it began.
#[derive(Debug)]
pub struct Groups {
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) roster: Roster,
    pub(crate) base: BTreeSet<ProcessId>,
    pub(crate) together: BTreeSet<ProcessId>,
    pub(crate) place: Option<Place>,
    pub(crate) in_transition: bool,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) pending: VecDeque<(Level, Bytes)>,
    pub(crate) pending_bytes: usize,
}

impl Groups {
    /// A group layer without clients; the ring's first configuration comes as an event.
    ///
    /// # Errors
    /// [`ConfigError`] if `config` cannot work.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            clients: Clients::new(config.me.node, config.limits),
            roster: Roster::default(),
            base: BTreeSet::from([config.me]),
            together: BTreeSet::from([config.me]),
            place: None,
            in_transition: false,
            exchange: None,
            pending: VecDeque::new(),
            pending_bytes: 0,
            config,
        })
    }

    /// All groups that have members, in order of their names, with the number of members. A look at the state
    /// of this moment, not ordered with anything; so are the other queries.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupName, usize)> {
        self.roster.groups()
    }

    /// The members of `group`, in its order.
    pub fn members(&self, group: &GroupName) -> Vec<MemberId> {
        self.roster.members(group).to_vec()
    }

    /// The groups of `member`, in order of their names.
    pub fn groups_of(&self, member: &MemberId) -> Vec<GroupName> {
        self.roster.groups_of(member)
    }

    /// Numbers for tools.
    pub fn status(&self) -> Status {
        Status {
            settled: self.place.is_some() && self.exchange.is_none(),
            clients: self.clients.len(),
            groups: self.roster.count(),
            held: self.exchange.as_ref().map_or(0, |e| e.held.len()),
            pending: self.pending.len(),
        }
    }

    /// Where views begin at the moment. There is nowhere before the first configuration, which is that of this
    /// process alone; nor is anything delivered before it.
    pub(crate) fn place(&self) -> Place {
        self.place.expect("the ring installs before it delivers")
    }
}

impl Machine for Groups {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            Event::Wake => self.warn(now, out),
            Event::Installed(configuration) => self.installed(now, configuration, out),
            Event::Delivered {
                position,
                sender,
                number,
                level,
                payload,
            } => {
                let passage = Passage {
                    position,
                    sender,
                    number,
                    level,
                    payload,
                };
                self.delivered(passage, out);
            }
            Event::Local { client, command } => {
                if let Err(refusal) = self.local(client, command, out) {
                    let event = ClientEvent::Refused(refusal);
                    out.push(Action::Client { client, event });
                }
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let exchange = self.exchange.as_ref()?;
        Some(Deadline::new(exchange.warn_at, "groups: merge waits"))
    }

    fn digest(&self, into: &mut Digest) {
        self.clients.digest(into);
        self.roster.digest(into);
        for set in [&self.base, &self.together] {
            into.number(set.len() as u64);
            for process in set {
                into.number(process.node.0).number(process.incarnation.0);
            }
        }
        into.flag(self.place.is_some()).flag(self.in_transition);
        if let Some(place) = self.place {
            digest_configuration(place.configuration, into);
        }
        into.flag(self.exchange.is_some());
        if let Some(exchange) = &self.exchange {
            exchange.digest(into);
        }
        into.number(self.pending.len() as u64);
        for (_, payload) in &self.pending {
            into.bytes(payload);
        }
    }
}
