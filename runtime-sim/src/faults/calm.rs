//! How the world is put right: what is mended, what stays broken for good, and who comes back.
//!
//! All draws have a stream of their own, so that a schedule of the faults before has the same calm after them.

use std::time::Duration;

use super::{BOUND, Fault, link};
use crate::{
    disk::Ailment,
    options::Role,
    trace::Kind,
    world::{Planned, World},
};

impl World {
    /// The end of all faults.
    pub(crate) fn calm(&mut self) {
        if self.calm_at.is_some() {
            return;
        }
        self.calm_at = Some(self.now);
        self.disturbed_at = self.now;
        self.core = self.draw_core();
        let core = self.core.as_ref().map(|core| {
            core.iter()
                .map(|host| self.hosts[*host].name.clone())
                .collect()
        });
        self.recorder.world(self.now, Kind::Calm { core });
        self.fabric.set_weather(self.options.weather.calmed());
        self.settle_links();
        for host in 0..self.hosts.len() {
            self.hosts[host].disk.set_ailment(Ailment::default());
            if std::mem::take(&mut self.hosts[host].reloaded) {
                self.reload(host, 0);
            }
        }
        self.mend_processes();
    }

    /// Sometimes only a part of the cluster stays connected; it has a node that can own addresses.
    fn draw_core(&mut self) -> Option<Vec<usize>> {
        if !self.options.core {
            return None;
        }
        let count = self.hosts.len();
        let rng = &mut self.calm_rng;
        let mut order: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut order);
        order.truncate(rng.between(1, count as u64 - 1) as usize);
        let mail = |host: &usize| self.options.nodes[*host].role == Role::Mail;
        if !order.iter().any(mail) {
            let first = (0..count).find(mail)?;
            order[0] = first;
        }
        order.sort_unstable();
        Some(order)
    }

    /// Cuts end; those between the core and the rest begin and stay. The client host is on the core's side.
    fn settle_links(&mut self) {
        let hosts = self.hosts.len();
        let side = |port: usize| match &self.core {
            Some(core) => port == hosts || core.contains(&port),
            None => true,
        };
        let sides: Vec<bool> = (0..=hosts).map(side).collect();
        for from in 0..=hosts {
            for to in (0..=hosts).filter(|to| *to != from) {
                self.fabric
                    .set_cut(link(from, to), sides[from] != sides[to]);
                self.unclog(link(from, to));
            }
        }
    }

    /// Who stands still goes on; who is gone comes back, or, without power, may not.
    fn mend_processes(&mut self) {
        let mut serves = false;
        for index in 0..self.hosts.len() {
            let after = Duration::from_nanos(self.calm_rng.between(0, 3_000_000_000));
            let drawn = self.calm_rng.chance(self.options.revive_percent, 100);
            // A machine may stay dark for ever. A machine that runs without its process still answers for the
            // addresses that the process had: its supervisor starts it again.
            let revive = drawn || !self.hosts[index].held.is_empty();
            let mail = self.options.nodes[index].role == Role::Mail;
            let inside = self.core.as_ref().is_none_or(|core| core.contains(&index));
            let (alive, leaving) = self.hosts[index]
                .life
                .as_ref()
                .map_or((false, false), |life| (true, life.leaving));
            let plan = |fault| Planned::Fault {
                fault,
                before_calm: false,
            };
            if alive {
                self.plan_after(after, plan(Fault::Resume(index)));
            } else if revive {
                self.plan_after(after, plan(Fault::Start(index)));
            }
            serves |= mail && inside && if alive { !leaving } else { revive };
        }
        if !serves {
            let first = (0..self.hosts.len()).find(|index| {
                let inside = self.core.as_ref().is_none_or(|core| core.contains(index));
                inside && self.options.nodes[*index].role == Role::Mail
            });
            // One that is leaving has left by then.
            let planned = |host| Planned::Fault {
                fault: Fault::Start(host),
                before_calm: false,
            };
            if let Some(host) = first {
                self.plan_after(BOUND + Duration::from_secs(1), planned(host));
            }
        }
    }
}
