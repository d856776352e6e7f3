//! One replicated object: the own contribution, what each process is known to contribute, and the sum.
//!
//! All of `parts` and `aggregate` follows from delivered messages and views. `local` is the truth of this
//! process and runs ahead of its own part by what is in the batch or under way.

use alloc::{collections::BTreeMap, sync::Arc};

use ringfort_machine::{
    Digest, Position, ProcessId,
    defect::{self, Defect},
};
use ringfort_wire::counter::{self, Entries};

use crate::{
    Key, Note, ObjectConfig, Table,
    batch::{Batch, pairs},
    snapshot::{Incoming, Sending},
};

/// The most keys held of one process: twice what it may have, since a snapshot may find the keys of an older
/// state still here while it brings the new ones.
const PART_KEYS: usize = 2 * counter::KEYS;

/// What one process is known to contribute.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) table: Table,
    pub(crate) incoming: Incoming,
}

/// One object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) name: Arc<str>,
    pub(crate) config: ObjectConfig,
    pub(crate) local: Table,
    pub(crate) aggregate: Table,
    pub(crate) parts: BTreeMap<ProcessId, Part>,
    pub(crate) batch: Batch,
    /// Where everybody was last asked for a snapshot.
    pub(crate) round: Option<Position>,
    /// The own snapshot, while not all of it is published.
    pub(crate) sending: Option<Sending>,
    /// Whether the aggregate is complete.
    pub(crate) settled: bool,
    /// Whether the message at hand was about this object.
    pub(crate) touched: bool,
}

impl Object {
    pub(crate) fn new(config: ObjectConfig) -> Self {
        Self {
            name: config.name.as_str().into(),
            local: Table::new(config.kind),
            aggregate: Table::new(config.kind),
            parts: BTreeMap::new(),
            batch: Batch::default(),
            round: None,
            sending: None,
            settled: false,
            touched: false,
            config,
        }
    }

    /// Whether `tags` names this object, kind included.
    pub(crate) fn is_in(&self, tags: &[counter::Tag]) -> bool {
        tags.iter()
            .any(|tag| tag.kind == self.config.kind && *tag.name == *self.name)
    }

    /// Changes the own contribution at `key` and returns what it was.
    pub(crate) fn change(&mut self, key: &Key, by: i64, keys_limit: usize) -> Result<i64, Note> {
        let object = self.name.clone();
        if key.kind() != self.config.kind {
            let key = key.clone();
            return Err(Note::WrongKey { object, key });
        }
        let before = self.local.get(key);
        let after = before.saturating_add(by);
        if after < 0 {
            let key = key.clone();
            return Err(Note::BelowZero { object, key });
        }
        if u32::try_from(after).is_err() {
            let key = key.clone();
            return Err(Note::AboveLimit { object, key });
        }
        if before == 0 && after > 0 && self.local.len() >= keys_limit {
            let limit = keys_limit;
            return Err(Note::KeysExhausted { object, limit });
        }
        self.local.add(key, by);
        Ok(before)
    }

    /// Asks everybody for a snapshot as of `position`, this process included.
    pub(crate) fn begin_round(&mut self, position: Position) {
        self.round = Some(position);
        self.restart();
        for part in self.parts.values_mut() {
            part.incoming.reset();
        }
    }

    /// Begins the own snapshot of the current round, again if need be.
    pub(crate) fn restart(&mut self) {
        let wanted = self.round.is_some() && !defect::active(Defect::SkipSnapshot);
        self.sending = wanted.then(Sending::default);
    }

    /// Whether all that `process` contributes is known.
    pub(crate) fn knows(&self, process: ProcessId) -> bool {
        let complete = |part: &Part| part.incoming.is_complete();
        self.parts.get(&process).is_some_and(complete) || defect::active(Defect::SkipSnapshot)
    }

