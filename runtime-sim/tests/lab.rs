//! Goal: a user's own service on the ring is simulated like ours: correct it passes, broken it is caught, and a seed is
//! a run. Method: the example, as it is and with a map that does not wait for the order, in drawn runs and a directed
//! one.

use std::{collections::BTreeSet, time::Duration};

use ringfort_machine::Deadline;
use ringfort_runtime_sim::{
    check,
    faults::{Fault, link},
    lab::{Effect, Guest, Input, OnRing, Trial, prelude::*, ring},
};

#[path = "../examples/replicated_map.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod replicated_map;

use replicated_map::{Map, Op, Replicas, submit};

fn lab() -> Lab {
    Lab::of_service("map", |_| Map::default()).checker::<Replicas>()
}

#[test]
fn the_example_keeps_its_promises_under_every_fault() {
    lab().check(0..50);
}

#[test]
fn the_same_seed_gives_the_same_trace_in_memory_and_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut hashes = BTreeSet::new();
    for seed in 0..4 {
        let once = lab().run(seed);
        let again = lab().record(seed, file.path()).unwrap();
        assert_eq!((&once.hash, once.lines), (&again.hash, again.lines));
        hashes.insert(once.hash);
    }
    assert_eq!(hashes.len(), 4, "and another seed gives another");
    let text = std::fs::read_to_string(file.path()).unwrap();
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(last.contains(&lab().run(3).hash) && before.contains(r#""ev":"own","what":"map""#));
}

/// A map that shows a put at once where it was made, and elsewhere when it comes.
#[derive(Default)]
struct Hasty(Map);

impl Service for Hasty {
    fn on_configuration(&mut self, conf: &Configuration, ring: &mut Ring<'_>) {
        self.0.on_configuration(conf, ring);
    }

    fn on_message(&mut self, message: &Delivery, ring: &mut Ring<'_>) {
        let op = serde_json::from_slice(&message.payload).expect("only maps send here");
        if !(matches!(op, Op::Put(..)) && message.sender == ring.me()) {
            self.0.on_message(message, ring);
        }
    }

    fn on_work(&mut self, rng: &mut Rng, ring: &mut Ring<'_>) {
        let (key, value) = (format!("k{}", rng.below(4)), rng.next_u64());
        let entry = self.0.content.entry(key.clone()).or_default();
        *entry = (entry.0 + 1, value);
        submit(&Op::Put(key, value), ring);
    }

    fn digest(&self, into: &mut Digest) {
        self.0.digest(into);
    }
}

#[test]
fn a_map_that_does_not_wait_for_the_order_is_caught_within_a_few_seeds() {
    let lab = Lab::of_service("hasty map", |_| Hasty::default()).checker::<Replicas>();
    let summary = lab.explore(0..10);
    let report = summary.failure().expect("one of ten seeds shows it");
    let violation = report.violation.as_ref().unwrap();
    assert_eq!(violation.checker, "map");
    assert_eq!(lab.run(report.seed).hash, report.hash, "and shows it again");
}

#[test]
fn two_sides_of_a_partition_go_their_own_ways_and_are_one_map_again() {
    let at = |seconds| Instant::ORIGIN + Duration::from_secs(seconds);
    let lab = lab().work_every(Duration::from_millis(50));
    let mut trial = lab.quiet(1);
    let cut = vec![link(0, 2), link(2, 0), link(1, 2), link(2, 1)];
    trial.at(at(3), Fault::Cut(cut.clone()));
    trial.at(at(8), Fault::Heal(cut)).at(at(12), Fault::Calm);
    trial.run_until(at(7));
    let maps = |trial: &Trial<'_>| -> Vec<serde_json::Value> {
        ["n1#1", "n2#1", "n3#1"]
            .into_iter()
            .map(|p| {
                let of = |event: &&Event| event.p.as_ref().is_some_and(|q| q.to_string() == p);
                let lines = trial.events().iter().rev().filter(of);
                let map = |event: &Event| event.own::<(Place, serde_json::Value)>("map").unwrap();
                let (_, map) = lines.filter_map(map).next().unwrap();
                map
            })
            .collect()
    };
    let apart = maps(&trial);
    assert_ne!(apart[0], apart[2]);
    trial.run_until(at(30));
    let together = maps(&trial);
    assert_eq!(together[0], together[1]);
    assert_eq!(together[1], together[2]);
    let report = trial.run().unwrap();
    assert_eq!(report.verdict(), "ok", "{report}");
}

/// Says of every message that it was delivered twice.
struct Stammerer(OnRing<Map>);

impl Guest for Stammerer {
    fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Effect>) {
        let mut effects = Vec::new();
        Guest::handle(&mut self.0, now, input, &mut effects);
        for effect in effects {
            if matches!(effect, Effect::Trace(Kind::Deliver { .. })) {
                out.push(effect.clone());
            }
            out.push(effect);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        Guest::deadline(&self.0)
    }

    fn digest(&self, into: &mut Digest) {
        Guest::digest(&self.0, into);
    }
}

#[test]
fn the_checkers_of_the_ring_judge_it_below_a_service() {
    let lab = Lab::new("stammerer", |boot, out| {
        let ring = OnRing::new(boot, ring::config(boot), Map::default(), out);
        Box::new(Stammerer(ring))
    });
    assert_eq!(lab.run(1).verdict(), "ok", "nobody judges it yet");
    let report = lab.checkers(check::all).run(1);
    let violation = report.violation.unwrap();
    assert_eq!(violation.checker, "delivery");
    assert!(violation.message.contains("delivered twice"), "{violation}");
}
