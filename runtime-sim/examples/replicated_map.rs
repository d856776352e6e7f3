//! A replicated map of one's own on the ring, and what it must keep, in less than a hundred lines.
//!
//! A put is a message. When a configuration begins, every member sends what it has; once all of that has come,
//! everybody has the union, by the higher version of a key. A put in between is dropped, at the same place everywhere.
use ringfort_runtime_sim::lab::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Content = BTreeMap<String, (u64, u64)>; // a key's version and value

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) enum Op {
    Put(String, u64),
    Have(Text, Content),
}

#[derive(Default)]
pub(crate) struct Map {
    pub(crate) content: Content,
    missing: BTreeSet<ProcessId>,
}

impl Service for Map {
    fn on_configuration(&mut self, conf: &Configuration, ring: &mut Ring<'_>) {
        if conf.kind == ConfigurationKind::Regular {
            self.missing = conf.members.iter().map(|one| one.process).collect();
            submit(&Op::Have(ring.place().conf, self.content.clone()), ring);
        }
    }
    fn on_message(&mut self, message: &Delivery, ring: &mut Ring<'_>) {
        match serde_json::from_slice(&message.payload).expect("only maps send here") {
            Op::Have(conf, theirs) if conf == ring.place().conf => {
                for (key, entry) in theirs {
                    let mine = self.content.entry(key).or_default();
                    *mine = entry.max(*mine);
                }
                self.missing.remove(&message.sender);
            }
            Op::Put(key, value) if self.missing.is_empty() => {
                let entry = self.content.entry(key).or_default();
                *entry = (entry.0 + 1, value);
            }
            Op::Have(..) | Op::Put(..) => return,
        }
        if self.missing.is_empty() {
            ring.tell("map", &(ring.place(), &self.content));
        }
    }
    fn on_work(&mut self, rng: &mut Rng, ring: &mut Ring<'_>) {
        submit(&Op::Put(format!("k{}", rng.below(4)), rng.next_u64()), ring);
    }
    fn digest(&self, into: &mut Digest) {
        into.text(&format!("{:?}", self.content));
    }
}

pub(crate) fn submit(op: &Op, ring: &mut Ring<'_>) {
    let bytes = serde_json::to_vec(op).expect("an operation is plain data");
    let _ = ring.submit(Level::Agreed, bytes); // one that is leaving takes no more
}

/// Maps are equal at equal places, none goes back while its process lives, and all are whole in the end.
#[derive(Default)]
pub(crate) struct Replicas {
    at: BTreeMap<Place, Content>,
    last: BTreeMap<Process, Content>,
    partial: BTreeSet<Process>,
}

impl Checker for Replicas {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        let Some(p) = &event.p else { return Ok(()) };
        if matches!(&event.kind, Kind::Conf { kind, .. } if *kind == ConfKind::Regular) {
            self.partial.insert(p.clone());
        } else if matches!(event.kind, Kind::Crash { .. } | Kind::Stop) {
            self.partial.remove(p);
        } else if let Some((place, map)) = event.own::<(Place, Content)>("map")? {
            self.partial.remove(p);
            let before = self.last.insert(p.clone(), map.clone()).unwrap_or_default();
            let kept = |key, version| map.get(key).is_some_and(|now| now.0 >= version);
            let lost = before.iter().find(|(key, was)| !kept(*key, was.0));
            let went = || format!("{p} lost {lost:?}: {map:?}");
            Violation::unless(lost.is_none(), "map", went)?;
            let known = self.at.entry(place).or_insert_with(|| map.clone());
            let differ = || format!("{p} has {map:?}, others at the same place {known:?}");
            Violation::unless(*known == map, "map", differ)?;
        }
        Ok(())
    }
    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        let late = self.partial.first();
        Violation::unless(late.is_none(), "map", || format!("{late:?} has parts only"))
    }
}

fn main() -> std::process::ExitCode {
    let lab = Lab::of_service("map", |_| Map::default());
    lab.checker::<Replicas>().main()
}
