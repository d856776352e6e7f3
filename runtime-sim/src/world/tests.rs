//! Goal: the world carries out what processes want, exactly as the trace format says. Method: puppets in the
//! place of nodes; each test gives them a reaction and reads what they saw and what was recorded.

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use ringfort_logs::Class;
use ringfort_machine::{Deadline, OrderId};
use ringfort_vip::AddressAction;

use super::*;
use crate::{
    host::{Boot, Program},
    recorder::Recorder,
    trace::{CrashKind, Event as Line},
};

mod hosts;
mod phases;
mod sockets;

/// What puppets saw: when, which host, what.
type Seen = Rc<RefCell<Vec<(Instant, usize, String)>>>;
/// What a puppet does about an event; the host and the event in, actions out.
type Reaction = Rc<dyn Fn(usize, &Event) -> Vec<Action>>;

struct Puppet {
    host: usize,
    seen: Seen,
    reaction: Reaction,
    wake: Option<Deadline>,
}

impl Program for Puppet {
    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Action>) {
        self.seen
            .borrow_mut()
            .push((now, self.host, format!("{event:?}")));
        out.extend((self.reaction)(self.host, &event));
    }

    fn deadline(&self) -> Option<Deadline> {
        self.wake
    }
}

struct Puppets {
    seen: Seen,
    reaction: Reaction,
    wake: Option<Deadline>,
}

impl Fleet for Puppets {
    fn start(&mut self, boot: Boot, _: Instant, _: &mut Vec<Action>) -> Box<dyn Program> {
        Box::new(Puppet {
            host: boot.host,
            seen: self.seen.clone(),
            reaction: self.reaction.clone(),
            wake: self.wake,
        })
    }

    fn cluster_listeners(&self, _: usize) -> Vec<SocketAddr> {
        vec![([0, 0, 0, 0], 4802).into()]
    }

    fn reload(&mut self, _: usize, _: u64) -> Option<Event> {
        None
    }

    fn is_total(&self, _: &str) -> bool {
        false
    }
}

/// A world of puppets, run until all have started.
struct Stage {
    world: World,
    seen: Seen,
}

impl Stage {
    fn new(nodes: u64, reaction: impl Fn(usize, &Event) -> Vec<Action> + 'static) -> Self {
        Self::with(Options::quiet(1, nodes), None, reaction)
    }

    fn with(
        options: Options,
        wake: Option<Deadline>,
        reaction: impl Fn(usize, &Event) -> Vec<Action> + 'static,
    ) -> Self {
        let seen = Seen::default();
        let fleet = Puppets {
            seen: seen.clone(),
            reaction: Rc::new(reaction),
            wake,
        };
        let recorder = Recorder::new(Vec::new()).keeping();
        let mut world = World::new(options, Box::new(fleet), recorder);
        world.run_until(Instant::from_nanos(1_000_000_000));
        Self { world, seen }
    }

    fn run(&mut self, millis: u64) {
        let end = self.world.now + Duration::from_millis(millis);
        self.world.run_until(end);
    }

    /// Tells the puppet of `host` to do what its reaction has for `command`, and lets it happen.
    fn command(&mut self, host: usize, command: &str) {
        let event = LocalEvent::Append {
            log: command.to_owned(),
            class: Class::None,
            payload: Bytes::new(),
        };
        self.world.local_at(self.world.now, host, event);
        self.run(200);
    }

    fn seen(&self, host: usize, what: &str) -> usize {
        let seen = self.seen.borrow();
        seen.iter()
            .filter(|(_, at, text)| *at == host && text.contains(what))
            .count()
    }

    /// The recorded lines after the starts, without times.
    fn lines(&self) -> Vec<String> {
        let text = |line: &Line| {
            let p = line.p.as_ref().map_or(String::new(), |p| format!("{p} "));
            format!("{p}{:?}", line.kind)
        };
        let boring = |line: &&Line| !matches!(line.kind, Kind::Run(_) | Kind::Start);
        self.world
            .recorder()
            .kept()
            .iter()
            .filter(boring)
            .map(text)
            .collect()
    }
}

/// Reacts to the commands of [`Stage::command`].
fn on_command(react: impl Fn(usize, &str) -> Vec<Action>) -> impl Fn(usize, &Event) -> Vec<Action> {
    move |host, event| {
        if let Event::Local(LocalEvent::Append { log, .. }) = event {
            return react(host, log);
        }
        Vec::new()
    }
}

fn nothing(_: usize, _: &Event) -> Vec<Action> {
    Vec::new()
}

const KILL: Kind = Kind::Crash {
    how: CrashKind::Kill,
};
