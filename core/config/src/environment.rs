//! What a process knows before it has read its configuration.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use crate::settings::Role;

/// The caller's surroundings. Nothing of it is read by this crate itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The node name given from outside (`EC_NODE_NAME`, a command line); an option wins over it.
    pub node_name: Option<String>,
    /// The name of the host; used when nothing else names the node.
    pub host_name: Option<String>,
    /// Where included files are looked for, in this order, with `{NODENAME}` and `{SUBCLUSTER}` to be filled
    /// in. See [`Environment::DEFAULT_SEARCH_PATH`].
    pub search_path: Vec<String>,
    /// The subcluster given from outside (`EC_SUB_CLUSTER`); an option wins over it.
    pub subcluster: Option<String>,
    /// The role given from outside, as by `ringfort manager`; wins over everything.
    pub role: Option<Role>,
}

impl Environment {
    /// The order of the old system (reference SP-1): a common file hides one of a node.
    pub const DEFAULT_SEARCH_PATH: [&'static str; 4] = [
        "/opt/msys/ecelerity/etc",
        "/opt/msys/ecelerity/etc/conf/global",
        "/opt/msys/ecelerity/etc/conf/{NODENAME}",
        "/opt/msys/ecelerity/etc/conf/default",
    ];

    /// The directories of a list separated by colons, as in `EC_CONF_SEARCH_PATH`.
    #[must_use]
    pub fn with_search_path(mut self, colons: &str) -> Self {
        self.search_path = colons
            .split(':')
            .filter(|directory| !directory.is_empty())
            .map(ToString::to_string)
            .collect();
        self
    }

    /// The search path with its placeholders filled in. A directory whose placeholder is unknown is left out:
    /// guessing another one could load the configuration of another node.
    pub fn directories(&self) -> Vec<String> {
        let node = self.node_name.clone().or_else(|| {
            let host = self.host_name.as_deref()?;
            host.split('.').next().map(ToString::to_string)
        });
        let subcluster = self.subcluster.clone();
        self.search_path
            .iter()
            .filter_map(|directory| fill(directory, "{NODENAME}", node.as_deref()))
            .filter_map(|directory| fill(&directory, "{SUBCLUSTER}", subcluster.as_deref()))
            .collect()
    }
}

fn fill(directory: &str, placeholder: &str, value: Option<&str>) -> Option<String> {
    if directory.contains(placeholder) {
        value.map(|value| directory.replace(placeholder, value))
    } else {
        Some(directory.into())
    }
}
