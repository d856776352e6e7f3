//! One file: its content in the cache, its content on the platter, and what differs.

use std::collections::BTreeMap;

use bytes::Bytes;
use ringfort_machine::Rng;

use super::{Damage, SECTOR_BYTES};

/// What a sync found to do when it was ordered.
#[derive(Debug)]
pub(super) struct Snapshot {
    length: usize,
    sectors: Vec<(usize, u64, Bytes)>,
}

impl Snapshot {
    /// Forgets one sector, and returns what it should have held.
    pub(super) fn lose_one(&mut self, rng: &mut Rng) -> Option<Bytes> {
        if self.sectors.is_empty() {
            return None;
        }
        let index = rng.below(self.sectors.len() as u64) as usize;
        let (_, _, data) = self.sectors.remove(index);
        Some(data)
    }
}

/// One file.
#[derive(Debug, Default)]
pub(super) struct File {
    /// What programs see; nothing if it was removed.
    cache: Option<Vec<u8>>,
    /// What a loss of power leaves; nothing if there is no durable directory entry.
    platter: Option<Vec<u8>>,
    /// Sectors that differ, each with the number of its last write.
    dirty: BTreeMap<usize, u64>,
    writes: u64,
    /// The content of a replace or a removal that has not completed: either state may survive.
    swap: Option<Swap>,
}

#[derive(Debug)]
enum Swap {
    Content(Vec<u8>),
    Nothing,
}

impl File {
    pub(super) fn content(&self) -> Option<&[u8]> {
        self.cache.as_deref()
    }

    pub(super) fn is_removed(&self) -> bool {
        self.cache.is_none()
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        let start = usize::try_from(offset).expect("simulated files fit the memory");
        let cache = self.cache.get_or_insert_default();
        let end = start + data.len();
        let old = cache.len();
        if cache.len() < end {
            cache.resize(end, 0);
        }
        cache[start..end].copy_from_slice(data);
        self.touch(start.min(old), end);
    }

    pub(super) fn truncate(&mut self, length: u64) {
        let length = usize::try_from(length).expect("simulated files fit the memory");
        let cache = self.cache.get_or_insert_default();
        let old = cache.len();
        cache.resize(length, 0);
        self.dirty
            .retain(|sector, _| sector * SECTOR_BYTES < length);
        if length < old {
            self.touch(length, length + 1);
        } else {
            self.touch(old, length);
        }
    }

    pub(super) fn replace(&mut self, data: &[u8]) {
        self.cache = Some(data.to_vec());
        self.dirty.clear();
        self.swap = Some(Swap::Content(data.to_vec()));
    }

    /// The replace with `data` has completed.
    pub(super) fn replaced(&mut self, data: &[u8]) {
        self.platter = Some(data.to_vec());
        if matches!(&self.swap, Some(Swap::Content(content)) if content == data) {
            self.swap = None;
        }
    }

    pub(super) fn remove(&mut self) {
        self.cache = None;
        self.dirty.clear();
        self.swap = Some(Swap::Nothing);
    }

    /// The removal has completed. True if nothing was put in its place meanwhile.
    pub(super) fn removed(&mut self) -> bool {
        self.platter = None;
        if matches!(self.swap, Some(Swap::Nothing)) {
            self.swap = None;
        }
        self.cache.is_none()
    }

    fn touch(&mut self, start: usize, end: usize) {
        self.writes += 1;
        for sector in start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            self.dirty.insert(sector, self.writes);
        }
    }

    /// Everything that differs now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let cache = self.cache.as_deref().unwrap_or_default();
        let sectors = self.dirty.iter().map(|(sector, write)| {
            (
                *sector,
                *write,
                Bytes::copy_from_slice(part(cache, *sector)),
            )
        });
        Snapshot {
            length: cache.len(),
            sectors: sectors.collect(),
        }
    }

    /// What `snapshot` found is on the platter now.
    pub(super) fn settle(&mut self, snapshot: &Snapshot) {
        let platter = self.platter.get_or_insert_default();
        platter.resize(snapshot.length, 0);
        for (sector, write, data) in &snapshot.sectors {
            let start = sector * SECTOR_BYTES;
            platter[start..start + data.len()].copy_from_slice(data);
            if self.dirty.get(sector) == Some(write) {
                self.dirty.remove(sector);
            }
        }
    }

    /// How many sectors of it are on the platter, the last one perhaps in part.
    pub(super) fn platter_sectors(&self) -> u64 {
        let length = self.platter.as_ref().map_or(0, Vec::len);
        length.div_ceil(SECTOR_BYTES) as u64
    }

    /// A sector that was meant for another place lands here. Programs go on seeing the cache.
    pub(super) fn hit(&mut self, sector: usize, data: &[u8]) {
        if let Some(platter) = &mut self.platter {
            let start = (sector * SECTOR_BYTES).min(platter.len());
            let room = data.len().min(platter.len() - start);
            platter[start..start + room].copy_from_slice(&data[..room]);
        }
    }

    /// The device failed to write what is dirty and the system no longer knows that it is.
    pub(super) fn forget_dirt(&mut self) {
        self.dirty.clear();
    }

    /// Only the platter is left. False if there is no file any more.
    pub(super) fn lose_power(&mut self, rng: &mut Rng, damage: &mut Damage) -> bool {
        match self.swap.take() {
            Some(swap) if rng.chance(1, 2) => {
                self.platter = match swap {
                    Swap::Content(content) => Some(content),
                    Swap::Nothing => None,
                };
            }
            Some(Swap::Content(_) | Swap::Nothing) => damage.lost += 1,
            None => self.keep_some_dirt(rng, damage),
        }
        self.dirty.clear();
        self.cache.clone_from(&self.platter);
        self.cache.is_some()
    }

    fn keep_some_dirt(&mut self, rng: &mut Rng, damage: &mut Damage) {
        let Some(cache) = &self.cache else { return };
        if self.platter.is_none() && rng.chance(1, 3) {
            damage.lost += 1;
            return; // the directory entry was never synced
        }
        let platter = self.platter.get_or_insert_default();
        if platter.len() != cache.len() {
            if rng.chance(1, 2) {
                platter.resize(cache.len(), 0);
            } else {
                damage.lost += 1;
            }
        }
        for sector in self.dirty.keys() {
            let new = part(cache, *sector);
            let start = sector * SECTOR_BYTES;
            let room = platter.len().saturating_sub(start).min(new.len());
            if room == 0 {
                continue;
            }
            let survives = match rng.below(3) {
                0 => room,
                1 => {
                    damage.lost += 1;
                    0
                }
                _ => {
                    damage.torn += 1;
                    rng.below(room as u64) as usize
                }
            };
            platter[start..start + survives].copy_from_slice(&new[..survives]);
        }
    }
}

/// The bytes of one sector, fewer at the end.
fn part(content: &[u8], sector: usize) -> &[u8] {
    let start = (sector * SECTOR_BYTES).min(content.len());
    let end = (start + SECTOR_BYTES).min(content.len());
    &content[start..end]
}
