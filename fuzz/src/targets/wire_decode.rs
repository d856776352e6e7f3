//! Decoding of everything that comes over a network, from bytes that nobody made on purpose.
//!
//! The first byte says what the rest is: a datagram, a stream, a body in a frame whose checksum is right, or the
//! body of one codec. Holds that nothing panics, that what is refused is refused with a reason, and that what is
//! accepted has exactly these bytes as its encoding (`ringfort_wire::body`: bytes and values are one to one).

use bytes::{Bytes, BytesMut};
use ringfort_wire::{ClusterId, DecodeError, Frame, Kind, frame, limits};

use crate::{
    Cursor, Marks, Target,
    codecs::{CODECS, Codec, of_kind},
};

/// The target.
pub const TARGET: Target = Target {
    name: "wire_decode",
    about: "every frame, stream and body from arbitrary bytes: no panic, and accepted bytes are canonical",
    run,
    limit: 4 * 1024,
    words: &[],
};

const CLUSTER: ClusterId = ClusterId(7);

/// Decodes the input.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    let mut script = Cursor::new(input.get(..limits::DATAGRAM).unwrap_or(input));
    let choice = script.below(3 + CODECS.len());
    marks.step(choice);
    match choice.checked_sub(3) {
        Some(index) => body(&CODECS[index], script.rest(), marks),
        None if choice == 0 => datagram(&Bytes::copy_from_slice(script.rest()), marks),
        None if choice == 1 => stream(script.rest(), marks),
        None => framed(script, marks),
    }
}

fn body(codec: &Codec, bytes: &[u8], marks: &mut Marks) {
    let bytes = Bytes::copy_from_slice(bytes);
    match (codec.through)(&bytes) {
        Ok((again, shape)) => {
            assert_eq!(again, bytes, "{}: accepted bytes are canonical", codec.name);
            marks.step((codec.name, shape));
        }
        Err(error) => marks.step((codec.name, Marks::shape(&error))),
    }
}

fn datagram(bytes: &Bytes, marks: &mut Marks) {
    match Frame::decode(CLUSTER, bytes) {
        Ok(frame) => {
            assert_eq!(frame.encode(CLUSTER), bytes, "a frame is its only encoding");
            marks.step(frame.kind as u8);
        }
        Err(error) => {
            marks.step(Marks::shape(&error));
            assert!(!error.to_string().is_empty(), "a refusal says why");
        }
    }
}

/// Whatever a stream brings, reading ends, and never takes more than there is.
fn stream(bytes: &[u8], marks: &mut Marks) {
    let mut stream = BytesMut::from(bytes);
    loop {
        let before = stream.len();
        match Frame::take(CLUSTER, &mut stream) {
            Ok(Some(frame)) => {
                marks.step(frame.kind as u8);
                let whole = frame.encode(CLUSTER).len();
                assert_eq!(before - stream.len(), whole, "a frame takes its own bytes");
            }
            Ok(None) => {
                assert_eq!(before, stream.len(), "an incomplete frame takes nothing");
                return;
            }
            Err(error) => {
                marks.step(Marks::shape(&error));
                return;
            }
        }
    }
}

/// A body in a right frame: what no mutation of a datagram finds, because of the checksum. Then damage, which
/// must be noticed.
fn framed(mut script: Cursor<'_>, marks: &mut Marks) {
    let kind = script.pick(&Kind::ALL);
    let (damage_at, damage) = (script.short(), script.byte());
    let body = script.rest();
    let whole = frame::encode(CLUSTER, kind, body);
    let frame = Frame::decode(CLUSTER, &whole).expect("our own frame");
    assert_eq!((frame.kind, frame.body.as_ref()), (kind, body));
    let (again, shape) = match of_kind(kind, &frame.body) {
        Ok(again) => again,
        Err(error) => (frame.body.clone(), Marks::shape(&error)),
    };
    assert_eq!(again, frame.body, "{kind:?}: accepted bytes are canonical");
    marks.step((kind as u8, shape));
    if damage != 0 {
        let mut broken = whole.to_vec();
        let at = usize::from(damage_at) % broken.len();
        broken[at] ^= damage;
        let refused = Frame::decode(CLUSTER, &broken.into());
        assert!(
            refused.is_err(),
            "a single damaged byte at {at} went unnoticed"
        );
        marks.step(refused.map_or_else(|error| Marks::shape(&error), |_| 0));
    }
    let foreign = Frame::decode(ClusterId(8), &whole);
    assert_eq!(foreign, Err(DecodeError::ForeignCluster(CLUSTER.0)));
}
