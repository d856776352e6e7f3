//! Attackers as players, and the oracle that judges whether they got anywhere.
//!
//! They hear every datagram of the bus, keep some of the latest and some of long ago, and let what they made of them
//! arrive wherever they like: repeated as it was, with bits flipped, cut short, put together from two, or invented. What
//! they have recorded may be of another epoch, of another life of its sender, or of another life of its receiver. They go
//! on after calm: a cluster must settle under attack. Operators rotate keys meanwhile.
//!
//! The oracle knows from the processes themselves what each has sealed. What a process opens must be exactly that, once,
//! not from an earlier life than it has heard of, and not under a key that it saw replaced some time ago. Everything
//! else that is wrong (a lost message, a view change) is for the ordinary checkers.
//!
//! What they deliberately do not: break streams, which the tests of `core/seal` do byte by byte, or hold back
//! datagrams, which the network does.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use ringfort_machine::{Digest, Incarnation, Instant, NodeId, ProcessId, Rng, Seed};
use ringfort_node::{ConsoleEvent, ConsolePeer, Event, SessionId};
use ringfort_seal::KeyId;

use crate::{
    options::{SealPlan, around},
    world::{Planned, World},
};

/// So many of the latest datagrams are kept.
const LATEST: usize = 256;
/// So many of all others.
const OLD: usize = 512;
/// A key that was replaced opens for a second by the receiver's clock, which may be wrong by as much as clocks are here.
const GRACE: Duration = Duration::from_millis(1_600);
/// Sessions of operators have these numbers and higher ones.
const SESSIONS: u64 = 1 << 40;

/// What names a sealed frame: its key and its number under it.
type Name = (KeyId, u64);

/// The attackers of a run, and what the oracle knows.
#[derive(Debug)]
pub struct Attackers {
    plan: SealPlan,
    rng: Rng,
    latest: VecDeque<(usize, Bytes)>,
    old: Vec<(usize, Bytes)>,
    heard: u64,
    attacks: u64,
    rotations: u64,
    opened: u64,
    /// Who sealed what.
    sealed: BTreeMap<Name, (ProcessId, u64)>,
    /// The keys of a process, in the order in which it used them.
    keys: BTreeMap<ProcessId, Vec<KeyId>>,
    receivers: BTreeMap<ProcessId, Receiver>,
}

/// What one process has opened.
#[derive(Debug, Default)]
struct Receiver {
    seen: BTreeSet<Name>,
    /// The latest life of each node it has heard of.
    lives: BTreeMap<NodeId, Incarnation>,
    /// The latest key of each process that it has seen in use, and since when.
    keys: BTreeMap<ProcessId, (usize, Instant)>,
}

impl Attackers {
    pub(crate) fn new(plan: SealPlan, seed: Seed) -> Self {
        Self {
            plan,
            rng: Rng::new(seed),
            latest: VecDeque::new(),
            old: Vec::new(),
            heard: 0,
            attacks: 0,
            rotations: 0,
            opened: 0,
            sealed: BTreeMap::new(),
            keys: BTreeMap::new(),
            receivers: BTreeMap::new(),
        }
    }

    /// How many attacks there were, how many rotations, and how many frames were opened.
    pub const fn counts(&self) -> (u64, u64, u64) {
        (self.attacks, self.rotations, self.opened)
    }

    /// A datagram goes over the network.
    pub(crate) fn overhear(&mut self, from: usize, datagram: &Bytes) {
        self.heard += 1;
        self.latest.push_back((from, datagram.clone()));
        if self.latest.len() <= LATEST {
            return;
        }
        let Some(older) = self.latest.pop_front() else {
            return;
        };
        // Each of all those heard is kept with the same probability (Vitter 1985, algorithm R).
        if self.old.len() < OLD {
            self.old.push(older);
        } else if let Some(slot) = self.old.get_mut(self.rng.below(self.heard) as usize) {
            *slot = older;
        }
    }

    /// A process has sealed a frame.
    pub(crate) fn sealed(&mut self, by: ProcessId, name: Name, frame: &[u8]) {
        self.sealed.insert(name, (by, Digest::of(frame)));
        let keys = self.keys.entry(by).or_default();
        if keys.last() != Some(&name.0) {
            keys.push(name.0);
        }
    }

