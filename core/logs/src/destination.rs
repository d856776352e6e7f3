//! Where a logger writes: `cluster:///path=>subscriber` (reference LG-2, LG-3).

use alloc::{string::String, vec::Vec};

use ringfort_wire::logs::name_is_valid;

use crate::disk::Path;

/// The destination of a logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A plain text file: `file:///path`, or a bare path.
    File(Path),
    /// A segmented log: `cluster:///path`, or the old name `jlog:///path`.
    Log {
        /// Its directory.
        directory: Path,
        /// Subscribers that shall exist, in the order given, each once.
        subscribers: Vec<String>,
    },
}

/// What is wrong with a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Nothing there.
    #[error("the destination is empty: give a path or cluster:///path=>subscriber")]
    Empty,
    /// A scheme that is not known.
    #[error("`{0}://` is not known: use cluster://, jlog:// or file://, or a bare path")]
    Scheme(String),
    /// A path that does not begin with a slash.
    #[error(
        "`{0}` is not an absolute path: after the scheme there must be a third slash, as in cluster:///var/log/mainlog"
    )]
    Relative(String),
    /// A query that is not known.
    #[error("`?{0}` is not known: the only one is ?subscribers=a,b")]
    Query(String),
    /// A name that may not be.
    #[error("`{0}` cannot name a subscriber: use 1 to 100 bytes without control characters")]
    Subscriber(String),
}

impl Destination {
    /// Reads a destination.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, DestinationError> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => ("file", text),
        };
        if rest.is_empty() {
            return Err(DestinationError::Empty);
        }
        match scheme {
            // A bare path may be relative to wherever the daemon was started.
            "file" => Ok(Self::File(Path::from(rest))),
            "cluster" | "jlog" => Self::parse_log(rest),
            other => Err(DestinationError::Scheme(String::from(other))),
        }
    }

    fn parse_log(rest: &str) -> Result<Self, DestinationError> {
        let (path, list) = if let Some((path, name)) = rest.split_once("=>") {
            (path, Some(name))
        } else if let Some((path, query)) = rest.split_once('?') {
            let names = query
                .strip_prefix("subscribers=")
                .ok_or_else(|| DestinationError::Query(String::from(query)))?;
            (path, Some(names))
        } else {
            (rest, None)
        };
        if !path.starts_with('/') {
            return Err(DestinationError::Relative(String::from(path)));
        }
        let mut subscribers: Vec<String> = Vec::new();
        for name in list.into_iter().flat_map(|list| list.split(',')) {
            let name = name.trim();
            if !name_is_valid(name) {
                return Err(DestinationError::Subscriber(String::from(name)));
            }
            if !subscribers.iter().any(|known| known == name) {
                subscribers.push(String::from(name));
            }
        }
        let directory = match path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        Ok(Self::Log {
            directory: Path::from(directory),
            subscribers,
        })
    }
}

#[cfg(test)]
mod tests;
