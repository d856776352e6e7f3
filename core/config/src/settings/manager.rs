//! Settings of a manager: which journals it pulls and where it writes them (reference 1.10).

use alloc::{string::String, vec::Vec};
use core::time::Duration;

/// Subscriber names of one manager, for one node or for all that have no own entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberOverride {
    /// The manager it is for.
    pub manager: String,
    /// The node it is about; `None` for all.
    pub node: Option<String>,
    /// The names, best first; empty to pull nothing.
    pub subscribers: Vec<String>,
}

/// Settings that only a manager has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerSettings {
    /// Path of an output file: `strftime` conversions, `%{l}` log key, `%{n}` node, `%{s}` subcluster.
    pub logfile: String,
    /// Output files open at once.
    pub max_open: u32,
    /// How long an output file stays open without a new entry.
    pub max_idle: Duration,
    /// Permissions of output files.
    pub file_mode: u32,
    /// Permissions of directories made for them.
    pub dir_mode: u32,
    /// Names to read as, tried in this order for each log; default the own node name, then `master`.
    pub subscribers: Vec<String>,
    /// Exceptions by manager and node.
    pub overrides: Vec<SubscriberOverride>,
    /// File that keeps answers to commands sent to the cluster.
    pub control_cache: Option<String>,
    /// The configuration repository.
    pub repository: Option<String>,
    /// Database of the real-time statistics; kept for the old files, not used.
    pub statistics_path: Option<String>,
}

impl ManagerSettings {
    /// The names under which `manager` reads the journals of `node`.
    pub fn subscribers_for(&self, manager: &str, node: &str) -> &[String] {
        let of_manager = |entry: &&SubscriberOverride| entry.manager.eq_ignore_ascii_case(manager);
        let mine = || self.overrides.iter().filter(of_manager);
        let about = |entry: &&SubscriberOverride| {
            entry
                .node
                .as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(node))
        };
        mine()
            .find(about)
            .or_else(|| mine().find(|entry| entry.node.is_none()))
            .map_or(&self.subscribers, |entry| &entry.subscribers)
    }
}
