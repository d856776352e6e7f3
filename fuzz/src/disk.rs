//! A disk in memory with a page cache, for the machines that write: orders are done as asked, fail as the script
//! says, and a loss of power takes what it likes of what was not synced, sector by sector.

use std::collections::BTreeMap;

use bytes::Bytes;
use ringfort_logs::{DiskAction, DiskErrorKind, DiskOutcome, Entry};

use crate::Cursor;

/// Bytes that survive or vanish together.
const SECTOR: usize = 64;
/// The most bytes of a file; a write beyond finds no space.
const FILE: usize = 1 << 20;

#[derive(Clone, Debug, Default)]
struct File {
    /// What a process sees.
    cache: Vec<u8>,
    /// What is on the platter; nothing if no directory names the file.
    stable: Option<Vec<u8>>,
}

/// The disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<String, File>,
}

impl Disk {
    /// Does `action`.
    pub fn execute(&mut self, action: &DiskAction) -> DiskOutcome {
        match action {
            DiskAction::List { directory } => DiskOutcome::Listing(self.list(directory)),
            DiskAction::Read {
                file,
                offset,
                length,
            } => match self.files.get(&**file) {
                None => failed(DiskErrorKind::Missing),
                Some(file) => {
                    let whole = file.cache.len();
                    let from = usize::try_from(*offset).unwrap_or(whole).min(whole);
                    let to = from.saturating_add(*length as usize).min(whole);
                    DiskOutcome::Data(Bytes::copy_from_slice(&file.cache[from..to]))
                }
            },
            DiskAction::Write { file, offset, data } => {
                let at = usize::try_from(*offset).unwrap_or(FILE);
                let end = at.saturating_add(data.len());
                if end > FILE {
                    return failed(DiskErrorKind::Full);
                }
                let file = self.files.entry(file.to_string()).or_default();
                file.cache.resize(file.cache.len().max(end), 0);
                file.cache[at..end].copy_from_slice(data);
                DiskOutcome::Done
            }
            DiskAction::Sync { file } => self.change(file, |file| {
                file.stable = Some(file.cache.clone());
            }),
            DiskAction::Truncate { file, length } => self.change(file, |file| {
                let length = usize::try_from(*length).unwrap_or(FILE).min(FILE);
                file.cache.resize(length, 0);
            }),
            DiskAction::Replace { file, data } => {
                let file = self.files.entry(file.to_string()).or_default();
                file.cache = data.to_vec();
                file.stable = Some(data.to_vec());
                DiskOutcome::Done
            }
            DiskAction::Remove { file } => {
                self.files.remove(&**file);
                DiskOutcome::Done
            }
        }
    }

    /// The failure of an order of which nothing was done. Never that something is missing: a disk that hides what
    /// it has cannot be told from an empty one.
    pub fn fail(script: &mut Cursor<'_>) -> DiskOutcome {
        failed(script.pick(&[
            DiskErrorKind::Full,
            DiskErrorKind::Denied,
            DiskErrorKind::Failed,
        ]))
    }

    /// The power goes: of each sector that was not synced, the new or the old content is there, or neither.
    pub fn lose_power(&mut self, script: &mut Cursor<'_>) {
        self.files.retain(|_, file| {
            let stable = file.stable.clone();
            if stable.is_none() && script.flag() {
                return false;
            }
            let stable = stable.unwrap_or_default();
            if stable != file.cache {
                file.cache = survivors(&stable, &file.cache, script);
            }
            file.stable = Some(file.cache.clone());
            true
        });
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// The content of a file, as a process sees it.
    pub fn content(&self, name: &str) -> Bytes {
        let file = self.files.get(name);
        file.map_or_else(Bytes::new, |file| Bytes::copy_from_slice(&file.cache))
    }

    /// Puts `content` where nobody but a person or a broken device does.
    pub fn tamper(&mut self, name: &str, content: Vec<u8>) {
        let file = self.files.entry(name.to_owned()).or_default();
        file.stable = Some(content.clone());
        file.cache = content;
    }

    fn change(&mut self, file: &str, change: impl FnOnce(&mut File)) -> DiskOutcome {
        match self.files.get_mut(file) {
            None => failed(DiskErrorKind::Missing),
            Some(file) => {
                change(file);
                DiskOutcome::Done
            }
        }
    }

    fn list(&self, directory: &str) -> Vec<Entry> {
        let prefix = format!("{directory}/");
        let inside = self.files.iter().filter_map(|(path, file)| {
            let name = path.strip_prefix(&prefix)?;
            (!name.contains('/')).then(|| Entry {
                name: name.to_owned(),
                length: file.cache.len() as u64,
            })
        });
        inside.collect()
    }
}

/// What is found of a file of which `old` was synced and `new` was not.
fn survivors(old: &[u8], new: &[u8], script: &mut Cursor<'_>) -> Vec<u8> {
    let longer = script.flag();
    let length = if longer {
        new.len()
    } else {
        old.len().min(new.len())
    };
    let mut found = vec![0; length];
    for (index, sector) in found.chunks_mut(SECTOR).enumerate() {
        let source = match script.byte() % 4 {
            0 | 1 => new,
            2 => old,
            _ => continue,
        };
        for (slot, byte) in sector.iter_mut().zip(source.iter().skip(index * SECTOR)) {
            *slot = *byte;
        }
    }
    // What was synced and not written since is safe.
    for (at, slot) in found.iter_mut().enumerate() {
        if let (Some(old), Some(new)) = (old.get(at), new.get(at))
            && old == new
        {
            *slot = *old;
        }
    }
    found
}

fn failed(kind: DiskErrorKind) -> DiskOutcome {
    DiskOutcome::Failed(kind.into())
}
