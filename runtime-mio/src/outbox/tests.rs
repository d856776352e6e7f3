//! Goal: bytes leave in order and once, however little the stream takes. Method: a writer that takes a few
//! bytes at a time and blocks in between.

use std::io::{self, Write};

use bytes::Bytes;
use proptest::prelude::*;

use super::{Outbox, Overrun};

struct Reluctant {
    taken: Vec<u8>,
    portions: Vec<usize>,
}

impl Write for Reluctant {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.portions.pop() {
            None | Some(0) => Err(io::ErrorKind::WouldBlock.into()),
            Some(portion) => {
                let count = portion.min(bytes.len());
                self.taken.extend_from_slice(&bytes[..count]);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let mut outbox = Outbox::new(4);
    assert_eq!(outbox.push(Bytes::from_static(b"abc")), Ok(()));
    assert_eq!(outbox.push(Bytes::from_static(b"de")), Err(Overrun));
    assert_eq!(outbox.room(), 1);
}

proptest! {
    #[test]
    fn bytes_leave_in_order(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..40),
                            portions in prop::collection::vec(0usize..12, 0..60)) {
        let mut outbox = Outbox::new(1000);
        for part in &parts {
            prop_assert_eq!(outbox.push(Bytes::from(part.clone())), Ok(()));
        }
        let expected = parts.concat();
        let mut stream = Reluctant { taken: Vec::new(), portions };
        while !stream.portions.is_empty() && !outbox.is_empty() {
            outbox.write_to(&mut stream).unwrap();
        }
        prop_assert_eq!(&stream.taken[..], &expected[..stream.taken.len()]);
        prop_assert_eq!(outbox.room(), 1000 - (expected.len() - stream.taken.len()));
    }

    /// Parts that are copied and parts that are not, in any mixture, with writes in between.
    #[test]
    fn short_and_long_parts_leave_in_order(
        lengths in prop::collection::vec(prop_oneof![0usize..40, 2040usize..2060, 30_000usize..40_000], 1..60),
        portions in prop::collection::vec(0usize..50_000, 0..40),
    ) {
        let mut outbox = Outbox::new(usize::MAX);
        let mut stream = Reluctant { taken: Vec::new(), portions };
        let mut expected = Vec::new();
        for (index, length) in lengths.into_iter().enumerate() {
            let part = vec![index as u8; length];
            expected.extend_from_slice(&part);
            prop_assert_eq!(outbox.push(Bytes::from(part)), Ok(()));
            if index % 7 == 6 {
                outbox.write_to(&mut stream).unwrap();
            }
            prop_assert_eq!(outbox.len(), expected.len() - stream.taken.len());
        }
        while !outbox.is_empty() {
            stream.portions.push(10_000);
            outbox.write_to(&mut stream).unwrap();
        }
        prop_assert!(stream.taken == expected);
    }
}
