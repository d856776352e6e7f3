//! One step: find the next thing, let it happen, carry out what the process then wants.

use ringfort_machine::{Instant, Wake};
use ringfort_node::{Action, Event};

use super::{Next, NextKind, Planned, WAITING_DATAGRAMS, WAKES_LIMIT, World};
use crate::{
    fabric::{Arrival, Body, Port},
    schedule::Act,
    stack::Stack,
};

impl World {
    /// The next thing to happen. At equal times the queue comes first, then processes, then stacks.
    pub(super) fn next(&self) -> Option<Next> {
        let mut next: Option<Next> = None;
        let mut consider = |at: Option<Instant>, what| {
            if let Some(at) = at
                && next.is_none_or(|known| at < known.at)
            {
                next = Some(Next { at, what });
            }
        };
        consider(self.queue.next_at(), NextKind::Planned);
        for (index, host) in self.hosts.iter().enumerate() {
            consider(host.wake_at(), NextKind::Wake(index));
        }
        for (index, host) in self.hosts.iter().enumerate() {
            consider(
                host.stack.as_ref().and_then(|s| s.due(self.now)),
                NextKind::Stack(index),
            );
        }
        consider(
            self.clients.stack.due(self.now),
            NextKind::Stack(self.hosts.len()),
        );
        next.map(|next| Next {
            at: next.at.max(self.now),
            ..next
        })
    }

    pub(super) fn step(&mut self, next: Next) {
        self.now = next.at;
        self.steps += 1;
        match next.what {
            NextKind::Planned => {
                if let Some((_, planned)) = self.queue.pop() {
                    self.happen(planned);
                }
            }
            NextKind::Wake(host) => self.wake(host),
            NextKind::Stack(host) => self.poll_stack(host),
        }
    }

    fn happen(&mut self, planned: Planned) {
        match planned {
            Planned::Arrive(port, frame) => self.arrive(port, frame),
            Planned::Disk { host, number } => self.disk_completed(host, number),
            Planned::Fault { fault, before_calm } => {
                if before_calm && self.calm_at.is_some() {
                    return;
                }
                if before_calm {
                    self.keep(|| Act::Fault(fault.clone()));
                }
                self.inject(fault);
            }
            Planned::Step(act) => self.act(act),
            Planned::DrawFault => self.draw_fault(),
            Planned::Attack => self.attack(),
            Planned::Rotate => self.rotate(),
            Planned::Work(work) => self.work(work),
            Planned::Local { host, event } => {
                if self.hosts[host].running().is_some() {
                    self.give(host, Event::Local(event));
                }
            }
            Planned::Give { host, life, event } => {
                if self.is_life(host, life) {
                    self.give(host, event);
                }
            }
            Planned::LeaveBound { host, life } => self.leave_bound(host, life),
        }
    }

    /// Whether `life` is still the present one of `host`.
    pub(crate) fn is_life(&self, host: usize, life: u64) -> bool {
        self.hosts[host].lives == life && self.hosts[host].life.is_some()
    }

    fn wake(&mut self, host: usize) {
        let Some(life) = &mut self.hosts[host].life else {
            return;
        };
        let why = life.wake_at.map_or("", |deadline| deadline.why);
        let wakes = &mut life.wakes;
        *wakes = if wakes.0 == self.now {
            (self.now, wakes.1 + 1)
        } else {
            (self.now, 1)
        };
        if wakes.1 > WAKES_LIMIT {
            let message = format!(
                "{} was woken {WAKES_LIMIT} times at one instant: {why}",
                life.name
            );
            self.object("spin", message);
            return;
        }
        if self.calm_at.is_some() {
            *self.wake_reasons.entry(why).or_default() += 1;
        }
        self.handle(host, Wake.into());
    }

    /// Gives an event to the process of `host`, or keeps it until the process runs again.
    pub(crate) fn give(&mut self, host: usize, event: Event) {
        let Some(life) = &mut self.hosts[host].life else {
            return;
        };
        if life.paused {
            if matches!(event, Event::Datagram { .. }) {
                if life.waiting_datagrams >= WAITING_DATAGRAMS {
                    return; // the kernel's receive buffer is full
                }
                life.waiting_datagrams += 1;
            }
            life.waiting.push_back(event);
            return;
        }
        // The stepping rule of the contract: a deadline that is due fires before the event.
        if life.wake_at.is_some_and(|deadline| deadline.at <= self.now) {
            self.handle(host, Wake.into());
        }
        self.handle(host, event);
    }

