//! The group layer of one process as a machine: configurations, merges, and the commands of local clients.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use bytes::Bytes;
use ringfort_machine::{
    Configuration, ConfigurationKind, Deadline, Digest, Instant, Level, Machine, ProcessId, Sink,
    defect,
};
use ringfort_wire::{
    DecodeError,
    group::{self, Body, Control, GroupName, Message},
};

use crate::{
    Action, Cause, ClientEvent, ClientId, Command, Config, ConfigError, Event, MemberId, Note,
    Refusal,
    clients::Clients,
    exchange::{self, Accepted, Exchange, Held, Passage, digest_configuration},
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
    together: BTreeSet<ProcessId>,
    place: Option<Place>,
    in_transition: bool,
    exchange: Option<Exchange>,
    pending: VecDeque<(Level, Bytes)>,
    pending_bytes: usize,
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
        assert!(self.place.is_some(), "the ring installs before it delivers");
        self.place.expect("asserted just above")
    }

    fn installed(
        &mut self,
        now: Instant,
        configuration: Configuration,
        out: &mut impl Sink<Action>,
    ) {
        match (configuration.kind, &mut self.exchange) {
            (ConfigurationKind::Transitional, Some(exchange)) => {
                self.in_transition = true;
                exchange.held.push_back(Held::Transitional(configuration));
            }
            (ConfigurationKind::Transitional, None) => {
                self.in_transition = true;
                self.part(&configuration, out);
            }
            (ConfigurationKind::Regular, _) => {
                self.in_transition = false;
                self.abandon(out);
                self.begin(now, &configuration, out);
            }
        }
    }

    /// Passes a transitional configuration: some are lost, and until the next network view the order holds
    /// among the rest only.
    fn part(&mut self, configuration: &Configuration, out: &mut impl Sink<Action>) {
        let place = Place {
            configuration: configuration.id,
            side: None,
        };
        self.place = Some(place);
        self.together
            .retain(|process| configuration.contains(*process));
        for group in self.roster.groups_reaching_beyond(&self.together) {
            let members = self.roster.members(&group);
            let staying = members
                .iter()
                .filter(|m| self.together.contains(&m.process));
            let staying = staying.cloned().collect();
            let (id, position) = (place.view_id(0), place.beginning());
            self.show(&group, id, position, staying, Cause::Transitional, out);
        }
    }

    /// Enters a regular configuration.
    fn begin(&mut self, now: Instant, configuration: &Configuration, out: &mut impl Sink<Action>) {
        self.together
            .retain(|process| configuration.contains(*process));
        let place = Place {
            configuration: configuration.id,
            side: None,
        };
        if self.together.len() == configuration.members.len() {
            self.place = Some(place);
            self.drop_lost(out);
            self.release(out);
            return;
        }
        let side = self.side();
        if let Some(place) = &mut self.place {
            place.side = Some(side);
            self.drop_lost(out);
        }
        let own = self.roster.memberships(self.config.me);
        let bytes = self.config.limits.state_part_bytes;
        for part in exchange::parts(configuration.id, side, own, bytes) {
            out.push(Action::Submit {
                level: Level::Agreed,
                payload: group::encode_control(&part),
            });
        }
        let warn_at = now + self.config.merge_warning;
        self.exchange = Some(Exchange::new(configuration, warn_at));
        out.push(Action::Note(Note::MergeBegan {
            members: configuration.members.len(),
            together: self.together.len(),
        }));
    }

    /// The smallest of those who are together: the name of this side.
    fn side(&self) -> ProcessId {
        let smallest = self.together.first().copied();
        smallest.unwrap_or(self.config.me)
    }

    /// Takes those out of the roster who did not come along, and says so.
    fn drop_lost(&mut self, out: &mut impl Sink<Action>) {
        let affected = self.roster.groups_reaching_beyond(&self.together);
        if !defect::active(defect::Defect::KeepDeadMember) {
            self.roster.retain(&self.together);
        }
        self.base.clone_from(&self.together);
        let side = self.side();
        let sides: BTreeMap<_, _> = self.together.iter().map(|p| (*p, side)).collect();
        for group in affected {
            self.show_network(&group, &sides, out);
        }
    }

    /// All states are known: the configuration begins.
    fn complete(&mut self, exchange: Exchange, out: &mut impl Sink<Action>) {
        self.place = Some(Place {
            configuration: exchange.configuration,
            side: None,
        });
        let watched = self.clients.watched();
        let before: Vec<_> = watched.iter().map(|g| self.roster.members(g)).collect();
        self.roster = exchange.roster(self.config.me);
        let sides = exchange.sides();
        for (group, before) in watched.iter().zip(before) {
            if before != self.roster.members(group) {
                self.show_network(group, &sides, out);
            }
        }
        self.base = exchange.members();
        self.together.clone_from(&self.base);
        out.push(Action::Note(Note::MergeCompleted {
            clients: self.roster.clients(),
            held: exchange.held.len(),
        }));
        for held in exchange.held {
            match held {
                Held::Message(passage) => self.replay(&passage, out),
                Held::Transitional(configuration) => self.part(&configuration, out),
            }
        }
        self.release(out);
    }

    /// A configuration ends while its states are not all known: this side goes on by itself.
    fn abandon(&mut self, out: &mut impl Sink<Action>) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        let mut last = exchange.configuration;
        for held in &exchange.held {
            match held {
                Held::Message(_) => {}
                Held::Transitional(configuration) => {
                    last = configuration.id;
                    self.together
                        .retain(|process| configuration.contains(*process));
                }
            }
        }
        self.place = Some(Place {
            configuration: last,
            side: Some(self.side()),
        });
        self.drop_lost(out);
        out.push(Action::Note(Note::MergeAbandoned {
            held: exchange.held.len(),
        }));
        for held in &exchange.held {
            match held {
                Held::Message(passage) => self.replay(passage, out),
                Held::Transitional(_) => {} // those it lost are out already
            }
        }
    }

    fn replay(&mut self, passage: &Passage, out: &mut impl Sink<Action>) {
        if let Some(body) = Self::understand(passage, out) {
            self.pass(passage, body, out);
        }
    }

    fn delivered(&mut self, passage: Passage, out: &mut impl Sink<Action>) {
        let Some(body) = Self::understand(&passage, out) else {
            return;
        };
        let Some(exchange) = &mut self.exchange else {
            self.pass(&passage, body, out);
            return;
        };
        let sender = passage.sender;
        let accepted = match body {
            Body::Control(Control::State(state)) => {
                let part = state.part;
                (exchange.accept(sender, state), part)
            }
            Body::Control(_) | Body::Message(_) => {
                exchange.held.push_back(Held::Message(passage));
                return;
            }
        };
        match accepted {
            (Accepted::Wanting, _) => {}
            (Accepted::Completed, _) => {
                if let Some(exchange) = self.exchange.take() {
                    self.complete(exchange, out);
                }
            }
            (Accepted::Stale, _) => out.push(Action::Note(Note::StaleState { sender })),
            (Accepted::OutOfSequence, part) => {
                out.push(Action::Note(Note::StateOutOfSequence { sender, part }));
            }
        }
    }

    fn local(
        &mut self,
        client: ClientId,
        command: Command,
        out: &mut impl Sink<Action>,
    ) -> Result<(), Refusal> {
        match command {
            Command::Connect {
                name,
                wants_membership,
            } => self.clients.connect(client, name, wants_membership),
            Command::Join { group } => {
                if self.clients.may_join(client, &group)? {
                    let name = self.name_of(client)?;
                    self.clear_to_send(0)?;
                    self.clients.asked_to_join(client, group.clone());
                    self.control(
                        &Control::Join {
                            client: name,
                            group,
                        },
                        out,
                    );
                }
                Ok(())
            }
            Command::Leave { group } => {
                if self.clients.may_leave(client, &group)? {
                    let name = self.name_of(client)?;
                    self.clear_to_send(0)?;
                    self.clients.asked_to_leave(client, &group);
                    self.control(
                        &Control::Leave {
                            client: name,
                            group,
                        },
                        out,
                    );
                }
                Ok(())
            }
            Command::Disconnect => {
                let name = self.name_of(client)?;
                self.clients.close(client);
                self.control(&Control::Disconnect { client: name }, out);
                Ok(())
            }
            Command::Send {
                groups,
                level,
                self_discard,
                tag,
                payload,
            } => {
                let from = self.name_of(client)?;
                self.send(
                    &Message {
                        from,
                        groups,
                        level,
                        self_discard,
                        tag,
                        payload,
                    },
                    out,
                )
            }
        }
    }

    fn send(&mut self, message: &Message, out: &mut impl Sink<Action>) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let (found, limit) = (message.groups.len(), limits.destinations);
        if found == 0 || found > limit {
            return Err(Refusal::Destinations { found, limit });
        }
        let (found, limit) = (message.payload.len(), limits.payload_bytes);
        if found > limit {
            return Err(Refusal::TooLong { found, limit });
        }
        let payload = group::encode_message(message).map_err(|error| too_long(error, found))?;
        self.clear_to_send(payload.len())?;
        let level = if self.config.overtaking {
            message.level
        } else {
            message.level.max(Level::Agreed)
        };
        self.submit(level, payload, out);
        Ok(())
    }

    fn control(&mut self, control: &Control, out: &mut impl Sink<Action>) {
        self.submit(Level::Agreed, group::encode_control(control), out);
    }

    /// Whether submissions have to wait until a configuration has formed.
    const fn must_wait(&self) -> bool {
        self.in_transition || self.exchange.is_some() || self.place.is_none()
    }

    /// Refuses if `bytes` more would have to wait and there is no room for them.
    fn clear_to_send(&self, bytes: usize) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let full = self.pending.len() >= limits.pending
            || self.pending_bytes.saturating_add(bytes) > limits.pending_bytes;
        if self.must_wait() && full {
            return Err(Refusal::Busy);
        }
        Ok(())
    }

    fn submit(&mut self, level: Level, payload: Bytes, out: &mut impl Sink<Action>) {
        if self.must_wait() {
            self.pending_bytes += payload.len();
            self.pending.push_back((level, payload));
        } else {
            out.push(Action::Submit { level, payload });
        }
    }

    /// Submits what waited, once nothing has to wait any more.
    fn release(&mut self, out: &mut impl Sink<Action>) {
        if self.must_wait() {
            return;
        }
        self.pending_bytes = 0;
        for (level, payload) in self.pending.drain(..) {
            out.push(Action::Submit { level, payload });
        }
    }

    fn warn(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if let Some(exchange) = &mut self.exchange
            && exchange.warn_at <= now
        {
            exchange.warn_at = now + self.config.merge_warning;
            let missing = exchange.missing();
            out.push(Action::Note(Note::MergeWaiting { missing }));
        }
    }
}

/// Why a message of legal parts cannot be encoded: the whole is too long.
const fn too_long(error: DecodeError, found: usize) -> Refusal {
    match error {
        DecodeError::TooLong { found, limit } => Refusal::TooLong { found, limit },
        DecodeError::Truncated { .. }
        | DecodeError::Magic
        | DecodeError::Version { .. }
        | DecodeError::ForeignCluster(_)
        | DecodeError::Kind(_)
        | DecodeError::Reserved
        | DecodeError::Checksum
        | DecodeError::Trailing(_)
        | DecodeError::Malformed
        | DecodeError::NotCanonical => Refusal::TooLong {
            found,
            limit: ringfort_wire::limits::MESSAGE,
        },
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
