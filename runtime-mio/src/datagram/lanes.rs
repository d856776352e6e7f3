//! What waits to be sent, by destination, and how it goes out in the fewest system calls.
//!
//! Neighbours of equal size to one destination are one run: the kernel takes them as one buffer and cuts them
//! apart as late as it can. So each destination has a lane of its own, and the order is kept within a lane and
//! nowhere else, which is all that a datagram is ever promised. The lane that has waited longest goes first:
//! what a ring passes on before it sends, the token, leaves first.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use bytes::Bytes;

use crate::sys::udp::{BATCH, BUFFER_BYTES, Run, SEGMENTS, pieces_limit};

/// Lanes that stand empty beyond this are forgotten.
const IDLE: usize = 512;

#[derive(Debug)]
struct Lane {
    to: SocketAddr,
    waiting: VecDeque<Bytes>,
}

/// Datagrams that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    index: BTreeMap<SocketAddr, usize>,
    /// Lanes with something in them, the one that waits longest first.
    busy: VecDeque<usize>,
    /// The lane that the next datagram is probably for: a fan-out goes round the same peers in the same order.
    guess: usize,
    waiting: usize,
    plan: Vec<Run>,
    /// For each run of the plan, its lane and its first datagram in there.
    places: Vec<(usize, usize)>,
}

impl Lanes {
    /// How many datagrams wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting
    }

    /// Adds a datagram.
    pub(super) fn push(&mut self, to: SocketAddr, bytes: Bytes) {
        let lane = self.lane(to);
        self.guess = lane + 1;
        let waiting = &mut self.lanes[lane].waiting;
        if waiting.is_empty() {
            self.busy.push_back(lane);
        }
        waiting.push_back(bytes);
        self.waiting += 1;
    }

    fn lane(&mut self, to: SocketAddr) -> usize {
        for guess in [self.guess, 0] {
            if self.lanes.get(guess).is_some_and(|lane| lane.to == to) {
                return guess;
            }
        }
        if let Some(lane) = self.index.get(&to) {
            return *lane;
        }
        if self.waiting == 0 && self.lanes.len() >= IDLE {
            self.lanes.clear();
            self.index.clear();
        }
        self.lanes.push(Lane {
            to,
            waiting: VecDeque::new(),
        });
        self.index.insert(to, self.lanes.len() - 1);
        self.lanes.len() - 1
    }

    /// What the next system call should send: runs of datagrams of up to `offload_limit` bytes, single ones beyond
    /// that, and the datagrams themselves.
    pub(super) fn plan(&mut self, offload_limit: usize) -> (&[Run], impl Iterator<Item = &[u8]>) {
        self.plan.clear();
        self.places.clear();
        let mut pieces = 0;
        'full: for &lane in &self.busy {
            let Lane { to, waiting } = &self.lanes[lane];
            let mut first = 0;
            while first < waiting.len() {
                let run = run(*to, waiting, first, offload_limit);
                if self.plan.len() == BATCH || pieces + run.count > pieces_limit() {
                    break 'full;
                }
                self.plan.push(run);
                self.places.push((lane, first));
                first += run.count;
                pieces += run.count;
            }
        }
        let lanes = &self.lanes;
        let places = self.places.iter().zip(&self.plan);
        let pieces = places.flat_map(|((lane, first), run)| {
            let waiting = &lanes[*lane].waiting;
            waiting
                .range(*first..*first + run.count)
                .map(|bytes| &bytes[..])
        });
        (&self.plan, pieces)
    }

    /// The first run of the last plan.
    pub(super) fn first_run(&self) -> Option<Run> {
        self.plan.first().copied()
    }

    /// The first `runs` of the last plan were taken; returns how many datagrams those were.
    pub(super) fn sent(&mut self, runs: usize) -> usize {
        let mut count = 0;
        for (run, (lane, _)) in self.plan.iter().zip(&self.places).take(runs) {
            self.lanes[*lane].waiting.drain(..run.count);
            count += run.count;
        }
        self.waiting -= count;
        let lanes = &self.lanes;
        self.busy.retain(|lane| !lanes[*lane].waiting.is_empty());
        count
    }

    /// Gives up the datagram that was first in the last plan.
    pub(super) fn drop_first(&mut self) {
        let Some(&lane) = self.busy.front() else {
            return;
        };
        if self.lanes[lane].waiting.pop_front().is_some() {
            self.waiting -= 1;
        }
        if self.lanes[lane].waiting.is_empty() {
            self.busy.pop_front();
        }
    }
}

/// The longest run in `waiting` that begins at `first`.
fn run(to: SocketAddr, waiting: &VecDeque<Bytes>, first: usize, offload_limit: usize) -> Run {
    let segment = waiting[first].len();
    let mut run = Run {
        to,
        count: 1,
        segment,
    };
    if segment == 0 || segment > offload_limit {
        return run;
    }
    let most = SEGMENTS.min(BUFFER_BYTES / segment);
    for next in waiting.range(first + 1..) {
        // A smaller one can only be the last; an empty one would vanish.
        if run.count >= most || next.len() > segment || next.is_empty() {
            break;
        }
        run.count += 1;
        if next.len() < segment {
            break;
        }
    }
    run
}

#[cfg(test)]
mod tests;
