//! Connections of service listeners: counted in the whole cluster, written to the logs, then served.
//!
//! A client is told something only after its record is written: whoever saw a banner, or an answer of the
//! backend, finds the connection in the manager's files exactly once, also if this process dies right after.
//! A listener on a virtual address accepts while the node owns the address, any other always.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use ipnet::IpNet;
use ringfort_config::settings::NetblockLimit;
use ringfort_logs::{self as logs, Append, Class, RecordId};
use ringfort_machine::{
    Deadline, Digest, Instant, Sink,
    defect::{Defect, active},
};

use crate::{
    Action, Config, Node, Note,
    action::{ConnectionAction, ListenerAction},
    config::{INBOUND, ListenerConfig},
    event::{ConnectionEvent, ListenerEvent},
    ident::{ConnectionId, ListenerId},
    proxy,
};

/// Connections that may stand at a time; more are turned away.
const CONNECTIONS: usize = 65_536;

/// How long until a listener that could not be opened is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What becomes of a connection once its record is written.
#[derive(Clone, Debug)]
enum Answer {
    Greet(Bytes),
    Relay(SocketAddr),
    Refuse(Bytes),
}

#[derive(Debug)]
struct Connection {
    peer: SocketAddr,
    local: SocketAddr,
    counted: bool,
    refused: bool,
    /// Logs that have not yet written its record.
    unwritten: usize,
    answer: Answer,
}

#[derive(Debug)]
struct Listener {
    config: ListenerConfig,
    open: bool,
}

/// The records of one log that somebody waits for.
#[derive(Debug, Default)]
struct Records {
    /// Appends without an id yet, oldest first; nobody waits for those of others.
    appending: VecDeque<Option<ConnectionId>>,
    writing: VecDeque<(RecordId, ConnectionId)>,
}

/// All listeners and connections of the node.
#[derive(Debug)]
pub(crate) struct Connections {
    listeners: BTreeMap<ListenerId, Listener>,
    standing: BTreeMap<ConnectionId, Connection>,
    /// The virtual addresses that this node owns.
    owned: BTreeSet<IpAddr>,
    /// When listeners that could not be opened are tried again.
    retry_at: Option<Instant>,
    records: BTreeMap<String, Records>,
    accepted: u64,
    /// Listeners are numbered anew at each reload, so that a late event of an old one finds nothing.
    next_listener: u64,
}

impl Connections {
    pub(crate) fn new(config: &Config) -> Self {
        let listener = |config: &ListenerConfig| {
            (
                config.id,
                Listener {
                    config: config.clone(),
                    open: false,
                },
            )
        };
        Self {
            listeners: config.listeners.iter().map(listener).collect(),
            standing: BTreeMap::new(),
            owned: BTreeSet::new(),
            retry_at: None,
            records: BTreeMap::new(),
            accepted: 0,
            next_listener: config.listeners.len() as u64,
        }
    }

    /// When a listener that failed is tried again.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let at = self.retry_at?;
        Some(Deadline::new(at, "listener again"))
    }

    /// How many connections stand.
    pub(crate) fn len(&self) -> usize {
        self.standing.len()
    }

    /// An append for somebody else: its answer is to be passed over.
    pub(crate) fn on_other_append(&mut self, log: &str) {
        // Answers come in order for each log, so those of others count from the first on.
        let records = self.records.entry(log.to_string()).or_default();
        if records.appending.len() < CONNECTIONS {
            records.appending.push_back(None);
        }
    }

    pub(crate) fn on_appended(&mut self, log: &str, id: RecordId) {
        if let Some(records) = self.records.get_mut(log)
            && let Some(Some(connection)) = records.appending.pop_front()
        {
            records.writing.push_back((id, connection));
        }
    }

    /// The connections whose record in `log` is written now.
    fn take_written(&mut self, log: &str, upto: RecordId) -> Vec<ConnectionId> {
        let Some(records) = self.records.get_mut(log) else {
            return Vec::new();
        };
        let mut written = Vec::new();
        while let Some((_, connection)) = records.writing.pop_front_if(|(id, _)| *id <= upto) {
            written.push(connection);
        }
        written
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.accepted);
        for (id, connection) in &self.standing {
            into.number(id.0)
                .flag(connection.counted)
                .number(connection.unwritten as u64);
        }
        for (id, listener) in &self.listeners {
            into.number(id.0).flag(listener.open);
        }
    }
}

impl Node {
    pub(crate) fn open_static_listeners(&mut self, out: &mut impl Sink<Action>) {
        self.open_allowed(out);
    }

    /// The node owns `address` now.
    pub(crate) fn open_listeners(&mut self, address: IpAddr, out: &mut impl Sink<Action>) {
        self.connections.owned.insert(address);
        self.open_allowed(out);
    }

