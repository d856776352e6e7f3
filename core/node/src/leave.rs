//! Leaving in good order: addresses first, so that somebody else can take them; then the ring, which tells the
//! others at once; meanwhile the logs close and the puller finishes. The whole is bounded in time, since an
//! operator who waits longer than that ends the process anyway.

use core::time::Duration;

use ringfort_evs as evs;
use ringfort_logs as logs;
use ringfort_machine::{Deadline, Digest, Instant, Sink};
use ringfort_vip as vip;

use crate::{Action, Halt, Node};

/// How long leaving may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What is done of it.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    until: Option<Instant>,
    pub(crate) addresses: bool,
    pub(crate) ring: bool,
    pub(crate) logs: bool,
    pub(crate) puller: bool,
    halted: bool,
}

impl Leaving {
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let until = self.until.filter(|_| !self.halted)?;
        Some(Deadline::new(until, "leaving takes too long"))
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.flag(self.begun()).flag(self.addresses).flag(self.ring);
        into.flag(self.logs).flag(self.puller);
    }

    pub(crate) const fn begun(&self) -> bool {
        self.until.is_some()
    }
}

impl Node {
    pub(crate) fn leave(&mut self) {
        if self.leaving.begun() {
            return;
        }
        self.leaving.until = Some(self.now + LIMIT);
        self.leaving.puller = self.puller.is_none();
        self.tell_vip(vip::Event::Leave);
        self.tell_puller(logs::puller::Event::Stop);
    }

    /// No address is held any more.
    pub(crate) fn on_addresses_left(&mut self) {
        self.leaving.addresses = true;
        self.tell_logs(logs::server::Event::Close);
        self.tell_ring(evs::Event::Leave);
    }

    /// The time is up.
    pub(crate) fn hurry_leaving(&mut self, out: &mut impl Sink<Action>) {
        self.halt(out);
    }

    pub(crate) fn finish_leaving(&mut self, out: &mut impl Sink<Action>) {
        let Leaving {
            addresses,
            ring,
            logs,
            puller,
            ..
        } = self.leaving;
        if self.leaving.begun() && addresses && ring && logs && puller {
            self.halt(out);
        }
    }

    fn halt(&mut self, out: &mut impl Sink<Action>) {
        if core::mem::replace(&mut self.leaving.halted, true) {
            return;
        }
        self.close_all_listeners(out);
        out.push(Action::Halt(Halt::Left));
    }
}
