//! What a link does to frames that nobody has made a rule about.

use std::time::Duration;

use bytes::Bytes;
use ringfort_machine::Rng;
use serde::{Deserialize, Serialize};

use super::Body;

const MILLION: u64 = 1_000_000;

/// The properties of all links of a segment. Rates are in millionths, times in nanoseconds, so that a run
/// depends on no floating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weather {
    /// The smallest latency a link may have.
    pub latency_least_ns: u64,
    /// The greatest latency a link may have; each link draws its own.
    pub latency_most_ns: u64,
    /// Up to this much is added to each frame.
    pub jitter_ns: u64,
    /// How many datagrams are lost.
    pub loss_millionths: u64,
    /// How many frames of the TCP stacks are lost. Kept apart: the simulated TCP backs off by whole seconds.
    pub stream_loss_millionths: u64,
    /// How many datagrams arrive twice.
    pub duplicate_millionths: u64,
    /// How many datagrams may be overtaken by later ones.
    pub overtake_millionths: u64,
    /// An overtaken or repeated datagram is late by up to this much.
    pub overtake_ns: u64,
    /// One repeated datagram in ten is late by up to this much instead: an echo of long ago.
    pub stale_ns: u64,
    /// In how many datagrams bytes are changed.
    pub corrupt_millionths: u64,
    /// Longer datagrams vanish, in bytes of payload.
    pub path_bytes: u64,
}

impl Weather {
    /// A quiet switch in one rack.
    pub const CALM: Self = Self {
        latency_least_ns: 60_000,
        latency_most_ns: 120_000,
        jitter_ns: 20_000,
        loss_millionths: 0,
        stream_loss_millionths: 0,
        duplicate_millionths: 0,
        overtake_millionths: 0,
        overtake_ns: 0,
        stale_ns: 0,
        corrupt_millionths: 0,
        path_bytes: super::DATAGRAM_LIMIT as u64,
    };

    /// The same links with nothing lost, repeated, overtaken or changed.
    #[must_use]
    pub const fn calmed(self) -> Self {
        Self {
            loss_millionths: 0,
            stream_loss_millionths: 0,
            duplicate_millionths: 0,
            overtake_millionths: 0,
            corrupt_millionths: 0,
            path_bytes: super::DATAGRAM_LIMIT as u64,
            ..self
        }
    }

    pub(super) fn draw_latency(&self, rng: &mut Rng) -> Duration {
        Duration::from_nanos(rng.between(self.latency_least_ns, self.latency_most_ns))
    }

    pub(super) fn draw_jitter(&self, rng: &mut Rng) -> Duration {
        Duration::from_nanos(rng.between(0, self.jitter_ns))
    }

    pub(super) fn draw_overtake(&self, rng: &mut Rng) -> Duration {
        Duration::from_nanos(rng.between(1, self.overtake_ns.max(1)))
    }

    /// How late a repeated datagram is.
    pub(super) fn draw_echo(&self, rng: &mut Rng) -> Duration {
        if self.stale_ns > 0 && rng.chance(1, 10) {
            return Duration::from_nanos(rng.between(1, self.stale_ns));
        }
        self.draw_overtake(rng)
    }

    /// Changes up to eight bytes of a datagram, sometimes. Frames of the TCP stacks would only be lost by it:
    /// TCP has a checksum, and ARP is protected by that of Ethernet.
    pub(super) fn corrupts(&self, body: &Body, rng: &mut Rng) -> Option<Bytes> {
        let Body::Datagram { bytes, .. } = body else {
            return None;
        };
        if self.corrupt_millionths == 0
            || bytes.is_empty()
            || !rng.chance(self.corrupt_millionths, MILLION)
        {
            return None;
        }
        let mut changed = bytes.to_vec();
        for _ in 0..rng.between(1, 8) {
            let place = rng.below(changed.len() as u64) as usize;
            changed[place] ^= rng.between(1, 255) as u8;
        }
        Some(changed.into())
    }

    pub(super) fn loses(&self, body: &Body, rng: &mut Rng) -> bool {
        let rate = match body {
            Body::Ethernet(_) => self.stream_loss_millionths,
            Body::Datagram { bytes, .. } if bytes.len() as u64 > self.path_bytes => return true,
            Body::Datagram { .. } => self.loss_millionths,
        };
        rate > 0 && rng.chance(rate, MILLION)
    }

    pub(super) fn duplicates(&self, body: &Body, rng: &mut Rng) -> bool {
        match body {
            Body::Ethernet(_) => false,
            Body::Datagram { .. } => {
                self.duplicate_millionths > 0 && rng.chance(self.duplicate_millionths, MILLION)
            }
        }
    }

    pub(super) fn overtakes(&self, rng: &mut Rng) -> bool {
        self.overtake_millionths > 0 && rng.chance(self.overtake_millionths, MILLION)
    }
}
