//! What may go wrong, when it does, and how the world is put right before the end.
//!
//! A run has two phases (after TigerBeetle's VOPR). First anything of the drawn kinds may strike at any time,
//! and only safety is judged. Then comes calm: no fault any more, what was broken is mended or stays broken for
//! good, and within the bound everything has to come to rest in the right state.

use std::time::Duration;

use ringfort_machine::Rng;

use crate::{
    disk::Ailment,
    fabric::{Link, Port},
    options::{FaultKind, Role, around},
    trace::Kind,
    world::{Planned, World},
};

/// After the last disturbance everything is settled within this time.
pub const BOUND: Duration = Duration::from_secs(30);

/// Something that goes wrong, or is mended. Hosts are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The node starts, if it has no process.
    Start(usize),
    /// Its process is killed.
    Kill(usize),
    /// Its machine loses power, if it has a process.
    Power(usize),
    /// Its process is asked to leave.
    Stop(usize),
    /// Its process stands still.
    Pause(usize),
    /// Its process goes on.
    Resume(usize),
    /// These directions of links between nodes are lost.
    Cut(Vec<Link>),
    /// They are restored.
    Heal(Vec<Link>),
    /// Its disk is full, or has room again.
    Full(usize, bool),
    /// No fault strikes any more.
    Calm,
}

impl World {
    /// Plans the drawn faults, the calm after them, and the work of the client host.
    pub fn begin(&mut self) {
        let strikes = self.options.faults.iter().any(|kind| kind.strikes());
        if strikes {
            self.plan_after(Duration::from_secs(1), Planned::DrawFault);
        }
        let calm = Planned::Fault {
            fault: Fault::Calm,
            before_calm: true,
        };
        self.plan_after(self.options.faults_for, calm);
        self.begin_clients();
    }

    /// Draws one fault, when it is mended, and when the next is drawn.
    pub(crate) fn draw_fault(&mut self) {
        if self.calm_at.is_some() {
            return;
        }
        let kinds: Vec<FaultKind> = self
            .options
            .faults
            .iter()
            .copied()
            .filter(|kind| kind.strikes())
            .collect();
        let lasts = around(&mut self.fault_rng, self.options.pace.lasts_ns);
        if let Some(kind) = self.fault_rng.pick(&kinds).copied() {
            let (fault, mended) = self.draw_of(kind);
            self.plan_after(
                lasts,
                Planned::Fault {
                    fault: mended,
                    before_calm: true,
                },
            );
            self.inject(fault);
        }
        let next = around(&mut self.fault_rng, self.options.pace.between_ns);
        self.plan_after(next, Planned::DrawFault);
    }

    /// A fault of this kind, and how it is mended.
    fn draw_of(&mut self, kind: FaultKind) -> (Fault, Fault) {
        let count = self.options.nodes.len() as u64;
        let rng = &mut self.fault_rng;
        let host = rng.below(count) as usize;
        match kind {
            FaultKind::Kill => (Fault::Kill(host), Fault::Start(host)),
            FaultKind::Power => (Fault::Power(host), Fault::Start(host)),
            FaultKind::Stop => (Fault::Stop(host), Fault::Start(host)),
            FaultKind::Pause => (Fault::Pause(host), Fault::Resume(host)),
            FaultKind::Full => (Fault::Full(host, true), Fault::Full(host, false)),
            FaultKind::Cut => {
                let other = (host + 1 + rng.below(count - 1) as usize) % count as usize;
                let links = vec![link(host, other)];
                (Fault::Cut(links.clone()), Fault::Heal(links))
            }
            FaultKind::Partition => {
                let links = draw_partition(rng, count as usize);
                (Fault::Cut(links.clone()), Fault::Heal(links))
            }
            FaultKind::Loss | FaultKind::Duplicate | FaultKind::Reorder => {
                unreachable!("the weather does not strike")
            }
        }
    }

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
        for host in &mut self.hosts {
            host.disk.set_ailment(Ailment::default());
        }
        self.mend_processes();
    }

    /// Sometimes only a part of the cluster stays connected; it has a node that can own addresses.
    fn draw_core(&mut self) -> Option<Vec<usize>> {
        if !self.options.core {
            return None;
        }
        let count = self.hosts.len();
        let rng = &mut self.fault_rng;
        let mut order: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut order);
        order.truncate(rng.between(1, count as u64 - 1) as usize);
        let mail = |host: &usize| self.options.nodes[*host].role == Role::Mail;
        if !order.iter().any(mail) {
            order[0] = 0; // the first node is never a manager
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
            }
        }
    }

    /// Who stands still goes on; who is gone comes back, or, without power, may not.
    fn mend_processes(&mut self) {
        let mut serves = false;
        for index in 0..self.hosts.len() {
            let after = Duration::from_nanos(self.fault_rng.between(0, 3_000_000_000));
            let drawn = self.fault_rng.chance(self.options.revive_percent, 100);
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

/// The link from one host to another.
pub fn link(from: usize, to: usize) -> Link {
    let port = |host| Port(u16::try_from(host).expect("fewer hosts than ports"));
    Link {
        from: port(from),
        to: port(to),
    }
}

/// A part of the nodes is separated: some of them or a single one, in both directions or in one.
pub(crate) fn draw_partition(rng: &mut Rng, count: usize) -> Vec<Link> {
    let mut order: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut order);
    let size = if rng.chance(1, 2) {
        1
    } else {
        rng.between(1, count as u64 - 1) as usize
    };
    let (part, rest) = order.split_at(size);
    let (out, into) = *rng
        .pick(&[(true, true), (true, true), (true, false), (false, true)])
        .expect("there are four");
    let mut links = Vec::new();
    for one in part {
        for other in rest {
            if out {
                links.push(link(*one, *other));
            }
            if into {
                links.push(link(*other, *one));
            }
        }
    }
    links
}
