//! What may go wrong, when it does, and how the world is put right before the end.
//!
//! A run has two phases (after TigerBeetle's VOPR). First anything of the drawn kinds may strike at any time,
//! and only safety is judged. Then comes calm: no fault any more, what was broken is mended or stays broken for
//! good, and within the bound everything has to come to rest in the right state.

use std::time::Duration;

use ringfort_machine::Rng;

use crate::{
    fabric::{Link, Port},
    options::{FaultKind, around},
    world::{Planned, World},
};

mod calm;

/// After the last disturbance everything is settled within this time.
pub const BOUND: Duration = Duration::from_secs(30);

/// Something that goes wrong, or is mended. Hosts are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The node starts, if it has no process.
    Start(usize),
    /// Its process is killed.
    Kill(usize),
    /// Its process is killed and started again at once, under the same name.
    Restart(usize),
    /// Its machine loses power, if it has a process.
    Power(usize),
    /// Its process is asked to leave.
    Stop(usize),
    /// Its process stands still.
    Pause(usize),
    /// Its process goes on.
    Resume(usize),
    /// These directions of links between nodes are lost.
    Cut(Vec<Link>),
    /// They are restored.
    Heal(Vec<Link>),
    /// These directions of links hold back what they carry.
    Clog(Vec<Link>),
    /// They are free again.
    Unclog(Vec<Link>),
    /// This ails its disk, or no longer does.
    Ail(usize, Ailing, bool),
    /// Its wall clock jumps by so many nanoseconds.
    Step(usize, i64),
    /// It is given configuration number such and such.
    Reload(usize, u64),
    /// No fault strikes any more.
    Calm,
}

impl Fault {
    /// The kind of what goes wrong; nothing for what is mended.
    pub const fn kind(&self) -> Option<FaultKind> {
        Some(match self {
            Self::Kill(_) => FaultKind::Kill,
            Self::Restart(_) => FaultKind::Restart,
            Self::Power(_) => FaultKind::Power,
            Self::Stop(_) => FaultKind::Stop,
            Self::Pause(_) => FaultKind::Pause,
            Self::Cut(_) => FaultKind::Cut,
            Self::Clog(_) => FaultKind::Clog,
            Self::Ail(_, Ailing::Full, true) => FaultKind::Full,
            Self::Ail(_, Ailing::SyncFails, true) => FaultKind::SyncFailed,
            Self::Ail(_, Ailing::Misdirects, true) => FaultKind::Misdirected,
            Self::Step(..) => FaultKind::Step,
            Self::Reload(..) => FaultKind::Reload,
            Self::Ail(_, _, false)
            | Self::Start(_)
            | Self::Resume(_)
            | Self::Heal(_)
            | Self::Unclog(_)
            | Self::Calm => {
                return None;
            }
        })
    }
}

/// What a disk can suffer from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailing {
    /// No room.
    Full,
    /// Syncs that fail.
    SyncFails,
    /// Sectors of logs that are written to a wrong place.
    Misdirects,
}

impl Ailing {
    /// All of it.
    pub const ALL: [Self; 3] = [Self::Full, Self::SyncFails, Self::Misdirects];

    /// Its name in schedules, and that of the kind of fault.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => FaultKind::Full.name(),
            Self::SyncFails => FaultKind::SyncFailed.name(),
            Self::Misdirects => FaultKind::Misdirected.name(),
        }
    }

    /// The one called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }
}

/// Nodes of a rolling restart are stopped this long apart, at most.
const ROLL: u64 = 4_000_000_000;

impl World {
    /// Plans the faults, the calm after them, and the work of the client host.
    pub fn begin(&mut self) {
        let strikes = self.options.faults.iter().any(|kind| kind.strikes());
        if self.is_scheduled() {
            self.plan_steps();
        } else if strikes {
            self.plan_after(Duration::from_secs(1), Planned::DrawFault);
        }
        let calm = Planned::Fault {
            fault: Fault::Calm,
            before_calm: false,
        };
        self.plan_after(self.options.faults_for, calm);
        self.begin_clients();
    }

    /// Draws one fault, when it is mended, and when the next is drawn.
    pub(crate) fn draw_fault(&mut self) {
        if self.calm_at.is_some() {
            return;
        }
        let kinds: Vec<FaultKind> = self
            .options
            .faults
            .iter()
            .copied()
            .filter(|kind| kind.strikes())
            .collect();
        let lasts = around(&mut self.fault_rng, self.options.pace.lasts_ns);
        if let Some(kind) = self.fault_rng.pick(&kinds).copied() {
            let count = self.options.nodes.len();
            for (after, fault) in draw_strike(kind, &mut self.fault_rng, count, lasts) {
                self.strike(after, fault);
            }
        }
        let next = around(&mut self.fault_rng, self.options.pace.between_ns);
        self.plan_after(next, Planned::DrawFault);
    }

    /// A drawn fault strikes after this time, if there is no calm until then.
    fn strike(&mut self, after: Duration, fault: Fault) {
        let before_calm = true;
        self.plan_after(after, Planned::Fault { fault, before_calm });
    }

    /// A process has given an order that takes this long: sometimes it does not live to see it done.
    pub(crate) fn tempt(&mut self, host: usize, takes: Duration) {
        let rate = self.options.pace.inside_millionths;
        if rate == 0 || self.is_scheduled() || self.calm_at.is_some() {
            return;
        }
        let rng = &mut self.fault_rng;
        if !rng.chance(rate, 1_000_000) {
            return;
        }
        let most = u64::try_from(takes.as_nanos()).unwrap_or(u64::MAX);
        let at = Duration::from_nanos(rng.between(0, most));
        let fault = if self.options.may(FaultKind::Power) && rng.chance(1, 2) {
            Fault::Power(host)
        } else {
            Fault::Kill(host)
        };
        let lasts = around(rng, self.options.pace.lasts_ns);
        self.strike(at, fault);
        self.strike(at + lasts, Fault::Start(host));
    }
}

