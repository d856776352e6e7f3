//! The allowance keeps every window, whatever the token says, and starves nobody who has something to send.

use proptest::prelude::*;
use ringfort_machine::{Incarnation, NodeId, ProcessId, RingId};
use ringfort_wire::ring::Token;

use super::{Demand, allowance};
use crate::Windows;

fn token(seq: u64, sent: u32, backlog: u32) -> Token {
    Token {
        ring: RingId {
            sequence: 1,
            representative: ProcessId::new(NodeId(1), Incarnation(1)),
        },
        hop: 1,
        seq,
        aru: seq,
        setter: None,
        sent,
        backlog,
        requests: [].into(),
    }
}

fn demand(backlog: u32) -> Demand {
    Demand {
        sent_before: 0,
        backlog_before: 0,
        backlog,
    }
}

#[test]
fn nothing_waits_nothing_goes() {
    assert_eq!(
        allowance(&Windows::default(), &token(0, 0, 0), 0, demand(0)),
        0
    );
}

#[test]
fn alone_it_gets_its_personal_window() {
    let windows = Windows::default();
    assert_eq!(
        allowance(&windows, &token(0, 0, 0), 0, demand(1000)),
        windows.personal
    );
}

#[test]
fn a_rotation_is_shared_by_what_waits() {
    let windows = Windows {
        global: 100,
        personal: 100,
        ..Windows::default()
    };
    assert_eq!(allowance(&windows, &token(0, 0, 300), 0, demand(100)), 25);
    assert_eq!(
        allowance(&windows, &token(0, 0, 1_000_000), 0, demand(1)),
        1,
        "never less than one"
    );
    assert_eq!(
        allowance(&windows, &token(0, 90, 0), 0, demand(100)),
        10,
        "what is left of it"
    );
    assert_eq!(allowance(&windows, &token(0, 100, 0), 0, demand(100)), 0);
}

#[test]
fn nobody_runs_ahead_of_the_slowest() {
    let windows = Windows::default();
    let ahead = u64::from(windows.outstanding);
    assert_eq!(
        allowance(&windows, &token(ahead - 3, 0, 0), 0, demand(100)),
        3
    );
    assert_eq!(
        allowance(&windows, &token(ahead + 3, 0, 0), 0, demand(100)),
        0
    );
}

proptest! {
    #[test]
    fn every_window_is_kept(
        seq: u32, behind: u32, sent: u32, backlog: u32, before: (u32, u32), own: u32,
    ) {
        let windows = Windows::default();
        let demand = Demand { sent_before: before.0, backlog_before: before.1, backlog: own };
        let aru = u64::from(seq.saturating_sub(behind));
        let allowed = allowance(&windows, &token(u64::from(seq), sent, backlog), aru, demand);
        prop_assert!(allowed <= windows.personal);
        let others = sent.saturating_sub(before.0);
        prop_assert!(u64::from(allowed) + u64::from(others) <= u64::from(windows.global.max(others)));
        prop_assert!(u64::from(seq) - aru + u64::from(allowed) <= u64::from(windows.outstanding.max(behind)));
    }
}
