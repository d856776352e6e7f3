//! Frames: what is written is read back, and every kind of damage is refused for its own reason.

extern crate std;

use std::vec::Vec;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{ClusterId, Frame, Kind, encode};
use crate::{DecodeError, limits};

const CLUSTER: ClusterId = ClusterId(0x0102_0304_0506_0708);

fn sample() -> Vec<u8> {
    encode(CLUSTER, Kind::Join, b"body").to_vec()
}

fn refused(bytes: Vec<u8>) -> DecodeError {
    Frame::decode(CLUSTER, &Bytes::from(bytes)).expect_err("damaged")
}

/// The layout is the protocol: these bytes may only change with the version.
#[test]
fn golden_header() {
    assert_eq!(
        sample()[..20],
        [
            b'R', b'G', b'F', b'T', 1, 3, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 4, 0, 0, 0
        ]
    );
    assert_eq!(sample()[24..], *b"body");
}

#[test]
fn each_damage_has_its_reason() {
    let with = |at: usize, byte: u8| {
        let mut bytes = sample();
        bytes[at] = byte;
        refused(bytes)
    };
    assert_eq!(with(0, b'X'), DecodeError::Magic);
    assert_eq!(
        with(4, 9),
        DecodeError::Version {
            found: 9,
            spoken: limits::VERSION
        }
    );
    assert_eq!(with(5, 99), DecodeError::Kind(99));
    assert_eq!(with(6, 1), DecodeError::Reserved);
    assert!(matches!(with(8, 0), DecodeError::ForeignCluster(_)));
    assert!(matches!(with(18, 0xff), DecodeError::TooLong { .. }));
    assert_eq!(with(16, 5), DecodeError::Truncated { have: 28, need: 29 });
    assert_eq!(with(20, 0), DecodeError::Checksum);
    assert_eq!(with(24, 0), DecodeError::Checksum);
    let mut longer = sample();
    longer.push(0);
    assert_eq!(refused(longer), DecodeError::Trailing(1));
    assert_eq!(
        refused(Vec::new()),
        DecodeError::Truncated { have: 0, need: 24 }
    );
}

proptest! {
    #[test]
    fn any_body_comes_back(body: Vec<u8>) {
        let frame = Frame::new(Kind::Data, Bytes::from(body));
        prop_assert_eq!(Frame::decode(CLUSTER, &frame.encode(CLUSTER)), Ok(frame));
    }

    #[test]
    fn any_single_flipped_bit_is_refused(body: Vec<u8>, bit: u16) {
        let mut bytes = encode(CLUSTER, Kind::Data, &body).to_vec();
        let bit = usize::from(bit) % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Frame::decode(CLUSTER, &Bytes::from(bytes)).is_err());
    }

    #[test]
    fn garbage_never_panics(bytes: Vec<u8>) {
        let _ = Frame::decode(CLUSTER, &Bytes::from(bytes));
    }

    #[test]
    fn a_stream_yields_the_same_frames_however_it_is_cut(bodies: Vec<Vec<u8>>, cut in 1usize..40) {
        let mut whole = Vec::new();
        for body in &bodies {
            whole.extend_from_slice(&encode(CLUSTER, Kind::Replay, body));
        }
        let mut stream = BytesMut::new();
        let mut seen = Vec::new();
        for piece in whole.chunks(cut) {
            stream.extend_from_slice(piece);
            while let Some(frame) = Frame::take(CLUSTER, &mut stream).expect("well formed") {
                seen.push(frame.body.to_vec());
            }
        }
        prop_assert_eq!(seen, bodies);
    }
}
