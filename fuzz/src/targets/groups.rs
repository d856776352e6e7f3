//! The group layer of three processes over a bus that the script drives: clients come, go, join, leave and send,
//! while sides part and merge, even with garbage in the order.
//!
//! Holds that views have ascending members and contain a receiver that did not just leave, that nobody is told
//! of a client that is not connected, and that all members of a side who know everybody agree on all groups.

use std::collections::BTreeSet;

use bytes::Bytes;
use ringfort_groups::{
    Action, Cause, ClientEvent, ClientId, ClientName, Command, Config, Event, GroupName, Groups,
    MemberId,
};
use ringfort_machine::{Level, ProcessId};
use ringfort_wire::group::{self, Control};

use crate::{
    Cursor, Marks, Target,
    bus::{Bus, MEMBERS, Ordered, Said, Service, View},
    story::{Story, twice},
};

/// The target.
pub const TARGET: Target = Target {
    name: "groups",
    about: "the group layer of three processes through splits and merges: equal groups wherever all is known",
    run,
    limit: 2 * 1024,
    words: &[],
};

const GROUPS: [&str; 5] = ["a", "b", "c", "#al#n1", "#bo#n2"];
const CLIENTS: [&str; 4] = ["al", "bo", "cy", "d"];

/// Plays the input as a script.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        Bus::play(Layer::default(), script, story)
    });
}

#[derive(Default)]
struct Layer {
    connected: [BTreeSet<ClientId>; MEMBERS],
    asked: u64,
}

type Payload = (Level, Bytes);

impl Service for Layer {
    type Machine = Groups;
    type Body = Payload;

    fn start(&mut self, who: usize, me: ProcessId, _: &Story, _: &mut Vec<Said<Self>>) -> Groups {
        self.connected[who].clear();
        let mut config = Config::new(me);
        config.overtaking = who == 2;
        config.limits.clients = 3;
        config.limits.groups_per_client = 3;
        config.limits.memberships = 6;
        config.limits.pending = 8;
        config.limits.state_part_bytes = 8; // so that states come in parts
        Groups::new(config).expect("a good configuration")
    }

    fn view(&self, _: usize, view: &View) -> Vec<Event> {
        let transitional = view.transitional.clone().map(Event::Installed);
        let regular = Event::Installed(view.regular.clone());
        transitional.into_iter().chain([regular]).collect()
    }

    fn message(&self, message: &Ordered<Payload>) -> Option<Event> {
        Some(Event::Delivered {
            position: message.position,
            sender: message.from,
            number: message.number,
            level: message.body.0,
            payload: message.body.1.clone(),
        })
    }

    fn local(&mut self, _: usize, script: &mut Cursor<'_>, _: &Groups) -> Option<Event> {
        self.asked += 1;
        let client = ClientId(script.below(4) as u64);
        let command = match script.below(6) {
            0 => Command::Connect {
                name: ClientName::new(script.pick(&CLIENTS)).ok()?,
                wants_membership: script.flag(),
            },
            1 | 2 => Command::Join {
                group: group(script)?,
            },
            3 => Command::Leave {
                group: group(script)?,
            },
            4 => Command::Disconnect,
            _ => Command::Send {
                groups: (0..script.below(4)).filter_map(|_| group(script)).collect(),
                level: script.pick(&Level::ALL),
                self_discard: script.flag(),
                tag: self.asked,
                payload: Bytes::copy_from_slice(script.block()),
            },
        };
        Some(Event::Local { client, command })
    }

    fn forged(&mut self, script: &mut Cursor<'_>) -> Option<Payload> {
        let level = script.pick(&Level::ALL);
        if script.flag() {
            return Some((level, Bytes::copy_from_slice(script.block())));
        }
        let (control, _) = postcard::take_from_bytes::<Control>(script.block()).ok()?;
        Some((level, group::encode_control(&control)))
    }

    fn said(&mut self, who: usize, said: Action) -> Option<Payload> {
        match said {
            Action::Submit { level, payload } => {
                assert!(payload.len() <= ringfort_wire::limits::MESSAGE);
                Some((level, payload))
            }
            Action::Client { client, event } => {
                self.told(who, client, &event);
                None
            }
            Action::Note(_) => None,
        }
    }

    fn compare(&mut self, members: &[(usize, &Groups)], forged: bool) {
        let settled = members.iter().filter(|(_, member)| member.status().settled);
        let mut known = settled.map(|(_, member)| everything(member));
        let Some(first) = known.next() else { return };
        for other in known {
            assert!(forged || first == other, "{first:?}\nis not\n{other:?}");
        }
    }
}

impl Layer {
    fn told(&mut self, _: usize, _: ClientId, event: &ClientEvent) {
        match event {
            ClientEvent::View(view) => {
                let members: BTreeSet<&MemberId> = view.members.iter().collect();
                assert_eq!(members.len(), view.members.len(), "a member is listed once");
                if let Cause::Join(member) = &view.cause {
                    assert!(members.contains(member), "who joined is a member");
                }
                if let Cause::Leave(member) | Cause::Disconnect(member) = &view.cause {
                    assert!(!members.contains(member), "who left is no member");
                }
            }
            ClientEvent::Message { groups, via, .. } => {
                assert!(groups.contains(via), "a message comes by one of its groups");
            }
            ClientEvent::Refused(_) => {}
        }
    }
}

fn everything(groups: &Groups) -> Vec<(GroupName, Vec<MemberId>)> {
    groups
        .groups()
        .map(|(group, count)| {
            let members = groups.members(group);
            assert_eq!(members.len(), count, "as many as it says");
            (group.clone(), members)
        })
        .collect()
}

fn group(script: &mut Cursor<'_>) -> Option<GroupName> {
    GroupName::new(script.pick(&GROUPS)).ok()
}
