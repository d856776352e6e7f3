//! Replicated counters of three processes over a bus that the script drives.
//!
//! Holds that all settled members of a side have the same aggregate, with forged messages too, since those come
//! to all alike; that no contribution is negative and the aggregate is the sum of what is known; and that counts
//! for a limit are never below what this process knows to be there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ipnet::IpNet;
use ringfort_machine::{Position, ProcessId};
use ringfort_replication::{Action, Body, Config, Event, Key, Kind, ObjectConfig, Replication};

use crate::{
    Cursor, Marks, Target,
    bus::{Bus, Ordered, Said, Service, View},
    story::{Story, twice},
};

/// The target.
pub const TARGET: Target = Target {
    name: "replication",
    about: "counters of three processes through splits and merges: equal aggregates, sums of what is known",
    run,
    limit: 2 * 1024,
    words: &[],
};

const OBJECTS: [(&str, Kind); 2] = [("cidr", Kind::CidrTree), ("text", Kind::GaugeTable)];

/// Plays the input as a script.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        Bus::play(Counters::default(), script, story)
    });
}

#[derive(Default)]
struct Counters {
    /// What settled members reported, by place and object.
    settled: BTreeMap<(Position, Arc<str>), (u64, i64)>,
}

fn config(objects: u8) -> Config {
    let wanted = OBJECTS
        .iter()
        .enumerate()
        .filter(|(index, _)| objects & (1 << index) != 0)
        .map(|(_, (name, kind))| {
            let mut object = ObjectConfig::new(name, *kind);
            object.max_delay = Duration::from_millis(20);
            object.max_pending = 4;
            object
        });
    let mut config = Config::new(wanted.collect());
    config.keys_limit = 12;
    config.observe = true;
    config
}

impl Service for Counters {
    type Machine = Replication;
    type Body = Body;

    fn start(
        &mut self,
        _: usize,
        me: ProcessId,
        _: &Story,
        _: &mut Vec<Said<Self>>,
    ) -> Replication {
        Replication::new(me, config(3)).expect("a good configuration")
    }

    fn view(&self, _: usize, view: &View) -> Vec<Event> {
        vec![Event::View {
            position: view.position,
            members: view.regular.members.to_vec(),
            together: view.together.clone(),
        }]
    }

    fn message(&self, message: &Ordered<Body>) -> Option<Event> {
        Some(Event::Message {
            position: message.position,
            from: message.from,
            body: message.body.clone(),
        })
    }

    fn local(&mut self, _: usize, script: &mut Cursor<'_>, _: &Replication) -> Option<Event> {
        if script.byte().is_multiple_of(16) {
            let objects = script.byte();
            return Some(Event::Reload(config(objects).into()));
        }
        let (object, _) = script.pick(&OBJECTS);
        let key = if script.flag() {
            Key::text(&format!("k{}", script.byte() % 16))?
        } else {
            let [a, b] = script.short().to_le_bytes();
            let net = IpNet::new([10, 0, a % 4, b].into(), 24 + a % 9).ok()?;
            Key::from(net)
        };
        let by = match script.byte() {
            0 => i64::from(u32::MAX),
            1 => -i64::from(u32::MAX),
            2 => i64::MIN,
            3 => i64::MAX,
            small => i64::from(small % 8) - 3,
        };
        Some(Event::Change {
            object: object.into(),
            key,
            by,
        })
    }

    fn forged(&mut self, script: &mut Cursor<'_>) -> Option<Body> {
        let (body, _) = postcard::take_from_bytes::<Body>(script.block()).ok()?;
        body.check().is_ok().then_some(body)
    }

    fn said(&mut self, _: usize, said: Action) -> Option<Body> {
        match said {
            Action::Publish(body) => {
                assert!(body.check().is_ok(), "an own message is sound: {body:?}");
                let length = ringfort_wire::counter::encode(&body).len();
                assert!(length <= ringfort_wire::counter::BODY, "{length} bytes");
                Some(body)
            }
            Action::Settled {
                object,
                position,
                hash,
                total,
            } => {
                let first = *self
                    .settled
                    .entry((position, object.clone()))
                    .or_insert((hash, total));
                assert_eq!(first, (hash, total), "{object} differs at {position:?}");
                None
            }
            Action::Note(_) => None,
        }
    }

    fn compare(&mut self, members: &[(usize, &Replication)], _: bool) {
        for (object, _) in OBJECTS {
            let mut prints = members
                .iter()
                .filter_map(|(_, member)| member.fingerprint(object));
            if let Some(first) = prints.next() {
                assert!(prints.all(|other| other == first), "{object} differs");
            }
        }
        for (_, member) in members {
            for object in member.objects() {
                let total = |process| {
                    member
                        .view(&object.name, process)
                        .map(|table| table.total())
                };
                assert!(object.total >= 0, "{} is below nothing", object.name);
                assert_eq!(total(None), Some(object.total));
            }
        }
    }
}
