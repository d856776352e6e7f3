//! Goal: the journal of a simulated node is replayed exactly whatever happens to it, and another behaviour is
//! reported where it begins. Method: drawn runs with every fault in them; events altered; and, in a build with the
//! feature, a node with a deliberate defect in the place of the recorded one.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use ringfort_machine::Instant;
use ringfort_node::{
    Event,
    journal::{self, Decoder, Kind, MAGIC, Record},
};
use ringfort_runtime_sim::{
    cluster::Cluster,
    journal::{JournalError, Journals, Outcome, Verdict, replay_from},
    options::Options,
    recorder::Recorder,
    run::{self, Request},
    world::World,
};

fn request(seed: u64) -> Request {
    Request {
        seed,
        nodes: Some(3),
        faults_for: Duration::from_secs(6),
        sealed: false,
        trace: None,
    }
}

/// The journals of node `n1` in the run of `seed`, and the hash of its trace.
fn recorded(seed: u64) -> (Journals, String) {
    let request = request(seed);
    let (world, journals) = run::recorded_world(&request, "n1").unwrap();
    let report = run::finish(&request, world).unwrap();
    (journals, report.hash)
}

/// A life in a quiet cluster, which no draw of faults and work can change.
fn quiet() -> Vec<u8> {
    let options = Options::quiet(1, 3);
    let mut cluster = Cluster::new(&options).unwrap();
    let journals = cluster.record(0);
    let mut world = World::new(options, Box::new(cluster), Recorder::new(Vec::new()));
    world.run_until(Instant::ORIGIN + Duration::from_secs(35));
    journals.lives().remove(0).1
}

fn replay(bytes: &[u8]) -> Result<Outcome, JournalError> {
    replay_from(bytes, |_| {})
}

/// The frames of a journal: where each begins, and what it holds.
fn frames(file: &[u8]) -> Vec<(usize, Bytes)> {
    let mut decoder = Decoder::default();
    decoder.feed(file);
    let next = |decoder: &mut Decoder| decoder.next_record().unwrap();
    std::iter::from_fn(|| next(&mut decoder))
        .map(|(offset, content)| (offset as usize, content))
        .collect()
}

/// The journal without the frames `from..to`.
fn without(file: &[u8], frames: &[(usize, Bytes)], from: usize, to: usize) -> Vec<u8> {
    [&file[..frames[from].0], &file[frames[to].0..]].concat()
}

fn is_event(content: &Bytes) -> bool {
    matches!(Record::decode(content), Ok(Record::Event { .. }))
}

#[test]
fn every_life_in_a_run_with_faults_is_lived_again() {
    let mut lives = 0;
    for seed in 3..10 {
        let (journals, hash) = recorded(seed);
        assert_eq!(
            run::run(&request(seed)).unwrap().hash,
            hash,
            "recording changes nothing"
        );
        for (life, bytes) in journals.lives() {
            let outcome = replay(&bytes).unwrap();
            assert_eq!(outcome.verdict, Verdict::Same, "seed {seed}, life {life:?}");
            assert_eq!((outcome.torn_bytes, outcome.unfinished), (0, None));
            assert!(outcome.same_build);
            lives += 1;
        }
    }
    assert!(lives > 7, "somebody was killed: {lives} lives");
}

