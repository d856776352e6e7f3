//! The bytes of a segment are for ever: golden bytes, and damage of every kind that is noticed.

extern crate std;

use std::{format, string::String, vec::Vec};

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_wire::logs::{GapCause, RecordId};

use super::{
    HEADER_BYTES, Parsed, Scope, SegmentHeader, SegmentName, checkpoint_name, encode, encode_end,
    log_hash, parse, parse_checkpoint_name,
};
use crate::{
    checkpoint::Checkpoint,
    record::{Append, Class},
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn header() -> SegmentHeader {
    SegmentHeader {
        name: SegmentName {
            base: RecordId::new(3, 0x1234),
            copy: 1,
        },
        log: log_hash("mainlog"),
        boot: 5,
        before_incarnation: 2,
        lost: Some((RecordId::new(2, 0x1240), GapCause::Power)),
        durable: 0x1233,
        previous: 0xAABB_CCDD,
    }
}

fn scope() -> Scope {
    Scope {
        log: log_hash("mainlog"),
        incarnation: 3,
    }
}

fn append(payload: &[u8]) -> Append {
    Append {
        class: Class::Sync,
        payload: Bytes::copy_from_slice(payload),
        wall_ns: 1_700_000_000_000_000_000,
    }
}

#[test]
fn golden_bytes() {
    assert_eq!(hex(&header().encode()), GOLDEN_HEADER);
    let (record, sum) = encode(scope(), 0x1234, 0, 0xAABB_CCDD, &append(b"hello"));
    assert_eq!(hex(&record), GOLDEN_RECORD);
    assert_eq!(hex(&encode_end(scope(), 0x1235, sum)), GOLDEN_END);
    let checkpoint = Checkpoint {
        name: "master".into(),
        log: log_hash("mainlog"),
        generation: 9,
        id: RecordId::new(3, 0x1234),
    };
    assert_eq!(hex(&checkpoint.encode()), GOLDEN_CHECKPOINT);
    assert_eq!(Checkpoint::decode(&checkpoint.encode()), Some(checkpoint));
    assert_eq!(
        header().name.file(),
        "0000000000000003-0000000000001234-0001.seg"
    );
    assert_eq!(checkpoint_name("master", 1), "6d6173746572.1.cp");
}

const GOLDEN_HEADER: &str = "52494e47464c4f4701005c00010000009eedc98393254bc2050000000000000003000000000000003412000000000000020000000000000002000000000000004012000000000000331200000000000001000000ddccbbaa340dcba8";
const GOLDEN_RECORD: &str =
    "0ac1020105000000341200000000000000002a36fe9c971700000000ddccbbaa8d3d396b68656c6c6f";
const GOLDEN_END: &str = "0ac102020000000035120000000000000000000000000000000000008d3d396bcccf548d";
const GOLDEN_CHECKPOINT: &str = "52494e474643505401000600000000009eedc98393254bc20900000000000000030000000000000034120000000000006d61737465729158e99d";

#[test]
fn a_header_comes_back_or_is_none() {
    let bytes = header().encode();
    assert_eq!(bytes.len(), HEADER_BYTES);
    assert_eq!(
        SegmentHeader::decode(&bytes, log_hash("mainlog")),
        Some(header())
    );
    assert_eq!(SegmentHeader::decode(&bytes, log_hash("bounces")), None);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert_eq!(
            SegmentHeader::decode(&damaged, log_hash("mainlog")),
            None,
            "byte {at}"
        );
        assert_eq!(
            SegmentHeader::decode(&bytes[..at], log_hash("mainlog")),
            None
        );
    }
}

#[test]
fn a_record_of_another_log_or_life_is_none() {
    let (bytes, _) = encode(scope(), 1, 0, 0, &append(b"hello"));
    assert!(matches!(parse(scope(), &bytes), Parsed::Frame(_)));
    let other_log = Scope { log: 1, ..scope() };
    let other_life = Scope {
        incarnation: 4,
        ..scope()
    };
    assert_eq!(parse(other_log, &bytes), Parsed::Bad);
    assert_eq!(parse(other_life, &bytes), Parsed::Bad);
    assert_eq!(
        parse(scope(), &[0; 100]),
        Parsed::Bad,
        "zeros are no record"
    );
}

#[test]
fn names_read_back_and_nothing_else_is_one() {
    let name = header().name;
    assert_eq!(SegmentName::parse(&name.file()), Some(name));
    for bad in [
        "",
        "x.seg",
        "3-1234-1.seg",
        "0000000000000003-0000000000001234-0001.seg.tmp",
    ] {
        assert_eq!(SegmentName::parse(bad), None, "{bad}");
    }
    let slot = checkpoint_name("mästér", 0);
    assert_eq!(parse_checkpoint_name(&slot), Some(("mästér".into(), 0)));
    assert_eq!(
        parse_checkpoint_name(".1.cp"),
        Some((String::new(), 1)),
        "the horizon"
    );
    for bad in [
        "", "6D.0.cp", "6d.2.cp", "6.0.cp", "ff.0.cp", "0a.0.cp", "+1.0.cp",
    ] {
        assert_eq!(parse_checkpoint_name(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn a_record_comes_back(payload in prop::collection::vec(any::<u8>(), 0..300), sequence: u64, unsynced: u64, previous: u32) {
        let (bytes, sum) = encode(scope(), sequence, unsynced, previous, &append(&payload));
        let Parsed::Frame(frame) = parse(scope(), &bytes) else {
            panic!("a record");
        };
        prop_assert_eq!(frame.payload, &payload[..]);
        prop_assert_eq!((frame.id, frame.sum, frame.previous, frame.end), (RecordId::new(3, sequence), sum, previous, false));
        for cut in 0..bytes.len() {
            prop_assert!(!matches!(parse(scope(), &bytes[..cut]), Parsed::Frame(_)));
        }
    }

    #[test]
    fn a_damaged_record_is_none(at in 0usize..41, bit in 0u32..8) {
        let (bytes, _) = encode(scope(), 7, 0, 1, &append(b"hello"));
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << bit;
        let found = matches!(parse(scope(), &bytes), Parsed::Frame(_));
        prop_assert!(!found);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _record = parse(scope(), &bytes);
        prop_assert_eq!(SegmentHeader::decode(&bytes, 1), None);
        prop_assert_eq!(Checkpoint::decode(&bytes), None);
        let text: Vec<char> = bytes.iter().map(|byte| char::from(*byte)).collect();
        let text: String = text.into_iter().collect();
        let _name = (SegmentName::parse(&text), parse_checkpoint_name(&text));
    }
}
