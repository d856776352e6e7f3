//! Goal: a routed command is complete exactly when everybody who got it has answered or is gone; whoever is
//! silent, dead, unknown or talks nonsense is dealt with, and every piece names its node. Method: one manager's
//! router fed by hand, and a pair of routers over an ordered bus for the whole way.

use core::time::Duration;
use std::collections::VecDeque;

use proptest::prelude::*;
use ringfort_console::{
    Action, Config, Event, Execution, Note, Peer, Role, Router, Scope, SessionId,
};
use ringfort_machine::{Digest, Incarnation, Instant, Machine, NodeId, ProcessId, Wake};
use ringfort_wire::console::{Body, LINE, PART, RequestId};

const SESSION: SessionId = SessionId(1);

fn process(name: &str) -> ProcessId {
    ProcessId::new(NodeId::of_name(name), Incarnation(1))
}

fn peer(name: &str) -> Peer {
    let role = if name == "mgr" {
        Role::Manager
    } else {
        Role::Node
    };
    Peer {
        process: process(name),
        name: name.into(),
        role,
    }
}

fn digest(router: &Router) -> u64 {
    let mut digest = Digest::new();
    router.digest(&mut digest);
    digest.finish()
}

/// A router with what it told its session, what it published, and its notes.
struct Place {
    router: Router,
    me: ProcessId,
    now: Instant,
    printed: String,
    completed: usize,
    published: VecDeque<Body>,
    executing: Vec<(Execution, String)>,
    notes: Vec<Note>,
}

impl Place {
    fn with(name: &str, adjust: impl FnOnce(&mut Config)) -> Self {
        let peer = peer(name);
        let mut config = Config::new(peer.process, peer.role);
        adjust(&mut config);
        let mut place = Self {
            router: Router::new(config),
            me: peer.process,
            now: Instant::ORIGIN,
            printed: String::new(),
            completed: 0,
            published: VecDeque::new(),
            executing: Vec::new(),
            notes: Vec::new(),
        };
        place.view(&["mgr", "mta1", "mta2"]);
        place
    }

    fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    fn feed(&mut self, event: Event) {
        let mut out: Vec<Action> = Vec::new();
        self.router.handle(self.now, event, &mut out);
        for action in out {
            match action {
                Action::Publish(body) => self.published.push_back(body),
                Action::Execute {
                    execution, line, ..
                } => self.executing.push((execution, line)),
                Action::Print { session, text } => {
                    assert_eq!(session, SESSION);
                    assert!(text.ends_with('\n'), "{text}");
                    self.printed.push_str(&text);
                }
                Action::Complete { session } => {
                    assert_eq!(session, SESSION);
                    self.completed += 1;
                }
                Action::Note(note) => self.notes.push(note),
            }
        }
    }

    fn view(&mut self, names: &[&str]) {
        let peers = names.iter().map(|name| peer(name)).collect();
        self.feed(Event::View { peers });
    }

    fn ask(&mut self, scope: Scope, json: bool) {
        self.feed(Event::Request {
            session: SESSION,
            scope,
            json,
        });
    }

    /// Delivers its own published messages to itself.
    fn loop_back(&mut self) {
        while let Some(body) = self.published.pop_front() {
            self.feed(Event::Message {
                from: self.me,
                body,
            });
        }
    }

    fn broadcast(&mut self, line: &str) {
        self.ask(Scope::Broadcast { line: line.into() }, false);
        self.loop_back();
    }

    fn answer(&mut self, from: &str, id: u64, part: u32, last: bool, text: &str) {
        let body = Body::Answer {
            to: self.me,
            id: RequestId(id),
            part,
            last,
            text: text.into(),
        };
        self.feed(Event::Message {
            from: process(from),
            body,
        });
    }

    fn printed(&mut self) -> String {
        core::mem::take(&mut self.printed)
    }
}

#[test]
fn a_broadcast_streams_answers_and_completes_with_the_last() {
    let mut manager = Place::new("mgr");
    manager.broadcast("version");
    assert!(manager.executing.is_empty(), "a manager runs no broadcast");
    manager.answer("mta2", 1, 0, false, "two\n");
    assert_eq!(manager.printed(), "", "a part is not an answer");
    manager.answer("mta2", 1, 1, true, "lines");
    assert_eq!(manager.printed(), "[mta2]\ntwo\nlines\n");
    assert_eq!(manager.completed, 0);
    manager.answer("mta1", 1, 0, true, "");
    assert_eq!(manager.printed(), "[mta1]\n2 of 2 nodes answered.\n");
    assert_eq!(manager.completed, 1);
    assert_eq!(manager.router.deadline(), None);
}

