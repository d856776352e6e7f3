//! What a daemon needs before its node can start: the sole right to its directories, a new incarnation, a seed.
//!
//! Two daemons on one state directory would write one journal and use one incarnation twice. The lock is on a
//! file that names its holder; it ends with the process, however that ends, so nothing is ever left over. Each
//! journal's directory is locked as well, so that a tool cannot write to a log that a daemon writes.
//!
//! An incarnation must never come again, or the group would take a new process for an old one. It is a number
//! kept in the state directory, one more at every start and never below the time in seconds, so that even a
//! node that has lost its state directory does not return as its former self.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use ringfort_machine::{Digest, Incarnation, Seed};

use crate::{
    BootError,
    disk::{Area, Places, create_directories, replace},
    sys,
};

/// Permissions of what is kept in the state directory.
const FILE_MODE: u32 = 0o640;
const DIR_MODE: u32 = 0o750;

/// The sole right to a directory, until dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

/// Takes the state directory at `path`, creating it if need be.
///
/// # Errors
/// [`BootError::InUse`] naming the process that has it, or [`BootError::File`].
pub(crate) fn claim_state(path: &Path) -> Result<Claim, BootError> {
    create_directories(path, DIR_MODE)
        .map_err(|source| BootError::file("create the state directory", path, source))?;
    let file = path.join("ringfort.pid");
    let failed = |source| BootError::file("write", &file, source);
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&file)
        .map_err(failed)?;
    if sys::lock(&lock).is_err() {
        let mut holder = String::new();
        let _ = lock.read_to_string(&mut holder);
        let holder = match holder.trim() {
            "" => "another process".into(),
            id => format!("the process {id}"),
        };
        return Err(BootError::InUse {
            path: path.into(),
            holder,
        });
    }
    lock.set_len(0).map_err(failed)?;
    lock.rewind().map_err(failed)?;
    writeln!(lock, "{}", std::process::id()).map_err(failed)?;
    Ok(Claim { _lock: lock })
}

/// Takes the directory of a log, creating it if need be.
///
/// # Errors
/// As [`claim_state`].
pub(crate) fn claim_log(path: &Path) -> Result<Claim, BootError> {
    create_directories(path, DIR_MODE)
        .map_err(|source| BootError::file("create the log directory", path, source))?;
    claim_log_if_present(path)?.ok_or_else(|| BootError::InUse {
        path: path.into(),
        holder: "a daemon or another tool".into(),
    })
}

/// Takes the directory of a log that must exist; none if somebody else has it.
///
/// # Errors
/// [`BootError::File`].
pub(crate) fn claim_log_if_present(path: &Path) -> Result<Option<Claim>, BootError> {
    let lock = File::open(path).map_err(|source| BootError::file("open", path, source))?;
    match sys::lock(&lock) {
        Ok(()) => Ok(Some(Claim { _lock: lock })),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(source) => Err(BootError::file("lock", path, source)),
    }
}

/// Counts the next incarnation of the node whose state is in `directory`, durably, before anybody hears of it.
///
/// # Errors
/// [`BootError::File`].
pub(crate) fn next_incarnation(directory: &Path) -> Result<Incarnation, BootError> {
    let path = directory.join("incarnation");
    let last = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u64>().map_err(|_| {
            let source = io::Error::new(
                io::ErrorKind::InvalidData,
                "it does not hold a number; if the file is damaged, remove it",
            );
            BootError::file("read", &path, source)
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(source) => return Err(BootError::file("read", &path, source)),
    };
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let next = last.saturating_add(1).max(seconds);
    let place = places(directory, Vec::new())
        .find("incarnation")
        .expect("a plain name is inside the base");
    replace(&place, format!("{next}\n").as_bytes())
        .map_err(|source| BootError::file("write", &path, source))?;
    Ok(Incarnation(next))
}

/// A seed from the system's random source.
///
/// # Errors
/// [`BootError::System`].
pub(crate) fn seed() -> Result<Seed, BootError> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut seed))
        .map_err(|source| BootError::system("read /dev/urandom", source))?;
    Ok(Seed(seed))
}

/// Which boot of the operating system this is, where it tells: equal as long as page caches live.
pub(crate) fn system_boot() -> Option<u64> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(Digest::of(text.trim().as_bytes()).max(1))
}

/// The places of a node with the state directory `state` and `more` areas.
pub(crate) fn places(state: &Path, more: Vec<Area>) -> Places {
    let base = Area {
        root: state.to_owned(),
        file_mode: FILE_MODE,
        dir_mode: DIR_MODE,
    };
    Places::new(base, more)
}

/// An area for a log at `path`.
pub(crate) const fn log_area(path: PathBuf) -> Area {
    Area {
        root: path,
        file_mode: FILE_MODE,
        dir_mode: DIR_MODE,
    }
}

#[cfg(test)]
mod tests;
