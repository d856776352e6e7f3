//! The fingerprint of an action: enough to tell whether a replay did the same, small enough for the hot path.
//!
//! What has volume (datagrams, streams, disk) is hashed field by field; what is rare (notes, consoles, addresses)
//! by its debug text, which is canonical within a build and says everything.

use alloc::{string::String, vec::Vec};
use core::fmt::{self, Write};

use bytes::Bytes;
use ringfort_logs::DiskAction;
use ringfort_machine::Digest;

use super::stored::{Malformed, Stored, choice, structure};
use crate::{Action, BusAction, ConnectionAction, StreamAction, Target};

/// The family of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// [`Action::Datagram`]
    Datagram,
    /// [`Action::Stream`]
    Stream,
    /// [`Action::Console`]
    Console,
    /// [`Action::Listener`]
    Listener,
    /// [`Action::Connection`]
    Connection,
    /// [`Action::Bus`]
    Bus,
    /// [`Action::Group`]
    Group,
    /// [`Action::Disk`]
    Disk,
    /// [`Action::Address`]
    Address,
    /// [`Action::Note`]
    Note,
    /// [`Action::Halt`]
    Halt,
    /// [`Action::Seal`]
    Seal,
}

/// The fingerprint of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// What kind of action.
    pub family: Family,
    /// Bytes of its payload, or of its text if it has none.
    pub bytes: usize,
    /// The hash of all of it.
    pub hash: u64,
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} of {} bytes, hash {:016x}",
            self.family, self.bytes, self.hash
        )
    }
}

structure!(Print {
    family: family,
    bytes: bytes,
    hash: hash
});

choice!(Family, "a family of actions" {
    0 => Datagram {},
    1 => Stream {},
    2 => Console {},
    3 => Listener {},
    4 => Connection {},
    5 => Group {},
    6 => Disk {},
    7 => Address {},
    8 => Note {},
    9 => Halt {},
    10 => Bus {},
    11 => Seal {},
});

/// Takes fingerprints; keeps its buffers, so that this allocates nothing in a steady state.
#[derive(Debug, Default)]
pub(crate) struct Printer {
    fields: Vec<u8>,
    text: String,
}

impl Printer {
    /// The fingerprint of `action`.
    pub(crate) fn print(&mut self, action: &Action) -> Print {
        self.fields.clear();
        match action {
            Action::Datagram { to, bytes } => {
                self.target(to);
                self.volume(Family::Datagram, bytes)
            }
            Action::Stream(StreamAction::Send { stream, bytes }) => {
                stream.put(&mut self.fields);
                self.volume(Family::Stream, bytes)
            }
            Action::Stream(action) => self.debug(Family::Stream, action),
            Action::Console(action) => self.debug(Family::Console, action),
            Action::Listener(action) => self.debug(Family::Listener, action),
            Action::Connection(action) => self.connection(action),
            Action::Bus(BusAction::Send { session, bytes }) => {
                session.put(&mut self.fields);
                self.volume(Family::Bus, bytes)
            }
            Action::Bus(action) => self.debug(Family::Bus, action),
            Action::Group { client, event } => self.debug(Family::Group, &(client, event)),
            Action::Disk(order, action) => {
                order.put(&mut self.fields);
                self.disk(action)
            }
            Action::Address(order, action) => self.debug(Family::Address, &(order, action)),
            Action::Seal(action) => self.debug(Family::Seal, action),
            Action::Note(note) => self.debug(Family::Note, note),
            Action::Halt(halt) => self.debug(Family::Halt, halt),
        }
    }

    fn target(&mut self, to: &Target) {
        match to {
            Target::Peer(address) => {
                self.fields.push(0);
                address.put(&mut self.fields);
            }
            Target::Peers(addresses) => {
                self.fields.push(1);
                for address in addresses.iter() {
                    address.put(&mut self.fields);
                }
            }
            Target::Multicast(address) => {
                self.fields.push(2);
                address.put(&mut self.fields);
            }
        }
    }

    fn connection(&mut self, action: &ConnectionAction) -> Print {
        let (tag, connection, bytes) = match action {
            ConnectionAction::Greet { connection, banner } => (0, connection, banner),
            ConnectionAction::Relay {
                connection,
                to,
                header,
            } => {
                to.put(&mut self.fields);
                (1, connection, header)
            }
            ConnectionAction::Refuse { connection, banner } => (2, connection, banner),
            ConnectionAction::Drop { connection } => (3, connection, &Bytes::new()),
        };
        self.fields.push(tag);
        connection.put(&mut self.fields);
        self.volume(Family::Connection, bytes)
    }

    fn disk(&mut self, action: &DiskAction) -> Print {
        let (tag, one, other, data): (u8, u64, u64, &[u8]) = match action {
            DiskAction::List { .. } => (0, 0, 0, &[]),
            DiskAction::Read { offset, length, .. } => (1, *offset, u64::from(*length), &[]),
            DiskAction::Write { offset, data, .. } => (2, *offset, 0, data),
            DiskAction::Sync { .. } => (3, 0, 0, &[]),
            DiskAction::Truncate { length, .. } => (4, *length, 0, &[]),
            DiskAction::Replace { data, .. } => (5, 0, 0, data),
            DiskAction::Remove { .. } => (6, 0, 0, &[]),
        };
        self.fields.push(tag);
        action.path().put(&mut self.fields);
        one.put(&mut self.fields);
        other.put(&mut self.fields);
        self.volume(Family::Disk, data)
    }

    /// The print of what `fields` holds and of `bytes`.
    fn volume(&self, family: Family, bytes: &[u8]) -> Print {
        let mut digest = Digest::new();
        digest.bytes(&self.fields).bytes(bytes);
        Print {
            family,
            bytes: bytes.len(),
            hash: digest.finish(),
        }
    }

    fn debug(&mut self, family: Family, value: &impl fmt::Debug) -> Print {
        self.text.clear();
        write!(self.text, "{value:?}").expect("writing to a string does not fail");
        Print {
            family,
            bytes: self.text.len(),
            hash: Digest::of(self.text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
