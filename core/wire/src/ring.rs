//! The bodies of the ring: token, ordered data, and the four frames of membership (Totem single-ring protocol,
//! Amir, Moser, Melliar-Smith, Agarwal, Ciarfella 1995).
//!
//! [`Data`] is the only frame of volume. It is laid out by hand ([`data`]) with fixed-width little-endian
//! fields, so that it has one encoding by construction and its payloads are slices of the datagram. The rest
//! is small and rare and uses canonical postcard ([`crate::body`]); every list is capped and must be strictly
//! ascending, so that equal sets have equal bytes.
//!
//! What this module deliberately does not: it does not judge whether a frame fits the state of a ring. A frame
//! that decodes here only does not contradict itself.

use alloc::vec::Vec;

use bytes::Bytes;
use ringfort_machine::{Member, ProcessId, RingId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{DecodeError, body, limits};

pub mod data;

pub use data::{Content, Cut, Data, DataBuilder, Item, Messages};

/// The most sequence numbers that one token asks to be sent again.
pub const REQUESTS: usize = 128;

/// No count on the wire reaches this: packets, hops, rings and stamps are counted in far less than 2^48 steps
/// over the life of a cluster, and sums of them never overflow.
pub const CEILING: u64 = 1 << 48;

/// The token: the right to give messages a place in the order, and the summary of what everybody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The ring it circulates on.
    pub ring: RingId,
    /// Grows by one with every hop, so that a retransmitted token is recognised.
    pub hop: u64,
    /// The highest sequence number given out.
    pub seq: u64,
    /// All-received-up-to: no member that has seen this token lacks a packet up to here.
    pub aru: u64,
    /// Who lowered `aru` and therefore may raise it; nobody if `aru` equals `seq`.
    pub setter: Option<ProcessId>,
    /// Packets sent by all members in the last rotation.
    pub sent: u32,
    /// Packets waiting at all members, as each last reported.
    pub backlog: u32,
    /// Packets wanted again, ascending.
    pub requests: Vec<Request>,
}

/// One packet that a [`Token`] asks to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// Its place in the order.
    pub seq: u64,
    /// Who is to send it, by position among the members: the one that the asking member is known to hear.
    /// Anybody if absent.
    pub by: Option<u8>,
}

/// One process in a [`Join`], with what the sender thinks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidate {
    /// The process.
    pub process: ProcessId,
    /// It belongs to the set that the sender considers for the next ring.
    pub proposed: bool,
    /// The sender holds it for failed; implies `proposed`.
    pub failed: bool,
    /// The sender has lately received frames from it directly.
    pub heard: bool,
}

/// A proposal of membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Who proposes.
    pub sender: Member,
    /// Grows with every join and beacon of the sender, so that an overtaken one is recognised.
    pub stamp: u64,
    /// The ring of the sender's last regular configuration.
    pub ring: RingId,
    /// The highest ring sequence the sender has seen.
    pub sequence: u64,
    /// The sender is leaving: the others must go on without it.
    pub leaving: bool,
    /// All processes it has an opinion of, ascending by process.
    pub candidates: Vec<Candidate>,
}

/// What a member brings from its old ring into the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldRing {
    /// The ring of its last regular configuration.
    pub ring: RingId,
    /// It has all packets of that ring up to here.
    pub aru: u64,
    /// The highest packet of that ring it has.
    pub high: u64,
    /// It knows that all members of that ring have everything up to here.
    pub stable: u64,
    /// Members of that ring, by position in its member list, whose messages it has promised to deliver.
    pub obligations: u128,
}

/// One line of the commit token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitLine {
    /// The member.
    pub member: Member,
    /// What it brings; absent until the token has passed it once.
    pub old: Option<OldRing>,
}

/// The commit token: makes two rounds over the members agreed upon, collecting and then handing out what each
/// brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The ring to be formed.
    pub ring: RingId,
    /// The round: 1 while it collects, 2 while it hands out.
    pub round: u8,
    /// Its members, ascending by process; the representative is the first.
    pub lines: Vec<CommitLine>,
}

/// A sign of life towards other rings, so that they merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beacon {
    /// Who sends it.
    pub sender: Member,
    /// Shares the count of [`Join::stamp`].
    pub stamp: u64,
    /// Its ring.
    pub ring: RingId,
    /// Processes outside its ring that it has something to tell of, ascending by process.
    pub neighbours: Vec<Neighbour>,
}

/// One process in a [`Beacon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Neighbour {
    /// The process.
    pub process: ProcessId,
    /// The sender has lately received frames from it directly.
    pub heard: bool,
    /// The sender found itself that it cannot be in one ring with it at present.
    pub accused: bool,
    /// The sender would not form a ring with it at present, for its own reasons or another member's; includes
    /// `accused`.
    pub shunned: bool,
}

