//! One Ethernet segment: a switch that learns where each hardware address is, floods what it does not know,
//! and fans out multicast and broadcast.
//!
//! Every copy of a frame goes over one directed link, from the sender's port to the receiver's. A chain of
//! rules decides what becomes of it (after turmoil-net's `Rule` and `Verdict`); what no rule wants follows the
//! link: cut or not, latency, jitter, loss, clogging, duplication, overtaking, changed bytes. TCP frames never overtake each other on a
//! link, because the simulated TCP has no selective acknowledgement and would be tested instead of us.
//!
//! What this is not: a scheduler. It says when a copy arrives and keeps no queue of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use ringfort_machine::{Instant, Rng, Seed};

mod weather;

pub use weather::Weather;

/// The most bytes of UDP payload that fit an Ethernet frame without fragmentation over IPv4.
pub const DATAGRAM_LIMIT: usize = 1472;

/// A clogged link holds back so many frames; more are lost, as in the buffer of a switch.
const HELD_FRAMES: usize = 1_000;

/// A hardware address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// To everybody on the segment.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The address of the interface at `port`: locally administered.
    pub const fn of_port(port: Port) -> Self {
        let number = port.0.to_be_bytes();
        Self([2, 0, 0, 0, number[0], number[1]])
    }

    /// The group address for IPv4 multicast to `group` (RFC 1112, 6.4).
    pub const fn of_group(group: std::net::Ipv4Addr) -> Self {
        let bytes = group.octets();
        Self([0x01, 0x00, 0x5e, bytes[1] & 0x7f, bytes[2], bytes[3]])
    }

    /// Whether it names several interfaces.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A port of the switch; one host each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port(pub u16);

impl Port {
    /// Its place in a list of hosts.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One frame on the segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Who sent it.
    pub source: Mac,
    /// For whom it is.
    pub destination: Mac,
    /// What it carries.
    pub body: Body,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The whole Ethernet frame of a simulated stack: ARP, and TCP over IP.
    Ethernet(Bytes),
    /// A datagram of the bus. It bypasses the stacks, since a run carries a million of them and UDP adds no
    /// behaviour of its own.
    Datagram {
        /// The sender's socket.
        from: SocketAddr,
        /// The socket, or the group, that it is for.
        to: SocketAddr,
        /// The payload, at most [`DATAGRAM_LIMIT`].
        bytes: Bytes,
    },
}

/// One copy of a frame on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it arrives.
    pub at: Instant,
    /// Where.
    pub port: Port,
    /// What.
    pub frame: Frame,
}

/// What becomes of one copy of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next rule, and at last the link, decides.
    Pass,
    /// It arrives after this long.
    Deliver(Duration),
    /// It is lost.
    Drop,
}

/// One directed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The sender's port.
    pub from: Port,
    /// The receiver's port.
    pub to: Port,
}

/// Decides about copies of frames; for scripted worlds.
pub trait Rule {
    /// What becomes of this copy.
    fn on_frame(&mut self, now: Instant, link: Link, frame: &Frame) -> Verdict;
}

impl<F: FnMut(Instant, Link, &Frame) -> Verdict> Rule for F {
    fn on_frame(&mut self, now: Instant, link: Link, frame: &Frame) -> Verdict {
        self(now, link, frame)
    }
}

/// Names an installed rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleId(u64);

/// What the segment has carried, for reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Copies that arrive.
    pub delivered: u64,
    /// Copies lost, by rule, cut or weather.
    pub lost: u64,
    /// Copies that arrive twice.
    pub duplicated: u64,
    /// Datagrams of which bytes were changed.
    pub corrupted: u64,
    /// Datagrams too long for a frame; each is a fault of the sender.
    pub oversized: u64,
}

#[derive(Clone, Debug)]
struct LinkState {
    cut: bool,
    /// What it holds back while it is clogged.
    held: Option<VecDeque<Frame>>,
    latency: Duration,
    last_datagram: Instant,
    last_ethernet: Instant,
}

/// The segment.
pub struct Fabric {
    ports: u16,
    links: Vec<LinkState>,
    learned: BTreeMap<Mac, Port>,
    rules: Vec<(RuleId, Box<dyn Rule>)>,
    installed: u64,
    weather: Weather,
    rng: Rng,
    carried: Carried,
}

impl fmt::Debug for Fabric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fabric")
            .field("ports", &self.ports)
            .field("weather", &self.weather)
            .field("carried", &self.carried)
            .finish_non_exhaustive()
    }
}

impl Fabric {
    /// A segment with `ports` hosts in this weather. Each link has a latency of its own, drawn from `seed`.
    pub fn new(ports: u16, weather: Weather, seed: Seed) -> Self {
        let mut rng = Rng::new(seed.fork("latency"));
        let count = usize::from(ports) * usize::from(ports);
        let links = (0..count).map(|_| LinkState {
            cut: false,
            held: None,
            latency: weather.draw_latency(&mut rng),
            last_datagram: Instant::ORIGIN,
            last_ethernet: Instant::ORIGIN,
        });
        Self {
            ports,
            links: links.collect(),
            learned: BTreeMap::new(),
            rules: Vec::new(),
            installed: 0,
            weather,
            rng: Rng::new(seed.fork("weather")),
            carried: Carried::default(),
        }
    }

    /// The weather.
    pub const fn weather(&self) -> &Weather {
        &self.weather
    }

