//! Who this process is: role, names, groups.

use alloc::{
    format,
    string::{String, ToString},
};

use super::{Extract, View};
use crate::{
    Diagnostic,
    model::Scope,
    settings::{Heartbeat, Peer, Role, Settings},
};

/// What the rest of the extraction needs first.
pub(crate) struct Identity {
    pub(crate) cluster_name: String,
    pub(crate) node_name: Option<String>,
    pub(crate) state_dir: String,
    pub(crate) cluster_group: String,
    pub(crate) control_group: String,
}

/// Longest node name of the bus of 2.2 (reference MB-10).
const OLD_NAME_LIMIT: usize = 19;

impl Extract<'_> {
    pub(crate) fn role(&mut self, model: &Scope) -> Role {
        let written = self.choice(View::of("global", Some(model)), "Role");
        let manager_scopes = ["logs", "networking", "config", "rtstats"];
        let looks_like_manager = manager_scopes
            .iter()
            .any(|kind| model.child(kind).is_some());
        match (self.environment.role, written) {
            (Some(role), _) => role,
            (None, Some("manager")) => Role::Manager,
            (None, Some(_)) => Role::Node,
            (None, None) if looks_like_manager => Role::Manager,
            (None, None) => Role::Node,
        }
    }

    pub(crate) fn identity(&mut self, model: &Scope) -> Identity {
        let global = View::of("global", Some(model));
        let cluster = View::of("cluster", model.child("cluster"));
        let networking = View::of("networking", model.child("networking"));
        // The groups of `Networking` count only where the cluster module names none.
        let mut group = |ours: &str, theirs: &str| {
            let other = self.name(networking, theirs);
            let own = self.name(cluster, ours);
            if cluster.has(ours) {
                own
            } else {
                other.or(own)
            }
            .unwrap_or_default()
        };
        let cluster_group = group("cluster_group", "Cluster_Group");
        let control_group = group("control_group", "Control_Group");
        let classic = model.child("cluster").is_some_and(|scope| scope.classic);
        let written = self
            .name(cluster, "nodename")
            .filter(|_| cluster.has("nodename"));
        Identity {
            cluster_name: self.name(global, "Cluster_Name").unwrap_or_default(),
            node_name: written
                .or_else(|| self.environment.node_name.clone())
                .or_else(|| self.host_name(classic)),
            state_dir: self.path(global, "State_Dir").unwrap_or_default(),
            cluster_group,
            control_group,
        }
    }

    /// The name of the host: whole in files of 2.2, else its first label (reference section 4 #13).
    fn host_name(&self, classic: bool) -> Option<String> {
        let host = self.environment.host_name.as_deref()?;
        let label = host.split('.').next().unwrap_or(host);
        let name = if classic { host } else { label };
        (!name.is_empty()).then(|| name.to_string())
    }

    /// The option, else the environment, else the entry among the peers, else `default`.
    pub(crate) fn subcluster(&mut self, model: &Scope, own: Option<&Peer>) -> String {
        let global = View::of("global", Some(model));
        let cluster = View::of("cluster", model.child("cluster"));
        let view = if global.has("Subcluster") {
            global
        } else {
            cluster
        };
        let name = self
            .name(view, "Subcluster")
            .or_else(|| self.environment.subcluster.clone())
            .or_else(|| own.map(|peer| peer.subcluster.clone()))
            .unwrap_or_else(|| DEFAULT_SUBCLUSTER.to_string());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !name.bytes().all(allowed) {
            let message = format!("`{name}` is not a name of a subcluster");
            self.diagnostics.push(
                Diagnostic::error(view.span("Subcluster"), message)
                    .expected("letters, digits, `_` and `-`"),
            );
        }
        name
    }

    pub(crate) fn heartbeat(&mut self, model: &Scope) -> Heartbeat {
        let cluster = View::of("cluster", model.child("cluster"));
        Heartbeat {
            start_delay: self.seconds(cluster, "heartbeat_start_delay"),
            per_second: self.count(cluster, "heartbeats_per_sec"),
        }
    }

    /// Whether this node is where the file says, and one of those it names.
    pub(crate) fn check_identity(&mut self, model: &Scope, settings: &Settings) {
        let cluster = View::of("cluster", model.child("cluster"));
        let loopback = settings
            .node_addr
            .is_some_and(|address| address.is_loopback());
        if cluster.has("nodeaddr") && loopback {
            let message = "`nodeaddr` is a loopback address: no other machine reaches this node";
            self.diagnostics.push(
                Diagnostic::warning(cluster.span("nodeaddr"), message)
                    .expected("the address of this node in the cluster network"),
            );
        }
        let Some(name) = &settings.node_name else {
            return;
        };
        if model.child("cluster").is_some_and(|scope| scope.classic) && name.len() > OLD_NAME_LIMIT
        {
            let message = format!("the node name `{name}` has more than {OLD_NAME_LIMIT} letters");
            self.diagnostics.push(
                Diagnostic::warning(cluster.span("nodename"), message)
                    .help("nodes of version 2.2 cannot have such a name"),
            );
        }
        if settings.bus.peers.is_empty() || settings.bus.peer(name).is_some() {
            return;
        }
        let message = format!("this node, `{name}`, is not among the peers");
        let given = cluster.has("nodename") || self.environment.node_name.is_some();
        let span = if cluster.has("nodename") {
            cluster.span("nodename")
        } else {
            settings.bus.peers[0].span
        };
        let peers = settings.bus.peers.iter().map(|peer| peer.name.as_str());
        let near = crate::suggest::nearest(name, peers);
        let diagnostic = if given {
            Diagnostic::error(span, message)
        } else {
            Diagnostic::warning(span, message)
                .help("the name is that of the host: add it to the peers or set `nodename`")
        };
        self.diagnostics.push(diagnostic.suggest(near));
    }
}

/// The subcluster of a node that names none (reference SC-3).
pub(crate) const DEFAULT_SUBCLUSTER: &str = "default";
