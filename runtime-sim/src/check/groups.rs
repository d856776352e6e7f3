//! Groups: equal views at equal ids, and whoever has gone from one has done what its cause says; a leaver gets one last view without itself and nothing after it; a message
//! was sent to the group or to the client, arrives once, and only at members; members that came along got the
//! same messages; agreed and safe messages come in one order everywhere; and in the end every member of a group
//! has the same view of exactly the living members that can reach each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringfort_machine::Instant;

use super::{lives::Lives, progress::BOUND_NS};
use crate::{
    checker::{Checker, Violation},
    trace::{Event, Kind, Level, Process, Text, ViewCause},
};

const NAME: &str = "groups";

struct Message {
    sender: Text,
    groups: Vec<Text>,
    level: Level,
}

/// What one client knows of one group.
#[derive(Default)]
struct Membership {
    view: Option<Text>,
    left: bool,
    /// Joins asked for that no view has answered; one may be asked for before the last view of a leave comes.
    joining: u32,
    since_view: BTreeSet<Text>,
}

/// What the first client to enter a network view had got in the one before: (previous view, messages, the set).
type Came = (Option<Text>, Text, BTreeSet<Text>, Vec<Text>);

/// See the module.
#[derive(Default)]
pub(super) struct Groups {
    lives: Lives,
    exercised: bool,
    quiet_since: u64,
    homes: BTreeMap<Text, Process>,
    gone: BTreeSet<Text>,
    /// Leaves asked for, by group and client.
    leaving: BTreeSet<(Text, Text)>,
    messages: BTreeMap<Text, Message>,
    views: BTreeMap<(Text, Text), (Vec<Text>, ViewCause)>,
    members: BTreeMap<(Text, Text), Membership>,
    came: BTreeMap<(Text, Text), Vec<Came>>,
    got: BTreeSet<(Text, Text)>,
    sequence: BTreeMap<Text, Vec<Text>>,
}

fn broken(what: String) -> Violation {
    Violation::new(NAME, what)
}

impl Groups {
    fn on_join(&mut self, process: &Process, client: &Text, group: &Text) {
        self.homes.insert(client.clone(), process.clone());
        let membership = self
            .members
            .entry((group.clone(), client.clone()))
            .or_default();
        membership.joining += 1;
    }

    fn on_view(
        &mut self,
        client: &Text,
        group: &Text,
        view: &Text,
        shown: (&[Text], ViewCause, Option<&Vec<Text>>),
    ) -> Result<(), Violation> {
        let (members, cause, with) = shown;
        if self.gone.contains(client) {
            return Err(broken(format!(
                "{client} got view {view} of {group} after its end"
            )));
        }
        let key = (group.clone(), client.clone());
        let membership = self.members.entry(key).or_default();
        if membership.left && membership.joining == 0 {
            return Err(broken(format!(
                "{client} got view {view} of {group} after it had left"
            )));
        }
        if cause == ViewCause::Transitional {
            return Ok(()); // a mark, not a view
        }
        let known = self
            .views
            .entry((group.clone(), view.clone()))
            .or_insert_with(|| (members.to_vec(), cause));
        if known.0 != members || known.1 != cause {
            return Err(broken(format!(
                "view {view} of {group} at {client} is {members:?}, elsewhere {:?}",
                known.0
            )));
        }
        let before = membership.view.as_ref().filter(|_| !membership.left);
        let before = before.and_then(|view| self.views.get(&(group.clone(), view.clone())));
        let mut lost = before.into_iter().flat_map(|(before, _)| before);
        let innocent = lost.find(|other| {
            !members.contains(other)
                && match cause {
                    ViewCause::Leave => !self.leaving.contains(&(group.clone(), (*other).clone())),
                    ViewCause::Disconnect => !self.gone.contains(*other),
                    ViewCause::Join => true,
                    ViewCause::Network | ViewCause::Transitional => false,
                }
        });
        if let Some(innocent) = innocent {
            return Err(broken(format!(
                "view {view} of {group} at {client} lacks {innocent} because of {cause:?}"
            )));
        }
        if !members.contains(client) {
            if cause != ViewCause::Leave {
                return Err(broken(format!(
                    "view {view} of {group} at {client} lacks {client} itself"
                )));
            }
            membership.left = true;
            return Ok(());
        }
        if membership.left || membership.view.is_none() {
            let joining = membership.joining.saturating_sub(1);
            *membership = Membership {
                joining,
                ..Membership::default()
            };
        }
        let previous = membership.view.replace(view.clone());
        let messages = std::mem::take(&mut membership.since_view);
        match (cause, with) {
            (ViewCause::Network, Some(with)) => {
                self.on_network(client, group, view, members, (previous, messages, with))
            }
            (ViewCause::Network, None) => Err(broken(format!(
                "network view {view} of {group} at {client} has no set of those that came along"
            ))),
            _ => Ok(()),
        }
    }

