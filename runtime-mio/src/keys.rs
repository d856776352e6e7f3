//! The keys of a node on disk: its own secret key, and the allow-list of the others' public keys.
//!
//! The secret key is a file that only its owner can read; a file that others can read is refused, since it may have
//! been read already. It is made at the first start, without asking: a new key trusts nobody and nobody trusts it, so
//! nothing is given away. The allow-list is text that people edit or `ringfort keys` does; whoever can write it decides
//! who is in the cluster.
//!
//! ```text
//! seal.key      # comment, then 64 hexadecimal digits
//! seal.trusted  # comments, and on each other line: name  64 hexadecimal digits
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use ringfort_config::Settings;
use ringfort_machine::NodeId;
use ringfort_seal::{Identity, PublicKey, Secret, Trusted};

use crate::{BootError, boot, disk::create_directories};

const KEY_MODE: u32 = 0o600;
const LIST_MODE: u32 = 0o644;
const DIR_MODE: u32 = 0o750;
/// No file of keys is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// Where the keys of a node are.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) key: PathBuf,
    pub(crate) trusted: PathBuf,
}

/// One line of the allow-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) public: PublicKey,
}

impl Files {
    /// Where `settings` says that they are.
    pub(crate) fn of(settings: &Settings) -> Self {
        let state = Path::new(&settings.state_dir);
        Self {
            key: state.join(&settings.bus.key_file),
            trusted: state.join(&settings.bus.trusted_file),
        }
    }

