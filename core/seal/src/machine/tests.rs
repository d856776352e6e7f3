//! Goal: refused input changes nothing, and what is printed tells no secret. Method: digests and debug text.

use alloc::format;

use ringfort_machine::Incarnation;

use super::*;
use crate::{Secret, Trusted};

fn seal(own: u8, other: u8) -> Seal {
    let identity = |number| Identity::new(Secret::new([number; 32]));
    let config = Config {
        me: ProcessId::new(NodeId(u64::from(own)), Incarnation(1)),
        cluster: 5,
        identity: identity(own),
        life: Secret::new([own + 100; 32]),
        trusted: Vec::from([Trusted {
            node: NodeId(u64::from(other)),
            public: identity(other).public(),
        }]),
    };
    Seal::new(config, Instant::ORIGIN)
}

fn digest(seal: &Seal) -> u64 {
    let mut digest = Digest::new();
    seal.digest(&mut digest);
    digest.finish()
}

#[test]
fn garbage_changes_nothing() {
    let mut one = seal(1, 2);
    let before = digest(&one);
    let mut out = Vec::new();
    for length in 0..200 {
        for start in [
            [0, 0],
            [greeting::MAGIC, sending::TO_ALL],
            [greeting::MAGIC, greeting::KIND],
        ] {
            let mut bytes = alloc::vec![0xa5; length];
            for (byte, given) in bytes.iter_mut().zip(start) {
                *byte = given;
            }
            let event = Event::Arrived {
                from: None,
                datagram: bytes.into(),
            };
            one.handle(Instant::ORIGIN, event, &mut out);
        }
    }
    assert_eq!(digest(&one), before);
    assert!(
        out.iter()
            .all(|action| matches!(action, Action::Note(Note::Refused { .. })))
    );
    assert!(
        out.len() <= Reason::ALL.len(),
        "told once a second for each reason"
    );
}

#[test]
fn debug_text_tells_no_secret() {
    let one = seal(1, 2);
    let text = format!("{one:?}");
    assert!(text.contains("Secret(…)"));
    assert!(
        !text.contains("101, 101") && !text.contains("1, 1, 1, 1"),
        "{text}"
    );
}
