//! Datagrams, streams between nodes, service listeners and their connections.

use ringfort_node::{
    ConnectionAction, ConnectionEvent, ConnectionId, ListenerAction, ListenerId, StreamAction,
    StreamEvent, StreamId, Target,
};

use super::*;
use crate::{clients::SERVICE_PORT, faults::link};

fn socket(host: u8, port: u16) -> SocketAddr {
    ([10, 77, 0, host], port).into()
}

fn datagram(to: Target, length: usize) -> Vec<Action> {
    vec![Action::Datagram {
        to,
        bytes: Bytes::from(vec![9; length]),
    }]
}

#[test]
fn datagrams_reach_whom_they_are_for() {
    let reaction = on_command(|_, command| {
        let to = match command {
            "group" => Target::Multicast((BUS_GROUP, BUS_PORT).into()),
            "all" => Target::Multicast((BROADCAST, BUS_PORT).into()),
            "one" => Target::Peer(socket(2, BUS_PORT)),
            "some" => Target::Peers([socket(2, BUS_PORT), socket(3, BUS_PORT)].into()),
            "port" => Target::Peer(socket(2, 9)),
            other => panic!("{other}"),
        };
        datagram(to, 3)
    });
    let mut stage = Stage::new(3, reaction);
    let mut expected = [0, 0, 0];
    for (command, more) in [
        ("group", [0, 1, 1]),
        ("all", [0, 1, 1]),
        ("one", [0, 1, 0]),
        ("some", [0, 1, 1]),
        ("port", [0, 0, 0]),
    ] {
        stage.command(0, command);
        for host in 0..3 {
            expected[host] += more[host];
            let count = stage.seen(host, "Datagram { from: 10.77.0.1:4803");
            assert_eq!(count, expected[host], "{command} at {host}");
        }
    }
    stage.world.inject(Fault::Cut(vec![link(0, 1)]));
    stage.command(0, "group");
    assert_eq!(stage.seen(1, "Datagram"), expected[1]);
    assert_eq!(stage.seen(2, "Datagram"), expected[2] + 1);
}

#[test]
fn a_datagram_over_the_limit_is_a_violation() {
    let to = Target::Multicast((BUS_GROUP, BUS_PORT).into());
    let mut stage = Stage::new(2, on_command(move |_, _| datagram(to.clone(), 1473)));
    stage.command(0, "send");
    assert_eq!(
        stage.world.recorder().violation().unwrap().checker,
        "datagram-limit"
    );
}

#[test]
fn datagrams_wait_for_a_paused_process_up_to_a_limit() {
    let to = Target::Peer(socket(2, BUS_PORT));
    let reaction = on_command(move |_, _| {
        (0..WAITING_DATAGRAMS + 50)
            .flat_map(|_| datagram(to.clone(), 3))
            .collect()
    });
    let mut stage = Stage::new(2, reaction);
    stage.world.inject(Fault::Pause(1));
    stage.command(0, "flood");
    assert_eq!(stage.seen(1, "Datagram"), 0);
    stage.world.inject(Fault::Resume(1));
    assert_eq!(stage.seen(1, "Datagram"), WAITING_DATAGRAMS);
}

/// Host 0 opens stream 2 to host 1, which answers what it gets.
fn streams() -> Stage {
    Stage::new(2, |host, event| {
        let stream = StreamId(2);
        let action = match (host, event) {
            (0, Event::Local(LocalEvent::Append { log, .. })) => match log.as_str() {
                "connect" => StreamAction::Connect {
                    stream,
                    to: socket(2, 4802),
                    node: None,
                },
                "nowhere" => StreamAction::Connect {
                    stream,
                    to: socket(2, 9),
                    node: None,
                },
                "send" => StreamAction::Send {
                    stream,
                    bytes: Bytes::from_static(b"ping"),
                },
                "close" => StreamAction::Close { stream },
                other => panic!("{other}"),
            },
            (1, Event::Stream(StreamEvent::Data { stream, .. })) => StreamAction::Send {
                stream: *stream,
                bytes: Bytes::from_static(b"pong"),
            },
            _ => return vec![],
        };
        vec![Action::Stream(action)]
    })
}

#[test]
fn a_stream_is_connected_used_and_closed() {
    let mut stage = streams();
    stage.command(0, "connect");
    assert_eq!(stage.seen(0, "Connected { stream: StreamId(2) }"), 1);
    assert_eq!(
        stage.seen(1, "Accepted { stream: StreamId(1), peer: 10.77.0.1:"),
        1
    );
    stage.command(0, "send");
    assert_eq!(
        stage.seen(1, "Data { stream: StreamId(1), bytes: b\"ping\" }"),
        1
    );
    assert_eq!(
        stage.seen(0, "Data { stream: StreamId(2), bytes: b\"pong\" }"),
        1
    );
    stage.command(0, "close");
    assert_eq!(
        stage.seen(1, "Closed { stream: StreamId(1), reason: Finished }"),
        1
    );
    assert_eq!(stage.seen(0, "Closed"), 0, "the node closed it itself");
}