    /// Those that came along from the same view have the same messages and name the same set.
    fn on_network(
        &mut self,
        client: &Text,
        group: &Text,
        view: &Text,
        members: &[Text],
        came: (Option<Text>, BTreeSet<Text>, &[Text]),
    ) -> Result<(), Violation> {
        let (previous, messages, with) = came;
        if !with.contains(client) || with.iter().any(|other| !members.contains(other)) {
            return Err(broken(format!(
                "view {view} of {group} at {client} came along with {with:?} of {members:?}"
            )));
        }
        let mut set = with.to_vec();
        set.sort();
        let all = self.came.entry((group.clone(), view.clone())).or_default();
        for (other_previous, other, theirs, other_set) in all.iter() {
            let together = set.contains(other);
            if together != (*other_set == set) {
                return Err(broken(format!(
                    "view {view} of {group}: {other} came with {other_set:?}, {client} with {set:?}"
                )));
            }
            let own = |m: &&Text| {
                self.messages
                    .get(*m)
                    .is_none_or(|message| message.sender != *client && message.sender != *other)
            };
            let odd = messages.symmetric_difference(theirs).find(own);
            if together && *other_previous == previous && odd.is_some() {
                return Err(broken(format!(
                    "{other} and {client} came along to view {view} of {group}; only one got {odd:?}"
                )));
            }
        }
        all.push((previous, client.clone(), messages, set));
        Ok(())
    }

    fn on_message(
        &mut self,
        client: &Text,
        group: &Text,
        m: &Text,
        level: Level,
    ) -> Result<(), Violation> {
        if self.gone.contains(client) {
            return Err(broken(format!("{client} got {m} after its end")));
        }
        let Some(message) = self.messages.get(m) else {
            return Err(broken(format!("{client} got {m}, which nobody sent")));
        };
        if message.level != level || !message.groups.contains(group) {
            return Err(broken(format!(
                "{client} got {m} at {level:?} in {group}, sent at {:?} to {:?}",
                message.level, message.groups
            )));
        }
        if !self.got.insert((client.clone(), m.clone())) {
            return Err(broken(format!("{client} got {m} twice")));
        }
        if level >= Level::Agreed {
            self.sequence
                .entry(client.clone())
                .or_default()
                .push(m.clone());
        }
        if group == client {
            return Ok(()); // private
        }
        let destinations = message.groups.clone();
        let member = |membership: &&mut Membership| membership.view.is_some() && !membership.left;
        let named = self.members.get_mut(&(group.clone(), client.clone()));
        if named.filter(member).is_none() {
            return Err(broken(format!(
                "{client} got {m} of {group} without being a member"
            )));
        }
        // It comes once, under the name of one group, and counts in every group it was sent to.
        for destination in destinations {
            let membership = self.members.get_mut(&(destination, client.clone()));
            if let Some(membership) = membership.filter(member) {
                membership.since_view.insert(m.clone());
            }
        }
        Ok(())
    }

