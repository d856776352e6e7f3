//! The rules of managed addresses that need all listeners and bindings together (reference DV-8 to DV-10).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    vec::Vec,
};
use core::net::{IpAddr, SocketAddr};

use super::{Extract, service::topology_of};
use crate::{
    Diagnostic, Span,
    model::Scope,
    settings::{AddressMode, Binding, Endpoint, Listener, ReplicateClass, Settings},
    suggest::nearest,
};

/// One service that may be managed: address, whether it is, what to call it, and where it was written.
struct Service {
    address: IpAddr,
    duravip: bool,
    span: Span,
}

fn services(settings: &Settings) -> Vec<Service> {
    let listeners = settings.listeners.iter().map(|one| Service {
        address: one.address.ip(),
        duravip: one.duravip,
        span: one.span,
    });
    let bindings = settings.bindings.iter().filter_map(|one| {
        one.address.map(|address| Service {
            address,
            duravip: one.duravip,
            span: one.span,
        })
    });
    let consoles = settings
        .control_listeners
        .iter()
        .filter_map(|one| match one.endpoint {
            Endpoint::Tcp(address) => Some(Service {
                address: address.ip(),
                duravip: one.duravip,
                span: one.span,
            }),
            Endpoint::Unix(_) => None,
        });
    listeners.chain(bindings).chain(consoles).collect()
}

