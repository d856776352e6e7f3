//! The draws. Ranges follow services-anchors section 4: loss up to 30 % but mostly far less, one-way cuts,
//! partitions, clogs, pauses, bad disks and clocks. One run in eight has no fault at all: there, nothing may ever
//! be lost or suspected.

use std::time::Duration;

use ringfort_machine::{Rng, Seed};

use super::{
    Dispersal, FaultKind, Load, NODES_DRAWN, NodePlan, Options, Pace, RingPlan, Role, Services, vip,
};
use crate::{
    disk::Speed,
    fabric::{DATAGRAM_LIMIT, Weather},
};

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

pub(super) fn options(number: u64, count: Option<u64>, faults_for: Duration) -> Options {
    let seed = Seed::from_number(number).fork("options");
    let rng = |label| Rng::new(seed.fork(label));
    let count = count.unwrap_or_else(|| rng("nodes").between(1, NODES_DRAWN));
    let nodes = nodes(count);
    let faults = faults(&mut rng("faults"), count);
    let may = |kind| faults.contains(&kind);
    let mut services = services(&mut rng("services"));
    let mut net = rng("net");
    let mut vips = rng("vips");
    let mut end = rng("end");
    let ring = ring(&mut rng("ring"));
    let weather = weather(&mut net, &faults, &ring);
    // Beyond this, the network alone can use up the 2 s that the trace gives addresses to settle after a merge. So
    // can a path on which tokens pass and messages vanish, and a ring that is told to notice its end late.
    services.vips &= weather.loss_millionths <= 150_000
        && !may(FaultKind::Mtu)
        && ring.token_timeout_ms.is_none_or(|ms| ms <= 500);
    let drift = rng("drift").between(1, 2_000);
    Options {
        seed: number,
        faults_for,
        pace: pace(&mut rng("pace"), may(FaultKind::Inside)),
        weather,
        dispersal: *net
            .pick(&[
                Dispersal::Unicast,
                Dispersal::Multicast,
                Dispersal::Broadcast,
            ])
            .expect("there are three"),
        ring,
        seal: None,
        disk: disk(&mut rng("disk")),
        drift_millionths: if may(FaultKind::Drift) { drift } else { 0 },
        address_ns: vips.between(MILLISECOND, 60 * MILLISECOND),
        vips: if services.vips {
            (1..=vips.between(1, 8) as u8).map(vip).collect()
        } else {
            vec![]
        },
        balance_ns: vips.between(SECOND / 2, 5 * SECOND),
        mature_ns: vips.between(SECOND, 5 * SECOND),
        load: load(&mut rng("load")),
        core: count >= 3 && may(FaultKind::Partition) && end.chance(1, 4),
        revive_percent: *end.pick(&[0, 50, 100, 100]).expect("there are four"),
        nodes,
        faults,
        services,
    }
}

/// `count` nodes; the last of several is a manager.
pub(super) fn nodes(count: u64) -> Vec<NodePlan> {
    (1..=count.max(1))
        .map(|number| {
            if number > 1 && number == count {
                NodePlan {
                    name: "m1".to_owned(),
                    role: Role::Manager,
                }
            } else {
                NodePlan {
                    name: format!("n{number}"),
                    role: Role::Mail,
                }
            }
        })
        .collect()
}

fn faults(rng: &mut Rng, nodes: u64) -> Vec<FaultKind> {
    if rng.chance(1, 8) {
        return Vec::new();
    }
    FaultKind::ALL
        .iter()
        .copied()
        .filter(|kind| {
            let often = often(*kind);
            rng.chance(often, 20) && (nodes > 1 || !needs_another(*kind))
        })
        .collect()
}

/// In how many of 20 runs with faults a kind may occur. What spoils the others' tests if it is always there is
/// rare: a full disk means gaps, and no promise of a log can be held against a node that was told to drop.
const fn often(kind: FaultKind) -> u64 {
    match kind {
        FaultKind::Loss
        | FaultKind::Duplicate
        | FaultKind::Reorder
        | FaultKind::Cut
        | FaultKind::Partition
        | FaultKind::Kill
        | FaultKind::Power
        | FaultKind::Pause => 9,
        FaultKind::Drift
        | FaultKind::Inside
        | FaultKind::Clog
        | FaultKind::Restart
        | FaultKind::Stop
        | FaultKind::Step
        | FaultKind::Reload => 5,
        FaultKind::Corrupt | FaultKind::Swizzle | FaultKind::Rolling => 4,
        FaultKind::Mtu | FaultKind::Full | FaultKind::SyncFailed => 2,
        FaultKind::Misdirected => 1,
    }
}

/// Whether a kind of fault happens between nodes.
const fn needs_another(kind: FaultKind) -> bool {
    match kind {
        FaultKind::Cut | FaultKind::Partition | FaultKind::Clog | FaultKind::Swizzle => true,
        FaultKind::Loss
        | FaultKind::Duplicate
        | FaultKind::Reorder
        | FaultKind::Corrupt
        | FaultKind::Mtu
        | FaultKind::Drift
        | FaultKind::Inside
        | FaultKind::Kill
        | FaultKind::Restart
        | FaultKind::Power
        | FaultKind::Pause
        | FaultKind::Stop
        | FaultKind::Rolling
        | FaultKind::Step
        | FaultKind::Reload
        | FaultKind::Full
        | FaultKind::SyncFailed
        | FaultKind::Misdirected => false,
    }
}

