//! Views, messages, tables and commands: everything that goes to the other members or comes from them.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use ringfort_machine::{
    Instant, Position, ProcessId, Sink,
    defect::{self, Defect},
};
use ringfort_wire::vip::{
    ADDRESSES, Body, Offer, RECORDS_PER_PART, Record, Standing, Table, Tenure,
};

use super::{COMMAND_LIMIT, COMMANDS, Life, Vip, notes_out, offers_of};
use crate::{
    Action, AddressConfig, Command, CommandError, Config, Note,
    agreed::{Touched, ViewKind},
    local::State,
    timers::Timer,
};

/// Between two notes about missing tables.
const STALL: Duration = Duration::from_secs(10);
/// The most bytes of one part of a table: a fraction of the largest message, so that others get their turn.
const PART_BYTES: usize = 64 * 1024;
/// Between two attempts to say that the cluster is mature: one that falls into a view change is lost.
const MATURE_AGAIN: Duration = Duration::from_millis(200);

impl Vip {
    pub(super) fn view(
        &mut self,
        now: Instant,
        position: Position,
        members: Vec<ProcessId>,
        together: &[ProcessId],
        out: &mut impl Sink<Action>,
    ) {
        assert!(
            members.contains(&self.me),
            "the group layer hands out views of this process only"
        );
        self.transition = false;
        let was_settled = self.agreed.settled();
        let mut notes = Vec::new();
        let kind = self
            .agreed
            .view(now, position, members, together, &mut notes);
        notes_out(notes, out);
        match kind {
            ViewKind::Along if !self.agreed.settled() => {}
            ViewKind::Along if was_settled => self.reconcile(now, Touched::All, out),
            ViewKind::Along => self.settled(now, out),
            ViewKind::Epoch => {
                // What ended before is not in the new table; the old state it would change is gone.
                self.ended.clear();
                self.timers.clear(Timer::Report);
                for local in self.locals.addresses.values_mut() {
                    if local.state == State::Ended {
                        local.state = State::Absent;
                    }
                }
                self.announced = false;
                self.timers.set(Timer::Stall, now + STALL);
                self.publish_table(now, out);
            }
        }
    }

    /// All tables are in.
    fn settled(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        self.timers.clear(Timer::Stall);
        self.timers
            .set(Timer::Balance, now + self.config.balance_interval);
        self.reconcile(now, Touched::All, out);
        self.announce_overlapped(now, out);
    }

    pub(super) fn message(
        &mut self,
        now: Instant,
        from: ProcessId,
        body: Body,
        out: &mut impl Sink<Action>,
    ) {
        let mine = from == self.me;
        let ours = match (&body, mine) {
            (
                Body::Move {
                    ticket,
                    address,
                    to,
                },
                true,
            ) => Own::Move(*ticket, self.agreed.check_move(*address, *to)),
            (Body::Ended(tenures), true) => Own::Ended(tenures.clone()),
            (_, _) => Own::Other,
        };
        let was_settled = self.agreed.settled();
        let mut notes = Vec::new();
        let result = self.agreed.message(now, from, body, &mut notes);
        notes_out(notes, out);
        match ours {
            Own::Move(ticket, verdict) => self.answer(ticket, verdict, out),
            Own::Ended(tenures) => self.own_ended(now, &tenures, out),
            Own::Other => {}
        }
        match result {
            Err(why) => out.push(Action::Note(Note::Rejected { from, why })),
            Ok(_) if !was_settled && self.agreed.settled() => {
                self.settled(now, out);
            }
            Ok(touched) => {
                let overlap_over = self.overlaps_won(from, &touched);
                self.reconcile(now, touched, out);
                if defect::active(Defect::ForgetOverlap) {
                    return;
                }
                for address in overlap_over {
                    self.announce(now, address, out);
                }
            }
        }
        self.leave_if_empty(out);
    }

    /// The own report is in the order: a new tenure may have started behind it.
    fn own_ended(&mut self, now: Instant, tenures: &[Tenure], out: &mut impl Sink<Action>) {
        for tenure in tenures {
            if let Some(local) = self.locals.addresses.get_mut(&tenure.address)
                && local.state == State::Ended
                && local.generation == tenure.generation
            {
                local.state = State::Absent;
                self.reconcile_one(now, tenure.address, out);
            }
        }
        self.locals.forget_absent(&self.offers);
    }