impl Extract<'_> {
    /// One managed service of an address makes all services of it managed (DV-9).
    pub(crate) fn upgrade(&mut self, settings: &mut Settings) {
        let mut managed: BTreeMap<IpAddr, Span> = BTreeMap::new();
        let all = services(settings);
        for service in all.iter().filter(|service| service.duravip) {
            managed.entry(service.address).or_insert(service.span);
        }
        for service in all.iter().filter(|service| !service.duravip) {
            if let Some(&because) = managed.get(&service.address) {
                let message = format!("this service of {} becomes managed", service.address);
                self.diagnostics.push(
                    Diagnostic::warning(service.span, message)
                        .help("write `Enable_Duravip = true` here as well")
                        .label(because, "because of this one"),
                );
            }
        }
        let is_managed = |address: IpAddr| managed.contains_key(&address);
        for listener in &mut settings.listeners {
            listener.duravip |= is_managed(listener.address.ip());
        }
        for binding in &mut settings.bindings {
            binding.duravip |= binding.address.is_some_and(is_managed);
        }
        for console in &mut settings.control_listeners {
            console.duravip |= match console.endpoint {
                Endpoint::Tcp(address) => is_managed(address.ip()),
                Endpoint::Unix(_) => false,
            };
        }
    }

    pub(crate) fn check_addresses(&mut self, model: &Scope, settings: &Settings) {
        self.check_listeners(settings);
        self.check_bindings(settings);
        self.check_follow(settings);
        let mut seen: BTreeSet<IpAddr> = BTreeSet::new();
        for service in services(settings).iter().filter(|service| service.duravip) {
            if seen.insert(service.address) {
                self.check_vip(model, settings, service);
            }
        }
    }

    fn check_vip(&mut self, model: &Scope, settings: &Settings, service: &Service) {
        let address = service.address;
        if address.is_unspecified() {
            self.diagnostics.push(
                Diagnostic::error(
                    service.span,
                    "a managed service needs an address of its own",
                )
                .expected("an address instead of `*`")
                .help("the cluster moves addresses; every node keeps `*` for itself"),
            );
            return;
        }
        let own = settings.node_addr == Some(address);
        let peer = settings
            .bus
            .peers
            .iter()
            .find(|peer| peer.address.ip() == address);
        if own || peer.is_some() {
            let message = format!("{address} is the address of a node and cannot be managed");
            let mut diagnostic = Diagnostic::error(service.span, message)
                .help("the node would lose the cluster with the address");
            if let Some(peer) = peer {
                diagnostic = diagnostic.label(peer.span, "the node");
            }
            self.diagnostics.push(diagnostic);
            return;
        }
        let anywhere = settings.duravip.address_mode == AddressMode::Loopback;
        if !anywhere && topology_of(&settings.topology, address).is_none() {
            let net = match address {
                IpAddr::V4(_) => "24",
                IpAddr::V6(_) => "64",
            };
            let net = ipnet::IpNet::new(address, net.parse().unwrap_or(0));
            let example = net.map_or_else(|_| "…".into(), |net| format!("{}", net.trunc()));
            let message = format!("no topology says which interface carries {address}");
            let mut diagnostic = Diagnostic::error(service.span, message).help(format!(
                "add `Topology \"{example}\" {{ interface = … }}` to `cluster`"
            ));
            if let Some(cluster) = model.child("cluster") {
                diagnostic = diagnostic.label(cluster.span, "here");
            }
            self.diagnostics.push(diagnostic);
        }
    }

    /// Two listeners cannot share an address and port.
    fn check_listeners(&mut self, settings: &Settings) {
        let mut taken: BTreeMap<SocketAddr, Span> = BTreeMap::new();
        let consoles = settings
            .control_listeners
            .iter()
            .filter_map(|one| match one.endpoint {
                Endpoint::Tcp(address) => Some((address, one.span)),
                Endpoint::Unix(_) => None,
            });
        let listeners = settings.listeners.iter().map(|one| (one.address, one.span));
        for (address, span) in listeners.chain(consoles) {
            match taken.get(&address) {
                Some(&first) => self.diagnostics.push(
                    Diagnostic::error(span, format!("{address} is listened on twice"))
                        .label(first, "first here"),
                ),
                None => {
                    taken.insert(address, span);
                }
            }
        }
        self.check_limits(settings);
    }

    /// A limit over the whole cluster is held against `inbound_cidr`: without it the limit would do nothing.
    fn check_limits(&mut self, settings: &Settings) {
        let counted = settings.replicate.iter().any(|object| {
            object.class == ReplicateClass::InboundCidr && object.name == "inbound_cidr"
        });
        let limited = |one: &&Listener| one.max_connections_per_netblock.is_some();
        if let Some(listener) = settings.listeners.iter().find(limited).filter(|_| !counted) {
            let message = "a limit of connections for the cluster needs the counter `inbound_cidr`";
            self.diagnostics.push(
                Diagnostic::error(listener.span, message)
                    .help("add `Replicate \"inbound_cidr\" {}` to the cluster module"),
            );
        }
    }

    fn check_bindings(&mut self, settings: &Settings) {
        for binding in settings.bindings.iter().filter(|binding| binding.duravip) {
            if binding.name.eq_ignore_ascii_case("default") {
                self.diagnostics.push(
                    Diagnostic::error(binding.span, "the binding `default` cannot be managed")
                        .help("give the address a binding with a name of its own"),
                );
            } else if binding.address.is_none() {
                let message = format!("the managed binding `{}` has no address", binding.name);
                self.diagnostics
                    .push(Diagnostic::error(binding.span, message).expected("`Bind_Address = …`"));
            }
        }
    }

    fn check_follow(&mut self, settings: &Settings) {
        for listener in &settings.listeners {
            if let Some(target) = &listener.follow {
                let excluded = listener.duravip || !listener.preference.is_empty();
                self.check_follower(
                    settings,
                    target,
                    listener.address.ip(),
                    excluded,
                    listener.span,
                );
            }
        }
        for console in &settings.control_listeners {
            if let (Some(target), Endpoint::Tcp(address)) = (&console.follow, &console.endpoint) {
                let excluded = console.duravip || !console.preference.is_empty();
                self.check_follower(settings, target, address.ip(), excluded, console.span);
            }
        }
    }

    fn check_follower(
        &mut self,
        settings: &Settings,
        target: &str,
        address: IpAddr,
        excluded: bool,
        span: Span,
    ) {
        if excluded {
            let message = "`Duravip_Follow` excludes `Enable_Duravip` and `Duravip_Preference`";
            self.diagnostics.push(
                Diagnostic::error(span, message)
                    .help("an address goes with another one, or is placed by itself"),
            );
        }
        let Some(binding) = follow_target(&settings.bindings, target) else {
            let names = settings
                .bindings
                .iter()
                .map(|binding| binding.name.as_str());
            let message = format!("there is no binding `{target}` to follow");
            self.diagnostics
                .push(Diagnostic::error(span, message).suggest(nearest(target, names)));
            return;
        };
        let problem = if binding.name.eq_ignore_ascii_case("default") {
            Some("the binding `default` cannot be followed")
        } else if binding.address == Some(address) {
            Some("a listener cannot follow its own address")
        } else if !binding.duravip {
            Some("the binding to follow is not managed")
        } else {
            None
        };
        if let Some(problem) = problem {
            self.diagnostics
                .push(Diagnostic::error(span, problem).label(binding.span, "the binding"));
        }
    }
}

/// The binding that `target` names, by its name or its address.
fn follow_target<'a>(bindings: &'a [Binding], target: &str) -> Option<&'a Binding> {
    let address: Option<IpAddr> = target.parse().ok();
    bindings
        .iter()
        .find(|binding| binding.name == target)
        .or_else(|| {
            let of_address = |binding: &&Binding| address.is_some() && binding.address == address;
            bindings.iter().find(of_address)
        })
}
