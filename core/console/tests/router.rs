//! Goal: a routed command is complete exactly when everybody who got it has answered or is gone; whoever is
//! silent, dead, unknown or talks nonsense is dealt with, and every piece names its node. Method: one manager's
//! router fed by hand, and a pair of routers over an ordered bus for the whole way.

use core::time::Duration;

use proptest::prelude::*;
use ringfort_console::{Event, Note, Scope};
use ringfort_machine::{Instant, Machine, NodeId, Wake};
use ringfort_wire::console::Body;

mod support;

use support::Place;

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