/// Asks the representative of an idle ring to let the token go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hurry {
    /// The ring.
    pub ring: RingId,
    /// Who has something to send.
    pub sender: ProcessId,
}

/// A body in canonical postcard whose parts can be checked against each other.
pub trait RingBody: Serialize + DeserializeOwned {
    /// Whether lists are capped and ascending and no field contradicts another.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] or [`DecodeError::NotCanonical`].
    fn check(&self) -> Result<(), DecodeError>;

    /// The body's bytes.
    fn encode(&self) -> Bytes {
        body::encode(self)
    }

    /// Decodes and checks a whole body.
    ///
    /// # Errors
    /// Any [`DecodeError`] of [`body::decode`] or [`RingBody::check`].
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let value = body::decode::<Self>(bytes)?;
        value.check()?;
        Ok(value)
    }
}

impl RingBody for Token {
    fn check(&self) -> Result<(), DecodeError> {
        capped(self.requests.len(), REQUESTS)?;
        let first = self.requests.first().map_or(1, |request| request.seq);
        let last = self.requests.last().map_or(0, |request| request.seq);
        let is_member = |by| usize::from(by) < limits::MEMBERS;
        let mut by = self.requests.iter().filter_map(|request| request.by);
        let settled = self.setter.is_none() == (self.aru == self.seq);
        consistent(
            ascending(&self.requests)
                && first > 0
                && last <= self.seq
                && by.all(is_member)
                && self.aru <= self.seq
                && self.hop > 0
                && self.hop < CEILING
                && self.seq < CEILING
                && self.ring.sequence < CEILING
                && settled,
        )
    }
}

impl RingBody for Join {
    fn check(&self) -> Result<(), DecodeError> {
        capped(self.candidates.len(), 2 * limits::MEMBERS)?;
        let processes: Vec<ProcessId> = self.candidates.iter().map(|c| c.process).collect();
        let flags = |c: &Candidate| c.proposed || (c.heard && !c.failed);
        let own = self
            .candidates
            .iter()
            .find(|c| c.process == self.sender.process);
        let includes_itself = own.is_some_and(|c| c.proposed && c.failed == self.leaving);
        consistent(
            ascending(&processes)
                && self.candidates.iter().all(flags)
                && includes_itself
                && self.ring.sequence <= self.sequence
                && self.sequence < CEILING
                && self.stamp < CEILING,
        )
    }
}

impl RingBody for Commit {
    fn check(&self) -> Result<(), DecodeError> {
        capped(self.lines.len(), limits::MEMBERS)?;
        let processes: Vec<ProcessId> = self.lines.iter().map(|l| l.member.process).collect();
        let filled = self
            .lines
            .iter()
            .take_while(|line| line.old.is_some())
            .count();
        let contiguous = self
            .lines
            .iter()
            .skip(filled)
            .all(|line| line.old.is_none());
        let sane = |old: &OldRing| {
            old.high < CEILING
                && old.stable <= old.aru
                && old.aru <= old.high
                && old.ring.sequence <= self.ring.sequence
        };
        consistent(
            ascending(&processes)
                && processes.first() == Some(&self.ring.representative)
                && filled > 0
                && self.ring.sequence < CEILING
                && contiguous
                && (self.round == 1 || (self.round == 2 && filled == self.lines.len()))
                && self.lines.iter().flat_map(|line| &line.old).all(sane),
        )
    }
}

impl RingBody for Beacon {
    fn check(&self) -> Result<(), DecodeError> {
        capped(self.neighbours.len(), 2 * limits::MEMBERS)?;
        let processes: Vec<ProcessId> = self.neighbours.iter().map(|n| n.process).collect();
        let flags = |n: &Neighbour| n.shunned || (n.heard && !n.accused);
        consistent(
            ascending(&processes)
                && self.neighbours.iter().all(flags)
                && self.ring.sequence < CEILING
                && self.stamp < CEILING,
        )
    }
}

impl RingBody for Hurry {
    fn check(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn capped(found: usize, limit: usize) -> Result<(), DecodeError> {
    if found <= limit {
        Ok(())
    } else {
        Err(DecodeError::TooLong { found, limit })
    }
}

fn consistent(is: bool) -> Result<(), DecodeError> {
    if is {
        Ok(())
    } else {
        Err(DecodeError::NotCanonical)
    }
}

fn ascending<T: Ord>(items: &[T]) -> bool {
    items.windows(2).all(|pair| pair[0] < pair[1])
}

#[cfg(test)]
mod tests;