fn services(rng: &mut Rng) -> Services {
    let mut exercised = || rng.chance(17, 20);
    Services {
        groups: exercised(),
        vips: exercised(),
        logs: exercised(),
        counters: exercised(),
    }
}

fn pace(rng: &mut Rng, inside: bool) -> Pace {
    let between_ns = rng.between(500 * MILLISECOND, 15 * SECOND);
    let lasts_ns = rng.between(200 * MILLISECOND, 12 * SECOND);
    let inside_millionths = rng.between(50, 2_000);
    Pace {
        between_ns,
        lasts_ns,
        inside_millionths: if inside { inside_millionths } else { 0 },
    }
}

/// Half of the runs have the ring as it comes; the rest set windows, sizes and times as an operator might.
fn ring(rng: &mut Rng) -> RingPlan {
    if rng.chance(1, 2) {
        return RingPlan::default();
    }
    let mut sometimes = |low, high| {
        let value = rng.between(low, high);
        rng.chance(1, 2).then_some(value)
    };
    let datagram_bytes = sometimes(576, DATAGRAM_LIMIT as u64);
    // Windows contain each other, so that they are set together or not at all.
    let windows = sometimes(4, 400).map(|window| {
        let personal = rng.between(1, window.min(60));
        (window, personal, rng.between(0, personal))
    });
    let mut sometimes = |low, high| {
        let value = rng.between(low, high);
        rng.chance(1, 2).then_some(value)
    };
    let token_timeout_ms = sometimes(150, 1_500);
    let hurry_timeout_ms = token_timeout_ms.and_then(|most| sometimes(10, most / 3));
    RingPlan {
        datagram_bytes,
        window: windows.map(|(window, _, _)| window),
        personal_window: windows.map(|(_, personal, _)| personal),
        accelerated_window: windows.map(|(_, _, accelerated)| accelerated),
        token_timeout_ms,
        hurry_timeout_ms,
    }
}

fn weather(rng: &mut Rng, faults: &[FaultKind], ring: &RingPlan) -> Weather {
    let latency_least_ns = rng.between(30 * MICROSECOND, 2 * MILLISECOND);
    let latency_most_ns = latency_least_ns + rng.between(0, 2 * latency_least_ns);
    let jitter_ns = rng.between(0, latency_most_ns);
    // Three of four lossy runs lose at most 3 %, most others up to 15 %.
    let loss = match rng.below(8) {
        0..6 => rng.between(100, 30_000),
        6 => rng.between(30_000, 150_000),
        _ => rng.between(150_000, 300_000),
    };
    let duplicate = rng.between(1_000, 100_000);
    let overtake = rng.between(1_000, 200_000);
    let overtake_ns = rng.between(100 * MICROSECOND, 20 * MILLISECOND);
    let stale_ns = *rng
        .pick(&[0, 500 * MILLISECOND, 10 * SECOND])
        .expect("there are three");
    let corrupt = rng.between(100, 20_000);
    let datagram = ring.datagram_bytes.unwrap_or(DATAGRAM_LIMIT as u64);
    let path = rng.between(400, datagram);
    let with = |kind, rate| if faults.contains(&kind) { rate } else { 0 };
    Weather {
        latency_least_ns,
        latency_most_ns,
        jitter_ns,
        loss_millionths: with(FaultKind::Loss, loss),
        stream_loss_millionths: with(FaultKind::Loss, loss.min(20_000)),
        duplicate_millionths: with(FaultKind::Duplicate, duplicate),
        overtake_millionths: with(FaultKind::Reorder, overtake),
        overtake_ns,
        stale_ns: with(FaultKind::Duplicate, stale_ns),
        corrupt_millionths: with(FaultKind::Corrupt, corrupt),
        path_bytes: if faults.contains(&FaultKind::Mtu) {
            path
        } else {
            DATAGRAM_LIMIT as u64
        },
    }
}

fn disk(rng: &mut Rng) -> Speed {
    let access_least_ns = rng.between(2 * MICROSECOND, 100 * MICROSECOND);
    let sync_least_ns = rng.between(100 * MICROSECOND, 5 * MILLISECOND);
    Speed {
        access_least_ns,
        access_most_ns: access_least_ns * rng.between(1, 10),
        sync_least_ns,
        sync_most_ns: sync_least_ns * rng.between(1, 8),
    }
}

fn load(rng: &mut Rng) -> Load {
    Load {
        clients: rng.between(1, 4),
        groups: rng.between(1, 4),
        group_act_ns: rng.between(20 * MILLISECOND, 800 * MILLISECOND),
        message_bytes: *rng
            .pick(&[50, 1_000, 5_000, 40_000])
            .expect("there are four"),
        count_ns: rng.between(5 * MILLISECOND, SECOND),
        count_pending: *rng.pick(&[1, 3, 10, 100]).expect("there are four"),
        append_ns: rng.between(10 * MILLISECOND, 500 * MILLISECOND),
        record_bytes: *rng.pick(&[100, 1_000, 6_000]).expect("there are three"),
        connection_ns: rng.between(200 * MILLISECOND, 3 * SECOND),
        probe_ns: rng.between(300 * MILLISECOND, 1_500 * MILLISECOND),
    }
}
