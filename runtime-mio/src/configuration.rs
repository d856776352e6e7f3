//! From a file to everything a daemon is started with.
//!
//! The files are read here and judged by `ringfort_config`; what was found is kept, so that it can be read
//! again in the same surroundings.

use std::{
    collections::BTreeSet,
    fs, io,
    net::{IpAddr, ToSocketAddrs},
    path::{Path, PathBuf},
};

use ringfort_config::{
    Content, Environment, LoadError, Loader, Settings, Severity,
    settings::{AddressMode, Destination, Dispersal, Role},
};

use crate::{
    BootError,
    boot::{self, Claim},
    datagram,
    disk::{Area, Places},
    sys,
};

/// A configuration that passed, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    path: PathBuf,
    role: Option<Role>,
    /// Whether everything but the bus is left out.
    bus_only: bool,
    pub(crate) settings: Settings,
}

/// What came of reading a configuration: settings if it passed, and everything there is to say about it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) settings: Option<Settings>,
    /// Rendered diagnostics, errors and warnings, in order; empty if there is nothing to say.
    pub(crate) report: String,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
}

/// Reads and judges the configuration at `path` for a process of `role` (as the file says, if none is given).
pub(crate) fn judge(path: &Path, role: Option<Role>) -> Judged {
    let outcome = ringfort_config::load(&mut Files, &path.to_string_lossy(), &environment(role));
    let count = |severity| {
        outcome
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    Judged {
        report: outcome.render(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        settings: outcome.settings,
    }
}

impl Loaded {
    /// Reads the configuration at `path` for a process of `role`.
    ///
    /// # Errors
    /// [`BootError::Configuration`] with the rendered diagnostics.
    pub fn read(path: &Path, role: Option<Role>) -> Result<Self, BootError> {
        let judged = judge(path, role);
        match judged.settings {
            Some(settings) if judged.errors == 0 => {
                if !judged.report.is_empty() {
                    tracing::warn!("the configuration is used, but:\n{}", judged.report);
                }
                Ok(Self {
                    path: path.into(),
                    role,
                    bus_only: false,
                    settings,
                })
            }
            Some(_) | None => Err(BootError::Configuration(judged.report)),
        }
    }

    /// Leaves out everything but the bus: ring, groups, clients and console. The same file can serve a node and,
    /// on another host, a bus alone.
    #[must_use]
    pub fn bus_only(mut self) -> Self {
        let settings = &mut self.settings;
        settings.cluster_listeners.clear();
        settings.listeners.clear();
        settings.bindings.clear();
        settings.topology.clear();
        settings.logs.clear();
        settings.loggers.clear();
        settings.replicate.clear();
        settings.duravip.address_mode = AddressMode::Loopback; // no interface is looked at
        self.bus_only = true;
        self
    }

    /// Reads it again.
    pub(crate) fn again(&self) -> Result<Self, BootError> {
        let fresh = Self::read(&self.path, self.role)?;
        Ok(if self.bus_only {
            fresh.bus_only()
        } else {
            fresh
        })
    }

    /// What the node is started with.
    pub(crate) fn node_config(&self) -> Result<ringfort_node::Config, BootError> {
        let mut config = ringfort_node::Config::from_settings(&self.settings)
            .map_err(|error| BootError::Configuration(error.to_string()))?;
        // Members that do carry addresses are not to count on this one.
        config.vip.me_capable &= !self.bus_only;
        Ok(config)
    }

    /// The directory of everything this process keeps.
    pub(crate) fn state_directory(&self) -> PathBuf {
        PathBuf::from(&self.settings.state_dir)
    }

    /// Takes the sole right to the state directory and to the directory of each log.
    pub(crate) fn claim(&self) -> Result<Vec<Claim>, BootError> {
        let mut claims = vec![boot::claim_state(&self.state_directory())?];
        for directory in self.journals() {
            claims.push(boot::claim_log(&directory)?);
        }
        Ok(claims)
    }

    /// The directories of all logs that this process writes, each once.
    fn journals(&self) -> BTreeSet<PathBuf> {
        let published = self.settings.logs.iter().map(|log| &log.path);
        let written = self
            .settings
            .loggers
            .iter()
            .filter_map(|logger| match &logger.destination {
                Destination::Journal { path, .. } => Some(path),
                Destination::File(_) | Destination::Other(_) => None,
            });
        let state = self.state_directory();
        published
            .chain(written)
            .map(|path| state.join(path))
            .collect()
    }

    /// What this process locks and may write to, apart from its state; wherever it stands in the file.
    pub(crate) fn writes(&self) -> impl PartialEq {
        let manager = self.settings.manager.as_ref().map(|manager| {
            let cache = manager.control_cache.clone();
            (
                manager.logfile.clone(),
                manager.file_mode,
                manager.dir_mode,
                cache,
            )
        });
        (self.journals(), manager)
    }

    /// Where the disk worker may go: the state directory, the logs, the manager's output.
    pub(crate) fn places(&self) -> Places {
        let mut areas: Vec<Area> = self.journals().into_iter().map(boot::log_area).collect();
        if let Some(manager) = &self.settings.manager {
            areas.push(Area {
                root: fixed_part(&manager.logfile),
                file_mode: manager.file_mode,
                dir_mode: manager.dir_mode,
            });
            let cache = manager.control_cache.as_ref().map(Path::new);
            if let Some(directory) = cache
                .and_then(Path::parent)
                .filter(|path| path.is_absolute())
            {
                areas.push(boot::log_area(directory.into()));
            }
        }
        boot::places(&self.state_directory(), areas)
    }

    /// How to open the bus socket.
    pub(crate) fn datagram_options(&self) -> datagram::Options {
        let bus = &self.settings.bus;
        let name = self.settings.node_name.as_deref().unwrap_or_default();
        datagram::Options {
            bind: bus.bind(bus.peer(name)),
            group: match bus.dispersal {
                Dispersal::Unicast => None,
                Dispersal::Multicast(group) | Dispersal::Broadcast(group) => Some(group),
            },
            datagram_limit: bus.datagram_limit,
        }
    }
}

/// The directory of a file name pattern up to its first conversion.
fn fixed_part(pattern: &str) -> PathBuf {
    let fixed = pattern.split('%').next().unwrap_or(pattern);
    match fixed.rfind('/') {
        Some(0) | None => PathBuf::from(fixed),
        Some(at) => PathBuf::from(&fixed[..at]),
    }
}

/// What a process knows before it has read its configuration.
fn environment(role: Option<Role>) -> Environment {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let environment = Environment {
        node_name: variable("EC_NODE_NAME"),
        host_name: sys::host_name().ok(),
        search_path: Environment::DEFAULT_SEARCH_PATH.map(Into::into).into(),
        subcluster: variable("EC_SUB_CLUSTER"),
        role,
    };
    match variable("EC_CONF_SEARCH_PATH") {
        Some(path) => environment.with_search_path(&path),
        None => environment,
    }
}

/// The files of this host.
#[derive(Debug)]
struct Files;

impl Loader for Files {
    fn load(&mut self, path: &str) -> Result<Content, LoadError> {
        if path.contains("://") {
            return Err(LoadError::Unsupported);
        }
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                LoadError::Missing
            } else {
                LoadError::Failed(error.to_string())
            }
        };
        let path = Path::new(path);
        if path.is_dir() {
            let entries = fs::read_dir(path).map_err(failed)?;
            let names = entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect();
            return Ok(Content::Directory(names));
        }
        let limit = ringfort_config::FILE_LIMIT_BYTES as u64;
        if fs::metadata(path).map_err(failed)?.len() > limit {
            return Err(LoadError::Failed(format!("it has more than {limit} bytes")));
        }
        let bytes = fs::read(path).map_err(failed)?;
        String::from_utf8(bytes)
            .map(Content::Text)
            .map_err(|_| LoadError::NotText)
    }

    fn resolve(&mut self, host: &str) -> Option<IpAddr> {
        let mut addresses = (host, 0).to_socket_addrs().ok()?;
        addresses.next().map(|address| address.ip())
    }
}