#[test]
pub(crate) fn a_member_that_dies_is_named_at_once_and_not_waited_for() {
    let mut manager = Place::new("mgr");
    manager.broadcast("version");
    manager.answer("mta1", 1, 0, false, "half of an ans");
    manager.view(&["mgr", "mta2"]);
    assert_eq!(
        manager.printed(),
        "[mta1] left the cluster before it answered\n"
    );
    manager.answer("mta1", 1, 1, true, "wer");
    manager.answer("mta2", 1, 0, true, "ok\n");
    assert_eq!(manager.printed(), "[mta2]\nok\n1 of 2 nodes answered.\n");
    assert_eq!(manager.completed, 1);
    manager.broadcast("info");
    manager.view(&["mgr"]);
    assert_eq!(
        manager.printed(),
        "[mta2] left the cluster before it answered\n0 of 1 node answered.\n"
    );
    assert_eq!(manager.completed, 2);
}

#[test]
fn who_must_answer_is_decided_where_the_request_is_ordered() {
    let mut manager = Place::new("mgr");
    manager.ask(
        Scope::Broadcast {
            line: "version".into(),
        },
        false,
    );
    manager.view(&["mgr", "mta2", "mta3"]);
    assert_eq!(manager.printed(), "");
    manager.loop_back();
    manager.answer("mta1", 1, 0, true, "late");
    for node in ["mta2", "mta3"] {
        manager.answer(node, 1, 0, true, "ok");
    }
    assert_eq!(
        manager.printed(),
        "[mta2]\nok\n[mta3]\nok\n2 of 2 nodes answered.\n"
    );
}

#[test]
pub(crate) fn silence_ends_with_the_timeout_and_late_answers_can_be_retrieved() {
    let mut manager = Place::with("mgr", |config| config.timeout = Duration::from_millis(1500));
    manager.broadcast("version");
    manager.answer("mta1", 1, 0, true, "ok");
    let deadline = manager.router.deadline().expect("it waits");
    assert_eq!(deadline.at, Instant::ORIGIN + Duration::from_millis(1500));
    manager.feed(Wake.into());
    assert_eq!(manager.completed, 0, "an early wake is harmless");
    manager.now = deadline.at;
    manager.feed(Wake.into());
    assert_eq!(
        manager.printed(),
        "[mta1]\nok\n[mta2] no answer within 1.500 s\n1 of 2 nodes answered.\n"
    );
    assert_eq!(manager.completed, 1);
    assert_eq!(
        manager.notes,
        [Note::TimedOut {
            missing: vec!["mta2".into()]
        }]
    );
    assert_eq!(manager.router.deadline(), None);
    manager.answer("mta2", 1, 0, true, "late\n");
    assert_eq!(manager.printed(), "");
    manager.ask(
        Scope::Retrieve {
            line: "version".into(),
        },
        false,
    );
    assert_eq!(manager.printed(), "[mta1]\nok\n[mta2]\nlate\n");
    assert_eq!(manager.completed, 2);
}

/// Two commands under way at once: each answer belongs to one of them.
#[test]
pub(crate) fn answers_go_to_the_request_they_are_for() {
    let mut manager = Place::new("mgr");
    manager.broadcast("version");
    manager.broadcast("uptime");
    for (id, text) in [(1, "one"), (2, "two")] {
        for node in ["mta1", "mta2"] {
            manager.answer(node, id, 0, true, text);
        }
        let all = format!("[mta1]\n{text}\n[mta2]\n{text}\n2 of 2 nodes answered.\n");
        assert_eq!(manager.printed(), all);
    }
    let line = String::from("version");
    manager.ask(Scope::Retrieve { line }, false);
    assert_eq!(manager.printed(), "[mta1]\none\n[mta2]\none\n");
}

#[test]
fn a_request_that_is_never_ordered_times_out_too() {
    let mut manager = Place::new("mgr");
    manager.ask(
        Scope::Broadcast {
            line: "version".into(),
        },
        false,
    );
    manager.now = Instant::ORIGIN + Duration::from_secs(5);
    manager.feed(Wake.into());
    assert!(manager.printed().contains("has not reached the cluster"));
    assert_eq!(manager.completed, 1);
}

