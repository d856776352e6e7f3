//! Who is out there: when each process was last heard directly, whether it says that it hears us, and in
//! which life its node is.
//!
//! Only direct joins and beacons count, since they come from the process itself. Both directions are kept
//! apart, because links can fail in one: nobody proposes a ring to a process it only hears. The table is
//! bounded; when it is full the process silent for longest is forgotten and learnt again from its next frame.

use alloc::collections::BTreeMap;
use core::time::Duration;

use ringfort_machine::{Incarnation, Instant, NodeId, ProcessId};

/// The most processes remembered. Twice the largest ring, and then some.
const LIMIT: usize = 512;

/// What is known of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Its last direct frame.
    pub heard: Instant,
    /// When it last said that it hears us; nothing if its last word was that it does not.
    pub hears_us: Option<Instant>,
    /// It would not form a ring with us at present.
    pub shuns_us: bool,
    /// Of its last join or beacon.
    pub stamp: u64,
}

/// Everybody known.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: BTreeMap<ProcessId, Peer>,
    lives: BTreeMap<NodeId, Incarnation>,
}

impl Peers {
    /// Whether a frame with `stamp` from `process` is news, and not overtaken or repeated.
    pub(crate) fn is_news(&self, process: ProcessId, stamp: u64) -> bool {
        self.peers
            .get(&process)
            .is_none_or(|peer| peer.stamp < stamp)
    }

    /// Whether a later life of the node of `process` is known.
    pub(crate) fn is_stale(&self, process: ProcessId) -> bool {
        self.lives
            .get(&process.node)
            .is_some_and(|life| *life > process.incarnation)
    }

    /// Takes note of a direct frame. Returns the earlier life of its node that ends by it, if one was known,
    /// and whether something had to be forgotten.
    pub(crate) fn hear(
        &mut self,
        process: ProcessId,
        stamp: u64,
        regard: Regard,
        now: Instant,
    ) -> Heard {
        let peer = Peer {
            heard: now,
            hears_us: regard.hears_us.then_some(now),
            shuns_us: regard.shuns_us,
            stamp,
        };
        self.peers.insert(process, peer);
        let before = self.lives.insert(process.node, process.incarnation);
        let ended = before
            .filter(|life| *life < process.incarnation)
            .map(|life| ProcessId::new(process.node, life));
        if let Some(ended) = ended {
            self.peers.remove(&ended);
        }
        let forgot = self.peers.len() > LIMIT;
        if forgot {
            self.forget_one();
        }
        Heard { ended, forgot }
    }

    fn forget_one(&mut self) {
        let silent = self.peers.iter().min_by_key(|(_, peer)| peer.heard);
        if let Some(process) = silent.map(|(process, _)| *process) {
            self.peers.remove(&process);
            self.lives.remove(&process.node);
        }
    }

    /// When `process` was last heard directly.
    pub(crate) fn heard(&self, process: ProcessId) -> Option<Instant> {
        self.peers.get(&process).map(|peer| peer.heard)
    }

    /// Whether `process` was heard at or after `since`.
    pub(crate) fn heard_since(&self, process: ProcessId, since: Instant) -> bool {
        self.heard(process).is_some_and(|heard| heard >= since)
    }

    /// Processes heard within `hearing`, ascending.
    pub(crate) fn audible(
        &self,
        now: Instant,
        hearing: Duration,
    ) -> impl Iterator<Item = ProcessId> + '_ {
        let fresh = move |at: Instant| now.since(at) <= hearing;
        self.peers
            .iter()
            .filter(move |(_, peer)| fresh(peer.heard))
            .map(|(process, _)| *process)
    }

    /// Processes to which the link worked in both directions within `hearing`, and which are willing to form a
    /// ring with us, ascending.
    pub(crate) fn willing(
        &self,
        now: Instant,
        hearing: Duration,
    ) -> impl Iterator<Item = ProcessId> + '_ {
        let fresh = move |at: Instant| now.since(at) <= hearing;
        self.peers
            .iter()
            .filter(move |(_, peer)| {
                fresh(peer.heard) && peer.hears_us.is_some_and(fresh) && !peer.shuns_us
            })
            .map(|(process, _)| *process)
    }

    /// Everybody known, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ProcessId, Peer)> + '_ {
        self.peers.iter().map(|(process, peer)| (*process, *peer))
    }
}

/// What a process says of us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Regard {
    /// It has lately heard us.
    pub hears_us: bool,
    /// It would not form a ring with us at present.
    pub shuns_us: bool,
}

/// What hearing a process has brought about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// The earlier life of its node that is over.
    pub ended: Option<ProcessId>,
    /// The table was full, and somebody was forgotten.
    pub forgot: bool,
}

#[cfg(test)]
mod tests;