    /// Lets the process handle one event and carries out what it wants.
    pub(super) fn handle(&mut self, host: usize, event: Event) {
        let clock = self.hosts[host].clock;
        let Some(life) = &mut self.hosts[host].life else {
            return;
        };
        let mut actions = std::mem::take(&mut self.actions);
        life.program
            .handle(clock.shows(self.now), event, &mut actions);
        life.wake_at = clock.deadline(life.program.deadline());
        self.execute(host, &mut actions);
        self.actions = actions;
    }

    /// Carries out actions in order.
    pub(super) fn execute(&mut self, host: usize, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            if self.hosts[host].life.is_none() || self.recorder.violation().is_some() {
                continue; // it has halted; nothing of it acts any more
            }
            match action {
                Action::Datagram { to, bytes } => self.send_datagram(host, &to, bytes),
                Action::Stream(action) => self.stream(host, action),
                Action::Console(action) => self.console(host, action),
                Action::Listener(action) => self.listener(host, action),
                Action::Connection(action) => self.connection(host, action),
                // Clients are attached in memory; nothing listens for others.
                Action::Bus(_) => {}
                Action::Group { client, event } => self.group_event(host, client, &event),
                Action::Disk(order, action) => self.disk_order(host, order, action),
                Action::Address(order, action) => self.address_order(host, order, action),
                // The guard has taken it, if there is anything to seal.
                Action::Seal(_) => {}
                Action::Note(note) => self.note(host, note),
                Action::Halt(halt) => self.halt(host, halt),
            }
        }
        self.tell_asked(host);
    }

    fn arrive(&mut self, port: Port, frame: crate::fabric::Frame) {
        let index = port.index();
        if index == self.hosts.len() {
            if let Body::Ethernet(bytes) = frame.body {
                self.clients.stack.receive(bytes);
            }
            return;
        }
        let host = &mut self.hosts[index];
        match frame.body {
            Body::Ethernet(bytes) => {
                if let Some(stack) = &mut host.stack {
                    stack.receive(bytes);
                }
            }
            Body::Datagram { from, to, bytes } => {
                let ours = frame.destination.is_group() || to == host.bus;
                if ours && to.port() == host.bus.port() && host.life.is_some() {
                    self.give(index, Event::Datagram { from, bytes });
                }
            }
        }
    }

    fn stack_mut(&mut self, host: usize) -> Option<&mut Stack> {
        if host == self.hosts.len() {
            Some(&mut self.clients.stack)
        } else {
            self.hosts[host].stack.as_mut()
        }
    }

    /// Lets a stack work; sends its frames and hands on what happened to its connections.
    pub(super) fn poll_stack(&mut self, host: usize) {
        let now = self.now;
        let clients = self.hosts.len();
        let attended = host == clients || self.hosts[host].running().is_some();
        let mut frames = std::mem::take(&mut self.frames);
        let mut happenings = std::mem::take(&mut self.happenings);
        if let Some(stack) = self.stack_mut(host) {
            stack.poll(now, attended, &mut frames, &mut happenings);
        }
        let port = Port(u16::try_from(host).expect("fewer hosts than ports"));
        self.send_frames(port, &mut frames);
        for happening in happenings.drain(..) {
            if host == clients {
                self.client_happening(happening);
            } else {
                self.socket_happening(host, happening);
            }
        }
        self.frames = frames;
        self.happenings = happenings;
    }

    /// Puts frames on the segment.
    pub(crate) fn send_frames(&mut self, from: Port, frames: &mut Vec<crate::fabric::Frame>) {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        for frame in frames.drain(..) {
            self.fabric.send(self.now, from, frame, &mut arrivals);
        }
        for Arrival { at, port, frame } in arrivals.drain(..) {
            self.queue.plan(at, Planned::Arrive(port, frame));
        }
        self.arrivals = arrivals;
    }
}
