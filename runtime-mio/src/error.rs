//! Why a daemon or a tool did not start, or ended. Every text says where, what was expected and what to do.

use std::{fmt, io, path::PathBuf};

/// A failure before the node runs, or one that ends it.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// An address could not be opened.
    #[error(
        "cannot open the {what} address {address}: {source}{}",
        listen_advice(source)
    )]
    Listen {
        /// What for.
        what: &'static str,
        /// The address as text.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file or directory could not be used.
    #[error("cannot {what} {}: {source}{}", path.display(), file_advice(source))]
    File {
        /// What was tried, as a verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else uses a directory of ours.
    #[error("{} is in use by {holder}; stop it first, or choose another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who holds it, as far as is known.
        holder: String,
    },
    /// The configuration does not pass; the text is rendered diagnostics or the reason.
    #[error("{0}")]
    Configuration(String),
    /// The system refused something that every daemon needs.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried, as a verb.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The node gave up.
    #[error("{0}")]
    Ended(String),
}

impl BootError {
    /// `address` could not be opened for `what`.
    pub fn listen(what: &'static str, address: impl fmt::Display, source: io::Error) -> Self {
        Self::Listen {
            what,
            address: address.to_string(),
            source,
        }
    }

    /// `path` could not be used.
    pub fn file(what: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File {
            what,
            path: path.into(),
            source,
        }
    }

    /// The system refused something.
    pub const fn system(what: &'static str, source: io::Error) -> Self {
        Self::System { what, source }
    }
}

fn listen_advice(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::AddrInUse {
        "; another process has it: stop that one or configure another port"
    } else if source.kind() == io::ErrorKind::AddrNotAvailable {
        "; no interface of this host has it: configure an address that this host has"
    } else if source.kind() == io::ErrorKind::PermissionDenied {
        "; ports below 1024 need the capability cap_net_bind_service"
    } else {
        ""
    }
}

fn file_advice(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::PermissionDenied
        || source.kind() == io::ErrorKind::ReadOnlyFilesystem
    {
        "; give this user the right to write there, or configure another directory"
    } else if source.kind() == io::ErrorKind::NotFound {
        "; check the path"
    } else if source.kind() == io::ErrorKind::StorageFull {
        "; the file system is full"
    } else {
        ""
    }
}