    /// The orders of all clients together have no cycle (Kahn's topological sort).
    fn check_order(&self) -> Result<(), Violation> {
        let mut after: BTreeMap<&Text, BTreeSet<&Text>> = BTreeMap::new();
        let mut waiting: BTreeMap<&Text, usize> = BTreeMap::new();
        for sequence in self.sequence.values() {
            for m in sequence {
                waiting.entry(m).or_default();
            }
            for pair in sequence.windows(2) {
                if after.entry(&pair[0]).or_default().insert(&pair[1]) {
                    *waiting.entry(&pair[1]).or_default() += 1;
                }
            }
        }
        let mut ready: VecDeque<&Text> = waiting
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(m, _)| *m)
            .collect();
        let mut done = 0;
        while let Some(m) = ready.pop_front() {
            done += 1;
            for next in after.remove(m).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(next) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push_back(next);
                    }
                }
            }
        }
        if done == waiting.len() {
            return Ok(());
        }
        let stuck = waiting
            .iter()
            .find(|(_, count)| **count > 0)
            .map(|(m, _)| m);
        Err(broken(format!(
            "clients disagree on the order of agreed messages around {stuck:?}"
        )))
    }

    fn present(&self, client: &Text) -> bool {
        let home = self.homes.get(client).and_then(|home| self.lives.get(home));
        !self.gone.contains(client) && home.is_some_and(|life| !life.ended)
    }

    fn check_end(&self) -> Result<(), Violation> {
        for ((group, client), membership) in &self.members {
            if membership.left || !self.present(client) {
                continue;
            }
            let Some(view) = &membership.view else {
                return Err(broken(format!(
                    "{client} joined {group} and never got a view"
                )));
            };
            let Some((members, _)) = self.views.get(&(group.clone(), view.clone())) else {
                continue;
            };
            let conf = |client: &Text| {
                self.homes
                    .get(client)
                    .and_then(|home| self.lives.get(home)?.conf.clone())
            };
            let mut expected: Vec<&Text> = self
                .members
                .iter()
                .filter(|((other_group, other), theirs)| {
                    other_group == group
                        && !theirs.left
                        && self.present(other)
                        && conf(other) == conf(client)
                })
                .map(|((_, other), _)| other)
                .collect();
            let mut shown: Vec<&Text> = members.iter().collect();
            shown.sort();
            expected.sort();
            if shown != expected {
                return Err(broken(format!(
                    "{client} ended with {shown:?} in {group}, members are {expected:?}"
                )));
            }
        }
        Ok(())
    }
}

impl Checker for Groups {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        self.lives.follow(event);
        match (&event.kind, &event.p) {
            (Kind::Run(run), _) => {
                self.exercised = run
                    .options
                    .services
                    .iter()
                    .any(|family| *family == "groups");
            }
            (
                Kind::Calm { .. } | Kind::Start | Kind::Stop | Kind::Resume | Kind::Heal { .. },
                _,
            ) => {
                self.quiet_since = event.t;
            }
            (Kind::Join { client, group }, Some(process)) => {
                self.quiet_since = event.t;
                self.on_join(process, client, group);
            }
            (Kind::Leave { client, group }, _) => {
                self.quiet_since = event.t;
                self.leaving.insert((group.clone(), client.clone()));
            }
            (Kind::Disconnect { client }, _) => {
                self.quiet_since = event.t;
                self.gone.insert(client.clone());
            }
            (
                Kind::Gsend {
                    client,
                    m,
                    groups,
                    level,
                },
                _,
            ) => {
                let message = Message {
                    sender: client.clone(),
                    groups: groups.clone(),
                    level: *level,
                };
                if self.messages.insert(m.clone(), message).is_some() {
                    return Err(broken(format!("{m} was sent twice")));
                }
            }
            (
                Kind::View {
                    client,
                    group,
                    view,
                    members,
                    cause,
                    with,
                },
                _,
            ) => {
                self.on_view(client, group, view, (members, *cause, with.as_ref()))?;
            }
            (
                Kind::Gdeliver {
                    client,
                    group,
                    m,
                    level,
                },
                _,
            ) => {
                self.on_message(client, group, m, *level)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Result<(), Violation> {
        self.check_order()?;
        if !self.exercised || end.as_nanos() < self.quiet_since + BOUND_NS {
            return Ok(());
        }
        self.check_end()
    }
}
