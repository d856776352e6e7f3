//! Where a node may write, and with which permissions.
//!
//! The core names files by text. Relative names are below the state directory; absolute ones must be below an
//! area that the configuration names (a journal, the manager's output). Anything else, and any name that
//! climbs with `..`, is refused: a bug of ours, or a hostile peer that got a name into a path, stays inside.

use std::path::{Component, Path, PathBuf};

/// A directory with everything below it, and the permissions of what is created there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    /// The directory; absolute.
    pub(crate) root: PathBuf,
    /// Permissions of new files.
    pub(crate) file_mode: u32,
    /// Permissions of new directories.
    pub(crate) dir_mode: u32,
}

/// All areas of one node.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    base: Area,
    more: Vec<Area>,
}

/// A file that may be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Permissions of new files there.
    pub(crate) file_mode: u32,
    /// Permissions of new directories there.
    pub(crate) dir_mode: u32,
}

impl Places {
    /// Relative names below `base`, absolute ones below it or below one of `more`.
    pub(crate) const fn new(base: Area, more: Vec<Area>) -> Self {
        Self { base, more }
    }

    /// The place called `name`; none if it is outside.
    pub(crate) fn find(&self, name: &str) -> Option<Place> {
        let name = Path::new(name);
        let climbs = name
            .components()
            .any(|part| matches!(part, Component::ParentDir | Component::Prefix(_)));
        if climbs || name.as_os_str().is_empty() {
            return None;
        }
        let path = self.base.root.join(name); // an absolute name replaces the base
        let area = self
            .more
            .iter()
            .chain([&self.base])
            .filter(|area| path.starts_with(&area.root))
            .max_by_key(|area| area.root.components().count())?;
        Some(Place {
            path,
            file_mode: area.file_mode,
            dir_mode: area.dir_mode,
        })
    }
}