    /// Changes the weather from here on; latencies of links stay.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// What has been carried so far.
    pub const fn carried(&self) -> Carried {
        self.carried
    }

    /// Installs a rule after the others.
    pub fn install(&mut self, rule: impl Rule + 'static) -> RuleId {
        self.installed += 1;
        let id = RuleId(self.installed);
        self.rules.push((id, Box::new(rule)));
        id
    }

    /// Removes a rule.
    pub fn remove(&mut self, id: RuleId) {
        self.rules.retain(|(other, _)| *other != id);
    }

    /// Cuts or restores one direction of a link. Says whether that changed anything.
    pub fn set_cut(&mut self, link: Link, cut: bool) -> bool {
        let state = self.link_mut(link);
        std::mem::replace(&mut state.cut, cut) != cut
    }

    /// From here on, one direction of a link holds back what it carries.
    pub fn clog(&mut self, link: Link) {
        self.link_mut(link).held.get_or_insert_default();
    }

    /// A direction of a link is free again; what it held back goes on its way, in order; all of it
    /// is lost if the link is cut.
    pub fn unclog(&mut self, now: Instant, link: Link, out: &mut Vec<Arrival>) {
        let held = self.link_mut(link).held.take().unwrap_or_default();
        if self.is_cut(link) {
            self.carried.lost += held.len() as u64;
            return;
        }
        for frame in held {
            let at = self.arrival_time(now, link, &frame.body);
            self.arrive(at, link, &frame, out);
        }
    }

    /// Whether a direction is cut.
    pub fn is_cut(&self, link: Link) -> bool {
        self.links[self.link_index(link)].cut
    }

    /// Sends `frame` from `from`; every copy that arrives is pushed into `out`.
    pub fn send(&mut self, now: Instant, from: Port, frame: Frame, out: &mut Vec<Arrival>) {
        if let Body::Datagram { bytes, .. } = &frame.body
            && bytes.len() > DATAGRAM_LIMIT
        {
            self.carried.oversized += 1;
            return;
        }
        self.learned.insert(frame.source, from);
        let known = if frame.destination.is_group() {
            None
        } else {
            self.learned.get(&frame.destination).copied()
        };
        match known {
            Some(to) if to == from => {}
            Some(to) => self.carry(now, Link { from, to }, &frame, out),
            None => {
                for to in (0..self.ports).map(Port).filter(|to| *to != from) {
                    self.carry(now, Link { from, to }, &frame, out);
                }
            }
        }
    }

    /// Decides about one copy.
    fn carry(&mut self, now: Instant, link: Link, frame: &Frame, out: &mut Vec<Arrival>) {
        for (_, rule) in &mut self.rules {
            match rule.on_frame(now, link, frame) {
                Verdict::Pass => {}
                Verdict::Drop => {
                    self.carried.lost += 1;
                    return;
                }
                Verdict::Deliver(after) => {
                    self.arrive(now + after, link, frame, out);
                    return;
                }
            }
        }
        if self.is_cut(link) || self.weather.loses(&frame.body, &mut self.rng) {
            self.carried.lost += 1;
            return;
        }
        let changed = self.corrupted(frame);
        let copy = changed.as_ref().unwrap_or(frame);
        if let Some(held) = &mut self.link_mut(link).held {
            if held.len() < HELD_FRAMES {
                held.push_back(copy.clone());
            } else {
                self.carried.lost += 1;
            }
            return;
        }
        let at = self.arrival_time(now, link, &frame.body);
        self.arrive(at, link, copy, out);
        if self.weather.duplicates(&frame.body, &mut self.rng) {
            self.carried.duplicated += 1;
            let again = at + self.weather.draw_echo(&mut self.rng);
            self.arrive(again, link, frame, out);
        }
    }

    /// The frame with other bytes, if this copy is one that is changed.
    fn corrupted(&mut self, frame: &Frame) -> Option<Frame> {
        let changed = self.weather.corrupts(&frame.body, &mut self.rng)?;
        self.carried.corrupted += 1;
        let mut frame = frame.clone();
        if let Body::Datagram { bytes, .. } = &mut frame.body {
            *bytes = changed;
        }
        Some(frame)
    }

    fn arrival_time(&mut self, now: Instant, link: Link, body: &Body) -> Instant {
        let index = self.link_index(link);
        let state = &mut self.links[index];
        let at = now + state.latency + self.weather.draw_jitter(&mut self.rng);
        match body {
            Body::Ethernet(_) => {
                let at = at.max(state.last_ethernet);
                state.last_ethernet = at;
                at
            }
            Body::Datagram { .. } if self.weather.overtakes(&mut self.rng) => {
                at + self.weather.draw_overtake(&mut self.rng)
            }
            Body::Datagram { .. } => {
                let at = at.max(state.last_datagram);
                state.last_datagram = at;
                at
            }
        }
    }

    fn arrive(&mut self, at: Instant, link: Link, frame: &Frame, out: &mut Vec<Arrival>) {
        self.carried.delivered += 1;
        out.push(Arrival {
            at,
            port: link.to,
            frame: frame.clone(),
        });
    }

    fn link_index(&self, link: Link) -> usize {
        link.from.index() * usize::from(self.ports) + link.to.index()
    }

    fn link_mut(&mut self, link: Link) -> &mut LinkState {
        let index = self.link_index(link);
        &mut self.links[index]
    }
}

#[cfg(test)]
mod tests;
