//! The console routers of three processes, two nodes and a manager, over a bus that the script drives: requests,
//! answers of any length or none, sessions that end, rosters that change, and forged messages.
//!
//! Holds that a session is prompted again at most once for each of its commands, that bodies keep their limits,
//! and that a router keeps no more than it was told it may.

use std::collections::BTreeMap;

use ringfort_console::{Action, Config, Event, Execution, Peer, Role, Router, Scope, SessionId};
use ringfort_machine::ProcessId;
use ringfort_wire::console::{Body, LINE, PART};

use crate::{
    Cursor, Marks, Target,
    bus::{self, Bus, MEMBERS, Ordered, Said, Service, View},
    story::{Story, twice},
};

/// The target.
pub const TARGET: Target = Target {
    name: "console_router",
    about: "routers of three processes: requests, answers, losses and forgeries; every command ends at most once",
    run,
    limit: 2 * 1024,
    words: &[],
};

/// Executions at a time.
const EXECUTIONS: usize = 3;
/// Requests kept.
const REQUESTS: usize = 4;
/// Answers kept.
const CACHED: usize = 6;

/// Plays the input as a script.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        Bus::play(Consoles::default(), script, story)
    });
}

#[derive(Default)]
struct Consoles {
    executing: [Vec<Execution>; MEMBERS],
    /// Commands of each session that have not ended.
    open: BTreeMap<(usize, SessionId), u64>,
}

const fn role(who: usize) -> Role {
    if who == 2 { Role::Manager } else { Role::Node }
}

impl Service for Consoles {
    type Machine = Router;
    type Body = Body;

    fn start(&mut self, who: usize, me: ProcessId, _: &Story, _: &mut Vec<Said<Self>>) -> Router {
        self.executing[who].clear();
        self.open.retain(|(owner, _), _| *owner != who);
        let mut config = Config::new(me, role(who));
        config.requests = REQUESTS;
        config.executions = EXECUTIONS;
        config.answer_bytes = 48 * 1024;
        config.collecting_bytes = 96 * 1024;
        config.cache_entries = CACHED;
        config.cache_bytes = 64 * 1024;
        Router::new(config)
    }

    fn view(&self, _: usize, view: &View) -> Vec<Event> {
        let peers = view.regular.members.iter().map(|member| {
            let who = (0..MEMBERS).find(|who| bus::process(*who, 1).node == member.process.node);
            let who = who.expect("a member of this bus");
            Peer {
                process: member.process,
                name: bus::name(who).into(),
                role: role(who),
            }
        });
        vec![Event::View {
            peers: peers.collect(),
        }]
    }

    fn message(&self, message: &Ordered<Body>) -> Option<Event> {
        Some(Event::Message {
            from: message.from,
            body: message.body.clone(),
        })
    }

    fn local(&mut self, who: usize, script: &mut Cursor<'_>, router: &Router) -> Option<Event> {
        let status = router.status();
        assert!(status.executing <= EXECUTIONS, "{status:?}");
        assert!(status.cached <= CACHED, "{status:?}");
        match script.byte() % 8 {
            0 => {
                let session = SessionId(u64::from(script.byte() % 4));
                self.open.remove(&(who, session));
                Some(Event::Closed { session })
            }
            1..=3 => {
                let session = SessionId(u64::from(script.byte() % 4));
                *self.open.entry((who, session)).or_default() += 1;
                Some(Event::Request {
                    session,
                    scope: scope(script),
                    json: script.flag(),
                })
            }
            4 => Some(Event::Answered {
                execution: Execution(script.number()),
                text: script.text(),
            }),
            _ => {
                let executing = &mut self.executing[who];
                if executing.is_empty() {
                    return None;
                }
                let execution = executing.remove(script.below(executing.len()));
                let text = script.text();
                let times = [1, 1, 2, 1000][script.below(4)];
                Some(Event::Answered {
                    execution,
                    text: text.repeat(times),
                })
            }
        }
    }

    fn forged(&mut self, script: &mut Cursor<'_>) -> Option<Body> {
        let (body, _) = postcard::take_from_bytes::<Body>(script.block()).ok()?;
        Some(body)
    }

    fn said(&mut self, who: usize, said: Action) -> Option<Body> {
        match said {
            Action::Publish(body) => {
                match &body {
                    Body::Request { line, .. } => assert!(line.len() <= LINE),
                    Body::Answer { text, .. } => assert!(text.len() <= PART),
                }
                return Some(body);
            }
            Action::Execute { execution, .. } => {
                let executing = &mut self.executing[who];
                executing.push(execution);
                if executing.len() > 2 * EXECUTIONS {
                    executing.remove(0); // never answered
                }
            }
            Action::Complete { session } => {
                if let Some(open) = self.open.get_mut(&(who, session)) {
                    assert!(*open > 0, "{session:?} was prompted for nothing");
                    *open -= 1;
                }
            }
            Action::Print { text, .. } => {
                assert!(text.ends_with('\n'), "whole lines are printed: {text:?}");
            }
            Action::Note(_) => {}
        }
        None
    }

    fn compare(&mut self, _: &[(usize, &Router)], _: bool) {}
}

fn scope(script: &mut Cursor<'_>) -> Scope {
    let node = script.pick(&["n1", "n2", "n3", "N1", "n4", ""]).to_owned();
    let line = script
        .pick(&["info", "version", "cluster membership", "x"])
        .to_owned();
    match script.below(6) {
        0 | 1 => Scope::Broadcast { line },
        2 => Scope::Unicast { node, line },
        3 => Scope::Retrieve { line },
        4 => Scope::RetrieveNode { node, line },
        _ => Scope::FlushCache,
    }
}
