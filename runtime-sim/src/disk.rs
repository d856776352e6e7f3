//! The disk of one host: what programs see (the page cache) and what would survive a loss of power.
//!
//! A write changes the cache at once. A sync makes the file as it was when the sync was ordered survive, when
//! the sync completes. At a loss of power every sector that was not synced on its own survives, vanishes or
//! tears (a part of it survives); a new length survives or not; and a new file that was never synced may be
//! gone altogether. Replace and remove are atomic: before their completion either state may survive, after it
//! only the new one. After a loss of power, reading shows what survived; nothing else tells what was lost.
//!
//! What this is not: a scheduler. It says when an order completes; the world keeps the queue.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use ringfort_machine::{Instant, Rng, Seed};
use serde::{Deserialize, Serialize};

use crate::faults::Ailing;

mod file;

use file::File;

/// Bytes that reach the platter together or not at all, but for tearing.
pub const SECTOR_BYTES: usize = 512;

/// What files end in that a sector may be missing from.
const SEGMENTS: &str = ".seg";

/// A path, `/`-separated.
pub type Path = Arc<str>;

/// How fast a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speed {
    /// The least time that reading or writing the cache takes.
    pub access_least_ns: u64,
    /// The most.
    pub access_most_ns: u64,
    /// The least time that a sync takes.
    pub sync_least_ns: u64,
    /// The most.
    pub sync_most_ns: u64,
}

impl Speed {
    /// A local solid-state disk.
    pub const QUICK: Self = Self {
        access_least_ns: 5_000,
        access_most_ns: 50_000,
        sync_least_ns: 200_000,
        sync_most_ns: 2_000_000,
    };
}

/// What a program asks of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Names and lengths of the files directly in a directory.
    List(Path),
    /// Bytes of a file, fewer at its end.
    Read(Path, u64, u32),
    /// Puts bytes into the cache; creates the file.
    Write(Path, u64, Bytes),
    /// Makes data, length and directory entry durable.
    Sync(Path),
    /// Sets the length, in the cache.
    Truncate(Path, u64),
    /// The whole content at once, durable.
    Replace(Path, Bytes),
    /// The file is gone, durable.
    Remove(Path),
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Names and lengths, in order of name.
    Listing(Vec<(String, u64)>),
    /// Bytes of a file.
    Data(Bytes),
    /// The disk is full; nothing changed.
    Full,
    /// There is no such file.
    Missing,
    /// The device failed; what of it reached the platter is unknown.
    Failed,
}

/// Faults that strike orders while they last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ailment {
    /// Writes find no room.
    pub full: bool,
    /// Syncs fail, and what they should have synced counts as clean (Linux, "fsyncgate").
    pub sync_fails: bool,
    /// Now and then a sector of a log's segment is written to the wrong place. Segments only: a log has what it
    /// needs to notice, while of a checkpoint there is only the one before it to fall back on.
    pub misdirects: bool,
}

/// What a loss of power did to unsynced data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Sectors of which a part survived.
    pub torn: u64,
    /// Sectors, lengths and files that vanished.
    pub lost: u64,
}

/// An order under way.
#[derive(Debug)]
struct Pending {
    number: u64,
    effect: Effect,
    outcome: Outcome,
}

/// What an order makes durable when it completes.
#[derive(Debug)]
enum Effect {
    Nothing,
    Settle(Path, file::Snapshot),
    Replaced(Path, Bytes),
    Removed(Path),
}

/// The disk of one host.
#[derive(Debug)]
pub struct Disk {
    files: BTreeMap<Path, File>,
    pending: BTreeMap<u64, Pending>,
    ordered: u64,
    busy_until: Instant,
    speed: Speed,
    ailment: Ailment,
    struck: Ailment,
    rng: Rng,
}

impl Disk {
    /// An empty disk.
    pub fn new(speed: Speed, seed: Seed) -> Self {
        Self {
            files: BTreeMap::new(),
            pending: BTreeMap::new(),
            ordered: 0,
            busy_until: Instant::ORIGIN,
            speed,
            ailment: Ailment::default(),
            struck: Ailment::default(),
            rng: Rng::new(seed),
        }
    }

    /// Changes what ails the disk from here on.
    pub fn set_ailment(&mut self, ailment: Ailment) {
        self.ailment = ailment;
    }

    /// From here on the disk suffers from this, or no longer does.
    pub fn ail(&mut self, what: Ailing, ails: bool) {
        match what {
            Ailing::Full => self.ailment.full = ails,
            Ailing::SyncFails => self.ailment.sync_fails = ails,
            Ailing::Misdirects => self.ailment.misdirects = ails,
        }
    }

    /// What has ailed orders since the last call.
    pub fn take_struck(&mut self) -> Ailment {
        std::mem::take(&mut self.struck)
    }

    /// Begins an order that is to act when it completes: its number, and when that is.
    pub fn begin(&mut self, now: Instant, order: &Order) -> (u64, Instant) {
        let speed = self.speed;
        let slow = matches!(
            order,
            Order::Sync(_) | Order::Replace(..) | Order::Remove(_)
        );
        let (least, most) = if slow {
            (speed.sync_least_ns, speed.sync_most_ns)
        } else {
            (speed.access_least_ns, speed.access_most_ns)
        };
        let takes = Duration::from_nanos(self.rng.between(least, most));
        self.busy_until = self.busy_until.max(now) + takes;
        self.ordered += 1;
        (self.ordered, self.busy_until)
    }

