//! The commands of local clients, and the queue in which they wait while a configuration forms.

use bytes::Bytes;
use ringfort_machine::{Level, Sink};
use ringfort_wire::{
    DecodeError,
    group::{self, Control, Message},
};

use crate::{Action, ClientId, Command, Groups, Refusal};

impl Groups {
    pub(crate) fn local(
        &mut self,
        client: ClientId,
        command: Command,
        out: &mut impl Sink<Action>,
    ) -> Result<(), Refusal> {
        match command {
            Command::Connect {
                name,
                wants_membership,
            } => self.clients.connect(client, name, wants_membership),
            Command::Join { group } => {
                if self.clients.may_join(client, &group)? {
                    let name = self.name_of(client)?;
                    self.clear_to_send(0)?;
                    self.clients.asked_to_join(client, group.clone());
                    self.control(
                        &Control::Join {
                            client: name,
                            group,
                        },
                        out,
                    );
                }
                Ok(())
            }
            Command::Leave { group } => {
                if self.clients.may_leave(client, &group)? {
                    let name = self.name_of(client)?;
                    self.clear_to_send(0)?;
                    self.clients.asked_to_leave(client, &group);
                    self.control(
                        &Control::Leave {
                            client: name,
                            group,
                        },
                        out,
                    );
                }
                Ok(())
            }
            Command::Disconnect => {
                let name = self.name_of(client)?;
                self.clients.close(client);
                self.control(&Control::Disconnect { client: name }, out);
                Ok(())
            }
            Command::Send {
                groups,
                level,
                self_discard,
                tag,
                payload,
            } => {
                let from = self.name_of(client)?;
                self.send(
                    &Message {
                        from,
                        groups,
                        level,
                        self_discard,
                        tag,
                        payload,
                    },
                    out,
                )
            }
        }
    }

    fn send(&mut self, message: &Message, out: &mut impl Sink<Action>) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let (found, limit) = (message.groups.len(), limits.destinations);
        if found == 0 || found > limit {
            return Err(Refusal::Destinations { found, limit });
        }
        let (found, limit) = (message.payload.len(), limits.payload_bytes);
        if found > limit {
            return Err(Refusal::TooLong { found, limit });
        }
        let payload = group::encode_message(message).map_err(|error| too_long(error, found))?;
        self.clear_to_send(payload.len())?;
        let level = if self.config.overtaking {
            message.level
        } else {
            message.level.max(Level::Agreed)
        };
        self.submit(level, payload, out);
        Ok(())
    }

    fn control(&mut self, control: &Control, out: &mut impl Sink<Action>) {
        self.submit(Level::Agreed, group::encode_control(control), out);
    }

    /// Whether submissions have to wait until a configuration has formed. Whoever can keep its clients from asking
    /// for more does so meanwhile; there is room for [`crate::Limits::pending`] commands only.
    pub const fn must_wait(&self) -> bool {
        self.in_transition || self.exchange.is_some() || self.place.is_none()
    }

    /// Refuses if `bytes` more would have to wait and there is no room for them.
    fn clear_to_send(&self, bytes: usize) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let full = self.pending.len() >= limits.pending
            || self.pending_bytes.saturating_add(bytes) > limits.pending_bytes;
        if self.must_wait() && full {
            return Err(Refusal::Busy);
        }
        Ok(())
    }

    fn submit(&mut self, level: Level, payload: Bytes, out: &mut impl Sink<Action>) {
        if self.must_wait() {
            self.pending_bytes += payload.len();
            self.pending.push_back((level, payload));
        } else {
            out.push(Action::Submit { level, payload });
        }
    }

    /// Submits what waited, once nothing has to wait any more.
    pub(crate) fn release(&mut self, out: &mut impl Sink<Action>) {
        if self.must_wait() {
            return;
        }
        self.pending_bytes = 0;
        for (level, payload) in self.pending.drain(..) {
            out.push(Action::Submit { level, payload });
        }
    }
}

/// Why a message of legal parts cannot be encoded: the whole is too long.
const fn too_long(error: DecodeError, found: usize) -> Refusal {
    match error {
        DecodeError::TooLong { found, limit } => Refusal::TooLong { found, limit },
        DecodeError::Truncated { .. }
        | DecodeError::Magic
        | DecodeError::Version { .. }
        | DecodeError::ForeignCluster(_)
        | DecodeError::Kind(_)
        | DecodeError::Reserved
        | DecodeError::Checksum
        | DecodeError::Trailing(_)
        | DecodeError::Malformed
        | DecodeError::NotCanonical => Refusal::TooLong {
            found,
            limit: ringfort_wire::limits::MESSAGE,
        },
    }
}
