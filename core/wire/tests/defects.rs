//! Goal: what the codec promises to refuse it refuses, and the checks of that can fail. Method: frames that are
//! wrong in one way each, with the defect that lets them pass switched on, in a process of its own. Needs the
//! feature `defects`.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_wire::{ClusterId, DecodeError, Frame, Kind, frame, limits};

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (Defect::SkipChecksum, damage_is_noticed),
    (Defect::AcceptTrailing, nothing_follows),
    (Defect::AcceptForeignCluster, strangers_are_not_heard),
    (
        Defect::SkipLengthLimit,
        no_length_is_believed_beyond_the_limit,
    ),
];

const CLUSTER: ClusterId = ClusterId(7);

fn sound() -> Bytes {
    frame::encode(CLUSTER, Kind::Hurry, b"some body")
}

/// Every single bit of the body counts.
fn damage_is_noticed() {
    let sound = sound();
    for bit in 0..(sound.len() - limits::HEADER) * 8 {
        let mut bytes = sound.to_vec();
        bytes[limits::HEADER + bit / 8] ^= 1 << (bit % 8);
        let found = Frame::decode(CLUSTER, &bytes.into());
        assert_eq!(found, Err(DecodeError::Checksum), "bit {bit}");
    }
}

fn nothing_follows() {
    let mut bytes = sound().to_vec();
    bytes.push(0);
    let found = Frame::decode(CLUSTER, &bytes.into());
    assert_eq!(found, Err(DecodeError::Trailing(1)));
}

fn strangers_are_not_heard() {
    let found = Frame::decode(ClusterId(8), &sound());
    assert_eq!(found, Err(DecodeError::ForeignCluster(CLUSTER.0)));
}

/// A stream is closed by a length that no frame has, before anything of that length is waited for.
fn no_length_is_believed_beyond_the_limit() {
    let mut stream = BytesMut::from(&sound()[..16]);
    stream.put_u32_le(u32::MAX);
    stream.put_u32_le(0);
    let found = Frame::take(CLUSTER, &mut stream);
    assert!(
        matches!(found, Err(DecodeError::TooLong { .. })),
        "{found:?}"
    );
}

fn unknown(_: bool) {
    panic!("no test is for this defect");
}

#[test]
fn one_defect() {
    let Some((defect, on)) = in_this_process() else {
        return;
    };
    if on {
        activate(Some(defect));
    }
    let directed = DIRECTED.iter().find(|(known, _)| *known == defect);
    match directed {
        Some((_, test)) => test(),
        None => unknown(on),
    }
}

#[test]
fn every_defect_is_caught() {
    every_one_is_caught("wire", "one_defect", &[]);
}