#[test]
fn a_token_left_out_shows_at_the_next_digest_at_the_latest() {
    let file = quiet();
    let frames = frames(&file);
    let tokens: Vec<usize> = (0..frames.len())
        .filter(|at| {
            matches!(
                Record::decode(&frames[*at].1),
                Ok(Record::Event {
                    event: Event::Datagram { bytes, .. },
                    ..
                }) if bytes[5] == ringfort_wire::Kind::Token as u8
            )
        })
        .collect();
    let at = tokens[tokens.len() / 2];
    let number = frames[..at]
        .iter()
        .filter(|(_, content)| is_event(content))
        .count() as u64;
    // Without its outcome as well, so that only what follows can tell.
    let outcome = replay(&without(&file, &frames, at, at + 2)).unwrap();
    let Verdict::Different(difference) = outcome.verdict else {
        panic!("it is noticed: {outcome:?}");
    };
    assert!(difference.event > number, "{difference}");
    // A token changes what is held for the pace of the ring; at the latest the next digest says so.
    let is_digest = |content: &Bytes| matches!(Record::decode(content), Ok(Record::Digest(_)));
    let digest = (at..frames.len())
        .find(|at| is_digest(&frames[*at].1))
        .unwrap();
    let latest = frames[..digest]
        .iter()
        .filter(|(_, content)| is_event(content))
        .count();
    assert!(difference.event <= latest as u64, "{difference}");
    // Its outcome alone stands where an event must be: that is no journal.
    let error = replay(&without(&file, &frames, at, at + 1)).unwrap_err();
    assert!(
        matches!(
            error,
            JournalError::Journal(journal::JournalError::Malformed { offset, .. })
                if offset == frames[at].0 as u64
        ),
        "{error}"
    );
}

#[test]
fn an_altered_outcome_is_reported_at_its_event_and_action() {
    let file = quiet();
    let frames = frames(&file);
    let many = |content: &Bytes| match Record::decode(content) {
        Ok(Record::Outcome(prints)) => prints.len() >= 2,
        Ok(Record::Origin(_) | Record::Event { .. } | Record::Digest(_) | Record::End(_))
        | Err(_) => false,
    };
    let (at, other) = {
        let mut found = (1..frames.len() - 1).filter(|at| many(&frames[*at].1));
        let at = found.next().unwrap();
        (
            at,
            found
                .find(|other| frames[*other].1 != frames[at].1)
                .unwrap(),
        )
    };
    let number = frames[..at]
        .iter()
        .filter(|(_, content)| is_event(content))
        .count() as u64;
    // The outcome of another event in the place of its own.
    let altered = [
        &file[..frames[at].0],
        &file[frames[other].0..frames[other + 1].0],
        &file[frames[at + 1].0..],
    ]
    .concat();
    let outcome = replay(&altered).unwrap();
    let Verdict::Different(difference) = outcome.verdict else {
        panic!("it is noticed: {outcome:?}");
    };
    assert_eq!(difference.event, number);
    assert_eq!(
        difference.before.len() as u64,
        number.saturating_sub(1).min(8)
    );
    assert!(
        matches!(difference.kind, Kind::Action { .. }),
        "{difference}"
    );
}

#[test]
fn what_is_no_journal_is_refused() {
    for (bytes, expected) in [
        (&b"{\"ev\":\"run\"}"[..], "no journal"),
        (b"", "no journal"),
        (b"RINGJNL\n\x07\0\0\0", "format 7"),
        (b"RINGJNL\n\x02\0\0\0", "nothing to replay"),
    ] {
        let error = replay(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(b"RINGJNL\n".starts_with(&MAGIC));
    let Err(error) = run::recorded_world(&request(3), "nobody") else {
        panic!("there is no such node");
    };
    assert!(error.to_string().contains("n1"), "{error}");
}

#[test]
fn a_journal_that_was_cut_replays_to_the_cut() {
    let file = quiet();
    let frames = frames(&file);
    let at = (frames.len() / 2..)
        .find(|at| is_event(&frames[*at].1))
        .unwrap();
    let end = frames[at + 1].0;
    let outcome = replay(&file[..end]).unwrap();
    assert_eq!(outcome.verdict, Verdict::Same);
    assert_eq!((outcome.end, outcome.torn_bytes), (None, 0));
    assert!(outcome.unfinished.is_some());
    let outcome = replay(&file[..end + 5]).unwrap();
    assert_eq!((outcome.verdict, outcome.torn_bytes), (Verdict::Same, 5));
}