    /// Carries an order out, from beginning to end.
    pub fn perform(&mut self, order: Order) -> Outcome {
        let (outcome, effect) = self.act(order);
        self.take_effect(effect);
        outcome
    }

    /// Takes an order: it acts on the cache at once, after all orders before it. Returns its number and when
    /// it completes; the caller asks [`Disk::complete`] then.
    pub fn order(&mut self, now: Instant, order: Order) -> (u64, Instant) {
        let (number, at) = self.begin(now, &order);
        let (outcome, effect) = self.act(order);
        let pending = Pending {
            number,
            effect,
            outcome,
        };
        self.pending.insert(number, pending);
        (number, at)
    }

    /// Order `number` completes: what it made durable is durable now. Nothing if it was forgotten.
    pub fn complete(&mut self, number: u64) -> Option<Outcome> {
        let pending = self.pending.remove(&number)?;
        assert_eq!(
            pending.number, number,
            "orders are kept under their numbers"
        );
        self.take_effect(pending.effect);
        Some(pending.outcome)
    }

    fn take_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Nothing => {}
            Effect::Settle(path, mut snapshot) => {
                let astray = self.draw_astray(&path, &mut snapshot);
                if let Some(file) = self.files.get_mut(&path) {
                    file.settle(&snapshot);
                }
                if let Some((victim, sector, data)) = astray {
                    self.struck.misdirects = true;
                    if let Some(file) = self.files.get_mut(&victim) {
                        file.hit(sector, &data);
                    }
                }
            }
            Effect::Replaced(path, data) => {
                if let Some(file) = self.files.get_mut(&path) {
                    file.replaced(&data);
                }
            }
            Effect::Removed(path) => {
                if self.files.get_mut(&path).is_some_and(File::removed) {
                    self.files.remove(&path);
                }
            }
        }
    }

    /// A sector of the snapshot that goes to the wrong place, and to which.
    fn draw_astray(
        &mut self,
        path: &Path,
        snapshot: &mut file::Snapshot,
    ) -> Option<(Path, usize, Bytes)> {
        let is_segment = |path: &Path| path.ends_with(SEGMENTS);
        let rng = &mut self.rng;
        if !self.ailment.misdirects || !is_segment(path) || !rng.chance(1, 8) {
            return None;
        }
        let data = snapshot.lose_one(rng)?;
        let segments: Vec<&Path> = self.files.keys().filter(|path| is_segment(path)).collect();
        let victim = Path::clone(rng.pick(&segments)?);
        let sectors = self.files.get(&victim)?.platter_sectors();
        Some((victim, rng.below(sectors.max(1)) as usize, data))
    }

    /// The power is lost: only what the platter has is left.
    pub fn lose_power(&mut self) -> Damage {
        self.pending.clear();
        self.busy_until = Instant::ORIGIN;
        let mut damage = Damage::default();
        let rng = &mut self.rng;
        self.files
            .retain(|_, file| file.lose_power(rng, &mut damage));
        damage
    }

    /// What a program would read from the whole of a file.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).and_then(File::content)
    }

    fn act(&mut self, order: Order) -> (Outcome, Effect) {
        match order {
            Order::List(directory) => (self.list(&directory), Effect::Nothing),
            Order::Read(path, offset, length) => {
                (self.read(&path, offset, length), Effect::Nothing)
            }
            Order::Write(..) | Order::Replace(..) if self.ailment.full => {
                self.struck.full = true;
                (Outcome::Full, Effect::Nothing)
            }
            Order::Write(path, offset, data) => {
                self.files.entry(path).or_default().write(offset, &data);
                (Outcome::Done, Effect::Nothing)
            }
            Order::Sync(path) => self.sync(path),
            Order::Truncate(path, length) => match self.visible(&path) {
                Some(file) => {
                    file.truncate(length);
                    (Outcome::Done, Effect::Nothing)
                }
                None => (Outcome::Missing, Effect::Nothing),
            },
            Order::Replace(path, data) => {
                self.files.entry(path.clone()).or_default().replace(&data);
                (Outcome::Done, Effect::Replaced(path, data))
            }
            Order::Remove(path) => match self.visible(&path) {
                Some(file) => {
                    file.remove();
                    (Outcome::Done, Effect::Removed(path))
                }
                None => (Outcome::Missing, Effect::Nothing),
            },
        }
    }

    fn visible(&mut self, path: &Path) -> Option<&mut File> {
        self.files.get_mut(path).filter(|file| !file.is_removed())
    }

    fn sync(&mut self, path: Path) -> (Outcome, Effect) {
        let fails = self.ailment.sync_fails;
        let Some(file) = self.visible(&path) else {
            return (Outcome::Missing, Effect::Nothing);
        };
        if fails {
            file.forget_dirt();
            self.struck.sync_fails = true;
            return (Outcome::Failed, Effect::Nothing);
        }
        let snapshot = file.snapshot();
        (Outcome::Done, Effect::Settle(path, snapshot))
    }

    fn read(&self, path: &Path, offset: u64, length: u32) -> Outcome {
        let Some(content) = self.content(path) else {
            return Outcome::Missing;
        };
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let end = start.saturating_add(length as usize).min(content.len());
        Outcome::Data(Bytes::copy_from_slice(&content[start..end]))
    }

    fn list(&self, directory: &str) -> Outcome {
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let entries = self.files.iter().filter_map(|(path, file)| {
            let name = path.strip_prefix(&prefix)?;
            let content = file.content()?;
            (!name.contains('/')).then(|| (name.to_owned(), content.len() as u64))
        });
        Outcome::Listing(entries.collect())
    }
}

#[cfg(test)]
mod tests;
