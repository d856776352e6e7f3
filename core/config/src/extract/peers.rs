//! The members of the ring, from `msgc_server` or from an mbus.conf, and the names that must be among them.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::{IpAddr, SocketAddr};

use ringfort_machine::NodeId;

use super::{CLUSTER_PORT, Extract, View, identity::DEFAULT_SUBCLUSTER};
use crate::{
    Diagnostic, Span,
    diagnostic::REPORT_LIMIT,
    mbus::MbusConf,
    model::Scope,
    settings::{Bus, Dispersal, Peer, Settings},
    suggest::nearest,
    tree::{Entry, Value, Word},
    values,
};

/// Most members of one ring.
const PEER_LIMIT: usize = 1024;

/// The keys of a peer that is written as a dictionary.
const PEER_KEYS: [&str; 3] = ["address", "subcluster", "cluster_address"];

impl Extract<'_> {
    pub(crate) fn peers(&mut self, model: &Scope, bus: &mut Bus) {
        let view = View::of("msgc_server", model.child("msgc_server"));
        let Some(pairs) = self.dictionary(view, "peers") else {
            return;
        };
        for pair in pairs.entries.iter().take(PEER_LIMIT + 1) {
            let peer = match &pair.value {
                Some(Value::Word(word)) => self.plain_peer(pair, word, bus.port),
                Some(Value::Dictionary(keys)) => self.full_peer(pair, &keys.entries, bus.port),
                Some(Value::List(_) | Value::Block(_)) | None => {
                    let message = format!("the peer `{}` has no address", pair.key.text);
                    self.diagnostics.push(
                        Diagnostic::error(pair.span, message)
                            .expected("`name = \"address\"` or `name = [ address = \"…\" ]`"),
                    );
                    None
                }
            };
            bus.peers.extend(peer);
        }
        check_unique(&bus.peers, &mut self.diagnostics);
    }

    fn plain_peer(&mut self, pair: &Entry, address: &Word, port: u16) -> Option<Peer> {
        let address = self.host(address, port)?;
        self.new_peer(pair, address)
    }

    fn full_peer(&mut self, pair: &Entry, keys: &[Entry], port: u16) -> Option<Peer> {
        for key in keys {
            if !PEER_KEYS.iter().any(|known| key.key.is(known)) {
                let message = format!("unknown key `{}` of a peer", key.key.text);
                self.diagnostics.push(
                    Diagnostic::error(key.key.span, message)
                        .expected(format!("one of {}", PEER_KEYS.join(", ")))
                        .suggest(nearest(&key.key.text, PEER_KEYS)),
                );
            }
        }
        let last = |name: &str| keys.iter().rev().find(|key| key.key.is(name));
        let Some(address) = last("address") else {
            let message = format!("the peer `{}` has no address", pair.key.text);
            self.diagnostics
                .push(Diagnostic::error(pair.span, message).expected("`address = \"…\"`"));
            return None;
        };
        let address = self.pair_word(address)?;
        let address = self.host(address, port)?;
        let mut peer = self.new_peer(pair, address)?;
        if let Some(word) = last("subcluster").and_then(|key| self.pair_word(key)) {
            peer.subcluster.clone_from(&word.text);
        }
        if let Some(word) = last("cluster_address").and_then(|key| self.pair_word(key)) {
            peer.cluster_address = self.host(word, CLUSTER_PORT);
        }
        Some(peer)
    }

    fn new_peer(&mut self, pair: &Entry, address: SocketAddr) -> Option<Peer> {
        let Some(name) = values::name(&pair.key.text) else {
            let message = format!("`{}` is not a name of a node", pair.key.text);
            self.diagnostics
                .push(Diagnostic::error(pair.key.span, message).expected("a host name"));
            return None;
        };
        Some(Peer {
            node: NodeId::of_name(&name),
            name,
            address,
            subcluster: DEFAULT_SUBCLUSTER.to_string(),
            cluster_address: None,
            span: pair.span,
        })
    }

    fn host(&mut self, word: &Word, port: u16) -> Option<SocketAddr> {
        let address = resolve(&word.text, port, self.resolve);
        match address {
            Some(address) if !address.ip().is_unspecified() => Some(address),
            Some(_) | None => {
                let message = format!("`{}` is not an address of a node", word.text);
                self.diagnostics.push(
                    Diagnostic::error(word.span, message)
                        .expected("an address, with or without a port")
                        .help("write the number: this name could not be resolved"),
                );
                None
            }
        }
    }
}

