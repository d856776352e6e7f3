//! The machine: hands every event to the part it concerns.
//!
//! It keeps two things in step: what the members agree on (`agreed`) and what this machine's interfaces have
//! (`local`). Whatever changes the first ends in [`Vip::reconcile`], which orders what is needed of the second;
//! whatever ends in the second is reported to the members, and only its return in agreed order counts.

mod hold;
mod report;
mod start;
mod talk;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use ringfort_machine::{Deadline, Digest, Instant, Machine, ProcessId, Sink};
use ringfort_wire::vip::Tenure;

use crate::{
    Action, AddressConfig, Config, ConfigError, Event, Note,
    agreed::{Agreed, Touched},
    local::Locals,
    timers::{Timer, Timers},
};

/// How long the start waits for the platform before the node goes on without offering anything.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(3);
/// How long a leaving node waits for the platform and for its last report.
pub(crate) const LEAVE_LIMIT: Duration = Duration::from_secs(5);
/// How long an operator waits for agreement.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// The most commands waiting for agreement.
pub(crate) const COMMANDS: usize = 64;

/// The arbiter of addresses of one node.
#[derive(Clone, Debug)]
pub struct Vip {
    me: ProcessId,
    config: Config,
    /// The addresses of `config`, by address.
    offers: BTreeMap<IpAddr, AddressConfig>,
    /// 1, and one more for every reload.
    version: u64,
    agreed: Agreed,
    locals: Locals,
    timers: Timers,
    life: Life,
    /// Leftovers that have to go before this node offers anything; `None` while the survey is out.
    leftovers: Option<BTreeSet<IpAddr>>,
    /// How many leftovers the survey found.
    found: usize,
    /// The ring is changing: see [`Event::Transition`].
    transition: bool,
    /// The own table was published for the current epoch.
    announced: bool,
    /// Ended tenures that the others do not know of yet.
    ended: Vec<Tenure>,
    /// Commands waiting for agreement: the caller's number by ticket.
    commands: BTreeMap<u64, u64>,
    tickets: u64,
}

/// Where the service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Releasing leftovers. Nothing is announced.
    Starting,
    /// Announcing and holding.
    Running,
    /// Giving everything back.
    Leaving,
    /// Over: no event has an effect any more.
    Left,
}

impl Vip {
    /// Starts the service for the process `me`: orders a survey at once, and with its answer the release of
    /// whatever an earlier life has left.
    ///
    /// # Errors
    /// [`ConfigError`] if `config` does not hold together; nothing has been ordered.
    pub fn new(
        me: ProcessId,
        config: Config,
        now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let offers = offers_of(&config);
        let mut vip = Self {
            me,
            config,
            offers,
            version: 1,
            agreed: Agreed::default(),
            locals: Locals::default(),
            timers: Timers::default(),
            life: Life::Starting,
            leftovers: None,
            found: 0,
            transition: false,
            announced: false,
            ended: Vec::new(),
            commands: BTreeMap::new(),
            tickets: 0,
        };
        vip.timers.set(Timer::Start, now + START_LIMIT);
        vip.timers.set(Timer::Mature, now + vip.config.mature_time);
        vip.set_periods(now);
        vip.locals.survey(out);
        Ok(vip)
    }

    /// (Re)starts the timers whose period is configured.
    fn set_periods(&mut self, now: Instant) {
        self.timers
            .set(Timer::Balance, now + self.config.balance_interval);
        self.timers
            .set(Timer::Survey, now + self.config.if_check_interval);
        if self.config.broadcast_interval.is_zero() {
            self.timers.clear(Timer::Broadcast);
        } else {
            self.timers
                .set(Timer::Broadcast, now + self.config.broadcast_interval);
        }
    }

    fn wake(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        // A timer that sets itself again sets itself later than now, so this ends.
        while let Some(timer) = self.timers.due(now) {
            self.fire(now, timer, out);
        }
    }

    fn fire(&mut self, now: Instant, timer: Timer, out: &mut impl Sink<Action>) {
        match timer {
            Timer::Start => self.start_stalled(now, out),
            Timer::Leave => self.leave_at_last(out),
            Timer::Mature => self.publish_mature(now, out),
            Timer::Balance => self.balance_due(now, out),
            Timer::Broadcast => self.broadcast_due(now, out),
            Timer::Survey => self.survey_due(now, out),
            Timer::Report => self.report(now, out),
            Timer::Stall => self.stalled(now, out),
            Timer::Release(address) => self.release_again(address, out),
            Timer::Announce(address) => self.announce_again(address, out),
            Timer::Trust(address) => self.trust_again(now, address, out),
            Timer::Command(ticket) => self.unanswered(ticket, out),
        }
    }

    /// Brings the interfaces in step with the agreed state.
    fn reconcile(&mut self, now: Instant, touched: Touched, out: &mut impl Sink<Action>) {
        match touched {
            Touched::Nothing => {}
            Touched::Some(addresses) => {
                for address in addresses {
                    self.reconcile_one(now, address, out);
                }
            }
            Touched::All => {
                let mut all: BTreeSet<IpAddr> = self.agreed.slots().keys().copied().collect();
                all.extend(self.locals.addresses.keys().copied());
                for address in all {
                    self.reconcile_one(now, address, out);
                }
            }
        }
        self.report_if_idle(now, out);
    }
}

fn offers_of(config: &Config) -> BTreeMap<IpAddr, AddressConfig> {
    config
        .addresses
        .iter()
        .map(|address| {
            let mut address = address.clone();
            address.names.sort_unstable();
            address.names.dedup();
            (address.address.addr(), address)
        })
        .collect()
}

fn notes_out(notes: Vec<Note>, out: &mut impl Sink<Action>) {
    for note in notes {
        out.push(Action::Note(note));
    }
}

impl Machine for Vip {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        if self.life == Life::Left {
            return;
        }
        match event {
            Event::Wake => self.wake(now, out),
            Event::Transition => self.transition = true,
            Event::View {
                position,
                members,
                together,
            } => {
                let members = members.iter().map(|member| member.process).collect();
                self.view(now, position, members, &together, out);
            }
            Event::Message { from, body, .. } => self.message(now, from, body, out),
            Event::Reload(config) => self.reload(now, config, out),
            Event::Command { request, command } => self.command(now, request, command, out),
            Event::Done { order, outcome } => self.done(now, order, outcome, out),
            Event::Leave => self.leave(now, out),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.timers.deadline()
    }

    fn digest(&self, into: &mut Digest) {
        self.add_to(into);
    }
}
