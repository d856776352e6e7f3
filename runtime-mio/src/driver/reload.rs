//! A new configuration for a running daemon: all of it or none of it.
//!
//! The file is read and checked as a whole before anything changes. What a running process cannot change (its
//! identity, its directories, the sockets of the bus) is compared first, and a difference there is a refusal
//! that says so, not a half-applied reload.

use ringfort_config::Settings;
use ringfort_node::{Event, SealEvent};

use super::{Daemon, sealing};

impl Daemon {
    /// Reads the configuration again. Errors are printed, and the old one stays.
    pub(super) fn reload(&mut self) {
        let fresh = match self.loaded.again() {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!("the configuration stays as it was:\n{error}");
                return;
            }
        };
        let mut fixed = unchangeable(&self.loaded.settings, &fresh.settings);
        if self.loaded.writes() != fresh.writes() {
            fixed.push("the files and directories of logs"); // they are locked and opened up at the start
        }
        if !fixed.is_empty() {
            tracing::error!(
                "the configuration stays as it was: {} cannot change while the process runs; restart it",
                fixed.join(", ")
            );
            return;
        }
        let config = match fresh.node_config() {
            Ok(config) => config,
            Err(error) => {
                tracing::error!("the configuration stays as it was: {error}");
                return;
            }
        };
        let trusted = match sealing::trusted(&fresh) {
            Ok(trusted) => trusted,
            Err(error) => {
                tracing::error!("the configuration stays as it was: {error}");
                return;
            }
        };
        if let Err(error) = self
            .sources
            .consoles
            .reload(&fresh.settings.control_listeners)
        {
            tracing::error!("the configuration stays as it was: {error}");
            return;
        }
        if let Err(error) = self
            .sources
            .clients
            .reload(&fresh.settings.bus.clients.listeners)
        {
            tracing::error!("the configuration stays as it was: {error}");
            return;
        }
        self.loaded = fresh;
        self.inbox.push_back(Event::Reload(Box::new(config)));
        if let Some(trusted) = trusted {
            let trust = SealEvent::Trust(trusted);
            self.inbox.push_back(Event::Seal(trust));
        }
    }
}

/// The names of settings that differ and must not.
fn unchangeable(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let own = |settings: &Settings| {
        let name = settings.node_name.as_deref().unwrap_or_default();
        settings.bus.bind(settings.bus.peer(name))
    };
    [
        ("the role", old.role != new.role),
        ("the cluster's name", old.cluster_name != new.cluster_name),
        ("the node's name", old.node_name != new.node_name),
        ("the state directory", old.state_dir != new.state_dir),
        ("the bus address", own(old) != own(new)),
        ("the bus dispersal", old.bus.dispersal != new.bus.dispersal),
        (
            "the datagram limit",
            old.bus.datagram_limit != new.bus.datagram_limit,
        ),
        (
            "the bus encryption and its key file",
            (old.bus.encryption, &old.bus.key_file) != (new.bus.encryption, &new.bus.key_file),
        ),
        (
            "the cluster listener",
            old.cluster_listeners != new.cluster_listeners,
        ),
        (
            "the ring's times and windows",
            (old.bus.timeouts, old.bus.windows) != (new.bus.timeouts, new.bus.windows),
        ),
        ("the subcluster", old.subcluster != new.subcluster),
        (
            "the groups",
            (&old.cluster_group, &old.control_group) != (&new.cluster_group, &new.control_group),
        ),
        ("the manager's Logs", old.manager != new.manager),
        (
            "control_client_timeout",
            old.control_client_timeout != new.control_client_timeout,
        ),
        (
            "the address mode",
            old.duravip.address_mode != new.duravip.address_mode,
        ),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