    /// Opens what may be open and is not: every listener of an owned address and every other one.
    fn open_allowed(&mut self, out: &mut impl Sink<Action>) {
        let owned = &self.connections.owned;
        for (id, listener) in &mut self.connections.listeners {
            let address = listener.config.address;
            if !listener.open && (!listener.config.vip || owned.contains(&address.ip())) {
                listener.open = true;
                let listener = *id;
                out.push(Action::Listener(ListenerAction::Open { listener, address }));
            }
        }
    }

    /// Tries listeners again that could not be opened.
    pub(crate) fn retry_listeners(&mut self, out: &mut impl Sink<Action>) {
        self.connections.retry_at = None;
        if !self.leaving.begun() {
            self.open_allowed(out);
        }
    }

    /// The address is about to go.
    pub(crate) fn close_listeners(&mut self, address: IpAddr, out: &mut impl Sink<Action>) {
        self.connections.owned.remove(&address);
        if active(Defect::KeepListener) {
            return;
        }
        self.close_where(out, |config| config.vip && config.address.ip() == address);
    }

    fn close_where(
        &mut self,
        out: &mut impl Sink<Action>,
        which: impl Fn(&ListenerConfig) -> bool,
    ) {
        for (id, listener) in &mut self.connections.listeners {
            if listener.open && which(&listener.config) {
                listener.open = false;
                out.push(Action::Listener(ListenerAction::Close { listener: *id }));
            }
        }
    }

    pub(crate) fn close_all_listeners(&mut self, out: &mut impl Sink<Action>) {
        self.close_where(out, |_| true);
    }

    /// Listeners that stay as they are stay open; the others are closed, and new ones opened if they may be.
    pub(crate) fn reload_listeners(&mut self, config: &Config, out: &mut impl Sink<Action>) {
        let same = |old: &ListenerConfig, new: &ListenerConfig| {
            (old.address, old.vip) == (new.address, new.vip)
        };
        self.close_where(out, |old| {
            !config.listeners.iter().any(|new| same(old, new))
        });
        let old = core::mem::take(&mut self.connections.listeners);
        for new in &config.listeners {
            let kept = old
                .iter()
                .find(|(_, listener)| listener.open && same(&listener.config, new));
            let (id, open) = kept.map_or_else(
                || {
                    self.connections.next_listener += 1;
                    (ListenerId(self.connections.next_listener - 1), false)
                },
                |(id, _)| (*id, true),
            );
            let listener = Listener {
                config: new.clone(),
                open,
            };
            self.connections.listeners.insert(id, listener);
        }
        self.open_allowed(out);
    }

    pub(crate) fn on_listener(&mut self, event: ListenerEvent, out: &mut impl Sink<Action>) {
        match event {
            ListenerEvent::Opened { .. } => {}
            ListenerEvent::Failed { listener, reason } => {
                if let Some(listener) = self.connections.listeners.get_mut(&listener) {
                    listener.open = false;
                    self.connections.retry_at = Some(self.now + RETRY);
                }
                out.push(Action::Note(Note::ListenerFailed { listener, reason }));
            }
        }
    }

    pub(crate) fn on_connection(&mut self, event: ConnectionEvent, out: &mut impl Sink<Action>) {
        match event {
            ConnectionEvent::Accepted {
                connection,
                listener,
                peer,
                local,
            } => {
                self.on_accepted(connection, listener, (peer, local), out);
            }
            ConnectionEvent::Closed { connection, .. } => self.on_closed(connection, out),
            ConnectionEvent::RelayFailed { .. } => {} // its end follows
        }
    }

    fn on_accepted(
        &mut self,
        connection: ConnectionId,
        listener: ListenerId,
        (peer, local): (SocketAddr, SocketAddr),
        out: &mut impl Sink<Action>,
    ) {
        let known = self
            .connections
            .listeners
            .get(&listener)
            .filter(|listener| listener.open);
        let Some(config) = known.map(|listener| listener.config.clone()) else {
            out.push(Action::Connection(ConnectionAction::Drop { connection }));
            return;
        };
        if self.connections.standing.len() >= CONNECTIONS {
            out.push(Action::Note(Note::ConnectionRefused { peer }));
            out.push(Action::Connection(ConnectionAction::Drop { connection }));
            return;
        }
        self.connections.accepted += 1;
        let name = format!(
            "{}-{}-{}",
            self.config.name, self.boot.incarnation.0, self.connections.accepted
        );
        let full = self.over_limit(&config, peer);
        if full {
            out.push(Action::Note(Note::ConnectionRefused { peer }));
        }
        let answer = answer(&config, &self.config.name, &name, full);
        let counted = !full && self.count(INBOUND, &peer.ip().to_string(), 1, out);
        let standing = Connection {
            peer,
            local,
            counted,
            refused: full,
            unwritten: 0,
            answer,
        };
        self.connections.standing.insert(connection, standing);
        self.record(connection, &config, &name, out);
    }

