//! Single operations on files, with the errors of the system told apart by what the core can do about them.
//!
//! A few files stay open, since a journal writes the same one over and over. A file keeps its descriptor from
//! its first write to its sync, because an error of writing back is reported to the descriptors that were open.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use ringfort_logs::{DiskError, DiskErrorKind, DiskOutcome, Entry};

use super::{Places, place::Place};

/// Files kept open. A manager writes one for each node and log (reference LP-3 samples 128).
const OPEN: usize = 128;

/// An open file.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    /// Its name may not be durable yet: the directory is synced with it once.
    fresh: bool,
}

/// The executor of single operations.
#[derive(Debug)]
pub(crate) struct Files {
    places: Places,
    /// Least recently used first.
    open: Vec<Open>,
}

impl Files {
    /// Works within `places` only.
    pub(crate) const fn new(places: Places) -> Self {
        Self {
            places,
            open: Vec::new(),
        }
    }

    /// The names and lengths of the files in `directory`, in ascending order; none if it does not exist.
    pub(crate) fn list(&mut self, directory: &str) -> DiskOutcome {
        self.attempt(directory, |_, place| {
            let entries = match fs::read_dir(&place.path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(DiskOutcome::Listing(Vec::new()));
                }
                Err(error) => return Err(error),
            };
            let mut listing = Vec::new();
            for entry in entries {
                let entry = entry?;
                let status = entry.metadata()?;
                // A name that is not text is not ours.
                if let (true, Ok(name)) = (status.is_file(), entry.file_name().into_string()) {
                    listing.push(Entry {
                        name,
                        length: status.len(),
                    });
                }
            }
            listing.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(DiskOutcome::Listing(listing))
        })
    }

    /// Up to `length` bytes from `offset`; fewer at the end of the file.
    pub(crate) fn read(&mut self, file: &str, offset: u64, length: u32) -> DiskOutcome {
        self.attempt(file, |files, place| {
            let file = match files.open.iter().find(|open| open.path == place.path) {
                Some(open) => open.file.try_clone()?,
                None => File::open(&place.path)?,
            };
            let mut data = vec![0; length as usize];
            let mut filled = 0;
            while filled < data.len() {
                match file.read_at(&mut data[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            data.truncate(filled);
            Ok(DiskOutcome::Data(Bytes::from(data)))
        })
    }

    /// Writes into the page cache; creates the file and its directories.
    pub(crate) fn write(&mut self, file: &str, offset: u64, data: &[u8]) -> DiskOutcome {
        self.attempt(file, |files, place| {
            let open = files.opened(place)?;
            open.file.write_all_at(data, offset)?;
            Ok(DiskOutcome::Done)
        })
    }

    /// Makes data, length and name of a file durable.
    pub(crate) fn sync(&mut self, file: &str) -> DiskOutcome {
        let outcome = self.attempt(file, |files, place| {
            let open = files.opened(place)?;
            open.file.sync_data()?;
            if open.fresh {
                sync_directory(&open.path)?;
                open.fresh = false;
            }
            Ok(DiskOutcome::Done)
        });
        if let (DiskOutcome::Failed(_), Some(place)) = (&outcome, self.places.find(file)) {
            // The kernel has told this descriptor of the error; it will not tell it again.
            self.close(&place.path);
        }
        outcome
    }

    /// Cuts or extends a file, and makes the new length durable.
    pub(crate) fn truncate(&mut self, file: &str, length: u64) -> DiskOutcome {
        self.attempt(file, |files, place| {
            let open = files.opened(place)?;
            open.file.set_len(length)?;
            open.file.sync_all()?;
            Ok(DiskOutcome::Done)
        })
    }

    /// Gives a file new content, atomically and durably: the old or the new content survives a crash, whole.
    pub(crate) fn replace(&mut self, file: &str, data: &[u8]) -> DiskOutcome {
        self.attempt(file, |files, place| {
            files.close(&place.path);
            replace(place, data)?;
            Ok(DiskOutcome::Done)
        })
    }

    /// Removes a file durably; one that does not exist is fine.
    pub(crate) fn remove(&mut self, file: &str) -> DiskOutcome {
        self.attempt(file, |files, place| {
            files.close(&place.path);
            match fs::remove_file(&place.path) {
                Ok(()) => sync_directory(&place.path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            Ok(DiskOutcome::Done)
        })
    }

    fn attempt(
        &mut self,
        name: &str,
        operation: impl FnOnce(&mut Self, &Place) -> io::Result<DiskOutcome>,
    ) -> DiskOutcome {
        let Some(place) = self.places.find(name) else {
            return failed(
                DiskErrorKind::Denied,
                format!("{name}: outside of every configured directory"),
            );
        };
        operation(self, &place).unwrap_or_else(|error| {
            let kind = if error.kind() == io::ErrorKind::StorageFull
                || error.kind() == io::ErrorKind::QuotaExceeded
            {
                DiskErrorKind::Full
            } else if error.kind() == io::ErrorKind::NotFound {
                DiskErrorKind::Missing
            } else if error.kind() == io::ErrorKind::PermissionDenied
                || error.kind() == io::ErrorKind::ReadOnlyFilesystem
            {
                DiskErrorKind::Denied
            } else {
                DiskErrorKind::Failed
            };
            failed(kind, format!("{}: {error}", place.path.display()))
        })
    }

    /// The open file at `place`, opened and created if need be; now the most recently used.
    fn opened(&mut self, place: &Place) -> io::Result<&mut Open> {
        if let Some(at) = self.open.iter().position(|open| open.path == place.path) {
            let open = self.open.remove(at);
            self.open.push(open);
        } else {
            let open = create(place)?;
            if self.open.len() >= OPEN {
                let oldest = self.open.remove(0);
                // Its name and data must not depend on a descriptor that is gone.
                if oldest.fresh {
                    oldest.file.sync_data()?;
                    sync_directory(&oldest.path)?;
                }
            }
            self.open.push(open);
        }
        self.open
            .last_mut()
            .ok_or_else(|| io::Error::other("just pushed"))
    }

    fn close(&mut self, path: &Path) {
        self.open.retain(|open| open.path != path);
    }
}

fn failed(kind: DiskErrorKind, message: String) -> DiskOutcome {
    DiskOutcome::Failed(DiskError {
        kind,
        detail: message.into(),
    })
}

fn create(place: &Place) -> io::Result<Open> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(place.file_mode);
    match options.open(&place.path) {
        Ok(file) => {
            return Ok(Open {
                path: place.path.clone(),
                file,
                fresh: true, // written by an earlier process, which may not have come to sync the name
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(parent) = place.path.parent() {
        create_directories(parent, place.dir_mode)?;
    }
    Ok(Open {
        path: place.path.clone(),
        file: options.create(true).truncate(false).open(&place.path)?,
        fresh: true,
    })
}

/// Creates a directory with all its parents, and makes each new name durable.
pub(crate) fn create_directories(directory: &Path, mode: u32) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        create_directories(parent, mode)?;
    }
    match DirBuilder::new().mode(mode).create(directory) {
        Ok(()) => sync_directory(directory),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the entry of `path` in its directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Writes a file next to `place`, makes it durable, and renames it over.
pub(crate) fn replace(place: &Place, data: &[u8]) -> io::Result<()> {
    if let Some(parent) = place.path.parent() {
        create_directories(parent, place.dir_mode)?;
    }
    let mut name = place.path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(place.file_mode)
        .open(&temporary)?;
    file.write_all_at(data, 0)?;
    file.sync_all()?;
    fs::rename(&temporary, &place.path)?;
    sync_directory(&place.path)
}