/// The link from one host to another.
pub fn link(from: usize, to: usize) -> Link {
    let port = |host| Port(u16::try_from(host).expect("fewer hosts than ports"));
    Link {
        from: port(from),
        to: port(to),
    }
}

/// What a strike of this kind against one of `count` hosts does, and how it is mended if it is: each fault after
/// its time.
pub(crate) fn draw_strike(
    kind: FaultKind,
    rng: &mut Rng,
    count: usize,
    lasts: Duration,
) -> Vec<(Duration, Fault)> {
    let host = rng.below(count as u64) as usize;
    let once = |fault| vec![(Duration::ZERO, fault)];
    let mended = |fault, mended| vec![(Duration::ZERO, fault), (lasts, mended)];
    let ail = |what| mended(Fault::Ail(host, what, true), Fault::Ail(host, what, false));
    match kind {
        FaultKind::Kill => mended(Fault::Kill(host), Fault::Start(host)),
        FaultKind::Power => mended(Fault::Power(host), Fault::Start(host)),
        FaultKind::Stop => mended(Fault::Stop(host), Fault::Start(host)),
        FaultKind::Pause => mended(Fault::Pause(host), Fault::Resume(host)),
        FaultKind::Restart => once(Fault::Restart(host)),
        FaultKind::Full => ail(Ailing::Full),
        FaultKind::SyncFailed => ail(Ailing::SyncFails),
        FaultKind::Misdirected => ail(Ailing::Misdirects),
        FaultKind::Cut => {
            let links = draw_cut(rng, host, count);
            mended(Fault::Cut(links.clone()), Fault::Heal(links))
        }
        FaultKind::Partition => {
            let links = draw_partition(rng, count);
            mended(Fault::Cut(links.clone()), Fault::Heal(links))
        }
        FaultKind::Clog => {
            let links = draw_cut(rng, host, count);
            mended(Fault::Clog(links.clone()), Fault::Unclog(links))
        }
        FaultKind::Swizzle => draw_swizzle(rng, count, lasts),
        FaultKind::Rolling => draw_rolling(rng, count),
        FaultKind::Step => {
            let by = rng.between(1, 7_200_000_000_000) as i64;
            once(Fault::Step(host, if rng.chance(1, 2) { by } else { -by }))
        }
        FaultKind::Reload => {
            let number = rng.between(1, 1_000);
            let hosts = if rng.chance(1, 2) {
                0..count
            } else {
                host..host + 1
            };
            hosts
                .map(|host| (Duration::ZERO, Fault::Reload(host, number)))
                .collect()
        }
        FaultKind::Loss
        | FaultKind::Duplicate
        | FaultKind::Reorder
        | FaultKind::Corrupt
        | FaultKind::Mtu
        | FaultKind::Drift
        | FaultKind::Inside => unreachable!("properties of the world do not strike"),
    }
}

/// Some nodes are clogged one after the other, and freed in another order.
fn draw_swizzle(rng: &mut Rng, count: usize, lasts: Duration) -> Vec<(Duration, Fault)> {
    let mut nodes: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut nodes);
    nodes.truncate(rng.between(1, count as u64) as usize);
    let around_node = |node: usize| -> Vec<Link> {
        let others = (0..count).filter(move |other| *other != node);
        others
            .flat_map(|other| [link(node, other), link(other, node)])
            .collect()
    };
    let most = u64::try_from(lasts.as_nanos()).unwrap_or(u64::MAX);
    let mut faults = Vec::new();
    for node in nodes {
        let from = rng.between(0, most);
        let to = from + rng.between(0, most);
        faults.push((Duration::from_nanos(from), Fault::Clog(around_node(node))));
        faults.push((Duration::from_nanos(to), Fault::Unclog(around_node(node))));
    }
    faults
}

/// Every node in turn leaves and comes back, as in an upgrade.
fn draw_rolling(rng: &mut Rng, count: usize) -> Vec<(Duration, Fault)> {
    let apart = rng.between(ROLL / 8, ROLL);
    let down = rng.between(0, apart);
    let roll = |host| {
        let at = apart * host as u64;
        [
            (Duration::from_nanos(at), Fault::Stop(host)),
            (Duration::from_nanos(at + down), Fault::Start(host)),
        ]
    };
    (0..count).flat_map(roll).collect()
}

/// One direction of one link.
fn draw_cut(rng: &mut Rng, host: usize, count: usize) -> Vec<Link> {
    let other = (host + 1 + rng.below(count as u64 - 1) as usize) % count;
    vec![link(host, other)]
}

/// A part of the nodes is separated: some of them or a single one, in both directions or in one.
fn draw_partition(rng: &mut Rng, count: usize) -> Vec<Link> {
    let mut order: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut order);
    let size = if rng.chance(1, 2) {
        1
    } else {
        rng.between(1, count as u64 - 1) as usize
    };
    let (part, rest) = order.split_at(size);
    let (out, into) = *rng
        .pick(&[(true, true), (true, true), (true, false), (false, true)])
        .expect("there are four");
    let mut links = Vec::new();
    for one in part {
        for other in rest {
            if out {
                links.push(link(*one, *other));
            }
            if into {
                links.push(link(*other, *one));
            }
        }
    }
    links
}