    /// After a merge in which others had it too, the winner's neighbours may have learnt the wrong place.
    fn announce_overlapped(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let won: Vec<IpAddr> = self
            .agreed
            .slots()
            .iter()
            .filter(|(address, slot)| slot.holders.len() > 1 && self.serves(**address))
            .map(|(address, _)| *address)
            .collect();
        if defect::active(Defect::ForgetOverlap) {
            return;
        }
        for address in won {
            self.announce(now, address, out);
        }
    }

    /// Held addresses of which `from` was the last other holder: it may have spoken last on the segment.
    fn overlaps_won(&self, from: ProcessId, touched: &Touched) -> Vec<IpAddr> {
        match touched {
            Touched::Some(addresses) if from != self.me => addresses
                .iter()
                .copied()
                .filter(|address| {
                    self.serves(*address)
                        && self
                            .agreed
                            .slot(*address)
                            .is_some_and(|slot| slot.holders.len() == 1)
                })
                .collect(),
            Touched::Some(_) | Touched::Nothing | Touched::All => Vec::new(),
        }
    }

    fn serves(&self, address: IpAddr) -> bool {
        self.locals
            .addresses
            .get(&address)
            .is_some_and(|local| local.served)
            && self
                .agreed
                .slot(address)
                .is_some_and(|slot| slot.owner == Some(self.me))
    }

    /// Publishes all that this process has and offers, for the current epoch.
    pub(super) fn publish_table(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let Some(epoch) = self.agreed.epoch() else {
            return;
        };
        if self.life == Life::Starting {
            return;
        }
        self.report(now, out);
        let parts = parts_of(self.records());
        let count = parts.len();
        for (part, records) in parts.into_iter().enumerate() {
            out.push(Action::Publish(Body::Table(Table {
                epoch,
                version: self.version,
                part: part as u16,
                parts: count as u16,
                capable: self.config.me_capable && self.life == Life::Running && self.clean(),
                mature: self.agreed.mature(),
                balance_set_size: self.config.balance_set_size,
                records,
            })));
        }
        self.announced = true;
    }

    /// One record for each address that this process configures, has, or knows something of that others may
    /// not: so many that they fit the most parts of a table.
    fn records(&self) -> Vec<Record> {
        let mut addresses: BTreeSet<IpAddr> = self.offers.keys().copied().collect();
        for (address, local) in &self.locals.addresses {
            if local.holding().is_some() {
                addresses.insert(*address);
            }
        }
        let room = (4 * ADDRESSES).saturating_sub(addresses.len());
        let known: Vec<IpAddr> = self
            .agreed
            .slots()
            .keys()
            .copied()
            .filter(|address| !addresses.contains(address))
            .take(room)
            .collect();
        addresses.extend(known);
        addresses
            .into_iter()
            .take(4 * ADDRESSES)
            .map(|address| self.record(address))
            .collect()
    }

    fn record(&self, address: IpAddr) -> Record {
        let slot = self.agreed.slot(address);
        let local = self.locals.addresses.get(&address);
        Record {
            address,
            generation: slot
                .map_or(0, |slot| slot.generation)
                .max(local.map_or(0, |local| local.generation)),
            pin: slot.map(|slot| slot.pin).unwrap_or_default(),
            holding: local.and_then(crate::local::Local::holding),
            offer: self
                .offers
                .get(&address)
                .map(|offer| offer_record(offer, self.locals.standing(address))),
        }
    }

    pub(super) fn publish_mature(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if self.agreed.mature() {
            return;
        }
        self.timers.set(Timer::Mature, now + MATURE_AGAIN);
        if let Some(epoch) = self.agreed.epoch().filter(|_| self.agreed.settled()) {
            out.push(Action::Publish(Body::Mature { epoch }));
        }
    }

    pub(super) fn balance_due(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        self.timers
            .set(Timer::Balance, now + self.config.balance_interval);
        let leads = self.agreed.leader() == Some(self.me) && self.life == Life::Running;
        if let Some(epoch) = self.agreed.epoch()
            && leads
            && !self.transition
            && self.agreed.uneven()
        {
            out.push(Action::Publish(Body::Balance {
                epoch,
                limit: self.config.balance_set_size,
            }));
        }
    }

    pub(super) fn broadcast_due(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        self.timers
            .set(Timer::Broadcast, now + self.config.broadcast_interval);
        self.publish_table(now, out);
    }