fn resolve(
    text: &str,
    port: u16,
    resolve: &mut dyn FnMut(&str) -> Option<IpAddr>,
) -> Option<SocketAddr> {
    let (host, port) = values::host_port(text, port)?;
    let address = host.parse().ok().or_else(|| resolve(host))?;
    Some(SocketAddr::new(address, port))
}

/// Names and addresses must tell the members apart (reference GR-9).
fn check_unique(peers: &[Peer], diagnostics: &mut Vec<Diagnostic>) {
    if peers.len() > PEER_LIMIT {
        let message = format!("{} peers", peers.len());
        diagnostics.push(
            Diagnostic::error(peers[PEER_LIMIT].span, message)
                .expected(format!("at most {PEER_LIMIT}")),
        );
        return;
    }
    let mut by_node: Vec<&Peer> = peers.iter().collect();
    by_node.sort_by_key(|peer| (peer.node, peer.span));
    for pair in by_node
        .windows(2)
        .filter(|pair| pair[0].node == pair[1].node)
    {
        let same = pair[0].name.eq_ignore_ascii_case(&pair[1].name);
        let message = if same {
            format!("the node `{}` is a peer twice", pair[1].name)
        } else {
            format!(
                "the names `{}` and `{}` have the same identity",
                pair[0].name, pair[1].name
            )
        };
        let help = if same {
            "names have no case"
        } else {
            "rename one of them"
        };
        diagnostics.push(
            Diagnostic::error(pair[1].span, message)
                .help(help)
                .label(pair[0].span, "first here"),
        );
    }
    let mut by_address: Vec<&Peer> = peers.iter().collect();
    by_address.sort_by_key(|peer| (peer.address, peer.span));
    for pair in by_address.windows(2) {
        if pair[0].address == pair[1].address && pair[0].node != pair[1].node {
            let (first, second) = (&pair[0].name, &pair[1].name);
            let message = format!("two nodes, `{first}` and `{second}`, have the same address");
            diagnostics.push(
                Diagnostic::error(pair[1].span, message)
                    .expected("one node for each address and port")
                    .label(pair[0].span, "first here"),
            );
        }
    }
}

