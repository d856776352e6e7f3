//! The beginning and the end of processes, and what stands between.

use std::time::Duration;

use super::{Planned, Trial, effects::guarded, host::Life};
use crate::{
    fabric::{Link, Port},
    faults::{BOUND, Fault},
    lab::{Boot, Input},
    trace::{CrashKind, Kind, Process},
};

/// A process that gave up is started again by its supervisor after this time.
const SUPERVISOR: Duration = Duration::from_secs(1);

impl Trial<'_> {
    /// Lets a fault strike, or mends one, now. What makes no sense in the present state does nothing.
    pub fn inject(&mut self, fault: Fault) {
        match fault {
            Fault::Start(host) => self.start(host),
            Fault::Kill(host) => self.crash(host, CrashKind::Kill),
            Fault::Restart(host) => {
                self.crash(host, CrashKind::Kill);
                self.start(host);
            }
            Fault::Power(host) => self.crash(host, CrashKind::Power),
            Fault::Stop(host) => self.leave(host),
            Fault::Pause(host) => self.pause(host),
            Fault::Resume(host) => self.resume(host),
            Fault::Cut(links) => self.set_cuts(&links, true),
            Fault::Heal(links) => self.set_cuts(&links, false),
            Fault::Clog(links) => links.iter().for_each(|link| self.fabric.clog(*link)),
            Fault::Unclog(links) => links.iter().for_each(|link| self.unclog(*link)),
            Fault::Ail(host, what, ails) => self.hosts[host].disk.ail(what, ails),
            Fault::Step(..) | Fault::Reload(..) => {} // nobody here has a wall clock or a configuration
            Fault::Calm => self.calm(),
        }
    }

    /// A link is free again; what it held back arrives.
    pub(super) fn unclog(&mut self, link: Link) {
        let mut arrivals = Vec::new();
        self.fabric.unclog(self.now, link, &mut arrivals);
        for arrival in arrivals {
            let frame = Planned::Arrive(arrival.port, arrival.frame);
            self.queue.plan(arrival.at, frame);
        }
    }

    fn start(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if host.life.is_some() {
            return;
        }
        host.lives += 1;
        host.boots += u64::from(!host.powered);
        host.powered = true;
        let lives = host.lives;
        let name = Process::new(host.name.clone(), lives);
        self.recorder.of(self.now, &name, Kind::Start);
        self.disturbed_at = self.now;
        let boot = Boot {
            host: index,
            me: host.process_id(),
            now: host.clock.shows(self.now),
            seed: host.seed.fork(&format!("life {lives}")),
            system_boot: host.boots,
            nodes: &self.names,
            disk: &host.disk,
        };
        let mut effects = Vec::new();
        let (lab, clock) = (self.lab, host.clock);
        let born = guarded(&name, || {
            Life::new(name.clone(), lab.boot(&boot, &mut effects), clock)
        });
        match born {
            Ok(life) => self.hosts[index].life = Some(life),
            Err(violation) => return self.recorder.object(violation),
        }
        self.execute(index, &mut effects);
        self.plan_work(index, lives);
    }

    fn crash(&mut self, index: usize, how: CrashKind) {
        self.resume_silently(index);
        let host = &mut self.hosts[index];
        let Some(life) = host.life.take() else { return };
        if how == CrashKind::Power {
            host.powered = false;
            let damage = host.disk.lose_power();
            for (count, fault) in [(damage.torn, "torn"), (damage.lost, "lost")] {
                if count > 0 {
                    let fault = fault.into();
                    self.recorder.of(self.now, &life.name, Kind::Disk { fault });
                }
            }
        }
        self.recorder.of(self.now, &life.name, Kind::Crash { how });
    }

    /// Nothing is said about a process that stands still, so it runs again before it ends; it does nothing.
    fn resume_silently(&mut self, index: usize) {
        if let Some(life) = &mut self.hosts[index].life
            && life.paused
        {
            life.paused = false;
            self.recorder.of(self.now, &life.name, Kind::Resume);
            self.disturbed_at = self.now;
        }
    }

    pub(super) fn failed(&mut self, index: usize) {
        self.crash(index, CrashKind::Kill);
        let fault = Fault::Start(index);
        let before_calm = false;
        self.plan_after(SUPERVISOR, Planned::Fault { fault, before_calm });
    }

    fn leave(&mut self, index: usize) {
        self.resume(index);
        let host = &mut self.hosts[index];
        let Some(life) = host.life.as_mut().filter(|life| !life.leaving) else {
            return;
        };
        life.leaving = true;
        let (host, life) = (index, host.lives);
        self.plan_after(BOUND, Planned::LeaveBound { host, life });
        self.give(index, Input::Leave);
    }

    pub(super) fn leave_bound(&mut self, index: usize, life: u64) {
        if self.is_life(index, life) {
            let host = &self.hosts[index];
            let waits = host.life.as_ref().and_then(|life| life.wake_at);
            let said = format!(
                "{} was asked to leave {} s ago and has not; it waits for {}",
                host.name,
                BOUND.as_secs(),
                waits.map_or("nothing", |deadline| deadline.why)
            );
            self.object("leave", said);
        }
    }

    pub(super) fn left(&mut self, index: usize) {
        if let Some(life) = self.hosts[index].life.take() {
            self.recorder.of(self.now, &life.name, Kind::Stop);
            self.disturbed_at = self.now;
        }
    }

    fn pause(&mut self, index: usize) {
        if let Some(life) = &mut self.hosts[index].life
            && !life.paused
            && !life.leaving
        {
            life.paused = true;
            self.recorder.of(self.now, &life.name, Kind::Pause);
        }
    }

    fn resume(&mut self, index: usize) {
        if self.hosts[index]
            .life
            .as_ref()
            .is_none_or(|life| !life.paused)
        {
            return;
        }
        self.resume_silently(index);
        let lives = self.hosts[index].lives;
        let Some(life) = &mut self.hosts[index].life else {
            return;
        };
        life.waiting_datagrams = 0;
        for input in std::mem::take(&mut life.waiting) {
            if self.is_life(index, lives) {
                self.give(index, input);
            }
        }
    }

    fn set_cuts(&mut self, links: &[Link], cut: bool) {
        for link in links {
            if !self.fabric.set_cut(*link, cut) {
                continue;
            }
            let name = |port: Port| self.hosts[port.index()].name.clone();
            let (from, to) = (name(link.from), name(link.to));
            let kind = if cut {
                Kind::Cut { from, to }
            } else {
                Kind::Heal { from, to }
            };
            self.recorder.world(self.now, kind);
            if !cut {
                self.disturbed_at = self.now;
            }
        }
    }
}