    pub(super) fn stalled(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let missing = self.agreed.missing();
        if !missing.is_empty() {
            self.timers.set(Timer::Stall, now + STALL);
            out.push(Action::Note(Note::GatherStalled { missing }));
        }
    }

    pub(super) fn command(
        &mut self,
        now: Instant,
        request: u64,
        command: Command,
        out: &mut impl Sink<Action>,
    ) {
        let result = match command {
            _ if self.life == Life::Leaving => Err(CommandError::Leaving),
            Command::AnnounceView => {
                self.publish_table(now, out);
                Ok(())
            }
            Command::Move { address, to } => match self.agreed.check_move(address, to) {
                Err(error) => Err(error),
                Ok(()) if self.commands.len() >= COMMANDS => Err(CommandError::Busy),
                Ok(()) => {
                    self.tickets += 1;
                    let ticket = self.tickets;
                    self.commands.insert(ticket, request);
                    self.timers.set(Timer::Command(ticket), now + COMMAND_LIMIT);
                    out.push(Action::Publish(Body::Move {
                        ticket,
                        address,
                        to,
                    }));
                    return;
                }
            },
        };
        out.push(Action::Reply { request, result });
    }

    fn answer(
        &mut self,
        ticket: u64,
        result: Result<(), CommandError>,
        out: &mut impl Sink<Action>,
    ) {
        self.timers.clear(Timer::Command(ticket));
        if let Some(request) = self.commands.remove(&ticket) {
            out.push(Action::Reply { request, result });
        }
    }

    pub(super) fn unanswered(&mut self, ticket: u64, out: &mut impl Sink<Action>) {
        let result = Err(CommandError::Unanswered(COMMAND_LIMIT.as_secs()));
        self.answer(ticket, result, out);
    }

    /// Takes a new configuration. What it no longer has is given back first; what is new comes by agreement.
    pub(super) fn reload(&mut self, now: Instant, config: Config, out: &mut impl Sink<Action>) {
        if self.life == Life::Leaving {
            return;
        }
        if let Err(error) = config.validate() {
            out.push(Action::Note(Note::ConfigRefused(error)));
            return;
        }
        self.offers = offers_of(&config);
        self.config = config;
        self.version += 1;
        self.set_periods(now);
        // An operator who reloads has looked at it: what the platform once refused may be tried again.
        let distrusted: Vec<IpAddr> = self.locals.trust.keys().copied().collect();
        for address in distrusted {
            self.timers.clear(Timer::Trust(address));
        }
        self.locals.trust.clear();
        let addresses: Vec<IpAddr> = self.locals.addresses.keys().copied().collect();
        for address in addresses {
            self.reconcile_one(now, address, out);
        }
        self.publish_table(now, out);
    }
}

/// What has to be done about an own message besides taking it in.
enum Own {
    Move(u64, Result<(), CommandError>),
    Ended(Vec<Tenure>),
    Other,
}

/// Cuts a table into parts that fit a message, at least one.
fn parts_of(records: Vec<Record>) -> Vec<Vec<Record>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for record in records {
        let more = bytes_of(&record);
        let full = parts.last().is_some_and(|part: &Vec<Record>| {
            part.len() >= RECORDS_PER_PART || (bytes + more > PART_BYTES && !part.is_empty())
        });
        if full {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += more;
        if let Some(part) = parts.last_mut() {
            part.push(record);
        }
    }
    parts
}

/// An upper bound of the bytes of a record on the wire.
fn bytes_of(record: &Record) -> usize {
    let offer = record.offer.as_ref().map_or(0, |offer| {
        let names: usize = offer.names.iter().map(|name| name.len() + 2).sum();
        names + offer.interface.len() + 10 * offer.preference.len() + 32
    });
    64 + offer
}

fn offer_record(offer: &AddressConfig, standing: Standing) -> Offer {
    Offer {
        prefix: offer.address.prefix_len(),
        interface: offer.interface.clone(),
        names: offer.names.clone(),
        services: offer.services,
        preference: offer.preference.clone(),
        follow: offer.follow,
        standing,
    }
}

impl crate::local::Locals {
    /// Drops what is neither there nor configured.
    fn forget_absent(&mut self, offers: &BTreeMap<IpAddr, AddressConfig>) {
        self.addresses
            .retain(|address, local| local.state != State::Absent || offers.contains_key(address));
    }
}
