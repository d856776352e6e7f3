//! Goal: pieces do not depend on where the bytes were cut, and whole ones are not copied. Method: random cuts
//! against one slice.

extern crate std;

use std::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use super::Input;

proptest! {
    #[test]
    fn cuts_do_not_matter(
        cuts in prop::collection::vec(0usize..9, 0..40),
        asked in prop::collection::vec((0usize..12, any::<bool>()), 1..60),
    ) {
        let all: Vec<u8> = (0..cuts.iter().sum::<usize>()).map(|byte| byte as u8).collect();
        let mut rest = Bytes::from(all.clone());
        let mut cuts = cuts.into_iter();
        let mut input = Input::default();
        let (mut pushed, mut taken) = (0, 0);
        for (count, push) in asked {
            if push && let Some(cut) = cuts.next() {
                input.push(rest.split_to(cut));
                pushed += cut;
            }
            prop_assert_eq!(input.len(), pushed - taken);
            prop_assert_eq!(input.peek(count), &all[taken..pushed.min(taken + count)]);
            match input.take(count) {
                Some(piece) => {
                    prop_assert_eq!(&piece[..], &all[taken..taken + count]);
                    taken += count;
                }
                None => prop_assert!(pushed - taken < count),
            }
        }
    }
}

#[test]
fn a_whole_piece_is_a_slice() {
    let bytes = Bytes::from(std::vec![7; 100]);
    let address = bytes.as_ptr() as usize;
    let mut input = Input::default();
    input.push(bytes);
    for index in 0..10 {
        let piece = input.take(10).unwrap();
        assert_eq!(piece.as_ptr() as usize, address + 10 * index);
    }
    assert_eq!((input.take(1), input.len()), (None, 0));
}
