//! Virtual synchrony of groups, the side that names the set (services-anchors 4): a network view tells each
//! member who came along with it. Those who came along were in one view before, so two members that name each
//! other and come from different views have been told of a company that they were not in.
//!
//! What this is not: it does not compare messages; `groups` does, for members that come from one view.

use std::collections::BTreeMap;

use ringfort_machine::Instant;

use crate::{
    checker::{Checker, Violation},
    trace::{Event, Kind, Text, ViewCause},
};

const NAME: &str = "companions";

/// A member that has entered a network view, and the view from which it came.
struct Came {
    client: Text,
    previous: Text,
}

/// See the module.
#[derive(Default)]
pub(super) struct Companions {
    /// The last view of each member, by group and client.
    last: BTreeMap<(Text, Text), Text>,
    /// Who has entered a network view so far, by group and view.
    came: BTreeMap<(Text, Text), Vec<Came>>,
}

impl Companions {
    fn on_network(
        &mut self,
        client: &Text,
        group: &Text,
        view: &Text,
        with: &[Text],
    ) -> Result<(), Violation> {
        let Some(previous) = self.last.get(&(group.clone(), client.clone())) else {
            return Ok(()); // its first view: it came with nobody
        };
        let all = self.came.entry((group.clone(), view.clone())).or_default();
        let stranger = |other: &&Came| with.contains(&other.client) && other.previous != *previous;
        if let Some(other) = all.iter().find(stranger) {
            return Err(Violation::new(
                NAME,
                format!(
                    "view {view} of {group}: {client} came from view {previous} and names {}, which came from {}",
                    other.client, other.previous
                ),
            ));
        }
        all.push(Came {
            client: client.clone(),
            previous: previous.clone(),
        });
        Ok(())
    }
}

impl Checker for Companions {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        let Kind::View {
            client,
            group,
            view,
            members,
            cause,
            with,
        } = &event.kind
        else {
            return Ok(());
        };
        let member = (group.clone(), client.clone());
        match cause {
            ViewCause::Transitional => return Ok(()), // a mark, not a view
            ViewCause::Network => {
                self.on_network(client, group, view, with.as_deref().unwrap_or_default())?;
            }
            ViewCause::Join | ViewCause::Leave | ViewCause::Disconnect => {}
        }
        if members.contains(client) {
            self.last.insert(member, view.clone());
        } else {
            self.last.remove(&member);
        }
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
