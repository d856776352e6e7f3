//! Goal: memory comes back when a datagram is dropped, and is never shared with a later one while it is held.
//! Method: watch addresses of slots over a whole turn of the ring.

use bytes::BufMut;

use super::{BATCH, Pool};

#[test]
fn a_slot_is_used_again_once_its_datagram_is_dropped() {
    let mut pool = Pool::new(BATCH, 2048);
    let mut seen = Vec::new();
    for _ in 0..3 {
        pool.batch()[0].put_slice(b"hello");
        let datagram = pool.take(1).next().unwrap();
        seen.push(datagram.as_ptr());
        assert_eq!(&datagram[..], b"hello");
    }
    assert!(seen.iter().all(|address| *address == seen[0]));
}

#[test]
fn a_held_datagram_keeps_its_bytes() {
    let mut pool = Pool::new(BATCH, 2048);
    pool.batch()[0].put_slice(b"first");
    let held = pool.take(1).next().unwrap();
    pool.batch()[0].put_slice(b"other");
    let later = pool.take(1).next().unwrap();
    assert_eq!(&held[..], b"first");
    assert_eq!(&later[..], b"other");
    assert_ne!(held.as_ptr(), later.as_ptr());
}
