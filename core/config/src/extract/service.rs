//! Addresses: listeners, bindings, topology and the timers of the address service.

use alloc::{format, vec::Vec};
use core::net::IpAddr;

use ipnet::IpNet;

use super::{Extract, View};
use crate::{
    Diagnostic, Span,
    model::Scope,
    settings::{
        AddressMode, Binding, Duravip, Endpoint, Listener, ListenerKind, NetblockLimit, Topology,
    },
};

/// The scopes of services, what they speak and the port of it.
const SERVICES: &[(&str, ListenerKind, u16)] = &[
    ("esmtp_listener", ListenerKind::Esmtp, 25),
    ("ecstream_listener", ListenerKind::Ecstream, 1825),
    ("pop3_listener", ListenerKind::Pop3, 110),
    ("http_listener", ListenerKind::Http, 80),
    ("xmlrpc_listener", ListenerKind::Xmlrpc, 80),
    ("tcp_listener", ListenerKind::Tcp, 0),
];

/// Most listeners, and most bindings (reference DV-23).
const ADDRESS_LIMIT: usize = 10_240;
/// Most networks.
const TOPOLOGY_LIMIT: usize = 1_024;

impl Extract<'_> {
    pub(crate) fn listeners(&mut self, model: &Scope) -> Vec<Listener> {
        let mut listeners: Vec<Listener> = Vec::new();
        for &(scope, kind, port) in SERVICES {
            for stanza in model.of_kind(scope) {
                for listen in stanza.of_kind("listen") {
                    listeners.extend(self.listener(stanza, listen, kind, port));
                }
            }
        }
        if let Some(first) = listeners.get(ADDRESS_LIMIT) {
            self.too_many("listeners", ADDRESS_LIMIT, first.span);
            listeners.truncate(ADDRESS_LIMIT);
        }
        listeners
    }

    fn too_many(&mut self, what: &str, limit: usize, span: Span) {
        self.error(span, format!("more than {limit} {what}"));
    }

    fn listener(
        &mut self,
        stanza: &Scope,
        listen: &Scope,
        kind: ListenerKind,
        port: u16,
    ) -> Option<Listener> {
        let view = View::of("listen", Some(stanza)).within(listen);
        let written = self.listen_address(listen, port)?;
        let span = listen.name.as_ref().map_or(listen.span, |name| name.span);
        let address = match written.endpoint {
            Endpoint::Tcp(address) if address.port() != 0 => address,
            Endpoint::Tcp(_) => {
                self.error(span, format!("`{}` names no port", listen.name_text()));
                return None;
            }
            Endpoint::Unix(path) => {
                let message = format!("the socket `{path}` is left to the mail server");
                self.diagnostics.push(
                    Diagnostic::warning(span, message).help(
                        "the cluster serves addresses; a socket in the file system needs none",
                    ),
                );
                return None;
            }
        };
        let listener = Listener {
            name: self
                .name(view, "name")
                .unwrap_or_else(|| listen.name_text().into()),
            kind,
            address,
            duravip: self.flag(view, "Enable_Duravip"),
            preference: self.names(view, "Duravip_Preference").unwrap_or_default(),
            follow: self.text(view, "Duravip_Follow"),
            banner: self.text(view, "Banner"),
            backend: self.socket(view, "Backend", port),
            max_connections_per_netblock: self.netblock_limit(view),
            listen_backlog: written
                .backlog
                .unwrap_or_else(|| self.count(view, "Listen_Backlog")),
            span,
        };
        self.flag(view, "Enable").then_some(listener)
    }

    fn netblock_limit(&mut self, view: View<'_>) -> Option<NetblockLimit> {
        let limit = self.optional_count(view, "Cluster_Max_Inbound_Connections");
        let v4_bits = self.count(view, "Cluster_Inbound_Mask") as u8; // its range is 0 to 32
        let v6_bits = self.count(view, "Cluster_Inbound_Mask_V6") as u8; // its range is 0 to 128
        let limit = u32::try_from(limit?).ok()?;
        Some(NetblockLimit {
            limit,
            v4_bits,
            v6_bits,
        })
    }

    /// Bindings at top level (2.2) and in binding groups (v3).
    pub(crate) fn bindings(&mut self, model: &Scope) -> Vec<Binding> {
        let mut bindings: Vec<Binding> = Vec::new();
        for scope in model.of_kind("binding") {
            bindings.push(self.binding(scope, None));
        }
        for group in model.of_kind("binding_group") {
            for scope in group.of_kind("binding") {
                bindings.push(self.binding(scope, Some(group)));
            }
        }
        if let Some(first) = bindings.get(ADDRESS_LIMIT) {
            self.too_many("bindings", ADDRESS_LIMIT, first.span);
            bindings.truncate(ADDRESS_LIMIT);
        }
        bindings
    }

    fn binding(&mut self, scope: &Scope, group: Option<&Scope>) -> Binding {
        let outer = View::of("binding", group);
        let view = outer.within(scope);
        let own = View::of("binding", Some(scope));
        if scope.name.is_none() {
            self.diagnostics.push(
                Diagnostic::error(scope.span, "this binding has no name")
                    .expected("`Binding \"name\" { … }`"),
            );
        }
        Binding {
            name: scope.name_text().into(),
            group: group.map(|group| group.name_text().into()),
            address: self.address(own, "Bind_Address"),
            duravip: self.flag(view, "Enable_Duravip"),
            preference: self.names(view, "Duravip_Preference").unwrap_or_default(),
            span: scope.name.as_ref().map_or(scope.span, |name| name.span),
        }
    }

    pub(crate) fn topology(&mut self, model: &Scope) -> Vec<Topology> {
        let Some(cluster) = model.child("cluster") else {
            return Vec::new();
        };
        let mut topology: Vec<Topology> = Vec::new();
        for (count, scope) in cluster.of_kind("topology").enumerate() {
            if count == TOPOLOGY_LIMIT {
                self.too_many("topologies", TOPOLOGY_LIMIT, scope.span);
                break;
            }
            let span = scope.name.as_ref().map_or(scope.span, |name| name.span);
            let Ok(net) = scope.name_text().parse::<IpNet>() else {
                let message = format!("`{}` is not a network", scope.name_text());
                self.diagnostics.push(
                    Diagnostic::error(span, message).expected("a network such as 192.0.2.0/24"),
                );
                continue;
            };
            let net = net.trunc();
            if let Some(first) = topology.iter().find(|entry| entry.net == net) {
                self.diagnostics.push(
                    Diagnostic::error(span, format!("the network {net} has two topologies"))
                        .label(first.span, "first here"),
                );
            }
            topology.extend(self.topology_entry(scope, net));
        }
        topology
    }

    fn topology_entry(&mut self, scope: &Scope, net: IpNet) -> Option<Topology> {
        let span = scope.name.as_ref().map_or(scope.span, |name| name.span);
        let view = View::of("topology", Some(scope));
        let mask = self.optional_count(view, "cidrmask");
        let cidrmask = mask.map_or(net.max_prefix_len(), |bits| bits as u8); // its range is 1 to 128
        if cidrmask > net.max_prefix_len() {
            let message = format!("`cidrmask` is {cidrmask} in a network of IPv4");
            self.diagnostics
                .push(Diagnostic::error(view.span("cidrmask"), message).expected("at most 32"));
        }
        let Some(interface) = self.name(view, "interface") else {
            if !view.has("interface") {
                let message = format!("the topology of {net} has no interface");
                self.diagnostics.push(
                    Diagnostic::error(span, message).expected("`interface = \"eth0\"` or the like"),
                );
            }
            return None;
        };
        Some(Topology {
            net,
            interface,
            cidrmask,
            span,
        })
    }

    pub(crate) fn duravip(&mut self, model: &Scope) -> Duravip {
        let cluster = model.child("cluster");
        let view = View::of("cluster", cluster);
        let written = self.choice(view, "address_mode");
        let all_loopback = cluster.is_some_and(|cluster| {
            let mut interfaces = cluster
                .of_kind("topology")
                .map(|scope| View::of("topology", Some(scope)).entry("interface"));
            cluster.child("topology").is_some()
                && interfaces.all(|entry| entry.is_some_and(is_loopback))
        });
        let address_mode = match written {
            Some("loopback") => AddressMode::Loopback,
            _ if all_loopback && !view.has("address_mode") => AddressMode::Loopback,
            _ => AddressMode::Netlink,
        };
        Duravip {
            address_mode,
            view_mature_time: self.seconds(view, "view_mature_time"),
            view_balance_interval: self.seconds(view, "view_balance_interval"),
            view_broadcast_interval: self.seconds(view, "view_broadcast_interval"),
            balance_set_size: self.count(view, "duravip_balance_set_size"),
            if_check_interval: self.seconds(view, "if_check_interval"),
            if_down_limit: self.count(view, "if_down_limit"),
            arp_all_hosts: self.flag(view, "arp_all_hosts"),
        }
    }
}

fn is_loopback(entry: &crate::tree::Entry) -> bool {
    use crate::tree::Value;
    match &entry.value {
        Some(Value::Word(word)) => word.text == "lo",
        Some(Value::List(_) | Value::Dictionary(_) | Value::Block(_)) | None => false,
    }
}

/// The topology of `address`: the longest network that contains it.
pub(crate) fn topology_of(topology: &[Topology], address: IpAddr) -> Option<&Topology> {
    topology
        .iter()
        .filter(|entry| entry.net.contains(&address))
        .max_by_key(|entry| entry.net.prefix_len())
}
