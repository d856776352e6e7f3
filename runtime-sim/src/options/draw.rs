//! The draws. Ranges follow services-anchors section 4: loss up to 15 % but mostly far less, one-way cuts,
//! partitions, pauses. One run in eight has no fault at all: there, nothing may ever be lost or suspected.

use std::time::Duration;

use ringfort_machine::{Rng, Seed};

use super::{
    Dispersal, FaultKind, Load, NODES_DRAWN, NodePlan, Options, Pace, Role, Services, vip,
};
use crate::{disk::Speed, fabric::Weather};

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

pub(super) fn options(number: u64, count: Option<u64>, faults_for: Duration) -> Options {
    let seed = Seed::from_number(number).fork("options");
    let rng = |label| Rng::new(seed.fork(label));
    let count = count.unwrap_or_else(|| rng("nodes").between(1, NODES_DRAWN));
    let nodes = nodes(count);
    let faults = faults(&mut rng("faults"), count);
    let services = services(&mut rng("services"));
    let mut net = rng("net");
    let mut vips = rng("vips");
    let mut end = rng("end");
    Options {
        seed: number,
        faults_for,
        pace: pace(&mut rng("pace")),
        weather: weather(&mut net, &faults),
        dispersal: *net
            .pick(&[
                Dispersal::Unicast,
                Dispersal::Multicast,
                Dispersal::Broadcast,
            ])
            .expect("there are three"),
        disk: disk(&mut rng("disk")),
        address_ns: vips.between(MILLISECOND, 60 * MILLISECOND),
        vips: if services.vips {
            (1..=vips.between(1, 8) as u8).map(vip).collect()
        } else {
            vec![]
        },
        balance_ns: vips.between(SECOND / 2, 5 * SECOND),
        mature_ns: vips.between(SECOND, 5 * SECOND),
        load: load(&mut rng("load")),
        core: count >= 3 && faults.contains(&FaultKind::Partition) && end.chance(1, 4),
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
    let possible = |kind: &FaultKind| match kind {
        FaultKind::Cut | FaultKind::Partition => nodes > 1,
        FaultKind::Loss
        | FaultKind::Duplicate
        | FaultKind::Reorder
        | FaultKind::Kill
        | FaultKind::Power
        | FaultKind::Pause
        | FaultKind::Stop
        | FaultKind::Full => true,
    };
    FaultKind::ALL
        .into_iter()
        .filter(possible)
        .filter(|kind| {
            let often = if *kind == FaultKind::Full { 1 } else { 5 };
            rng.chance(often, 10)
        })
        .collect()
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

fn pace(rng: &mut Rng) -> Pace {
    Pace {
        between_ns: rng.between(500 * MILLISECOND, 15 * SECOND),
        lasts_ns: rng.between(200 * MILLISECOND, 12 * SECOND),
    }
}

fn weather(rng: &mut Rng, faults: &[FaultKind]) -> Weather {
    let latency_least_ns = rng.between(30 * MICROSECOND, 2 * MILLISECOND);
    let latency_most_ns = latency_least_ns + rng.between(0, 2 * latency_least_ns);
    let jitter_ns = rng.between(0, latency_most_ns);
    // Three of four lossy runs lose at most 3 %; the rest up to 15 %, about where a merge still settles its
    // addresses within the 2 s that the trace format gives it.
    let loss = if rng.chance(3, 4) {
        rng.between(100, 30_000)
    } else {
        rng.between(30_000, 150_000)
    };
    let duplicate = rng.between(1_000, 100_000);
    let overtake = rng.between(1_000, 200_000);
    let overtake_ns = rng.between(100 * MICROSECOND, 20 * MILLISECOND);
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
