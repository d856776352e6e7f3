//! The machine: takes events apart, keeps the objects, publishes what is due.
//!
//! A *round* is a point in the order at which everybody tells all that it contributes to an object: a view
//! with newcomers, a view that finds an earlier round unfinished, or a member's announcement that it has the
//! object from now on. Whether a round begins follows from delivered messages, so all members begin it at the
//! same point, and all find the object settled at the same point.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};

use ringfort_machine::{
    Deadline, Digest, Instant, Machine, Member, Position, ProcessId, Sink,
    defect::{self, Defect},
};
use ringfort_wire::counter::{Body, Content, Entries, Tag};

use crate::{
    Action, Config, ConfigError, Event, Key, Note,
    batch::{Flight, WINDOW},
    object::Object,
    roster::{Roster, Turn},
};

/// The replication service of one process.
#[derive(Clone, Debug)]
pub struct Replication {
    pub(crate) me: ProcessId,
    pub(crate) objects: BTreeMap<Arc<str>, Object>,
    pub(crate) roster: Roster,
    flight: Flight,
    keys_limit: usize,
    observe: bool,
    /// Whether a full window was noted since it last had room.
    held: bool,
}

impl Replication {
    /// The service of process `me`. It publishes nothing before its first view.
    ///
    /// # Errors
    /// Those of [`Config::validate`].
    pub fn new(me: ProcessId, config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        let object = |config: crate::ObjectConfig| {
            let object = Object::new(config);
            (object.name.clone(), object)
        };
        Ok(Self {
            me,
            objects: config.objects.into_iter().map(object).collect(),
            roster: Roster::default(),
            flight: Flight::default(),
            keys_limit: config.keys_limit,
            observe: config.observe,
            held: false,
        })
    }

    fn on_view(
        &mut self,
        position: Position,
        members: &[Member],
        together: &[ProcessId],
        out: &mut impl Sink<Action>,
    ) {
        let present = |process: ProcessId| members.iter().any(|m| m.process == process);
        assert!(present(self.me), "a process is a member of its own view");
        let everybody = self.roster.install(position, members, together);
        for object in self.objects.values_mut() {
            let stays = |process: &ProcessId| present(*process) && together.contains(process);
            let gone: Vec<ProcessId> = object.parts.keys().copied().collect();
            for process in gone.into_iter().filter(|process| !stays(process)) {
                object.drop_part(process);
            }
        }
        if everybody {
            self.announce(out);
        }
        for object in self.objects.values_mut() {
            let tags = self.roster.announced(self.me);
            let unfinished = !object.settled && tags.is_some_and(|tags| object.is_in(tags));
            if everybody || unfinished {
                object.begin_round(position);
            }
        }
        self.report(position, true, out);
    }

    fn on_message(
        &mut self,
        position: Position,
        from: ProcessId,
        body: Body,
        out: &mut impl Sink<Action>,
    ) {
        if !self.roster.contains(from) {
            return out.push(Action::Note(Note::Stranger { from }));
        }
        if let Err(reason) = body.check() {
            return out.push(Action::Note(Note::Malformed { from, reason }));
        }
        let version = body.version;
        match self.roster.turn(from, version) {
            Turn::Again => return out.push(Action::Note(Note::Duplicate { from, version })),
            Turn::Missing { expected } => self.on_missing(from, expected, version, out),
            Turn::Next => {}
        }
        self.roster.advance(from, version);
        if from == self.me && !defect::active(Defect::ForgetReturn) {
            self.flight.returned = version.min(self.flight.published);
        }
        match body.content {
            Content::Announce(tags) => self.on_announce(position, from, tags, out),
            Content::Update { object, entries } => self.on_update(from, &object, entries, out),
            Content::Snapshot {
                object,
                round,
                number,
                last,
                entries,
            } => {
                if let Some(object) = self.wanted(&object, &entries, Some(round))
                    && let Err(note) = object.on_snapshot(from, number, last, entries)
                {
                    out.push(Action::Note(note));
                }
            }
        }
        self.report(position, false, out);
    }

