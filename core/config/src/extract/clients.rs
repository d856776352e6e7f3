//! Client programs of the bus: where they attach and what each of them may use.

use alloc::{format, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::{Extract, View};
use crate::{
    Diagnostic,
    settings::{BusClients, Endpoint},
};

impl Extract<'_> {
    /// The clients of the bus whose port is `port`.
    pub(crate) fn bus_clients(&mut self, view: View<'_>, port: u16) -> BusClients {
        let directory = self.path(view, "Client_Directory").unwrap_or_default();
        let directory = directory.trim_end_matches('/');
        let listeners = self.endpoints(view, "Client_Listen", port);
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let queue_bytes = self.optional_count(view, "Client_Queue_Bytes");
        BusClients {
            listeners: listeners.unwrap_or_else(|| {
                [
                    Endpoint::Tcp(local),
                    Endpoint::Unix(format!("{directory}/{port}")),
                ]
                .into()
            }),
            allow: self.client_networks(view),
            limit: self.count(view, "Client_Limit"),
            queue_messages: self.count(view, "Client_Queue"),
            queue_bytes: queue_bytes.unwrap_or_default(),
        }
    }

    fn client_networks(&mut self, view: View<'_>) -> Option<Vec<IpNet>> {
        let words = self.words(view, "Client_Allow")?;
        let mut networks = Vec::new();
        for word in words {
            let address = || word.text.parse::<IpAddr>().map(IpNet::from);
            match word.text.parse::<IpNet>().or_else(|_| address()) {
                Ok(network) => networks.push(network),
                Err(_) => {
                    let message = format!("`{}` is not an address or a network", word.text);
                    let diagnostic = Diagnostic::error(word.span, message);
                    self.diagnostics
                        .push(diagnostic.expected("such as 10.0.0.7 or 10.0.0.0/8"));
                }
            }
        }
        Some(networks)
    }
}
