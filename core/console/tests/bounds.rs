//! Goal: what one side may cost the other is bounded, and nonsense costs nothing. Method: one router fed by hand with
//! answers that are too long, requests that are too many, and messages that make no sense.

use ringfort_console::{Event, Note};
use ringfort_machine::{Machine, NodeId};
use ringfort_wire::console::{Body, LINE, PART, RequestId};

mod support;

use support::{Place, SESSION, digest, process};

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