    /// Messages of `from` did not come. All members that see the hole doubt what they know of it at the same
    /// point; its sender sees it too, when its own message comes back, and tells everything again.
    fn on_missing(
        &mut self,
        from: ProcessId,
        expected: u64,
        found: u64,
        out: &mut impl Sink<Action>,
    ) {
        out.push(Action::Note(Note::Missing {
            from,
            expected,
            found,
        }));
        for object in self.objects.values_mut() {
            object.doubt(from);
        }
        if from == self.me {
            self.announce(out);
            for object in self.objects.values_mut() {
                object.restart();
            }
        }
    }

    fn on_announce(
        &mut self,
        position: Position,
        from: ProcessId,
        tags: Vec<Tag>,
        out: &mut impl Sink<Action>,
    ) {
        for tag in &tags {
            let object: Arc<str> = tag.name.as_str().into();
            let process = from;
            match self.objects.get(&object) {
                None => out.push(Action::Note(Note::NotConfigured { process, object })),
                Some(mine) if mine.config.kind != tag.kind => {
                    out.push(Action::Note(Note::KindMismatch { process, object }));
                }
                Some(_) => {}
            }
        }
        let before = self.roster.announce(from, tags.clone());
        for object in self.objects.values_mut() {
            let has = object.is_in(&tags);
            let had = before.as_ref().is_none_or(|before| object.is_in(before));
            if has && !had {
                object.begin_round(position);
            } else if !has {
                object.drop_part(from);
            }
        }
    }

    fn on_update(
        &mut self,
        from: ProcessId,
        name: &str,
        entries: Entries,
        out: &mut impl Sink<Action>,
    ) {
        if let Some(object) = self.wanted(name, &entries, None)
            && let Err(note) = object.on_update(from, entries)
        {
            out.push(Action::Note(note));
        }
    }

    /// The object that `entries` are for, if it is configured here, and `round` is not an earlier one.
    fn wanted(
        &mut self,
        name: &str,
        entries: &Entries,
        round: Option<Position>,
    ) -> Option<&mut Object> {
        let object = self.objects.get_mut(name)?;
        let current = round.is_none() || round == object.round;
        (current && entries.kind() == object.config.kind).then_some(object)
    }

    fn on_change(
        &mut self,
        now: Instant,
        name: Arc<str>,
        key: Key,
        by: i64,
        out: &mut impl Sink<Action>,
    ) {
        let Some(object) = self.objects.get_mut(&name) else {
            return out.push(Action::Note(Note::UnknownObject { object: name }));
        };
        let Some(key) = key.clone().canonical() else {
            let object = name;
            return out.push(Action::Note(Note::WrongKey { object, key }));
        };
        match object.change(&key, by, self.keys_limit) {
            Err(note) => return out.push(Action::Note(note)),
            Ok(before) => object.batch.record(now, key, before),
        }
        let in_flight = self.flight.in_flight();
        if object.batch.is_full(&object.config) && in_flight >= WINDOW && !self.held {
            self.held = true;
            out.push(Action::Note(Note::Held { in_flight }));
        }
        if self.roster.position().is_some() {
            pump(object, now, &mut self.flight, out);
        }
    }

    fn on_reload(&mut self, config: Config, out: &mut impl Sink<Action>) {
        if let Err(error) = config.validate() {
            return out.push(Action::Note(Note::ReloadRefused(error)));
        }
        let before = self.tags();
        self.keys_limit = config.keys_limit;
        self.observe = config.observe;
        let mut kept = core::mem::take(&mut self.objects);
        for wanted in config.objects {
            let object = match kept.remove(wanted.name.as_str()) {
                Some(mut object) if object.config.kind == wanted.kind => {
                    object.config = wanted;
                    object
                }
                Some(_) | None => Object::new(wanted),
            };
            self.objects.insert(object.name.clone(), object);
        }
        if self.tags() != before && self.roster.position().is_some() {
            self.announce(out);
        }
    }

