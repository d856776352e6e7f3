//! When changes are published. Nagle's rule (RFC 896) in place of a fixed timer: nothing of ours under way, so
//! publish at once; something under way, so gather until it comes back. An idle cluster shows a change after
//! one trip around the ring, a busy one pays for a batch and not for each change, and nobody tunes anything.
//!
//! `max_delay` and `max_pending` bound the gathering from above (reference 1.11, RP-4). Only when the window
//! of messages under way is full, which means that the ring stands still, do changes wait longer: the outbox is
//! not ours to fill. They take no more room then: a key that changes again is still one key.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{ops::Bound, time::Duration};

use ringfort_machine::Instant;
use ringfort_wire::counter::{self, Entries, NetEntry, TextEntry};

use crate::{Key, ObjectConfig, Table};

/// The most messages of this process under way before changes are held back.
pub(crate) const WINDOW: u64 = 16;
/// How long changes are gathered behind one message under way; doubled for each further one.
const GATHER: Duration = Duration::from_millis(10);

/// This process's messages on their way through the order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    /// The number of the last message published.
    pub(crate) published: u64,
    /// The number of the last own message that came back.
    pub(crate) returned: u64,
}

impl Flight {
    pub(crate) const fn in_flight(self) -> u64 {
        self.published.saturating_sub(self.returned)
    }

    /// Numbers the next message.
    pub(crate) const fn next(&mut self) -> u64 {
        self.published += 1;
        self.published
    }
}

/// The changes of one object that are not published yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    /// What was last published for each changed key: a key that is back there needs no message.
    published: BTreeMap<Key, i64>,
    /// Changes since the last publication.
    changes: usize,
    /// When the oldest of them was made.
    oldest: Option<Instant>,
    /// The number of the last update published.
    last_version: u64,
}

impl Batch {
    /// Remembers that `key` changed from `before` at `now`.
    pub(crate) fn record(&mut self, now: Instant, key: Key, before: i64) {
        self.published.entry(key).or_insert(before);
        self.changes += 1;
        self.oldest.get_or_insert(now);
    }

    /// Whether `max_pending` is reached.
    pub(crate) const fn is_full(&self, config: &ObjectConfig) -> bool {
        self.changes >= config.max_pending
    }

    /// When to publish; nothing if there is nothing, or the window is full.
    pub(crate) fn due(&self, flight: Flight, config: &ObjectConfig) -> Option<Instant> {
        let oldest = self.oldest?;
        let in_flight = flight.in_flight();
        if in_flight >= WINDOW {
            return None;
        }
        if self.last_version <= flight.returned || self.is_full(config) {
            return Some(oldest);
        }
        let doublings = in_flight.saturating_sub(1) as u32;
        let gather = GATHER.saturating_mul(1 << doublings);
        Some(oldest + gather.min(config.max_delay))
    }

    /// Takes as many changed keys as fit one message, with their values in `local`. Empty if all of them are
    /// back where they were.
    pub(crate) fn take(&mut self, local: &Table) -> Entries {
        let mut chunk = Chunk::new(Entries::none(local.kind()));
        while let Some((key, before)) = self.published.pop_first() {
            let value = local.get(&key);
            if value != before && !chunk.push(&key, value) {
                self.published.insert(key, before);
                break;
            }
        }
        self.forget_if_empty();
        chunk.entries
    }

    /// Remembers the number under which the taken keys were published.
    pub(crate) const fn taken_as(&mut self, version: u64) {
        self.last_version = version;
    }

    /// Forgets the changes of keys after `after` and up to `upto`: a snapshot has just published them.
    pub(crate) fn forget(&mut self, after: Option<&Key>, upto: Option<&Key>) {
        let range = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            upto.map_or(Bound::Unbounded, Bound::Included),
        );
        self.published.extract_if(range, |_, _| true).for_each(drop);
        self.forget_if_empty();
    }

    /// Forgets all changes.
    pub(crate) fn clear(&mut self) {
        self.published.clear();
        self.forget_if_empty();
    }

    /// How many keys wait.
    pub(crate) fn len(&self) -> usize {
        self.published.len()
    }

    fn forget_if_empty(&mut self) {
        if self.published.is_empty() {
            self.changes = 0;
            self.oldest = None;
        }
    }
}

/// Entries of one message, closed when they take [`counter::CHUNK`] bytes.
pub(crate) struct Chunk {
    pub(crate) entries: Entries,
    bytes: usize,
}

impl Chunk {
    pub(crate) const fn new(entries: Entries) -> Self {
        Self { entries, bytes: 0 }
    }

    /// Appends a value; `false` if the message is full, and nothing was appended.
    pub(crate) fn push(&mut self, key: &Key, value: i64) -> bool {
        let value = u32::try_from(value);
        assert!(value.is_ok(), "a contribution fits 32 bits");
        let value = value.unwrap_or_default();
        let bytes = varint_bytes(value)
            + match key {
                Key::Net(net) => 1 + usize::from(net.prefix_len().div_ceil(8)),
                Key::Text(text) => 2 + text.len(),
            };
        if self.bytes + bytes > counter::CHUNK {
            return false;
        }
        match (&mut self.entries, key) {
            (Entries::Nets(nets), Key::Net(net)) => nets.push(NetEntry { net: *net, value }),
            (Entries::Texts(texts), Key::Text(text)) => texts.push(TextEntry {
                text: (**text).into(),
                value,
            }),
            (Entries::Nets(_), Key::Text(_)) | (Entries::Texts(_), Key::Net(_)) => {
                unreachable!("keys are checked against the kind of their object")
            }
        }
        self.bytes += bytes;
        true
    }
}

/// Bytes that `value` takes on the wire, seven bits in each.
const fn varint_bytes(value: u32) -> usize {
    (38 - value.leading_zeros() as usize) / 7 + (value == 0) as usize
}

/// Entries of a message as keys and values.
pub(crate) fn pairs(entries: Entries) -> Vec<(Key, i64)> {
    match entries {
        Entries::Nets(nets) => nets
            .into_iter()
            .map(|entry| (Key::Net(entry.net), i64::from(entry.value)))
            .collect(),
        Entries::Texts(texts) => texts
            .into_iter()
            .map(|entry| (Key::Text(entry.text.into()), i64::from(entry.value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