    /// A process has opened a frame that is said to be from `from`: what is wrong with that.
    fn judge(
        &mut self,
        by: ProcessId,
        from: ProcessId,
        name: Name,
        frame: &[u8],
        now: Instant,
    ) -> Result<(), String> {
        self.opened += 1;
        let (key, counter) = name;
        let what = format!("{by} opened {counter} under {key:?} as from {from}");
        match self.sealed.get(&name) {
            Some((sealer, hash)) if *sealer == from && *hash == Digest::of(frame) => {}
            Some((sealer, _)) => return Err(format!("{what}, but {sealer} sealed something else")),
            None => return Err(format!("{what}, and nobody has sealed that")),
        }
        let receiver = self.receivers.entry(by).or_default();
        if !receiver.seen.insert(name) {
            return Err(format!("{what} for the second time"));
        }
        let life = receiver.lives.entry(from.node).or_insert(from.incarnation);
        if from.incarnation < *life {
            return Err(format!("{what}, although it has heard life {}", life.0));
        }
        *life = from.incarnation;
        let place = self
            .keys
            .get(&from)
            .and_then(|keys| keys.iter().position(|known| *known == key));
        let place = place.unwrap_or(0);
        let (latest, since) = receiver.keys.entry(from).or_insert((place, now));
        if place > *latest {
            (*latest, *since) = (place, now);
        } else if place < *latest && now > *since + GRACE {
            return Err(format!("{what}, which it saw replaced at {since:?}"));
        }
        Ok(())
    }

    /// Something to let arrive: as if from which host, and what.
    fn make(&mut self) -> Option<(usize, Bytes)> {
        let rng = &mut self.rng;
        let pick = |rng: &mut Rng, latest: &VecDeque<(usize, Bytes)>, old: &[(usize, Bytes)]| {
            if rng.chance(1, 2) || old.is_empty() {
                latest.get(rng.below(latest.len() as u64) as usize).cloned()
            } else {
                rng.pick(old).cloned()
            }
        };
        let (from, datagram) = pick(rng, &self.latest, &self.old)?;
        let length = datagram.len() as u64;
        let made = match rng.below(8) {
            0..4 => datagram,
            4 => {
                let mut bytes = datagram.to_vec();
                for _ in 0..rng.between(1, 4) {
                    let at = rng.below(length) as usize;
                    bytes[at] ^= 1 << rng.below(8);
                }
                bytes.into()
            }
            5 => datagram.slice(..rng.below(length) as usize),
            6 => {
                let (_, other) = pick(rng, &self.latest, &self.old)?;
                let cut = rng.below(datagram.len().min(other.len()) as u64 + 1) as usize;
                [&datagram[..cut], &other[cut..]].concat().into()
            }
            _ => {
                // An honest beginning, and noise behind it.
                let cut = (rng.below(80) as usize).min(datagram.len());
                let mut bytes = datagram[..cut].to_vec();
                let noise = rng.below(200);
                bytes.extend((0..noise).map(|_| rng.next_u64() as u8));
                bytes.into()
            }
        };
        Some((from, made))
    }
}

impl World {
    /// Plans the first attack and the first rotation.
    pub(crate) fn plan_attacks(&mut self) {
        if let Some(attackers) = &mut self.attackers {
            let attack = around(&mut attackers.rng, attackers.plan.attack_ns);
            let rotate = around(&mut attackers.rng, attackers.plan.rotate_ns);
            self.plan_after(attack, Planned::Attack);
            self.plan_after(rotate, Planned::Rotate);
        }
    }

    /// Lets one thing that attackers made arrive somewhere.
    pub(crate) fn attack(&mut self) {
        let hosts = self.hosts.len() as u64;
        let Some(attackers) = &mut self.attackers else {
            return;
        };
        let again = around(&mut attackers.rng, attackers.plan.attack_ns);
        let made = attackers.make();
        let (to, lie) = (attackers.rng.below(hosts), attackers.rng.below(4 * hosts));
        attackers.attacks += u64::from(made.is_some());
        self.plan_after(again, Planned::Attack);
        if let Some((from, bytes)) = made {
            // Mostly from the address of the one who sent it, sometimes from that of another.
            let from = if lie < hosts { lie as usize } else { from };
            let from = self.hosts[from].bus;
            self.give(to as usize, Event::Datagram { from, bytes });
        }
    }

    /// An operator asks some node for new keys.
    pub(crate) fn rotate(&mut self) {
        let hosts = self.hosts.len() as u64;
        let Some(attackers) = &mut self.attackers else {
            return;
        };
        let again = around(&mut attackers.rng, attackers.plan.rotate_ns);
        let host = attackers.rng.below(hosts) as usize;
        attackers.rotations += 1;
        let session = SessionId(SESSIONS + attackers.rotations);
        if self.calm_at.is_none() {
            self.plan_after(again, Planned::Rotate);
        }
        for event in [
            ConsoleEvent::Opened {
                session,
                peer: ConsolePeer::Local { user: None },
                target: "operator".into(),
            },
            ConsoleEvent::Line {
                session,
                line: "seal rotate".into(),
            },
            ConsoleEvent::Closed { session },
        ] {
            if self.hosts[host].running().is_some() {
                self.give(host, Event::Console(event));
            }
        }
        self.hosts[host].printed.clear();
    }

    /// A process says that it has opened a frame.
    pub(crate) fn opened(&mut self, index: usize, from: ProcessId, name: Name, frame: &[u8]) {
        let (by, now) = (self.hosts[index].process_id(), self.now);
        if let Some(attackers) = &mut self.attackers
            && let Err(message) = attackers.judge(by, from, name, frame, now)
        {
            self.object("seal", message);
        }
    }
}

#[cfg(test)]
mod tests;
