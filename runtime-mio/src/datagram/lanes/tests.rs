//! Goal: whatever is queued leaves once, in order for each destination, in runs that the kernel takes. Method:
//! plans of small queues by example, and of drawn ones against a model.

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;
use proptest::prelude::*;

use super::Lanes;
use crate::sys::udp::{BATCH, BUFFER_BYTES, SEGMENTS, pieces_limit};

fn peer(number: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1000 + number))
}

fn shapes(lanes: &mut Lanes, offload_limit: usize) -> Vec<(u16, usize, usize)> {
    let (runs, _) = lanes.plan(offload_limit);
    runs.iter()
        .map(|run| (run.to.port() - 1000, run.count, run.segment))
        .collect()
}

#[test]
fn equal_neighbours_are_one_run_and_a_smaller_one_ends_it() {
    let mut lanes = Lanes::default();
    for size in [30, 30, 30, 20, 20, 30] {
        lanes.push(peer(0), Bytes::from(vec![0; size]));
        lanes.push(peer(1), Bytes::from(vec![0; size]));
    }
    let expected = |peer| [(peer, 4, 30), (peer, 1, 20), (peer, 1, 30)];
    let both: Vec<_> = expected(0).into_iter().chain(expected(1)).collect();
    assert_eq!(shapes(&mut lanes, BUFFER_BYTES), both);
    assert_eq!(
        shapes(&mut lanes, 29)[..3],
        [(0, 1, 30), (0, 1, 30), (0, 1, 30)]
    );
}

#[test]
fn the_lane_that_waits_longest_goes_first() {
    let mut lanes = Lanes::default();
    for number in [0, 1] {
        lanes.push(peer(number), Bytes::from_static(b"once"));
    }
    assert_eq!(shapes(&mut lanes, BUFFER_BYTES).len(), 2);
    lanes.sent(2);
    lanes.push(peer(1), Bytes::from_static(b"token"));
    lanes.push(peer(0), Bytes::from_static(b"data"));
    assert_eq!(shapes(&mut lanes, BUFFER_BYTES), [(1, 1, 5), (0, 1, 4)]);
}

proptest! {
    #[test]
    fn everything_leaves_once_and_in_order(
        queue in prop::collection::vec((0..5_u16, 1..4_usize), 1..400),
        taken in prop::collection::vec(1..5_usize, 1..50),
    ) {
        let mut lanes = Lanes::default();
        let mut expected: BTreeMap<u16, Vec<Bytes>> = BTreeMap::new();
        for (number, (to, size)) in queue.iter().enumerate() {
            let bytes = Bytes::from(vec![number as u8; size * 700]);
            lanes.push(peer(*to), bytes.clone());
            expected.entry(*to).or_default().push(bytes);
        }
        let mut left: BTreeMap<u16, Vec<Bytes>> = BTreeMap::new();
        let mut taken = taken.into_iter().cycle();
        while lanes.len() > 0 {
            let count = taken.next().unwrap();
            let (runs, pieces) = lanes.plan(BUFFER_BYTES);
            let mut pieces = pieces.map(Bytes::copy_from_slice);
            prop_assert!((1..=BATCH).contains(&runs.len()));
            prop_assert!(runs.iter().map(|run| run.count).sum::<usize>() <= pieces_limit());
            for (index, run) in runs.iter().enumerate() {
                let own: Vec<_> = pieces.by_ref().take(run.count).collect();
                prop_assert_eq!(own.len(), run.count);
                prop_assert!(run.count <= SEGMENTS);
                prop_assert!(own.iter().map(Bytes::len).sum::<usize>() <= BUFFER_BYTES);
                let (last, rest) = own.split_last().unwrap();
                prop_assert!(rest.iter().all(|one| one.len() == run.segment));
                prop_assert!(last.len() <= run.segment);
                if index < count {
                    left.entry(run.to.port() - 1000).or_default().extend(own);
                }
            }
            let took = count.min(runs.len());
            drop(pieces);
            lanes.sent(took);
        }
        prop_assert_eq!(left, expected);
    }
}