    /// The node's key pair, made now if there is none; says whether it was.
    ///
    /// # Errors
    /// [`BootError::File`] and [`BootError::Configuration`] with what is wrong with the file.
    pub(crate) fn identity(&self) -> Result<(Identity, bool), BootError> {
        if let Some(identity) = self.read_identity()? {
            return Ok((identity, false));
        }
        let path = &self.key;
        let failed = |source| BootError::file("write the key", path, source);
        if let Some(parent) = path.parent() {
            create_directories(parent, DIR_MODE).map_err(failed)?;
        }
        let secret = Secret::new(boot::seed()?.0);
        let text = format!(
            "# The secret key of this node. Whoever has it can speak as the node.\n{}\n",
            secret.to_text()
        );
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(KEY_MODE)
            .open(path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .map_err(failed)?;
        Ok((Identity::new(secret), true))
    }

    /// The node's key pair, if there is one.
    ///
    /// # Errors
    /// As [`Files::identity`].
    pub(crate) fn read_identity(&self) -> Result<Option<Identity>, BootError> {
        let path = &self.key;
        let Some((text, mode)) = read(path)? else {
            return Ok(None);
        };
        if mode & 0o077 != 0 {
            return Err(BootError::Configuration(format!(
                "others than its owner may read or write {}, the secret key of this node (mode {:o}): if it may have been \
                 read, remove it and make a new one with `ringfort keys init`; else `chmod 600` it",
                path.display(),
                mode & 0o777
            )));
        }
        let digits = lines(&text)
            .map(|(_, line)| line)
            .next()
            .unwrap_or_default();
        let secret = digits.parse().map_err(|error| {
            BootError::Configuration(format!(
                "{} is no secret key: {error}; restore it, or remove it and make a new one with `ringfort keys init`",
                path.display()
            ))
        })?;
        Ok(Some(Identity::new(secret)))
    }

    /// The allow-list; empty if there is none.
    ///
    /// # Errors
    /// [`BootError::File`] and [`BootError::Configuration`] with the line.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, BootError> {
        let Some((text, mode)) = read(&self.trusted)? else {
            return Ok(Vec::new());
        };
        if mode & 0o022 != 0 {
            return Err(BootError::Configuration(format!(
                "others than its owner may write {}, which says who is trusted (mode {:o}): check it and `chmod 644` it",
                self.trusted.display(),
                mode & 0o777
            )));
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (number, line) in lines(&text) {
            let entry = entry(line).and_then(|entry| {
                let twice = entries.iter().any(|known| same(&known.name, &entry.name));
                if twice {
                    Err(format!("`{}` is there twice", entry.name))
                } else {
                    Ok(entry)
                }
            });
            entries.push(entry.map_err(|why| {
                BootError::Configuration(format!(
                    "{}:{number}: {why}; expected a node's name and its public key, as `ringfort keys show` prints them",
                    self.trusted.display()
                ))
            })?);
        }
        Ok(entries)
    }

    /// Puts `name` on the allow-list; says whether that changed anything.
    ///
    /// # Errors
    /// As [`Files::entries`], and if the list cannot be written.
    pub(crate) fn trust(&self, name: &str, public: PublicKey) -> Result<bool, BootError> {
        let new = Entry {
            name: name.to_owned(),
            public,
        };
        if self.entries()?.contains(&new) {
            return Ok(false);
        }
        self.rewrite(name, Some(&format!("{name} {public}")))?;
        Ok(true)
    }

    /// Takes `name` off the allow-list; says whether it was there.
    ///
    /// # Errors
    /// As [`Files::trust`].
    pub(crate) fn revoke(&self, name: &str) -> Result<bool, BootError> {
        if !self.entries()?.iter().any(|entry| same(&entry.name, name)) {
            return Ok(false);
        }
        self.rewrite(name, None)?;
        Ok(true)
    }

    /// Writes the list without the line of `name`, and with `line` instead; comments stay.
    fn rewrite(&self, name: &str, line: Option<&str>) -> Result<(), BootError> {
        let path = &self.trusted;
        let old = read(path)?.map(|(text, _)| text).unwrap_or_default();
        let others = old.lines().filter(|line| {
            let first = line.split_whitespace().next();
            first.is_none_or(|first| !same(first, name))
        });
        let mut text: String = others.chain(line).flat_map(|line| [line, "\n"]).collect();
        if old.is_empty() {
            text.insert_str(
                0,
                "# Who may take part in the cluster: name and public key.\n",
            );
        }
        let new = path.with_extension("new");
        let failed = |source| BootError::file("write the allow-list", path, source);
        if let Some(parent) = path.parent() {
            create_directories(parent, DIR_MODE).map_err(failed)?;
        }
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(LIST_MODE)
            .open(&new)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&new, path))
            .map_err(failed)
    }

    /// The allow-list for the seal: names are those of the bus's members where they are members.
    ///
    /// # Errors
    /// As [`Files::entries`].
    pub(crate) fn trusted(&self, settings: &Settings) -> Result<Vec<Trusted>, BootError> {
        let trusted = |entry: Entry| Trusted {
            node: settings
                .bus
                .peer(&entry.name)
                .map_or_else(|| NodeId::of_name(&entry.name), |peer| peer.node),
            public: entry.public,
        };
        Ok(self.entries()?.into_iter().map(trusted).collect())
    }
}

/// The configured members, apart from this node, that are not on the allow-list.
pub(crate) fn strangers<'a>(settings: &'a Settings, trusted: &[Trusted]) -> Vec<&'a str> {
    let own = settings.node_name.as_deref().unwrap_or_default();
    let own = settings.bus.peer(own).map(|peer| peer.node);
    let peers = settings.bus.peers.iter();
    let unknown = peers.filter(|peer| {
        Some(peer.node) != own && !trusted.iter().any(|trusted| trusted.node == peer.node)
    });
    unknown.map(|peer| peer.name.as_str()).collect()
}

/// The text of a file and its mode; nothing if there is none.
fn read(path: &Path) -> Result<Option<(String, u32)>, BootError> {
    let failed = |source| BootError::file("read", path, source);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let mode = file.metadata().map_err(failed)?.mode();
    let mut text = String::new();
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(Some((text, mode)))
}

/// Lines that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn entry(line: &str) -> Result<Entry, String> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(name), Some(key), None) => Ok(Entry {
            name: name.into(),
            public: key.parse().map_err(|error| format!("{error}"))?,
        }),
        _ => Err("this is no name and a key".into()),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests;
