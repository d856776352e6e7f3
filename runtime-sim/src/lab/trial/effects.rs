//! One call of a guest, and what it then wants done.
//!
//! A guest that panics broke an assertion of its own: that is a violation like any other, with a seed and a trace.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use ringfort_evs::Destination;
use ringfort_machine::{Digest, OrderId};

use super::{Planned, Trial, bus_at, bus_of};
use crate::{
    checker::Violation,
    disk::Order,
    fabric::{DATAGRAM_LIMIT, Mac, Port},
    faults::Ailing,
    lab::{Effect, Input},
    options::Dispersal,
    trace::{Kind, Process, Sum},
    world::{BROADCAST, BUS_GROUP},
};

impl Trial<'_> {
    /// Lets the process of `host` handle one input and carries out what it wants.
    pub(super) fn handle(&mut self, host: usize, input: Input) {
        let clock = self.hosts[host].clock;
        let now = clock.shows(self.now);
        let Some(life) = &mut self.hosts[host].life else {
            return;
        };
        let mut effects = std::mem::take(&mut self.effects);
        let guest = &mut life.guest;
        let called = guarded(&life.name, || {
            guest.handle(now, input, &mut effects);
            guest.deadline()
        });
        match called {
            Ok(deadline) => life.wake_at = clock.deadline(deadline),
            Err(violation) => self.recorder.object(violation),
        }
        self.execute(host, &mut effects);
        self.effects = effects;
    }

    /// Carries out effects in order.
    pub(super) fn execute(&mut self, host: usize, effects: &mut Vec<Effect>) {
        for effect in effects.drain(..) {
            let Some(life) = &self.hosts[host].life else {
                continue; // it has ended; nothing of it acts any more
            };
            if self.recorder.violation().is_some() {
                continue;
            }
            match effect {
                Effect::Send { to, bytes } => self.send(host, to, &bytes),
                Effect::Disk { order, action } => self.disk_order(host, order, action),
                Effect::Trace(kind) => self.recorder.of(self.now, &life.name, kind),
                Effect::Left => self.left(host),
                Effect::Failed => self.failed(host),
            }
        }
    }

    fn send(&mut self, host: usize, to: Destination, bytes: &Bytes) {
        if bytes.len() > DATAGRAM_LIMIT {
            let (name, length) = (&self.hosts[host].name, bytes.len());
            let said =
                format!("{name} sent a datagram of {length} bytes; {DATAGRAM_LIMIT} fit a frame");
            self.object("datagram-limit", said);
            return;
        }
        let node = |wanted| match to {
            Destination::All => true,
            Destination::Node(node) => node == wanted,
        };
        let one_for_all = match (to, self.options.dispersal) {
            (Destination::Node(_), _) | (Destination::All, Dispersal::Unicast) => None,
            (Destination::All, Dispersal::Multicast) => {
                Some((Mac::of_group(BUS_GROUP), bus_at(BUS_GROUP)))
            }
            (Destination::All, Dispersal::Broadcast) => Some((Mac::BROADCAST, bus_at(BROADCAST))),
        };
        if let Some((destination, socket)) = one_for_all {
            self.send_frame(host, destination, socket, bytes.clone());
            return;
        }
        let others = self.hosts.iter().enumerate();
        let others = others.filter(|(index, other)| *index != host && node(other.node));
        let ports: Vec<Port> = others.map(|(_, other)| other.port).collect();
        for port in ports {
            self.send_frame(host, Mac::of_port(port), bus_of(port), bytes.clone());
        }
    }

    fn disk_order(&mut self, index: usize, order: OrderId, action: Order) {
        let host = &mut self.hosts[index];
        let Some(life) = &mut host.life else { return };
        let (number, at) = host.disk.order(self.now, action);
        life.orders.insert(number, order);
        let struck = host.disk.take_struck();
        for (yes, fault) in [
            (struck.full, Ailing::Full),
            (struck.sync_fails, Ailing::SyncFails),
            (struck.misdirects, Ailing::Misdirects),
        ] {
            if yes {
                let fault = fault.name().into();
                self.recorder.of(self.now, &life.name, Kind::Disk { fault });
            }
        }
        let host = index;
        self.queue.plan(at, Planned::Disk { host, number });
    }

    /// The machine completes an order even if the process that gave it was killed meanwhile.
    pub(super) fn disk_completed(&mut self, index: usize, number: u64) {
        let host = &mut self.hosts[index];
        let Some(outcome) = host.disk.complete(number) else {
            return; // the power was lost meanwhile
        };
        let life = host.life.as_mut();
        if let Some(order) = life.and_then(|life| life.orders.remove(&number)) {
            self.give(index, Input::Disk { order, outcome });
        }
    }

    /// Writes the fingerprint of every running process, so that equal traces mean equal states.
    pub(super) fn write_digests(&mut self) {
        for host in &self.hosts {
            if let Some(life) = host.running() {
                let mut digest = Digest::new();
                life.guest.digest(&mut digest);
                let digest = Kind::Own {
                    what: "digest".into(),
                    data: Sum(digest.finish()).to_string().into(),
                };
                self.recorder.of(self.now, &life.name, digest);
            }
        }
    }
}

/// Calls into the code of process `name`; a panic there is a violation.
pub(super) fn guarded<T>(name: &Process, call: impl FnOnce() -> T) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let said = format!("{name} broke an assertion: {}", words(&*panic));
        Violation::new("panic", said)
    })
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it did not say which")
}