    /// Messages of `process` are missing: what is known of it may be wrong until its next snapshot.
    pub(crate) fn doubt(&mut self, process: ProcessId) {
        if let Some(part) = self.parts.get_mut(&process) {
            part.incoming.reset();
        }
    }

    /// Takes all that `process` contributes out of the sum.
    pub(crate) fn drop_part(&mut self, process: ProcessId) {
        let Some(part) = self.parts.remove(&process) else {
            return;
        };
        self.touched = true;
        if defect::active(Defect::KeepDeadContribution) {
            return;
        }
        part.table.scan(None, None, |key, value| {
            self.aggregate.add(&key, -value);
            true
        });
    }

    /// Changed values of `from`.
    pub(crate) fn on_update(&mut self, from: ProcessId, entries: Entries) -> Result<(), Note> {
        self.touched = true;
        let mut fits = true;
        for (key, value) in pairs(entries) {
            fits &= self.set(from, &key, value);
        }
        self.overfull_unless(fits, from)
    }

    /// A part of the snapshot of `from`: the values after the cursor and up to its last key, or all the rest.
    pub(crate) fn on_snapshot(
        &mut self,
        from: ProcessId,
        number: u32,
        last: bool,
        entries: Entries,
    ) -> Result<(), Note> {
        self.touched = true;
        let process = from;
        let part = part(&mut self.parts, &self.config, from);
        let Some(after) = part.incoming.accept(number) else {
            let object = self.name.clone();
            return Err(Note::OutOfOrder {
                process,
                object,
                number,
            });
        };
        let named: BTreeMap<Key, i64> = pairs(entries).into_iter().collect();
        let end = named.last_key_value().map(|(key, _)| key.clone());
        let upto = if last { None } else { end.as_ref() };
        let mut gone = alloc::vec::Vec::new();
        part.table.scan(after.as_ref(), upto, |key, _| {
            if !named.contains_key(&key) {
                gone.push(key);
            }
            true
        });
        part.incoming.advance(end.or(after), last);
        for key in gone {
            self.set(from, &key, 0);
        }
        let mut fits = true;
        for (key, value) in named {
            fits &= self.set(from, &key, value);
        }
        self.overfull_unless(fits, from)
    }

    /// Sets the contribution of `from` at `key`, in its part and in the sum. `false`: no room.
    fn set(&mut self, from: ProcessId, key: &Key, value: i64) -> bool {
        let part = part(&mut self.parts, &self.config, from);
        let by = value - part.table.get(key);
        if by == value && value > 0 && part.table.len() >= PART_KEYS {
            return false;
        }
        part.table.add(key, by);
        if by < 0 && defect::active(Defect::IgnoreDecrease) {
            return true;
        }
        self.aggregate.add(key, by);
        if by > 0 && defect::active(Defect::ApplyTwice) {
            self.aggregate.add(key, by);
        }
        true
    }

    fn overfull_unless(&self, fits: bool, process: ProcessId) -> Result<(), Note> {
        let object = self.name.clone();
        if fits {
            Ok(())
        } else {
            Err(Note::Overfull { process, object })
        }
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.text(&self.name).number(self.config.kind as u64);
        for table in [&self.local, &self.aggregate] {
            into.number(table.hash()).signed(table.total());
        }
        into.number(self.parts.len() as u64);
        for (process, part) in &self.parts {
            into.number(process.node.0).number(process.incarnation.0);
            into.number(part.table.hash());
            part.incoming.digest(into);
        }
        into.number(self.batch.len() as u64)
            .flag(self.sending.is_some())
            .flag(self.settled);
    }
}

/// The part of `process`, made if it is new. A function of the fields, so that others stay usable.
fn part<'a>(
    parts: &'a mut BTreeMap<ProcessId, Part>,
    config: &ObjectConfig,
    process: ProcessId,
) -> &'a mut Part {
    parts.entry(process).or_insert_with(|| Part {
        table: Table::new(config.kind),
        incoming: Incoming::default(),
    })
}
