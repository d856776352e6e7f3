//! Named readers and their durable checkpoints.
//!
//! A checkpoint is acknowledged when it is durable and never before; it only grows. While one is with the disk
//! newer ones wait as one: however fast a reader is, a slot has one write under way. The horizon of the budget
//! is kept the same way, under the empty name, so that the reason of a gap survives a restart.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{
    Deadline, Instant, Sink,
    defect::{self, Defect},
};
use ringfort_wire::logs::{RecordId, name_is_valid};

use super::{Action, Config, SUBSCRIBERS, orders::Orders, orders::Purpose};
use crate::{
    checkpoint::Checkpoint,
    disk::{DiskAction, DiskError, join},
    format::checkpoint_name,
    note::Note,
};

/// One position and its two slots.
#[derive(Debug)]
struct Subscriber {
    /// What a loss of power leaves; nothing before the first slot is written.
    durable: Option<RecordId>,
    wanted: RecordId,
    generation: u64,
    /// The slot to write next: never the one that counts now.
    slot: u8,
    /// What is with the disk.
    writing: Option<RecordId>,
    retry_at: Option<Instant>,
    /// Whether somebody waits for an answer although nothing new may have to be written.
    asked: bool,
    removed: bool,
}

impl Subscriber {
    const fn new(at: RecordId) -> Self {
        Self {
            durable: None,
            wanted: at,
            generation: 0,
            slot: 0,
            writing: None,
            retry_at: None,
            asked: false,
            removed: false,
        }
    }
}

/// All positions of one log.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    all: BTreeMap<Arc<str>, Subscriber>,
}

/// The name under which the horizon is kept.
const HORIZON: &str = "";

impl Subscribers {
    /// Takes over what recovery found, and adds what the configuration wants. `beginning` is where a new one
    /// starts, and one whose slots are both damaged: nothing is lost that way, something may come again.
    pub(crate) fn recover(
        config: &Config,
        found: &BTreeMap<String, (Checkpoint, u8)>,
        damaged: &[String],
        beginning: RecordId,
        out: &mut impl Sink<Action>,
    ) -> Self {
        let mut all = BTreeMap::new();
        for (name, (checkpoint, slot)) in found {
            let name: Arc<str> = Arc::from(name.as_str());
            let subscriber = Subscriber {
                durable: Some(checkpoint.id),
                generation: checkpoint.generation,
                slot: 1 - slot,
                ..Subscriber::new(checkpoint.id)
            };
            if &*name != HORIZON {
                out.push(Action::Subscribed {
                    subscriber: name.clone(),
                    after: checkpoint.id,
                    new: false,
                });
            }
            all.insert(name, subscriber);
        }
        let wanted = damaged.iter().chain(&config.subscribers);
        for name in wanted.filter(|name| *name != HORIZON) {
            all.entry(Arc::from(name.as_str()))
                .or_insert_with(|| Subscriber::new(beginning));
        }
        Self { all }
    }

    /// The readers, without the horizon.
    fn readers(&self) -> impl Iterator<Item = (&Arc<str>, &Subscriber)> {
        self.all
            .iter()
            .filter(|(name, one)| &***name != HORIZON && !one.removed)
    }

    /// Up to where the budget has eaten the log, durably.
    pub(crate) fn horizon(&self) -> RecordId {
        let horizon = self.all.get(HORIZON).and_then(|one| one.durable);
        horizon.unwrap_or(RecordId::BEFORE_ALL)
    }

    /// Whether the horizon is on its way to `id`, or there.
    pub(crate) fn gives_up(&self, id: RecordId) -> bool {
        self.all.get(HORIZON).is_some_and(|one| one.wanted >= id)
    }

    /// Whether somebody has no durable slot yet: what is given up before that could not be explained to him.
    pub(crate) fn is_beginning(&self) -> bool {
        self.readers().any(|(_, one)| one.durable.is_none())
    }

    /// Everybody has durably passed this; nothing if there is nobody.
    pub(crate) fn passed(&self) -> Option<RecordId> {
        self.readers()
            .map(|(_, one)| one.durable.unwrap_or(RecordId::BEFORE_ALL))
            .min()
    }

    /// The position of a subscriber, once it exists durably.
    pub(crate) fn checkpoint(&self, name: &str) -> Option<RecordId> {
        let one = self.all.get(name).filter(|_| name != HORIZON)?;
        one.durable.filter(|_| !one.removed)
    }

    /// Names and durable positions.
    pub(crate) fn list(&self) -> Vec<(Arc<str>, RecordId)> {
        self.readers()
            .filter_map(|(name, one)| Some((name.clone(), one.durable?)))
            .collect()
    }

