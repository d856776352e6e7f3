//! The replay protocol keeps its bytes: golden vectors, round trips, and garbage that is refused.

extern crate std;

use std::{format, fs, path::Path, string::String, vec, vec::Vec};

use bytes::Bytes;
use proptest::prelude::*;

use super::{Body, Epoch, Gap, GapCause, Lag, Payload, Record, RecordId, Why, batch_cost};
use crate::DecodeError;

const ID: RecordId = RecordId::new(3, 300);

fn record(sequence: u64, payload: &'static [u8]) -> Record {
    Record {
        id: RecordId::new(3, sequence),
        wall_ns: 1_700_000_000_000_000_000,
        payload: Payload(Bytes::from_static(payload)),
    }
}

fn samples() -> Vec<(&'static str, Body)> {
    let lag = Lag {
        records: 9,
        bytes: 4096,
    };
    let gap = Gap {
        first: RecordId::new(2, 5),
        last: RecordId::new(2, u64::MAX),
        cause: GapCause::Power,
        count: None,
    };
    let channel = 7;
    vec![
        ("list", Body::List),
        (
            "subscribe",
            Body::Subscribe {
                channel,
                log: "mainlog".into(),
                subscriber: "master".into(),
                from: Some(ID),
                epoch: Epoch {
                    incarnation: 2,
                    attempt: 1,
                },
                credit: 262_144,
            },
        ),
        (
            "credit",
            Body::Credit {
                channel,
                bytes: 1000,
            },
        ),
        ("checkpoint", Body::Checkpoint { channel, id: ID }),
        ("unsubscribe", Body::Unsubscribe { channel }),
        (
            "published",
            Body::Published {
                logs: vec!["bounces".into(), "mainlog".into()],
            },
        ),
        ("start", Body::Start { channel, after: ID }),
        (
            "refused",
            Body::Refused {
                channel,
                why: Why::UnknownSubscriber,
            },
        ),
        (
            "batch",
            Body::Batch {
                channel,
                records: vec![record(301, b"one\n"), record(302, b"")],
                lag,
            },
        ),
        ("gap", Body::Gap { channel, gap }),
        ("checkpoint-done", Body::CheckpointDone { channel, id: ID }),
        (
            "ended",
            Body::Ended {
                channel,
                why: Why::Fenced,
            },
        ),
        ("heartbeat", Body::Heartbeat),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_vectors() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/logs");
    for (name, body) in samples() {
        let file = directory.join(format!("{name}.hex"));
        let bytes = body.encode();
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            fs::write(&file, hex(&bytes) + "\n").expect("written");
        }
        let golden = fs::read_to_string(&file).expect("a committed vector");
        assert_eq!(golden.trim(), hex(&bytes), "{name} has changed");
        assert_eq!(Body::decode(&bytes), Ok(body), "{name}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let channel = 1;
    let lag = Lag::default();
    let batch = |records| Body::Batch {
        channel,
        records,
        lag,
    };
    let gap = |first, last, count| Body::Gap {
        channel,
        gap: Gap {
            first,
            last,
            cause: GapCause::Disk,
            count,
        },
    };
    let bad = [
        batch(vec![]),
        batch(vec![record(2, b""), record(2, b"")]),
        gap(ID, RecordId::new(3, 299), None),
        gap(ID, ID, Some(0)),
        Body::Published {
            logs: vec!["b".into(), "a".into()],
        },
        Body::Published {
            logs: vec![String::new()],
        },
        Body::Subscribe {
            channel,
            log: "a\nb".into(),
            subscriber: "master".into(),
            from: None,
            epoch: Epoch {
                incarnation: 1,
                attempt: 1,
            },
            credit: 0,
        },
    ];
    for body in bad {
        let refused = Body::decode(&body.encode());
        assert_eq!(refused, Err(DecodeError::NotCanonical), "{body:?}");
    }
}

#[test]
fn identities_are_written_and_read_in_decimal() {
    assert_eq!(format!("{ID}"), "3:300");
    assert_eq!(RecordId::parse("3:300"), Some(ID));
    for bad in ["", "3", "3:", ":3", "3:x", "3:4:5", "-1:2"] {
        assert_eq!(RecordId::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn batches_come_back(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        incarnation: u64,
        wall_ns: u64,
    ) {
        let records: Vec<Record> = payloads
            .into_iter()
            .enumerate()
            .map(|(at, payload)| Record {
                id: RecordId::new(incarnation, at as u64),
                wall_ns,
                payload: Payload(Bytes::from(payload)),
            })
            .collect();
        let cost = batch_cost(&records);
        let body = Body::Batch { channel: u32::MAX, records, lag: Lag::default() };
        let bytes = body.encode();
        prop_assert!(bytes.len() <= cost + 40, "the credit covers what is sent");
        prop_assert_eq!(Body::decode(&bytes), Ok(body));
    }

    #[test]
    fn garbage_is_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(body) = Body::decode(&bytes) {
            prop_assert_eq!(body.encode(), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_never_panics(which in 0usize..13, at in 0usize..200, bit in 0u32..8) {
        let (_, body) = samples().swap_remove(which);
        let mut bytes = body.encode().to_vec();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(other) = Body::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
        }
    }
}
