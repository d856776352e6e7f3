//! What must hold of everything that the clients of a world were told. Each check returns the first violation.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_groups::{Cause, GroupName, MemberId, View, ViewId};

use super::{Client, MessageId, Told, World};

type Violation = Result<(), String>;

/// All checks.
pub(crate) fn all(world: &World) -> Violation {
    equal_views(world)?;
    sound_views(world)?;
    total_order(world)?;
    delivery_in_views(world)?;
    virtual_synchrony(world)?;
    self_delivery(world)?;
    convergence(world)
}

fn views(client: &Client) -> impl Iterator<Item = &View> {
    client.told.iter().filter_map(|told| match told {
        Told::View(view) => Some(view),
        Told::Message { .. } => None,
    })
}

/// What of a cause must be equal everywhere.
fn shared(cause: &Cause) -> String {
    match cause {
        Cause::Network { sets, .. } => format!("network {sets:?}"),
        Cause::Join(_) | Cause::Leave(_) | Cause::Disconnect(_) | Cause::Transitional => {
            format!("{cause:?}")
        }
    }
}

/// Views of one group with equal ids are equal, and nobody gets one twice.
fn equal_views(world: &World) -> Violation {
    let mut known: BTreeMap<(GroupName, String), (String, &MemberId)> = BTreeMap::new();
    for client in &world.clients {
        let mut own = BTreeSet::new();
        for view in views(client) {
            let key = (view.group.clone(), view.id.to_string());
            if !own.insert(key.clone()) {
                return Err(format!("{} got view {key:?} twice", client.member));
            }
            let value = format!(
                "{:?} {} {:?}",
                view.members,
                shared(&view.cause),
                view.position
            );
            let (first, by) = known
                .entry(key.clone())
                .or_insert((value.clone(), &client.member));
            if *first != value {
                let other = &client.member;
                return Err(format!(
                    "view {key:?}: {by} got {first}\n but {other} got {value}"
                ));
            }
        }
    }
    Ok(())
}

/// Each view is in order, holds its receiver, and its together set is the receiver's among the sets.
fn sound_views(world: &World) -> Violation {
    for client in &world.clients {
        let me = &client.member;
        for view in views(client) {
            if !view.members.is_sorted() {
                return Err(format!("{me}: members out of order in {view:?}"));
            }
            let last = view.cause == Cause::Leave(me.clone());
            if view.members.contains(me) == last {
                return Err(format!("{me}: in or out of its own {view:?}"));
            }
            if let Cause::Network { together, sets } = &view.cause {
                let all: BTreeSet<_> = sets.iter().flatten().collect();
                let sound = together.contains(me) && sets.contains(together);
                if !sound || all != view.members.iter().collect() {
                    return Err(format!("{me}: wrong sets in {view:?}"));
                }
            }
        }
    }
    Ok(())
}

fn messages(client: &Client) -> Vec<MessageId> {
    let told = client.told.iter();
    told.filter_map(|told| match told {
        Told::Message { id, .. } => Some(*id),
        Told::View(_) => None,
    })
    .collect()
}

/// Any two clients get what both get in the same order, and nothing twice.
fn total_order(world: &World) -> Violation {
    let all: Vec<_> = world.clients.iter().map(messages).collect();
    for (one, client) in all.iter().zip(&world.clients) {
        let places: BTreeMap<_, _> = one.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        if places.len() != one.len() {
            return Err(format!("{} got a message twice", client.member));
        }
        for (other, with) in all.iter().zip(&world.clients) {
            let common: Vec<_> = other.iter().filter_map(|id| places.get(id)).collect();
            if !common.is_sorted() {
                return Err(format!(
                    "{} and {} differ in order",
                    client.member, with.member
                ));
            }
        }
    }
    Ok(())
}