    /// Whether the netblock of `peer` has all the connections it may have, here and at all other members.
    fn over_limit(&self, config: &ListenerConfig, peer: SocketAddr) -> bool {
        let Some(limit) = config.limit else {
            return false;
        };
        let block = netblock(limit, peer.ip());
        let standing = self.counters.count_for_limit(INBOUND, &block.into());
        standing >= i64::from(limit.limit) + i64::from(active(Defect::AllowOneMore))
    }

    /// Appends the record of a connection to every log that gets one, or serves it at once if none does.
    fn record(
        &mut self,
        connection: ConnectionId,
        config: &ListenerConfig,
        name: &str,
        out: &mut impl Sink<Action>,
    ) {
        let wall_ns = self.wall_ns();
        let Some(standing) = self.connections.standing.get_mut(&connection) else {
            return;
        };
        let line = record_line(wall_ns, name, &config.name, standing);
        let keys = self.config.connection_logs.clone();
        standing.unwritten = keys.len();
        if keys.is_empty() || active(Defect::ServeUnrecorded) {
            standing.unwritten = 0;
            self.serve(connection, out);
        }
        for log in keys {
            let records = self.connections.records.entry(log.clone()).or_default();
            records.appending.push_back(Some(connection));
            let payload = Bytes::from(line.clone());
            let append = Append {
                class: Class::Batch,
                payload,
                wall_ns,
            };
            self.tell_logs(logs::server::Event::Append { log, append });
        }
    }

    pub(crate) fn on_written(&mut self, log: &str, upto: RecordId, out: &mut impl Sink<Action>) {
        for connection in self.connections.take_written(log, upto) {
            let Some(standing) = self.connections.standing.get_mut(&connection) else {
                continue;
            };
            if standing.unwritten == 0 {
                continue; // served already
            }
            standing.unwritten -= 1;
            if standing.unwritten == 0 {
                self.serve(connection, out);
            }
        }
    }

    /// The log cannot take the record. Without it the client is told to come back later.
    pub(crate) fn on_append_refused(&mut self, log: String, out: &mut impl Sink<Action>) {
        let waiting = self
            .connections
            .records
            .get_mut(&log)
            .and_then(|r| r.appending.pop_front());
        out.push(Action::Note(Note::RecordLost { log }));
        if let Some(connection) = waiting.flatten()
            && let Some(standing) = self.connections.standing.get_mut(&connection)
        {
            standing.answer = Answer::Refuse(Bytes::from_static(b"451 4.3.0 try again later\r\n"));
            standing.unwritten = 0;
            self.serve(connection, out);
        }
    }

    fn serve(&self, connection: ConnectionId, out: &mut impl Sink<Action>) {
        let Some(standing) = self.connections.standing.get(&connection) else {
            return;
        };
        out.push(Action::Connection(match standing.answer.clone() {
            Answer::Greet(banner) => ConnectionAction::Greet { connection, banner },
            Answer::Refuse(banner) => ConnectionAction::Refuse { connection, banner },
            Answer::Relay(to) => ConnectionAction::Relay {
                connection,
                to,
                header: proxy::header(standing.peer, standing.local),
            },
        }));
    }

    fn on_closed(&mut self, connection: ConnectionId, out: &mut impl Sink<Action>) {
        let Some(closed) = self.connections.standing.remove(&connection) else {
            return;
        };
        if closed.counted && !active(Defect::ForgetClosed) {
            self.count(INBOUND, &closed.peer.ip().to_string(), -1, out);
        }
    }
}

fn answer(config: &ListenerConfig, node: &str, name: &str, full: bool) -> Answer {
    if full {
        return Answer::Refuse(Bytes::from_static(
            b"421 4.7.0 too many connections from your network\r\n",
        ));
    }
    match config.backend {
        Some(backend) => Answer::Relay(backend),
        None => {
            let banner = config.banner.as_deref().unwrap_or(node);
            Answer::Greet(Bytes::from(format!("220 {banner} {name}\r\n")))
        }
    }
}

/// The netblock of `address` that counts as one client.
fn netblock(limit: NetblockLimit, address: IpAddr) -> IpNet {
    let bits = match address {
        IpAddr::V4(_) => limit.v4_bits.min(32),
        IpAddr::V6(_) => limit.v6_bits.min(128),
    };
    IpNet::new(address, bits).map_or_else(|_| IpNet::from(address), |net| net.trunc())
}

/// `seconds.millis@C@id@listener@client@server@verdict`, in the manner of the reference's logs.
fn record_line(wall_ns: u64, name: &str, listener: &str, connection: &Connection) -> String {
    let verdict = if connection.refused {
        "refused"
    } else {
        "accepted"
    };
    let (seconds, millis) = (wall_ns / 1_000_000_000, wall_ns / 1_000_000 % 1000);
    format!(
        "{seconds}.{millis:03}@C@{name}@{listener}@{}@{}@{verdict}",
        connection.peer, connection.local
    )
}

#[cfg(test)]
mod tests;
