//! What survives every change of phase, and the handle through which a phase acts.

use bytes::Bytes;
use ringfort_machine::{Instant, ProcessId, RingId, Rng, Sink, defect};
use ringfort_wire::{Frame, Kind, ring::RingBody};

use crate::{
    Action, Config, Destination, Note, Reason, Why, outbox::Outbox, peers::Peers,
    quarantine::Quarantine,
};

/// What survives every change of phase.
#[derive(Debug)]
pub(crate) struct Shared {
    pub config: Config,
    pub rng: Rng,
    pub outbox: Outbox,
    pub peers: Peers,
    pub quarantine: Quarantine,
    /// The highest ring sequence seen anywhere.
    pub sequence: u64,
    /// Counts joins and beacons.
    pub stamp: u64,
    /// When a leaving process goes, whatever is left to do.
    pub leaving: Option<Instant>,
    pub counters: Counters,
}

/// Counts for tools. No decision depends on them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub retransmissions: u64,
    pub token_retransmissions: u64,
    pub changes: u64,
    pub last_change: Option<Why>,
    pub reasons: [u64; Why::ALL.len()],
    pub refused: u64,
}

impl Shared {
    pub(crate) const fn me(&self) -> ProcessId {
        self.config.me.process
    }

    /// The sequence that the next ring has at least.
    pub(crate) fn next_sequence(&self) -> u64 {
        if defect::active(defect::Defect::ReuseRingId) {
            self.sequence
        } else {
            self.sequence + 1
        }
    }

    /// A number for the next join or beacon.
    pub(crate) const fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    /// The member `accuser` of our ring tells with whom it cannot be in one ring.
    pub(crate) fn hear_claims(&mut self, accuser: ProcessId, kept_out: &[ProcessId], now: Instant) {
        let timeouts = self.config.timeouts;
        self.quarantine.on_claims(accuser, kept_out, now, &timeouts);
    }

    /// Remembers a ring sequence.
    pub(crate) fn saw(&mut self, ring: RingId) {
        self.sequence = self.sequence.max(ring.sequence);
    }

    /// How many packets of a ring may be retained at most. Sending stops one window ahead of the slowest;
    /// what this member knows of the slowest is at most two rotations old.
    pub(crate) const fn store_limit(&self) -> usize {
        let windows = &self.config.windows;
        (windows.outstanding as usize + windows.global as usize) * 4
    }
}

/// The handle through which a phase acts: the time, what survives, and where actions go.
pub(crate) struct Context<'a> {
    pub now: Instant,
    pub shared: &'a mut Shared,
    pub out: &'a mut dyn Sink<Action>,
}

impl Context<'_> {
    pub(crate) fn note(&mut self, note: Note) {
        self.out.push(Action::Note(note));
    }

    /// Reports a refused frame. State is unchanged.
    pub(crate) fn refuse(&mut self, kind: Kind, reason: Reason) {
        self.shared.counters.refused += 1;
        self.note(Note::Refused { kind, reason });
    }

    pub(crate) fn transmit(&mut self, to: Destination, frame: Bytes) {
        self.out.push(Action::Transmit { to, frame });
    }

    /// Encodes a frame around `body`.
    pub(crate) fn frame(&self, kind: Kind, body: &impl RingBody) -> Bytes {
        assert!(
            body.check().is_ok(),
            "an own {kind:?} does not contradict itself"
        );
        Frame::new(kind, body.encode()).encode(self.shared.config.cluster)
    }
}
