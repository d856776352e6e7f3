//! Goal: sealing is AES-256-GCM with the counter as nonce, and every bit is covered. Method: test case 14 of McGrew and
//! Viega (2005), a figure of another implementation, and flipping each bit.

use super::*;

fn hex(bytes: &[u8]) -> alloc::string::String {
    bytes
        .iter()
        .map(|byte| alloc::format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_vectors() {
    let mut text = [0; 16];
    let tag = Cipher::new(&Secret::new([0; 32])).seal(0, b"", &mut text);
    assert_eq!(hex(&text), "cea7403d4d606b6e074ec5d3baf39d18");
    assert_eq!(hex(&tag), "d0d1c8a799996bf0265b98b5d48ab919");

    let key = Secret::new(core::array::from_fn(|at| at as u8));
    let mut text = *b"text of a frame";
    let tag = Cipher::new(&key).seal(0x0102_0304_0506_0708, b"header", &mut text);
    assert_eq!(hex(&text), "70341d7afd8e6fbe62bf9b9d7f0a5c");
    assert_eq!(hex(&tag), "886d03c52576e5a76a67c11ee756f7ae");
}

#[test]
fn every_bit_counts_and_a_forgery_is_left_as_it_is() {
    let cipher = Cipher::new(&Secret::new([7; 32]));
    let (header, text) = ([1; 16], *b"some forty bytes of a frame to be sealed");
    let mut sealed = text;
    let tag = cipher.seal(9, &header, &mut sealed);
    for bit in 0..(16 + 40 + 16) * 8 {
        let (mut header, mut sealed, mut tag) = (header, sealed, tag);
        let all = header.iter_mut().chain(&mut sealed).chain(&mut tag);
        if let Some(byte) = all.into_iter().nth(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        let before = sealed;
        assert_eq!(
            cipher.open(9, &header, &mut sealed, tag),
            Err(Forged),
            "bit {bit}"
        );
        assert_eq!(sealed, before, "nothing is decrypted before it is proved");
    }
    assert_eq!(cipher.open(10, &header, &mut sealed, tag), Err(Forged));
    assert_eq!(cipher.open(9, &header, &mut sealed, tag), Ok(()));
    assert_eq!(sealed, text);
}
