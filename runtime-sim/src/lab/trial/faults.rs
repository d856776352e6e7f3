//! What goes wrong in a drawn run of a lab, and how the world is put right before the end. Which kinds, how often,
//! for how long and in which weather is drawn by [`crate::options`], what a strike does by [`crate::faults`].

use std::time::Duration;

use ringfort_machine::Instant;

use super::{Planned, Trial};
use crate::{
    disk::Ailment,
    faults::{BOUND, Fault, draw_strike, link},
    options::{FaultKind, around},
    trace::Kind,
};

/// Whether faults of `kind` happen in a lab: those of the network, of processes, disks and clocks do, those that only
/// a whole node has a place for do not.
pub(in crate::lab) const fn draws(kind: FaultKind) -> bool {
    match kind {
        FaultKind::Loss
        | FaultKind::Duplicate
        | FaultKind::Reorder
        | FaultKind::Corrupt
        | FaultKind::Mtu
        | FaultKind::Drift
        | FaultKind::Cut
        | FaultKind::Partition
        | FaultKind::Clog
        | FaultKind::Swizzle
        | FaultKind::Kill
        | FaultKind::Restart
        | FaultKind::Power
        | FaultKind::Pause
        | FaultKind::Stop
        | FaultKind::Rolling
        | FaultKind::Full
        | FaultKind::SyncFailed => true,
        // No wall clock, no configuration, no segments of logs, no orders about addresses.
        FaultKind::Step | FaultKind::Reload | FaultKind::Misdirected | FaultKind::Inside => false,
    }
}

impl Trial<'_> {
    /// Plans the starts, the drawn faults and the calm after them.
    pub(super) fn begin(&mut self) {
        for host in 0..self.hosts.len() {
            let after = self.fault_rng.between(0, 500_000_000);
            self.plan_fault(Duration::from_nanos(after), Fault::Start(host), false);
        }
        if self.options.faults.iter().any(|kind| kind.strikes()) {
            self.plan_after(Duration::from_secs(1), Planned::DrawFault);
        }
        self.plan_fault(self.options.faults_for, Fault::Calm, true);
    }

    fn plan_fault(&mut self, after: Duration, fault: Fault, before_calm: bool) {
        self.plan_after(after, Planned::Fault { fault, before_calm });
    }

    /// Draws one fault, when it is mended, and when the next is drawn.
    pub(super) fn draw_fault(&mut self) {
        if self.calm_at.is_some() {
            return;
        }
        let rng = &mut self.fault_rng;
        let faults = self.options.faults.iter().copied();
        let kinds: Vec<FaultKind> = faults.filter(|kind| kind.strikes()).collect();
        let lasts = around(rng, self.options.pace.lasts_ns);
        if let Some(kind) = rng.pick(&kinds).copied() {
            for (after, fault) in draw_strike(kind, rng, self.hosts.len(), lasts) {
                self.plan_fault(after, fault, true);
            }
        }
        let next = around(&mut self.fault_rng, self.options.pace.between_ns);
        self.plan_after(next, Planned::DrawFault);
    }

    /// The end of all faults.
    pub(super) fn calm(&mut self) {
        if self.calm_at.is_some() {
            return;
        }
        self.calm_at = Some(self.now);
        self.disturbed_at = self.now;
        self.core = self.draw_core();
        let core = self.core.as_ref().map(|core| {
            let names = core.iter().map(|host| self.names[*host].clone());
            names.collect()
        });
        self.recorder.world(self.now, Kind::Calm { core });
        self.fabric.set_weather(self.options.weather.calmed());
        self.settle_links();
        for host in &mut self.hosts {
            host.disk.set_ailment(Ailment::default());
        }
        self.mend_processes();
    }

    /// Sometimes only a part of the hosts stays connected.
    fn draw_core(&mut self) -> Option<Vec<usize>> {
        if !self.options.core {
            return None;
        }
        let count = self.hosts.len();
        let mut order: Vec<usize> = (0..count).collect();
        self.fault_rng.shuffle(&mut order);
        order.truncate(self.fault_rng.between(1, count as u64 - 1) as usize);
        order.sort_unstable();
        Some(order)
    }

    fn inside(&self, host: usize) -> bool {
        self.core.as_ref().is_none_or(|core| core.contains(&host))
    }

    /// Cuts end; those between the core and the rest begin and stay.
    fn settle_links(&mut self) {
        let count = self.hosts.len();
        for from in 0..count {
            for to in (0..count).filter(|to| *to != from) {
                let apart = self.inside(from) != self.inside(to);
                self.fabric.set_cut(link(from, to), apart);
                self.unclog(link(from, to));
            }
        }
    }

    /// Who stands still goes on; who is gone comes back or stays away. One at least is there in the end.
    fn mend_processes(&mut self) {
        let mut anybody = false;
        for host in 0..self.hosts.len() {
            let after = Duration::from_nanos(self.fault_rng.between(0, 3_000_000_000));
            let revive = self.fault_rng.chance(self.options.revive_percent, 100);
            let inside = self.inside(host);
            let life = self.hosts[host].life.as_ref();
            let stays = life.map_or(revive, |life| !life.leaving);
            if life.is_some() {
                self.plan_fault(after, Fault::Resume(host), false);
            } else if revive {
                self.plan_fault(after, Fault::Start(host), false);
            }
            anybody |= inside && stays;
        }
        if !anybody {
            // One that is leaving has left by then.
            let first = (0..self.hosts.len()).find(|host| self.inside(*host));
            let after = BOUND + Duration::from_secs(1);
            self.plan_fault(after, Fault::Start(first.unwrap_or(0)), false);
        }
    }

    /// When faults end, for scripts.
    pub fn calm_at(&self) -> Instant {
        self.calm_at
            .unwrap_or(Instant::ORIGIN + self.options.faults_for)
    }
}