    /// When something is tried again. What is still with the disk is not: its outcome comes first, however late,
    /// and a deadline that nobody acts on would keep the runtime spinning until then.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.all
            .values()
            .filter(|one| one.writing.is_none())
            .filter_map(|one| one.retry_at)
            .min()
            .map(|at| Deadline::new(at, "logs: checkpoint again"))
    }

    /// Adds a subscriber at `beginning`. Whether there is one now.
    pub(crate) fn add(&mut self, name: &Arc<str>, beginning: RecordId) -> bool {
        if !name_is_valid(name) {
            return false;
        }
        if let Some(known) = self.all.get_mut(name) {
            if known.removed {
                known.removed = false;
                known.durable = None;
                known.wanted = beginning;
            }
            return true;
        }
        if self.readers().count() >= SUBSCRIBERS {
            return false;
        }
        self.all.insert(name.clone(), Subscriber::new(beginning));
        true
    }

    /// Removes a subscriber: its slots go as soon as none of them is with the disk.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(known) = self.all.get_mut(name).filter(|_| name != HORIZON) {
            known.removed = true;
        }
    }

    /// The subscriber has everything up to `id`. Whether there is such a subscriber.
    pub(crate) fn checkpointed(&mut self, name: &str, id: RecordId) -> bool {
        match self.all.get_mut(name).filter(|one| !one.removed) {
            Some(one) => {
                one.wanted = one.wanted.max(id);
                one.asked = true;
                true
            }
            None => false,
        }
    }

    /// The budget is about to eat the log up to `id`.
    pub(crate) fn raise_horizon(&mut self, id: RecordId) {
        let one = self
            .all
            .entry(Arc::from(HORIZON))
            .or_insert_with(|| Subscriber::new(id));
        one.wanted = one.wanted.max(id);
    }

    /// Orders what can be ordered now.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        config: &Config,
        log: u64,
        orders: &mut Orders,
        out: &mut impl Sink<Action>,
    ) {
        for (name, one) in &mut self.all {
            if one.writing.is_some() || one.retry_at.is_some_and(|at| at > now) {
                continue;
            }
            one.retry_at = None;
            if one.removed {
                one.writing = Some(one.wanted);
                for slot in 0..2 {
                    let purpose = Purpose::RemoveSlot {
                        name: name.clone(),
                        last: slot == 1,
                    };
                    let file = join(&config.directory, &checkpoint_name(name, slot));
                    orders.issue(purpose, DiskAction::Remove { file }, out);
                }
            } else if one.durable == Some(one.wanted) {
                if core::mem::take(&mut one.asked) {
                    out.push(Action::Checkpointed {
                        subscriber: name.clone(),
                        id: one.wanted,
                    });
                }
            } else if defect::active(Defect::LoseCheckpoint) && one.durable.is_some() {
                one.durable = Some(one.wanted);
                out.push(Action::Checkpointed {
                    subscriber: name.clone(),
                    id: one.wanted,
                });
            } else {
                Self::write(config, log, name, one, orders, out);
            }
        }
    }

    fn write(
        config: &Config,
        log: u64,
        name: &Arc<str>,
        one: &mut Subscriber,
        orders: &mut Orders,
        out: &mut impl Sink<Action>,
    ) {
        one.writing = Some(one.wanted);
        one.generation = one.generation.saturating_add(1);
        let checkpoint = Checkpoint {
            name: String::from(&**name),
            log,
            generation: one.generation,
            id: one.wanted,
        };
        let action = DiskAction::Replace {
            file: join(&config.directory, &checkpoint_name(name, one.slot)),
            data: Bytes::from(checkpoint.encode()),
        };
        orders.issue(Purpose::Checkpoint { name: name.clone() }, action, out);
    }

    /// A slot was written, or not.
    pub(crate) fn written(
        &mut self,
        now: Instant,
        config: &Config,
        name: &Arc<str>,
        result: Result<(), DiskError>,
        out: &mut impl Sink<Action>,
    ) {
        let Some(one) = self.all.get_mut(name) else {
            return;
        };
        let Some(id) = one.writing.take() else {
            return;
        };
        if let Err(error) = result {
            // The slot may hold the new content or the old: it is written again, and not the other one.
            one.retry_at = Some(now + config.retry_delay);
            out.push(Action::Note(Note::CheckpointFailed {
                log: config.key.clone(),
                subscriber: name.clone(),
                error,
            }));
            return;
        }
        let new = one.durable.is_none();
        one.durable = Some(id);
        one.slot = 1 - one.slot;
        if &**name == HORIZON || one.removed {
            return;
        }
        if new {
            out.push(Action::Subscribed {
                subscriber: name.clone(),
                after: id,
                new,
            });
            out.push(Action::Note(Note::SubscriberAdded {
                log: config.key.clone(),
                subscriber: name.clone(),
            }));
        } else {
            one.asked = one.wanted != id;
            out.push(Action::Checkpointed {
                subscriber: name.clone(),
                id,
            });
        }
    }

    /// A slot of a removed subscriber was deleted, or not.
    pub(crate) fn slot_removed(
        &mut self,
        now: Instant,
        config: &Config,
        name: &Arc<str>,
        last: bool,
        result: Result<(), DiskError>,
        out: &mut impl Sink<Action>,
    ) {
        let Some(one) = self.all.get_mut(name) else {
            return;
        };
        if result.is_err() {
            one.retry_at = Some(now + config.retry_delay);
        }
        if !last {
            return;
        }
        one.writing = None;
        if one.removed && one.retry_at.is_none() {
            self.all.remove(name);
            out.push(Action::Unsubscribed {
                subscriber: name.clone(),
            });
            out.push(Action::Note(Note::SubscriberRemoved {
                log: config.key.clone(),
                subscriber: name.clone(),
            }));
        }
    }
}