#[test]
fn retrieve_is_by_text_node_and_format_until_flushed() {
    let mut manager = Place::new("mgr");
    manager.broadcast("version");
    manager.answer("mta1", 1, 0, true, "old");
    manager.answer("mta2", 1, 0, true, "two");
    manager.broadcast("version");
    manager.answer("mta1", 2, 0, true, "new");
    manager.printed();
    let retrieve = |node: &str| Scope::RetrieveNode {
        node: node.into(),
        line: "version".into(),
    };
    manager.ask(retrieve("MTA1"), false);
    assert_eq!(manager.printed(), "[mta1]\nnew\n");
    manager.ask(retrieve("mta3"), false);
    assert_eq!(
        manager.printed(),
        "No answer of mta3 to 'version' is kept.\n"
    );
    manager.ask(retrieve("mta1"), true);
    assert!(manager.printed().starts_with("{\"message\":\"No answer of"));
    manager.ask(
        Scope::Retrieve {
            line: "info".into(),
        },
        false,
    );
    assert_eq!(manager.printed(), "No answer to 'info' is kept.\n");
    manager.ask(Scope::FlushCache, false);
    assert_eq!(manager.printed(), "The control cache is empty.\n");
    manager.ask(retrieve("mta1"), false);
    assert!(manager.printed().starts_with("No answer"));
    assert_eq!(manager.router.status().cached, 0);
}

#[test]
pub(crate) fn the_cache_is_bounded_and_the_oldest_gives_way() {
    let mut manager = Place::with("mgr", |config| {
        config.cache_entries = 2;
        config.cache_bytes = 60;
    });
    for (number, line) in ["a", "b", "c"].iter().enumerate() {
        manager.broadcast(line);
        let id = number as u64 + 1;
        manager.answer("mta1", id, 0, true, "x");
        manager.view(&["mgr", "mta1"]);
        manager.view(&["mgr", "mta1", "mta2"]);
    }
    assert_eq!(manager.router.status().cached, 2);
    manager.printed();
    manager.ask(Scope::Retrieve { line: "a".into() }, false);
    assert!(manager.printed().starts_with("No answer"));
    manager.ask(Scope::Retrieve { line: "b".into() }, false);
    assert_eq!(manager.printed(), "[mta1]\nx\n");
    manager.broadcast("d");
    manager.answer("mta1", 4, 0, true, &"x".repeat(40));
    assert_eq!(
        manager.router.status().cached,
        1,
        "bytes are bounded as well"
    );
}

#[test]
fn unicast_reaches_one_member_by_name() {
    let mut manager = Place::new("mgr");
    let unicast = |node: &str| Scope::Unicast {
        node: node.into(),
        line: "info".into(),
    };
    manager.ask(unicast("mta9"), false);
    let printed = manager.printed();
    assert!(
        printed.starts_with("There is no node 'mta9'. Members: "),
        "{printed}"
    );
    assert_eq!((manager.completed, manager.published.len()), (1, 0));
    manager.ask(unicast("MTA2"), false);
    let target = Some(NodeId::of_name("mta2"));
    assert!(
        matches!(&manager.published[0], Body::Request { target: found, .. } if *found == target)
    );
    manager.loop_back();
    manager.answer("mta1", 1, 0, true, "not asked");
    assert_eq!(manager.printed(), "");
    manager.answer("mta2", 1, 0, true, "ok");
    assert_eq!(manager.printed(), "[mta2]\nok\n1 of 1 node answered.\n");
    manager.ask(unicast("mgr"), false);
    manager.loop_back();
    assert_eq!(
        manager.executing.len(),
        1,
        "a manager runs what is sent to it by name"
    );
}

#[test]
fn without_nodes_a_broadcast_says_so() {
    let mut manager = Place::new("mgr");
    manager.view(&["mgr"]);
    manager.broadcast("version");
    assert_eq!(manager.printed(), "No node is in the cluster.\n");
    assert_eq!(manager.completed, 1);
}