/// Takes peers, dispersal and times from an mbus.conf. What `bus` already has is kept.
pub(crate) fn apply_mbus(
    bus: &mut Bus,
    mbus: &MbusConf,
    resolver: &mut dyn FnMut(&str) -> Option<IpAddr>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let (Some(peer), Some(segment)) = (bus.peers.first(), mbus.segments.first()) {
        diagnostics.push(
            Diagnostic::warning(
                segment.span,
                "these members are not used: the peers are written",
            )
            .label(peer.span, "here"),
        );
    } else {
        for segment in &mbus.segments {
            for member in &segment.members {
                let port = segment.address.port();
                match member
                    .address(port)
                    .or_else(|| resolve(&member.name, port, resolver))
                {
                    Some(address) => bus.peers.push(Peer {
                        name: member.name.clone(),
                        node: NodeId::of_name(&member.name),
                        address,
                        subcluster: segment.subcluster_name(DEFAULT_SUBCLUSTER).to_string(),
                        cluster_address: None,
                        span: member.span,
                    }),
                    None => diagnostics.push(
                        Diagnostic::error(member.span, format!("`{}` has no address", member.name))
                            .help("write it behind the name: this name could not be resolved"),
                    ),
                }
            }
        }
        check_unique(&bus.peers, diagnostics);
        if let [segment] = mbus.segments.as_slice() {
            bus.dispersal = if segment.address.ip().is_multicast() {
                Dispersal::Multicast(segment.address)
            } else {
                Dispersal::Broadcast(segment.address)
            };
        }
        if let Some(segment) = mbus.segments.first()
            && bus.port == super::bus::BUS_PORT
        {
            bus.port = segment.address.port();
        }
    }
    let most = mbus
        .settings
        .get("MaxSessionMessages")
        .and_then(|words| words.first());
    if let Some(most) = most.and_then(|word| word.parse().ok()) {
        bus.clients.queue_messages = u32::max(most, 1);
    }
    let times = &mut bus.timeouts;
    times.token = times.token.or(mbus.timeouts.token);
    times.hurry = times.hurry.or(mbus.timeouts.hurry);
    times.alive = times.alive.or(mbus.timeouts.alive);
    times.join = times.join.or(mbus.timeouts.join);
    times.representative = times.representative.or(mbus.timeouts.representative);
    times.segment = times.segment.or(mbus.timeouts.segment);
    times.gather = times.gather.or(mbus.timeouts.gather);
    times.form = times.form.or(mbus.timeouts.form);
    times.lookup = times.lookup.or(mbus.timeouts.lookup);
    bus.windows.ring = bus.windows.ring.or(mbus.windows.ring);
    bus.windows.personal = bus.windows.personal.or(mbus.windows.personal);
    bus.windows.accelerated = bus.windows.accelerated.or(mbus.windows.accelerated);
}

/// Preferred owners that are not among the peers. Without peers, nothing is known and nothing is wrong.
pub(crate) fn unknown_preferences(settings: &Settings) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if settings.bus.peers.is_empty() {
        return diagnostics;
    }
    let listeners = settings
        .listeners
        .iter()
        .map(|one| (&one.preference, one.span));
    let bindings = settings
        .bindings
        .iter()
        .map(|one| (&one.preference, one.span));
    let controls = settings
        .control_listeners
        .iter()
        .map(|one| (&one.preference, one.span));
    let mut check = |preference: &[String], span: Span| {
        for name in preference
            .iter()
            .filter(|name| settings.bus.peer(name).is_none())
        {
            if diagnostics.len() >= REPORT_LIMIT {
                return;
            }
            let peers = settings.bus.peers.iter().map(|peer| peer.name.as_str());
            let message = format!("`{name}` is preferred, but no such node is among the peers");
            diagnostics.push(Diagnostic::error(span, message).suggest(nearest(name, peers)));
        }
    };
    for (preference, span) in listeners.chain(bindings).chain(controls) {
        check(preference, span);
    }
    diagnostics
}

impl Settings {
    /// Takes the peers of an mbus.conf that was read apart, as [`crate::load()`] does for `Config` in `Bus`.
    /// `resolve` looks up members that have no address.
    ///
    /// # Errors
    /// Every mistake; the settings are unchanged then. Their spans are of the texts of `mbus` and of the
    /// settings, which differ: the caller has kept both [`crate::Sources`].
    pub fn take_mbus(
        &mut self,
        mbus: &MbusConf,
        resolve: &mut dyn FnMut(&str) -> Option<IpAddr>,
    ) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let mut changed = self.clone();
        let mut diagnostics = Vec::new();
        apply_mbus(&mut changed.bus, mbus, resolve, &mut diagnostics);
        if let Some(own) = changed
            .node_name
            .as_deref()
            .and_then(|name| changed.bus.peer(name))
        {
            changed.node_addr = changed.node_addr.or(Some(own.address.ip()));
            if changed.subcluster == DEFAULT_SUBCLUSTER {
                changed.subcluster.clone_from(&own.subcluster);
            }
        }
        diagnostics.extend(unknown_preferences(&changed));
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(diagnostics);
        }
        *self = changed;
        Ok(diagnostics)
    }
}
