//! The beginning and the end of processes, and what stands between: pauses, cuts, disks that fail.

use std::{net::SocketAddr, time::Duration};

use ringfort_machine::{Incarnation, Instant};
use ringfort_node::{Event, Halt};

use super::{PROBE_PORT, Planned, World, new_stack};
use crate::{
    fabric::Link,
    faults::{BOUND, Fault},
    host::{Boot, Door, Life},
    trace::{CrashKind, Kind},
};

impl World {
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
            Fault::Step(host, by) => {
                let origin = &mut self.hosts[host].wall_origin_ns;
                *origin = origin.saturating_add_signed(by);
            }
            Fault::Reload(host, number) => {
                self.hosts[host].reloaded = true;
                self.reload(host, number);
            }
            Fault::Calm => self.calm(),
        }
    }

    /// A link is free again; what it held back arrives.
    pub(crate) fn unclog(&mut self, link: Link) {
        let mut arrivals = Vec::new();
        self.fabric.unclog(self.now, link, &mut arrivals);
        for arrival in arrivals {
            self.queue
                .plan(arrival.at, Planned::Arrive(arrival.port, arrival.frame));
        }
    }

    /// An operator gives the node another configuration; it is in force for this process and those after it.
    pub(crate) fn reload(&mut self, index: usize, number: u64) {
        let stays = |life: &Life| !life.leaving;
        if let Some(event) = self.fleet.reload(index, number)
            && self.hosts[index].life.as_ref().is_some_and(stays)
        {
            self.give(index, event); // one that stands still finds it when it goes on
        }
    }

    fn start(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if host.life.is_some() {
            return;
        }
        host.lives += 1;
        let lives = host.lives;
        if host.stack.is_none() {
            host.boots += 1;
            let seed = host.seed.fork(&format!("stack {}", host.boots));
            host.stack = Some(new_stack(host.port, host.base, seed, self.now));
        }
        let boot = Boot {
            host: index,
            incarnation: Incarnation(lives),
            seed: host.seed.fork(&format!("life {lives}")),
            wall_origin_ns: host.wall_origin_ns,
            system_boot: host.boots,
        };
        let id = host.process_id();
        let name = self.names.process(id);
        self.recorder.of(self.now, &name, Kind::Start);
        self.disturbed_at = self.now;
        let mut actions = Vec::new();
        let clock = self.hosts[index].clock;
        let program = self.fleet.start(boot, clock.shows(self.now), &mut actions);
        let mut life = Life::new(name, program);
        life.wake_at = clock.deadline(life.program.deadline());
        let host = &mut self.hosts[index];
        if let Some(stack) = &mut host.stack {
            let probe: SocketAddr = ([0, 0, 0, 0], PROBE_PORT).into();
            life.doors.insert(stack.listen(probe), Door::Probe);
            for address in self.fleet.cluster_listeners(index) {
                life.doors.insert(stack.listen(address), Door::Cluster);
            }
        }
        host.life = Some(life);
        self.execute(index, &mut actions);
        self.begin_work(index);
    }

    fn crash(&mut self, index: usize, how: CrashKind) {
        self.resume_silently(index);
        if how == CrashKind::Power {
            self.disk_interrupted(index);
        }
        let host = &mut self.hosts[index];
        let Some(life) = host.life.take() else { return };
        let name = life.name;
        match how {
            CrashKind::Kill => {
                self.recorder.of(self.now, &name, Kind::Crash { how });
                self.abandon_stack(index);
            }
            CrashKind::Power => {
                let damage = host.disk.lose_power();
                host.stack = None;
                host.held.clear();
                for (count, fault) in [(damage.torn, "torn"), (damage.lost, "lost")] {
                    if count > 0 {
                        self.recorder.of(
                            self.now,
                            &name,
                            Kind::Disk {
                                fault: fault.into(),
                            },
                        );
                    }
                }
                self.recorder.of(self.now, &name, Kind::Crash { how });
            }
        }
        self.ended(index);
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

    /// The kernel closes what the process had open.
    fn abandon_stack(&mut self, index: usize) {
        let now = self.now;
        let host = &mut self.hosts[index];
        let port = host.port;
        let mut frames = Vec::new();
        if let Some(stack) = &mut host.stack {
            stack.abandon(now, &mut frames);
        }
        self.send_frames(port, &mut frames);
    }

    fn ended(&mut self, index: usize) {
        self.hosts[index].addresses_busy_until = Instant::ORIGIN;
        self.hosts[index].printed.clear();
    }

    fn leave(&mut self, index: usize) {
        self.resume(index);
        let host = &mut self.hosts[index];
        let lives = host.lives;
        let Some(life) = &mut host.life else { return };
        if life.leaving {
            return;
        }
        life.leaving = true;
        self.plan_after(
            BOUND,
            Planned::LeaveBound {
                host: index,
                life: lives,
            },
        );
        self.give(index, Event::Leave);
    }

    pub(super) fn leave_bound(&mut self, index: usize, life: u64) {
        if self.is_life(index, life) {
            let host = &self.hosts[index];
            let why = host.life.as_ref().and_then(|life| life.wake_at);
            let message = format!(
                "{} was asked to leave {} s ago and has not; it waits for {}",
                host.name,
                BOUND.as_secs(),
                why.map_or("nothing", |deadline| deadline.why)
            );
            self.object("leave", message);
        }
    }

    pub(super) fn halt(&mut self, index: usize, halt: Halt) {
        let host = &mut self.hosts[index];
        match halt {
            Halt::Left => {
                let Some(life) = host.life.take() else { return };
                if let Some(vip) = host.held.keys().next() {
                    let message = format!("{} stopped and left {vip} on its interface", life.name);
                    self.object("stop", message);
                    return;
                }
                self.recorder.of(self.now, &life.name, Kind::Stop);
                self.disturbed_at = self.now;
                self.abandon_stack(index);
                self.ended(index);
            }
            Halt::Overloaded => {
                // A supervisor sees it die and starts it again.
                self.crash(index, CrashKind::Kill);
                let again = Fault::Start(index);
                let planned = Planned::Fault {
                    fault: again,
                    before_calm: false,
                };
                self.plan_after(Duration::from_secs(1), planned);
            }
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
        let Some(life) = &mut self.hosts[index].life else {
            return;
        };
        if !life.paused {
            return;
        }
        life.paused = false;
        life.waiting_datagrams = 0;
        let waiting = std::mem::take(&mut life.waiting);
        self.recorder.of(self.now, &life.name, Kind::Resume);
        self.disturbed_at = self.now;
        let lives = self.hosts[index].lives;
        for event in waiting {
            if self.is_life(index, lives) {
                self.give(index, event);
            }
        }
        self.disk_resumed(index);
        self.poll_stack(index);
    }

    fn set_cuts(&mut self, links: &[Link], cut: bool) {
        for link in links {
            if !self.fabric.set_cut(*link, cut) {
                continue;
            }
            let name = |port: crate::fabric::Port| self.hosts[port.index()].name.clone();
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