#[test]
fn json_answers_name_their_node_too() {
    let mut manager = Place::new("mgr");
    manager.ask(
        Scope::Broadcast {
            line: "info".into(),
        },
        true,
    );
    manager.loop_back();
    manager.answer("mta1", 1, 0, true, "{\"report\":\"info\"}\n");
    manager.answer("mta2", 1, 0, true, "not \"json\"\n");
    assert_eq!(
        manager.printed(),
        concat!(
            "{\"node\":\"mta1\",\"answer\":{\"report\":\"info\"}}\n",
            "{\"node\":\"mta2\",\"text\":\"not \\\"json\\\"\\n\"}\n",
            "{\"answered\":2,\"asked\":2}\n",
        )
    );
    manager.ask(
        Scope::Broadcast {
            line: "info".into(),
        },
        true,
    );
    manager.loop_back();
    manager.view(&["mgr", "mta1"]);
    manager.now = Instant::ORIGIN + Duration::from_secs(5);
    manager.feed(Wake.into());
    assert_eq!(
        manager.printed(),
        concat!(
            "{\"node\":\"mta2\",\"error\":\"left the cluster before it answered\"}\n",
            "{\"node\":\"mta1\",\"error\":\"no answer within 5 s\"}\n",
            "{\"answered\":0,\"asked\":2}\n",
        )
    );
}

#[test]
fn a_node_answers_in_parts_and_cuts_what_is_too_long() {
    let mut node = Place::with("mta1", |config| config.answer_bytes = 2 * PART);
    let request = |id, line: &str| Event::Message {
        from: process("mgr"),
        body: Body::Request {
            id: RequestId(id),
            target: None,
            line: line.into(),
            json: false,
        },
    };
    node.feed(request(7, "cluster info"));
    let (execution, line) = node.executing.remove(0);
    assert_eq!(line, "cluster info");
    // A character of two bytes lies across the border of the first part.
    let text = format!("{}ü{}", "x".repeat(PART - 1), "y".repeat(3 * PART));
    node.feed(Event::Answered { execution, text });
    let mut whole = String::new();
    let parts = node.published.len();
    for (number, body) in node.published.drain(..).enumerate() {
        let Body::Answer {
            to,
            id,
            part,
            last,
            text,
        } = body
        else {
            panic!("{body:?}");
        };
        assert_eq!(
            (to, id, part as usize),
            (process("mgr"), RequestId(7), number)
        );
        assert_eq!(last, number + 1 == parts);
        assert!(text.len() <= PART);
        whole.push_str(&text);
    }
    assert!(whole.starts_with("xxx") && whole.contains("xüy"));
    assert!(whole.ends_with("\n[cut: 131073 bytes, of which 65536 are shown]\n"));
    assert_eq!(node.notes, [Note::AnswerCut { from: node.me }]);

    let before = digest(&node.router);
    node.feed(Event::Answered {
        execution,
        text: "again".into(),
    });
    assert!(node.published.is_empty());
    assert_eq!(digest(&node.router), before);
}

#[test]
fn the_asking_side_keeps_no_more_than_its_limit_either() {
    let mut manager = Place::with("mgr", |config| {
        config.answer_bytes = 100;
        config.collecting_bytes = 300;
    });
    manager.broadcast("info");
    manager.answer("mta1", 1, 0, false, &"a".repeat(150));
    manager.answer("mta1", 1, 1, true, &"b".repeat(150));
    let printed = manager.printed();
    assert!(printed.ends_with("b\n[the rest is cut]\n"), "{printed}");
    let body = printed.strip_prefix("[mta1]\n").expect("attribution");
    assert_eq!(body.matches(['a', 'b']).count(), 180);
    assert_eq!(
        manager.notes,
        [Note::AnswerCut {
            from: process("mta1")
        }]
    );
}

#[test]
fn executions_are_bounded_and_end_with_whoever_asked() {
    let mut node = Place::with("mta1", |config| config.executions = 1);
    let request = |from: &str, id| Event::Message {
        from: process(from),
        body: Body::Request {
            id: RequestId(id),
            target: None,
            line: "info".into(),
            json: false,
        },
    };
    node.feed(request("mgr", 1));
    node.feed(request("mgr", 2));
    assert_eq!(
        node.notes,
        [Note::ExecutionRefused {
            from: process("mgr")
        }]
    );
    let refused = node.published.pop_front().expect("an answer");
    assert!(
        matches!(refused, Body::Answer { id: RequestId(2), last: true, text, .. }
        if text.starts_with("Too many"))
    );
    node.view(&["mta1", "mta2"]);
    assert_eq!(node.router.status().executing, 0);
    let execution = node.executing[0].0;
    node.feed(Event::Answered {
        execution,
        text: "ok".into(),
    });
    assert!(node.published.is_empty(), "nobody wants to know");
}