#[test]
fn a_stream_ends_with_the_process_at_its_other_end() {
    for (fault, reason, after) in [
        (Fault::Kill(1), "Reset", 200),
        (Fault::Power(1), "Reset", 20_000),
    ] {
        let mut stage = streams();
        stage.command(0, "connect");
        stage.command(0, "send");
        stage.world.inject(fault);
        stage.run(after);
        assert_eq!(
            stage.seen(
                0,
                &format!("Closed {{ stream: StreamId(2), reason: {reason} }}")
            ),
            1
        );
    }
    let mut stage = streams();
    stage.command(0, "nowhere");
    assert_eq!(
        stage.seen(0, "Closed { stream: StreamId(2), reason: Unreachable }"),
        1
    );
}

/// Host 0 listens for clients and does with them as `action` says.
fn service(action: fn(ConnectionId) -> ConnectionAction) -> Stage {
    let listener = ListenerId(4);
    let mut stage = Stage::new(1, move |_, event| {
        let open = |host| ListenerAction::Open {
            listener,
            address: socket(host, SERVICE_PORT),
        };
        if let Event::Local(LocalEvent::Append { log, .. }) = event {
            return vec![Action::Listener(match log.as_str() {
                "open" => open(1),
                "strange" => open(9),
                "close" => ListenerAction::Close { listener },
                other => panic!("{other}"),
            })];
        }
        if let Event::Connection(ConnectionEvent::Accepted { connection, .. }) = event {
            return vec![Action::Connection(action(*connection))];
        }
        vec![]
    });
    stage.command(0, "open");
    assert_eq!(stage.seen(0, "Opened { listener: ListenerId(4) }"), 1);
    stage
}

/// Lets one client come, talk and hang up.
fn client(stage: &mut Stage) {
    let stays = Duration::from_secs(1);
    stage.world.open_session(socket(1, 0).ip(), true, stays);
    stage.run(500);
}

#[test]
fn clients_are_greeted_refused_or_dropped() {
    let greet: fn(ConnectionId) -> ConnectionAction = |connection| ConnectionAction::Greet {
        connection,
        banner: Bytes::from_static(b"220 hello"),
    };
    let refuse: fn(ConnectionId) -> ConnectionAction = |connection| ConnectionAction::Refuse {
        connection,
        banner: Bytes::from_static(b"421 later"),
    };
    let drop: fn(ConnectionId) -> ConnectionAction =
        |connection| ConnectionAction::Drop { connection };
    for (action, sent) in [(greet, 9), (refuse, 9), (drop, 0)] {
        let mut stage = service(action);
        client(&mut stage);
        assert_eq!(
            stage.seen(
                0,
                "Accepted { connection: ConnectionId(1), listener: ListenerId(4)"
            ),
            1
        );
        stage.run(5000);
        assert_eq!(stage.seen(0, &format!("sent: {sent} }}")), 1);
    }
}

#[test]
fn a_relayed_client_talks_to_the_backend() {
    let mut stage = service(|connection| ConnectionAction::Relay {
        connection,
        to: socket(2, BACKEND_PORT),
        header: Bytes::from_static(b"PROXY"),
    });
    for _ in 0..8 {
        client(&mut stage);
    }
    stage.run(10_000);
    let seen = stage.seen.borrow();
    let closed = |text: &str| {
        seen.iter()
            .filter(|(_, _, line)| line.contains(text))
            .count()
    };
    // The backend answers the header, and what a client said; hanging up ends both sides.
    let whole = closed("received: 13, sent: 8 }") + closed("received: 13, sent: 16 }");
    assert_eq!(whole, 8, "{seen:?}");
    assert_eq!(closed("RelayFailed"), 0);
}

#[test]
fn a_backend_that_is_not_there_fails_the_relay() {
    let mut stage = service(|connection| ConnectionAction::Relay {
        connection,
        to: socket(2, 9),
        header: Bytes::from_static(b"PROXY"),
    });
    client(&mut stage);
    stage.run(5000);
    assert_eq!(
        stage.seen(0, "RelayFailed { connection: ConnectionId(1) }"),
        1
    );
    assert_eq!(stage.seen(0, "Closed { connection: ConnectionId(1)"), 1);
}

#[test]
fn a_listener_needs_its_address_and_closes() {
    let mut stage = service(|connection| ConnectionAction::Drop { connection });
    stage.command(0, "close");
    client(&mut stage);
    assert_eq!(stage.seen(0, "Accepted"), 0);
    stage.command(0, "strange");
    assert_eq!(stage.seen(0, "no such address on this host"), 1);
}
