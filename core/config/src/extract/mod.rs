//! The merged model to [`Settings`]. Every value is fetched by its row in the table of options, which gives
//! its default and range; whatever does not fit becomes a diagnostic and the default takes its place, so that
//! one load shows all mistakes.

use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

use crate::{
    Diagnostic, Environment, Severity, Span,
    model::Scope,
    settings::{ManagerSettings, Role, Settings},
};

mod access;
mod bus;
mod check;
mod clients;
mod identity;
mod journal;
mod known;
mod lookup;
mod manager;
mod peers;
mod replicate;
mod service;

pub(crate) use lookup::View;
pub(crate) use peers::{apply_mbus, unknown_preferences};

/// Something that was passed over because it is not ours: policy of the mail server around us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// What, as written.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// Most mistakes reported of one load; further ones are rarely independent.
pub(crate) const DIAGNOSTIC_LIMIT: usize = 100;

pub(crate) struct Extract<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) resolve: &'a mut dyn FnMut(&str) -> Option<IpAddr>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) ignored: Vec<Ignored>,
}

impl<'a> Extract<'a> {
    pub(crate) fn new(
        environment: &'a Environment,
        resolve: &'a mut dyn FnMut(&str) -> Option<IpAddr>,
    ) -> Self {
        Self {
            environment,
            resolve,
            diagnostics: Vec::new(),
            ignored: Vec::new(),
        }
    }

    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(span, message));
    }

    /// The settings of `model`. Usable only if no diagnostic is an error.
    pub(crate) fn settings(&mut self, model: &Scope, mbus: Option<&crate::MbusConf>) -> Settings {
        self.check_known(model);
        let role = self.role(model);
        let identity = self.identity(model);
        let mut bus = self.bus(model);
        self.peers(model, &mut bus);
        if let Some(mbus) = mbus {
            apply_mbus(&mut bus, mbus, self.resolve, &mut self.diagnostics);
        }
        self.override_bus(model, &mut bus);
        self.check_bus(model, &bus);
        let own = identity
            .node_name
            .as_deref()
            .and_then(|name| bus.peer(name))
            .cloned();
        let cluster = View::of("cluster", model.child("cluster"));
        let subcluster = self.subcluster(model, own.as_ref());
        let manager = match role {
            Role::Manager => Some(self.manager(model, identity.node_name.as_deref())),
            Role::Node => None::<ManagerSettings>,
        };
        let node_addr = self
            .address(cluster, "nodeaddr")
            .or_else(|| own.as_ref().map(|peer| peer.address.ip()));
        let settings = Settings {
            role,
            cluster_name: identity.cluster_name,
            node_name: identity.node_name,
            node_addr,
            subcluster,
            cluster_group: identity.cluster_group,
            control_group: identity.control_group,
            log_group: self.name(cluster, "log_group"),
            cluster_listeners: self.cluster_listeners(model),
            cluster_advertise: self.socket(cluster, "cluster_advertise", CLUSTER_PORT),
            streams: self.streams(model),
            control_listeners: self.control_listeners(model, role, &identity.state_dir),
            authorization: self.authorization(model),
            control_client_timeout: self
                .seconds(View::of("global", Some(model)), "control_client_timeout"),
            listeners: self.listeners(model),
            bindings: self.bindings(model),
            topology: self.topology(model),
            duravip: self.duravip(model),
            logs: self.logs(model),
            loggers: self.loggers(model),
            log_active_interval: self.seconds(cluster, "log_active_interval"),
            log_idle_interval: self.seconds(cluster, "log_idle_interval"),
            replicate: self.replicate(model),
            heartbeat: self.heartbeat(model),
            state_dir: identity.state_dir,
            bus,
            manager,
        };
        self.checked(model, settings)
    }

    /// The checks that need more than one part, and what they change (reference DV-9).
    fn checked(&mut self, model: &Scope, mut settings: Settings) -> Settings {
        self.check_identity(model, &settings);
        self.upgrade(&mut settings);
        self.check_addresses(model, &settings);
        self.diagnostics.extend(unknown_preferences(&settings));
        self.check_journals(&settings);
        settings
    }
}

/// Port of streams between nodes, where none is written.
pub(crate) const CLUSTER_PORT: u16 = 4802;

/// Puts `diagnostics` in the order of reading, errors of one place first, without repetitions and bounded.
pub(crate) fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by_key(|diagnostic| {
        let warning = diagnostic.severity == Severity::Warning;
        (diagnostic.span.source, diagnostic.span.start, warning)
    });
    diagnostics.dedup();
    if diagnostics.len() > DIAGNOSTIC_LIMIT {
        let errors_go_first = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Warning;
        diagnostics.sort_by_key(errors_go_first);
        let more = diagnostics.len() - DIAGNOSTIC_LIMIT;
        diagnostics.truncate(DIAGNOSTIC_LIMIT);
        if let Some(last) = diagnostics.last_mut() {
            last.help = Some(format!("{more} more of these are not shown"));
        }
    }
}