#[test]
fn sessions_and_requests_are_bounded() {
    let mut manager = Place::with("mgr", |config| config.requests = 2);
    for _ in 0..2 {
        manager.broadcast("version");
    }
    manager.broadcast("version");
    assert_eq!(
        manager.printed(),
        "Too many commands are under way. Try again.\n"
    );
    manager.feed(Event::Closed { session: SESSION });
    assert_eq!(manager.router.deadline(), None, "nobody waits");
    manager.broadcast("version");
    assert_eq!(manager.router.status().waiting, 1);
    manager.answer("mta1", 1, 0, true, "the oldest gave way");
    manager.answer("mta1", 2, 0, true, "kept, not printed");
    assert_eq!(manager.printed(), "");
    assert_eq!(manager.router.status().cached, 1);
}

#[test]
fn nonsense_changes_nothing() {
    let mut manager = Place::new("mgr");
    manager.broadcast("version");
    let before = digest(&manager.router);
    manager.answer("mta1", 9, 0, true, "no such request");
    manager.answer("mta1", 1, 3, true, "no such part");
    manager.answer("stranger", 1, 0, true, "who?");
    let line = "x".repeat(LINE + 1);
    let (from, target) = (process("mta1"), Some(NodeId::of_name("mgr")));
    let id = RequestId(1);
    let body = Body::Request {
        id,
        target,
        line,
        json: false,
    };
    manager.feed(Event::Message { from, body });
    assert_eq!(manager.printed(), "");
    assert_eq!(manager.notes.len(), 3);
    assert!(
        manager
            .notes
            .iter()
            .all(|note| matches!(note, Note::MessageRefused { .. }))
    );
    assert_eq!(digest(&manager.router), before);
}

#[test]
fn the_whole_way_over_an_ordered_bus() {
    let mut places = [Place::new("mgr"), Place::new("mta1"), Place::new("mta2")];
    places[0].ask(
        Scope::Broadcast {
            line: "cluster nodename".into(),
        },
        false,
    );
    loop {
        let mut sent = None;
        for place in &mut places {
            for (execution, line) in core::mem::take(&mut place.executing) {
                assert_eq!(line, "cluster nodename");
                let text = format!("I am {}\n", place.me.node);
                place.feed(Event::Answered { execution, text });
            }
            if sent.is_none() {
                sent = place.published.pop_front().map(|body| (place.me, body));
            }
        }
        let Some((from, body)) = sent else {
            break;
        };
        for place in &mut places {
            place.feed(Event::Message {
                from,
                body: body.clone(),
            });
        }
    }
    let printed = places[0].printed();
    for name in ["mta1", "mta2"] {
        let expected = format!("[{name}]\nI am {}\n", NodeId::of_name(name));
        assert!(printed.contains(&expected), "{printed}");
    }
    assert!(printed.ends_with("2 of 2 nodes answered.\n"));
    assert_eq!(places[0].completed, 1);
}

proptest! {
    /// Whatever comes, each command completes once, by the timeout at the latest, and nothing panics.
    #[test]
    fn every_command_completes_once(
        steps in prop::collection::vec((0u8..5, 0u64..4, 0usize..3, any::<bool>(), 0u32..2), 0..60)
    ) {
        const NAMES: [&str; 3] = ["mta1", "mta2", "mta3"];
        let mut manager = Place::new("mgr");
        let mut asked = 0;
        for (kind, id, who, flag, part) in steps {
            match kind {
                0 => {
                    manager.ask(Scope::Broadcast { line: "version".into() }, flag);
                    asked += 1;
                }
                1 => manager.loop_back(),
                2 => manager.answer(NAMES[who], id, part, flag, "text"),
                3 if flag => manager.view(&["mgr", "mta1", NAMES[who]]),
                3 => manager.view(&["mgr"]),
                _ => {
                    manager.now = manager.now + Duration::from_secs(id);
                    manager.feed(Wake.into());
                }
            }
        }
        manager.now = manager.now + Duration::from_secs(6);
        manager.feed(Wake.into());
        prop_assert_eq!(manager.completed, asked);
        prop_assert_eq!(manager.router.status().waiting, 0);
    }
}
