//! A model of a disk with a page cache. What was not synced is lost sector by sector, as it likes.
//!
//! Every write since the last sync of its file survives, vanishes or tears at each sector independently of all
//! others; a file that was never synced may not exist; its length may have grown although the data did not
//! come. A sync that fails drops any of these for good although the cache still shows them, and a later sync
//! says nothing of it (the behaviour of Linux described by Rebello and others, ATC 2020).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use ringfort_logs::{DiskAction, DiskErrorKind, DiskOutcome, Entry};
use ringfort_machine::Rng;

pub(crate) const SECTOR: usize = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    /// What a process sees.
    pub(crate) cache: Vec<u8>,
    /// What is on the platter; nothing if the directory does not name the file.
    pub(crate) stable: Option<Vec<u8>>,
    /// Changed since the last sync, in order: sectors of writes and new lengths.
    pub(crate) pending: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Data(usize, Vec<u8>),
    Length(usize),
}

/// A failure that is waiting to strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The next order is done well.
    None,
    /// The next write finds no space after some bytes.
    Full,
    /// The next order fails; of a write, some bytes are there.
    Failed,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) faults: VecDeque<Fault>,
    /// Orders done so far.
    pub(crate) steps: usize,
}

impl Disk {
    pub(crate) fn execute(&mut self, action: &DiskAction) -> DiskOutcome {
        self.steps += 1;
        let fault = match action {
            DiskAction::List { .. } | DiskAction::Read { .. } => Fault::None,
            DiskAction::Write { .. }
            | DiskAction::Sync { .. }
            | DiskAction::Truncate { .. }
            | DiskAction::Replace { .. }
            | DiskAction::Remove { .. } => self.faults.pop_front().unwrap_or(Fault::None),
        };
        if fault != Fault::None {
            return self.fail(action, fault);
        }
        match action {
            DiskAction::List { directory } => DiskOutcome::Listing(self.list(directory)),
            DiskAction::Read {
                file,
                offset,
                length,
            } => match self.files.get(&**file) {
                None => DiskOutcome::Failed(DiskErrorKind::Missing.into()),
                Some(file) => {
                    let from = (*offset as usize).min(file.cache.len());
                    let to = (from + *length as usize).min(file.cache.len());
                    DiskOutcome::Data(Bytes::copy_from_slice(&file.cache[from..to]))
                }
            },
            DiskAction::Write { file, offset, data } => {
                self.write(file, *offset as usize, data);
                DiskOutcome::Done
            }
            DiskAction::Sync { file } => match self.files.get_mut(&**file) {
                None => DiskOutcome::Failed(DiskErrorKind::Missing.into()),
                Some(file) => {
                    let mut stable = file.stable.take().unwrap_or_default();
                    for change in file.pending.drain(..) {
                        apply(&mut stable, &change);
                    }
                    file.stable = Some(stable);
                    DiskOutcome::Done
                }
            },
            DiskAction::Truncate { file, length } => match self.files.get_mut(&**file) {
                None => DiskOutcome::Failed(DiskErrorKind::Missing.into()),
                Some(file) => {
                    file.cache.resize(*length as usize, 0);
                    file.pending.push(Change::Length(*length as usize));
                    DiskOutcome::Done
                }
            },
            DiskAction::Replace { file, data } => {
                let new = File {
                    cache: data.to_vec(),
                    stable: Some(data.to_vec()),
                    pending: Vec::new(),
                };
                self.files.insert(file.to_string(), new);
                DiskOutcome::Done
            }
            DiskAction::Remove { file } => {
                self.files.remove(&**file);
                DiskOutcome::Done
            }
        }
    }

    fn list(&self, directory: &str) -> Vec<Entry> {
        let prefix = format!("{directory}/");
        self.files
            .iter()
            .filter_map(|(path, file)| {
                let name = path.strip_prefix(&prefix)?;
                (!name.contains('/')).then(|| Entry {
                    name: name.to_owned(),
                    length: file.cache.len() as u64,
                })
            })
            .collect()
    }

    fn write(&mut self, file: &str, offset: usize, data: &[u8]) {
        let file = self.files.entry(file.to_owned()).or_default();
        if file.cache.len() < offset + data.len() {
            file.cache.resize(offset + data.len(), 0);
            file.pending.push(Change::Length(offset + data.len()));
        }
        file.cache[offset..offset + data.len()].copy_from_slice(data);
        let mut from = 0;
        while from < data.len() {
            let sector_end = (offset + from) / SECTOR * SECTOR + SECTOR - offset;
            let to = sector_end.min(data.len());
            file.pending
                .push(Change::Data(offset + from, data[from..to].to_vec()));
            from = to;
        }
    }

    fn fail(&mut self, action: &DiskAction, fault: Fault) -> DiskOutcome {
        match action {
            DiskAction::Write { file, offset, data } => {
                self.write(file, *offset as usize, &data[..data.len() / 2]);
            }
            DiskAction::Sync { file } => {
                if let Some(file) = self.files.get_mut(&**file) {
                    // Every other change reaches the platter; the rest never will.
                    let mut stable = file.stable.take().unwrap_or_default();
                    for (index, change) in file.pending.drain(..).enumerate() {
                        if index % 2 == 1 {
                            apply(&mut stable, &change);
                        }
                    }
                    file.stable = Some(stable);
                }
            }
            // These leave everything as it was.
            DiskAction::List { .. }
            | DiskAction::Read { .. }
            | DiskAction::Truncate { .. }
            | DiskAction::Replace { .. }
            | DiskAction::Remove { .. } => {}
        }
        DiskOutcome::Failed(
            match fault {
                Fault::Full => DiskErrorKind::Full,
                Fault::Failed | Fault::None => DiskErrorKind::Failed,
            }
            .into(),
        )
    }

    /// How many changes are not synced.
    pub(crate) fn unsynced(&self) -> usize {
        self.files
            .values()
            .map(|file| file.pending.len() + usize::from(file.stable.is_none()))
            .sum()
    }

    pub(crate) fn lose_power(&mut self, rng: &mut Rng) {
        let odds = rng.below(5);
        self.lose(|_| rng.below(4) < odds);
    }

    /// `survives` is asked for every unsynced change and for the entry of every unsynced file.
    pub(crate) fn lose(&mut self, mut survives: impl FnMut(usize) -> bool) {
        let mut number = 0;
        let mut ask = || {
            number += 1;
            survives(number - 1)
        };
        self.files.retain(|_, file| {
            let fresh = file.stable.is_none();
            let keep = !fresh || ask();
            let mut stable = file.stable.take().unwrap_or_default();
            for change in file.pending.drain(..) {
                if ask() {
                    apply(&mut stable, &change);
                }
            }
            file.cache.clone_from(&stable);
            file.stable = Some(stable);
            keep
        });
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => content.resize(*length, 0),
        Change::Data(offset, data) => {
            if content.len() < offset + data.len() {
                content.resize(offset + data.len(), 0);
            }
            content[*offset..offset + data.len()].copy_from_slice(data);
        }
    }
}
