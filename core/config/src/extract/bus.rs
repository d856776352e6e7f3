//! The ring and the streams beside it.

use alloc::{format, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{CLUSTER_PORT, Extract, View};
use crate::{
    Diagnostic,
    model::Scope,
    settings::{Bus, Dispersal, Endpoint, StreamTuning, Timeouts, Windows},
    values,
};

/// The port of the bus, where none is written (reference 1.1).
pub(crate) const BUS_PORT: u16 = 4803;

impl Extract<'_> {
    /// The ring without its peers.
    pub(crate) fn bus(&mut self, model: &Scope) -> Bus {
        let view = View::of("bus", model.child("bus"));
        let port = self.bus_port(model).unwrap_or(BUS_PORT);
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Bus {
            bind_address: self.address(view, "Bind_Address").unwrap_or(unspecified),
            port,
            peers: Vec::new(),
            dispersal: self.dispersal(view, port),
            timeouts: Timeouts {
                token: self.optional_seconds(view, "Token_Timeout"),
                hurry: self.optional_seconds(view, "Hurry_Timeout"),
                alive: self.optional_seconds(view, "Alive_Timeout"),
                join: self.optional_seconds(view, "Join_Timeout"),
                representative: self.optional_seconds(view, "Rep_Timeout"),
                segment: self.optional_seconds(view, "Seg_Timeout"),
                gather: self.optional_seconds(view, "Gather_Timeout"),
                form: self.optional_seconds(view, "Form_Timeout"),
                lookup: self.optional_seconds(view, "Lookup_Timeout"),
            },
            windows: Windows {
                ring: self.window(view, "Window"),
                personal: self.window(view, "Personal_Window"),
                accelerated: self.window(view, "Accelerated_Window"),
            },
            datagram_limit: self.count(view, "Datagram_Limit") as usize,
            clients: self.bus_clients(view, port),
            encryption: self.flag(view, "Encryption"),
            key_file: self.path(view, "Key_File").unwrap_or_default(),
            trusted_file: self.path(view, "Trusted_File").unwrap_or_default(),
        }
    }

    /// The port that was written, in the order of precedence; every place is checked.
    fn bus_port(&mut self, model: &Scope) -> Option<u16> {
        let as_port = |count: Option<u64>| count.and_then(|count| u16::try_from(count).ok());
        let bus = View::of("bus", model.child("bus"));
        let server = View::of("msgc_server", model.child("msgc_server"));
        let networking = View::of("networking", model.child("networking"));
        let explicit = as_port(self.optional_count(bus, "Port")).filter(|_| bus.has("Port"));
        let server = as_port(self.optional_count(server, "port"));
        let daemon = self.daemon_port(model);
        let manager = as_port(self.optional_count(networking, "Bus"));
        explicit.or(server).or(daemon).or(manager)
    }

    /// `mbus_daemon = 4803`, also `4803@host`: a daemon elsewhere is no longer needed.
    fn daemon_port(&mut self, model: &Scope) -> Option<u16> {
        let cluster = View::of("cluster", model.child("cluster"));
        if !cluster.has("mbus_daemon") {
            return None;
        }
        let text = self.text(cluster, "mbus_daemon")?;
        let digits = text.split('@').next().unwrap_or(&text);
        match values::count(digits).and_then(|port| u16::try_from(port).ok()) {
            Some(port) if port > 0 => return Some(port),
            Some(_) | None if text.starts_with('/') => {
                let message = format!("the socket `{text}` of the bus is not used");
                self.diagnostics.push(
                    Diagnostic::warning(cluster.span("mbus_daemon"), message)
                        .help("the bus runs in this process; its port is `Port` of `Bus`"),
                );
            }
            Some(_) | None => {
                let message = format!("`{text}` is not a port of the bus");
                self.diagnostics.push(
                    Diagnostic::error(cluster.span("mbus_daemon"), message)
                        .expected("a port, such as 4803"),
                );
            }
        }
        None
    }

    fn dispersal(&mut self, view: View<'_>, port: u16) -> Dispersal {
        let address = self.socket(view, "Dispersal_Address", port);
        let choice = self.choice(view, "Dispersal").unwrap_or("unicast");
        let span = view.span("Dispersal");
        match (choice, address) {
            ("multicast", Some(address)) if address.ip().is_multicast() => {
                Dispersal::Multicast(address)
            }
            ("multicast", Some(address)) => {
                let message = format!("{} is not a multicast address", address.ip());
                self.diagnostics.push(
                    Diagnostic::error(view.span("Dispersal_Address"), message)
                        .expected("an address in 224.0.0.0/4 or ff00::/8"),
                );
                Dispersal::Unicast
            }
            ("broadcast", Some(address)) => Dispersal::Broadcast(address),
            ("multicast" | "broadcast", None) => {
                let message = format!("{choice} needs an address");
                self.diagnostics
                    .push(Diagnostic::error(span, message).help("add `Dispersal_Address = …`"));
                Dispersal::Unicast
            }
            _ => Dispersal::Unicast,
        }
    }

    fn window(&mut self, view: View<'_>, name: &str) -> Option<u32> {
        let count = self.optional_count(view, name)?;
        u32::try_from(count).ok()
    }

    /// What is written in `Bus` counts more than what an mbus.conf said.
    pub(crate) fn override_bus(&mut self, model: &Scope, bus: &mut Bus) {
        let view = View::of("bus", model.child("bus"));
        if view.has("Dispersal") {
            let before = self.diagnostics.len();
            bus.dispersal = self.dispersal(view, bus.port);
            self.diagnostics.truncate(before); // they were reported by the first look
        }
        // The listeners follow the port, which may be another one now.
        let before = self.diagnostics.len();
        let written = self.bus_clients(view, bus.port);
        self.diagnostics.truncate(before);
        bus.clients.listeners = written.listeners;
        if view.has("Client_Queue") {
            bus.clients.queue_messages = written.queue_messages;
        }
    }

    /// The rules between times and between windows.
    pub(crate) fn check_bus(&mut self, model: &Scope, bus: &Bus) {
        let view = View::of("bus", model.child("bus"));
        if let (Some(token), Some(hurry)) = (bus.timeouts.token, bus.timeouts.hurry)
            && hurry >= token
        {
            self.diagnostics.push(
                Diagnostic::error(
                    view.span("Hurry_Timeout"),
                    "`Hurry_Timeout` is not less than `Token_Timeout`",
                )
                .help("the ring would be given up before the token is sent again"),
            );
        }
        let pairs = [
            (
                "Personal_Window",
                bus.windows.personal,
                "Window",
                bus.windows.ring,
            ),
            (
                "Accelerated_Window",
                bus.windows.accelerated,
                "Personal_Window",
                bus.windows.personal,
            ),
        ];
        for (small, part, large, whole) in pairs {
            if let (Some(part), Some(whole)) = (part, whole)
                && part > whole
            {
                let message = format!("`{small}` is {part}, more than `{large}`, which is {whole}");
                self.error(view.span(small), message);
            }
        }
    }

    pub(crate) fn streams(&mut self, model: &Scope) -> StreamTuning {
        let view = View::of("msgc_server", model.child("msgc_server"));
        let cluster = View::of("cluster", model.child("cluster"));
        let mut buffer_bytes = self.count(view, "tcpbuf_size");
        let other = self.optional_count(cluster, "tcp_buffer_size");
        if let Some(bytes) = other.and_then(|bytes| u32::try_from(bytes).ok())
            && !view.has("tcpbuf_size")
        {
            buffer_bytes = bytes;
        }
        let tuning = StreamTuning {
            connect_timeout: self.seconds(view, "connect_timeout"),
            idle_timeout: self.seconds(view, "idle_timeout"),
            keepalive_interval: self.seconds(view, "keepalive_interval"),
            reconnect_interval: self.seconds(view, "reconnect_interval"),
            max_backlog: self.count(view, "max_backlog"),
            messages_per_iteration: self.count(view, "messages_per_iter"),
            buffer_bytes,
        };
        if tuning.keepalive_interval >= tuning.idle_timeout {
            let message = "`keepalive_interval` is not less than `idle_timeout`";
            self.diagnostics.push(
                Diagnostic::error(view.span("keepalive_interval"), message)
                    .help("a silent connection would be closed before it is probed"),
            );
        }
        tuning
    }

    /// The stanza counts, else the option of the cluster module (reference section 4 #10).
    pub(crate) fn cluster_listeners(&mut self, model: &Scope) -> Vec<SocketAddr> {
        let stanza = model.child("eccluster_listener");
        let endpoints = match stanza {
            Some(stanza) => self.stanza_endpoints(stanza),
            None => {
                let view = View::of("cluster", model.child("cluster"));
                self.endpoints(view, "cluster_listener", CLUSTER_PORT)
                    .unwrap_or_default()
            }
        };
        let mut addresses = Vec::new();
        for endpoint in endpoints {
            match endpoint {
                Endpoint::Tcp(address) => addresses.push(address),
                Endpoint::Unix(path) => {
                    let span = stanza.map_or_else(
                        || View::of("cluster", model.child("cluster")).span("cluster_listener"),
                        |stanza| stanza.span,
                    );
                    let message = format!("no other node can connect to `{path}`");
                    self.diagnostics
                        .push(Diagnostic::error(span, message).expected("an address and port"));
                }
            }
        }
        addresses
    }

    fn stanza_endpoints(&mut self, stanza: &Scope) -> Vec<Endpoint> {
        let outer = View::of("cluster_listen", Some(stanza));
        let mut endpoints = Vec::new();
        for listen in stanza.of_kind("listen") {
            let enabled = self.flag(outer.within(listen), "enable");
            let address = self.listen_address(listen, CLUSTER_PORT);
            endpoints.extend(address.filter(|_| enabled).map(|address| address.endpoint));
        }
        endpoints
    }

    /// The address in the name of a `Listen` scope.
    pub(crate) fn listen_address(
        &mut self,
        listen: &Scope,
        default_port: u16,
    ) -> Option<values::ListenAddress> {
        let address = values::listen_address(listen.name_text(), default_port);
        if address.is_none() {
            let span = listen.name.as_ref().map_or(listen.span, |name| name.span);
            let message = format!("`{}` is not an address to listen on", listen.name_text());
            self.diagnostics.push(
                Diagnostic::error(span, message)
                    .expected(
                        "address:port, *:port, :port, [v6 address]:port or the path of a socket",
                    )
                    .help("addresses are numbers here: host names are not looked up"),
            );
        }
        address
    }
}
