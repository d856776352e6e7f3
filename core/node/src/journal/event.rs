//! Every event in a journal. The numbers of the variants belong to the format: a new variant takes a new number
//! and changes [`super::FORMAT`] only if an old one changes its meaning.

use alloc::vec::Vec;

use bytes::Bytes;
use ringfort_groups::{ClientId, Command};
use ringfort_logs::{Class, DiskError, DiskErrorKind, DiskOutcome, Entry};
use ringfort_machine::{Level, OrderId};
use ringfort_seal::{PublicKey, Trusted};
use ringfort_vip::{AddressError, AddressErrorKind, AddressOutcome};

use super::stored::{Malformed, Stored, choice, structure};
use crate::{
    BusEvent, BusPeer, BusSession, CloseReason, ConnectionEvent, ConnectionId, ConsoleEvent,
    ConsolePeer, Event, ListenerEvent, LocalEvent, SealEvent, SealPeer, SealStatus, SessionId,
    StreamEvent, StreamId,
};

structure!(OrderId { 0: id });
structure!(StreamId { 0: id });
structure!(SessionId { 0: id });
structure!(ConnectionId { 0: id });
structure!(BusSession { 0: id });
structure!(ClientId { 0: id });

choice!(Event, "an event" {
    0 => Wake {},
    1 => Datagram { from: from, bytes: bytes },
    2 => Stream { 0: event },
    3 => Console { 0: event },
    4 => Listener { 0: event },
    5 => Connection { 0: event },
    6 => Local { 0: event },
    7 => Disk { order: order, outcome: outcome },
    8 => Address { order: order, outcome: outcome },
    9 => Reload { 0: config },
    10 => Leave {},
    11 => Bus { 0: event },
    12 => Seal { 0: event },
});

choice!(SealEvent, "an event of the seal" {
    0 => Trust { 0: trusted },
    1 => Status { 0: status },
});

structure!(Trusted {
    node: node,
    public: public
});
structure!(SealStatus {
    epoch: epoch,
    rotating_to: rotating_to,
    peers: peers,
    refused: refused,
});
structure!(SealPeer {
    node: node,
    incarnation: incarnation,
    epoch: epoch,
});

impl Stored for PublicKey {
    fn put(&self, out: &mut Vec<u8>) {
        self.bytes().put(out);
    }

    fn take(input: &mut Bytes) -> Result<Self, Malformed> {
        <[u8; 32]>::take(input).map(Self::new)
    }
}

choice!(StreamEvent, "an event of a stream" {
    0 => Accepted { stream: stream, peer: peer },
    1 => Connected { stream: stream },
    2 => Data { stream: stream, bytes: bytes },
    3 => Closed { stream: stream, reason: reason },
});

choice!(CloseReason, "why a stream ended" {
    0 => Finished {},
    1 => Unreachable {},
    2 => Reset {},
    3 => Idle {},
    4 => Overrun {},
});

choice!(ConsoleEvent, "an event of a console" {
    0 => Opened { session: session, peer: peer, target: target },
    1 => Line { session: session, line: line },
    2 => Closed { session: session },
});

choice!(ConsolePeer, "who is at a console" {
    0 => Local { user: user },
    1 => Remote { 0: address },
});

choice!(ListenerEvent, "an event of a listener" {
    0 => Opened { listener: listener },
    1 => Failed { listener: listener, reason: reason },
});

choice!(ConnectionEvent, "an event of a connection" {
    0 => Accepted { connection: connection, listener: listener, peer: peer, local: local },
    1 => Closed { connection: connection, received: received, sent: sent },
    2 => RelayFailed { connection: connection },
});

choice!(BusEvent, "an event of a client of the bus" {
    0 => Accepted { session: session, peer: peer },
    1 => Data { session: session, bytes: bytes },
    2 => Drained { session: session },
    3 => Closed { session: session },
});

choice!(BusPeer, "where a client of the bus comes from" {
    0 => Unix {},
    1 => Tcp { 0: address },
});

choice!(LocalEvent, "an event of a local client" {
    0 => Group { client: client, command: command },
    1 => Count { object: object, key: key, by: by },
    2 => Append { log: log, class: class, payload: payload },
});

choice!(Command, "a command of a group client" {
    0 => Connect { name: name, wants_membership: wants_membership },
    1 => Join { group: group },
    2 => Leave { group: group },
    3 => Disconnect {},
    4 => Send {
        groups: groups,
        level: level,
        self_discard: self_discard,
        tag: tag,
        payload: payload,
    },
});

choice!(Level, "a level" {
    0 => Reliable {},
    1 => Fifo {},
    2 => Causal {},
    3 => Agreed {},
    4 => Safe {},
});

choice!(Class, "a class of durability" {
    0 => None {},
    1 => Batch {},
    2 => Sync {},
});

choice!(DiskOutcome, "the outcome of a disk order" {
    0 => Done {},
    1 => Listing { 0: entries },
    2 => Data { 0: bytes },
    3 => Failed { 0: error },
});

structure!(Entry {
    name: name,
    length: length
});
structure!(DiskError {
    kind: kind,
    detail: detail
});

choice!(DiskErrorKind, "a kind of disk failure" {
    0 => Full {},
    1 => Missing {},
    2 => Denied {},
    3 => Failed {},
});

choice!(AddressOutcome, "the outcome of an address order" {
    0 => Done {},
    1 => Found { 0: addresses },
    2 => Failed { 0: error },
});

structure!(AddressError {
    kind: kind,
    detail: detail
});

choice!(AddressErrorKind, "a kind of address failure" {
    0 => Denied {},
    1 => NoInterface {},
    2 => Unsupported {},
    3 => Failed {},
});

#[cfg(test)]
pub(crate) mod tests;
