//! Passing the order: what one delivered message does to rosters and clients, and how a view is given out.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use ringfort_machine::{
    ConfigurationId, Level, Position, ProcessId, Sink,
    defect::{self, Defect},
};
use ringfort_wire::{
    DecodeError,
    group::{self, Body, ClientName, Control, GroupName, Message},
};

use crate::{Action, Cause, ClientEvent, Groups, MemberId, Note, View, ViewId, exchange::Passage};

/// Greater than the ordinal of any message, and still within what signed numbers hold.
const END: u64 = i64::MAX as u64;

/// In which configuration, and on whose side of an unfinished merge, views begin at the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) configuration: ConfigurationId,
    pub(crate) side: Option<ProcessId>,
}

impl Place {
    /// The view id of what happens here at `ordinal`.
    pub(crate) const fn view_id(&self, ordinal: u64) -> ViewId {
        ViewId {
            configuration: self.configuration,
            ordinal,
            side: self.side,
        }
    }

    /// The position just after the configuration itself.
    pub(crate) const fn beginning(&self) -> Position {
        Position {
            configuration: self.configuration,
            ordinal: 0,
        }
    }

    /// Where the configuration makes a view: a regular one at its beginning, for all. What one side does for
    /// itself it does after everything that its transitional configuration delivered.
    const fn turning_point(&self) -> Position {
        Position {
            configuration: self.configuration,
            ordinal: if self.side.is_some() { END } else { 0 },
        }
    }
}

impl Groups {
    /// Decodes what an ordered message says; a payload that says nothing valid is noted.
    pub(crate) fn understand(passage: &Passage, out: &mut impl Sink<Action>) -> Option<Body> {
        let sender = passage.sender;
        let refuse = |error| Note::PayloadRefused { sender, error };
        let note = match group::decode(&passage.payload) {
            Err(error) => refuse(error),
            Ok(Body::Control(Control::Join { group, .. } | Control::Leave { group, .. }))
                if group.is_private() =>
            {
                refuse(DecodeError::Malformed)
            }
            Ok(Body::Control(_)) if passage.level < Level::Agreed => {
                Note::ControlOutOfOrder { sender }
            }
            Ok(body) => return Some(body),
        };
        out.push(Action::Note(note));
        None
    }

    /// Takes the next message of the order.
    pub(crate) fn pass(&mut self, passage: &Passage, body: Body, out: &mut impl Sink<Action>) {
        let sender = passage.sender;
        match body {
            Body::Message(message) => self.deliver(passage, message, out),
            Body::Control(Control::State(_)) => {
                out.push(Action::Note(Note::StaleState { sender }));
            }
            // Of a process whose clients are not known here nothing can be said; only its own side, which
            // knows them, takes note of the change. It tells the result when it merges.
            Body::Control(_) if !self.base.contains(&sender) => {}
            Body::Control(Control::Join { client, group }) => {
                self.joined(passage.position, MemberId::new(sender, client), &group, out);
            }
            Body::Control(Control::Leave { client, group }) => {
                self.left(passage.position, MemberId::new(sender, client), &group, out);
            }
            Body::Control(Control::Disconnect { client }) => {
                self.disconnected(passage.position, MemberId::new(sender, client), out);
            }
        }
    }

    fn joined(
        &mut self,
        position: Position,
        member: MemberId,
        group: &GroupName,
        out: &mut impl Sink<Action>,
    ) {
        if self.roster.join(&member, group) {
            if member.process == self.config.me {
                self.clients.listen(&member.client, group);
            }
            self.change(position, group, Cause::Join(member), out);
        }
    }

    fn left(
        &mut self,
        position: Position,
        member: MemberId,
        group: &GroupName,
        out: &mut impl Sink<Action>,
    ) {
        if self.roster.leave(&member, group) {
            // The leaver still listens, which is how it gets its last view.
            if defect::active(Defect::LoseLeaveView) {
                self.clients.unlisten(&member.client, group);
            }
            self.change(position, group, Cause::Leave(member.clone()), out);
            if member.process == self.config.me {
                self.clients.unlisten(&member.client, group);
            }
        }
    }