    /// The objects configured here, in order of name.
    fn tags(&self) -> Vec<Tag> {
        let tag = |object: &Object| Tag {
            name: String::from(&*object.name),
            kind: object.config.kind,
        };
        self.objects.values().map(tag).collect()
    }

    fn announce(&mut self, out: &mut impl Sink<Action>) {
        let content = Content::Announce(self.tags());
        publish(&mut self.flight, content, out);
    }

    /// Finds which objects are settled at `position` and says so: of those that became settled, of all with
    /// `every`, and of those just touched if the configuration asks for it.
    fn report(&mut self, position: Position, every: bool, out: &mut impl Sink<Action>) {
        for object in self.objects.values_mut() {
            let was = object.settled;
            object.settled = self.roster.is_settled(self.me, object);
            let touched = core::mem::take(&mut object.touched);
            let name = object.name.clone();
            match (was, object.settled) {
                (false, true) => out.push(Action::Note(Note::Settled { object: name })),
                (true, false) => out.push(Action::Note(Note::Unsettled { object: name })),
                (true, true) | (false, false) => {}
            }
            if object.settled && (!was || every || (touched && self.observe)) {
                out.push(Action::Settled {
                    object: object.name.clone(),
                    position,
                    hash: object.aggregate.hash(),
                    total: object.aggregate.total(),
                });
            }
        }
    }
}

/// Publishes what is due of `object`: its snapshot first, which takes changes along.
fn pump(object: &mut Object, now: Instant, flight: &mut Flight, out: &mut impl Sink<Action>) {
    while let Some(round) = object.round
        && let Some(piece) = object.next_piece(*flight)
    {
        let content = Content::Snapshot {
            object: String::from(&*object.name),
            round,
            number: piece.number,
            last: piece.last,
            entries: piece.entries,
        };
        publish(flight, content, out);
    }
    while object
        .batch
        .due(*flight, &object.config)
        .is_some_and(|due| due <= now)
    {
        if object.batch.is_full(&object.config) && defect::active(Defect::LoseFullBatch) {
            object.batch.clear();
            return;
        }
        let entries = object.batch.take(&object.local);
        if !entries.is_empty() {
            let content = Content::Update {
                object: String::from(&*object.name),
                entries,
            };
            let version = publish(flight, content, out);
            object.batch.taken_as(version);
        }
    }
}

fn publish(flight: &mut Flight, content: Content, out: &mut impl Sink<Action>) -> u64 {
    let version = flight.next();
    let body = Body { version, content };
    assert!(body.check().is_ok(), "what is published keeps the rules");
    out.push(Action::Publish(body));
    version
}

impl Machine for Replication {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            Event::Wake => {}
            Event::View {
                position,
                members,
                together,
            } => self.on_view(position, &members, &together, out),
            Event::Message {
                position,
                from,
                body,
            } => self.on_message(position, from, body, out),
            // The hot path: only the changed object can have become due.
            Event::Change { object, key, by } => return self.on_change(now, object, key, by, out),
            Event::Reload(config) => self.on_reload(*config, out),
        }
        if self.roster.position().is_some() {
            for object in self.objects.values_mut() {
                pump(object, now, &mut self.flight, out);
            }
        }
        self.held &= self.flight.in_flight() >= WINDOW;
    }

    fn deadline(&self) -> Option<Deadline> {
        self.roster.position()?;
        Deadline::earliest(self.objects.values().map(|object| {
            let due = object.batch.due(self.flight, &object.config)?;
            Some(Deadline::new(due, "replication: changes to publish"))
        }))
    }

    fn digest(&self, into: &mut Digest) {
        into.number(self.flight.published)
            .number(self.flight.returned);
        self.roster.digest(into);
        for object in self.objects.values() {
            object.digest(into);
        }
    }
}