/// A message to a group reaches a client only while its last view of the group holds it.
fn delivery_in_views(world: &World) -> Violation {
    for client in &world.clients {
        let mut inside = BTreeSet::new();
        for told in &client.told {
            match told {
                Told::View(view) if view.members.contains(&client.member) => {
                    inside.insert(view.group.clone());
                }
                Told::View(view) => {
                    inside.remove(&view.group);
                }
                Told::Message { via, id, .. } => {
                    if !via.is_private() && !inside.contains(via) {
                        return Err(format!(
                            "{} got {id:?} by {via} outside of it",
                            client.member
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

/// How one client came to a view: the view before, and what it got of the group in that one.
struct Arrival<'a> {
    client: &'a MemberId,
    view: &'a View,
    before: Option<ViewId>,
    got: Vec<Got<'a>>,
}

/// A message, and its sender if that wanted no copy.
type Got<'a> = (MessageId, Option<&'a MemberId>);

fn arrivals(client: &Client) -> Vec<Arrival<'_>> {
    let mut arrivals = Vec::new();
    let mut open: BTreeMap<&GroupName, (Option<ViewId>, Vec<Got<'_>>)> = BTreeMap::new();
    for told in &client.told {
        match told {
            Told::View(view) if view.cause == Cause::Transitional => {}
            Told::View(view) => {
                let (before, got) = open.remove(&view.group).unwrap_or_default();
                arrivals.push(Arrival {
                    client: &client.member,
                    view,
                    before,
                    got,
                });
                let stays = view.members.contains(&client.member);
                open.insert(&view.group, (stays.then_some(view.id), Vec::new()));
            }
            Told::Message {
                id,
                groups,
                discarded_by,
                ..
            } => {
                for group in groups {
                    if let Some((Some(_), got)) = open.get_mut(group)
                        && got.last().is_none_or(|(last, _)| last != id)
                    {
                        got.push((*id, discarded_by.as_ref()));
                    }
                }
            }
        }
    }
    arrivals
}

/// Those who come from one view to the next together got the same messages in it; a network view's set names
/// exactly those who did come from the same view.
fn virtual_synchrony(world: &World) -> Violation {
    let mut meetings: BTreeMap<(GroupName, String), Vec<Arrival<'_>>> = BTreeMap::new();
    for arrival in world.clients.iter().flat_map(arrivals) {
        let key = (arrival.view.group.clone(), arrival.view.id.to_string());
        meetings.entry(key).or_default().push(arrival);
    }
    for (key, meeting) in meetings {
        for one in &meeting {
            for other in &meeting {
                let (a, b) = (one.client, other.client);
                let same = one.before.is_some() && one.before == other.before;
                if same && without(&one.got, a, b) != without(&other.got, a, b) {
                    let (x, y) = (&one.got, &other.got);
                    return Err(format!("{key:?}: {a} got {x:?}\n but {b} got {y:?}"));
                }
                if let Cause::Network { together, .. } = &one.view.cause
                    && together.contains(b) != same
                {
                    return Err(format!("{key:?}: {a} has {b} together: {}", !same));
                }
            }
        }
    }
    Ok(())
}

/// Without what one of the two wanted no copy of.
fn without(got: &[Got<'_>], a: &MemberId, b: &MemberId) -> Vec<MessageId> {
    got.iter()
        .filter(|(_, discarded_by)| *discarded_by != Some(a) && *discarded_by != Some(b))
        .map(|(id, _)| *id)
        .collect()
}

/// A client gets its own messages to groups that it was in when it sent them.
fn self_delivery(world: &World) -> Violation {
    for client in &world.clients {
        if let Some(missing) = client.owed.difference(&client.got_tags).next() {
            return Err(format!("{} did not get its own {missing}", client.member));
        }
    }
    Ok(())
}

/// At rest, every roster and every client's last view is what the living have asked for.
fn convergence(world: &World) -> Violation {
    let mut wanted: BTreeMap<GroupName, Vec<MemberId>> = BTreeMap::new();
    for client in world.clients.iter().filter(|client| client.connected) {
        for group in &client.asked {
            let members = wanted.entry(group.clone()).or_default();
            members.push(client.member.clone());
            members.sort_unstable();
        }
    }
    for host in world.hosts.values() {
        let status = host.groups.status();
        if !status.settled || status.held + status.pending > 0 {
            return Err(format!("{} is not at rest: {status:?}", host.process));
        }
        let groups: Vec<_> = host
            .groups
            .groups()
            .map(|(group, _)| group.clone())
            .collect();
        let have: BTreeMap<_, _> = groups
            .into_iter()
            .map(|group| (group.clone(), host.groups.members(&group)))
            .collect();
        if have != wanted {
            return Err(format!(
                "{} has {have:?}\n instead of {wanted:?}",
                host.process
            ));
        }
    }
    for client in world.clients.iter().filter(|client| client.connected) {
        for (group, members) in &wanted {
            let last = views(client).filter(|view| view.group == *group).last();
            let inside = client.asked.contains(group);
            if inside && last.is_none_or(|view| *view.members != members[..]) {
                return Err(format!("{} last saw {last:?} of {group}", client.member));
            }
        }
    }
    Ok(())
}