    fn disconnected(&mut self, position: Position, member: MemberId, out: &mut impl Sink<Action>) {
        for group in self.roster.groups_of(&member) {
            if !defect::active(Defect::ForgetDisconnect) {
                self.roster.leave(&member, &group);
            }
            let cause = if defect::active(Defect::WrongViewCause) {
                Cause::Leave(member.clone())
            } else {
                Cause::Disconnect(member.clone())
            };
            self.change(position, &group, cause, out);
        }
        if member.process == self.config.me {
            self.clients.ended(&member.client);
        }
    }

    fn deliver(&mut self, passage: &Passage, message: Message, out: &mut impl Sink<Action>) {
        let mut receivers = self.clients.receivers(&message.groups);
        if message.self_discard
            && passage.sender == self.config.me
            && let Some(own) = self.clients.id(&message.from)
        {
            receivers.remove(&own);
        }
        let from = MemberId::new(passage.sender, message.from);
        let side = self.place().side;
        let groups: Arc<[GroupName]> = message.groups.iter().cloned().collect();
        for (client, via) in receivers {
            let event = ClientEvent::Message {
                position: passage.position,
                from: from.clone(),
                number: passage.number,
                groups: Arc::clone(&groups),
                via: via.clone(),
                level: message.level,
                self_discard: message.self_discard,
                side,
                tag: message.tag,
                payload: message.payload.clone(),
            };
            if defect::active(Defect::DeliverPerGroup) && groups.len() > 1 {
                out.push(Action::Client {
                    client,
                    event: event.clone(),
                });
            }
            out.push(Action::Client { client, event });
        }
    }

    /// Gives out the view that one member's change made.
    fn change(
        &self,
        position: Position,
        group: &GroupName,
        cause: Cause,
        out: &mut impl Sink<Action>,
    ) {
        let id = self.place().view_id(position.ordinal);
        let mut members = self.roster.members(group);
        if defect::active(Defect::ShowOwnFirst) {
            let me = self.config.me;
            let (own, others): (Vec<_>, _) = members.iter().cloned().partition(|m| m.process == me);
            members = own.into_iter().chain(others).collect();
        }
        self.show(group, id, position, members, cause, out);
    }

    /// Gives a view of `group` to those who watch it.
    pub(crate) fn show(
        &self,
        group: &GroupName,
        id: ViewId,
        position: Position,
        members: Arc<[MemberId]>,
        cause: Cause,
        out: &mut impl Sink<Action>,
    ) {
        for client in self.clients.watchers(group) {
            let view = View {
                group: group.clone(),
                id,
                position,
                members: Arc::clone(&members),
                cause: cause.clone(),
            };
            let event = ClientEvent::View(view);
            out.push(Action::Client { client, event });
        }
    }

    /// Gives out the view that a configuration made. `sides` says which side each process came from.
    pub(crate) fn show_network(
        &self,
        group: &GroupName,
        sides: &BTreeMap<ProcessId, ProcessId>,
        out: &mut impl Sink<Action>,
    ) {
        let members = self.roster.members(group);
        let mut sets: BTreeMap<ProcessId, Vec<MemberId>> = BTreeMap::new();
        for member in members.iter() {
            let side = sides.get(&member.process).unwrap_or(&member.process);
            sets.entry(*side).or_default().push(member.clone());
        }
        let together = if defect::active(Defect::WrongSynchronySet) {
            members.to_vec()
        } else {
            let mine = sides.get(&self.config.me).unwrap_or(&self.config.me);
            sets.get(mine).cloned().unwrap_or_default()
        };
        let cause = Cause::Network {
            together,
            sets: sets.into_values().collect(),
        };
        let place = self.place();
        let position = place.turning_point();
        let id = place.view_id(position.ordinal);
        self.show(group, id, position, members, cause, out);
    }

    /// The name of a client of this process, for its messages.
    pub(crate) fn name_of(&self, client: crate::ClientId) -> Result<ClientName, crate::Refusal> {
        self.clients.name(client).cloned()
    }
}
