//! Goal: the checkers can fail, each for the fault it is for. Method: every deliberate defect in turn, over
//! whole drawn runs until a checker objects; and the same seeds without a defect, which must all be clean.
//!
//! One test, because the switch is global to the process. `--nocapture` shows the table of docs/simulation.md.
#![cfg(feature = "defects")]
#![allow(clippy::print_stdout)] // the table

use std::{
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    time::Duration,
};

use ringfort_machine::{
    Instant,
    defect::{Defect, activate},
};
use ringfort_runtime_sim::{
    check,
    cluster::Cluster,
    faults::Fault,
    options::{FaultKind, Options, Services},
    recorder::Recorder,
    world::World,
};

/// How long faults strike.
const FAULTS_FOR: Duration = Duration::from_secs(25);
/// So many drawn runs may pass before a defect must have been caught.
const SEEDS: u64 = 120;
/// What kind of runs can show a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// As drawn.
    Drawn,
    /// Much to say in a cluster that breaks apart all the time: a message that is safe too early matters only if
    /// the ring ends before the others have it.
    BusyPartitions,
    /// Losses of power while long records are on their way to a slow disk: only a record that spans sectors and
    /// is cut in the middle is torn, and only one that begins whole looks like a record at all.
    TornRecords,
    /// The node whose log is pulled restarts, and then the manager comes back with an empty disk. The manager
    /// keeps its position too, so a checkpoint that the node lost shows only when the manager's is gone.
    LostManager,
}

impl Scene {
    const ALL: [Self; 4] = [
        Self::Drawn,
        Self::BusyPartitions,
        Self::TornRecords,
        Self::LostManager,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::BusyPartitions => "busy partitions",
            Self::TornRecords => "torn records",
            Self::LostManager => "lost manager",
        }
    }

    fn options(self, seed: u64) -> Options {
        let draw = |nodes| Options::draw(seed, nodes, FAULTS_FOR);
        match self {
            Self::Drawn => draw(None),
            Self::BusyPartitions => {
                let mut options = draw(Some(4));
                options.services = Services {
                    groups: true,
                    vips: false,
                    logs: false,
                    counters: false,
                };
                options.vips = vec![];
                options.faults = vec![FaultKind::Loss, FaultKind::Cut, FaultKind::Partition];
                options.pace.between_ns = 1_000_000_000;
                options.pace.lasts_ns = 1_000_000_000;
                options.weather.loss_millionths = 20_000;
                options.load.clients = 4;
                options.load.group_act_ns = 30_000_000;
                options
            }
            Self::TornRecords => {
                let mut options = draw(Some(2));
                options.services = Services::ALL;
                options.faults = vec![FaultKind::Power];
                options.pace.between_ns = 1_500_000_000;
                options.pace.lasts_ns = 500_000_000;
                options.load.append_ns = 20_000_000;
                options.load.record_bytes = 6_000;
                options.disk.sync_least_ns = 20_000_000;
                options.disk.sync_most_ns = 60_000_000;
                options
            }
            Self::LostManager => {
                let mut options = draw(Some(2));
                options.services = Services::ALL;
                options.faults = vec![];
                options.load.append_ns = 50_000_000;
                options
            }
        }
    }

    fn world(self, seed: u64) -> World {
        let options = self.options(seed);
        let cluster = Cluster::new(&options).expect("drawn configurations are good");
        World::new(options, Box::new(cluster), Recorder::new(check::all()))
    }

    /// One run: the checker that objected and why.
    fn run(self, seed: u64) -> Option<(&'static str, String)> {
        let mut world = self.world(seed);
        let report = match self {
            Self::Drawn | Self::BusyPartitions | Self::TornRecords => world.run(),
            Self::LostManager => {
                let at = |second| Instant::ORIGIN + Duration::from_secs(second);
                world.begin();
                for (second, fault) in [
                    (12, Fault::Kill(0)),
                    (12, Fault::Kill(1)),
                    (14, Fault::Start(0)),
                    (15, Fault::Start(1)),
                ] {
                    world.at(at(second), fault);
                }
                world.run_until(at(13));
                world.replace_disk(1);
                world.run_until(at(90));
                world.finish()
            }
        };
        let violation = report.expect("no trace is written").violation?;
        Some((violation.checker, violation.message))
    }
}

/// Where a defect shows.
const fn scene(defect: Defect) -> Scene {
    match defect {
        Defect::DeliverSafeEarly => Scene::BusyPartitions,
        Defect::AcceptTornRecord => Scene::TornRecords,
        Defect::LoseCheckpoint => Scene::LostManager,
        Defect::SkipRetransmission
        | Defect::ForgetTransitional
        | Defect::EndRecoveryEarly
        | Defect::DeliverOverHole
        | Defect::DeliverTwice
        | Defect::ReuseRingId
        | Defect::SendInTransition
        | Defect::DropLastFragment
        | Defect::ForgetOutbox
        | Defect::HoardInRecovery
        | Defect::KeepDeadMember
        | Defect::WrongSynchronySet
        | Defect::DeliverAfterLeave
        | Defect::IgnoreMergedState
        | Defect::AcquireBeforeRelease
        | Defect::ForgetOrphan
        | Defect::IgnoreRelease
        | Defect::KeepAfterMerge
        | Defect::ReuseRecordId
        | Defect::PromiseBeforeSync
        | Defect::SkipAtSegmentEnd
        | Defect::ReplayFromStart
        | Defect::KeepDeadContribution
        | Defect::ApplyTwice
        | Defect::SkipSnapshot
        | Defect::LoseFullBatch => Scene::Drawn,
    }
}

/// The first run of the scene that is objected to; an assertion of a machine counts as an objection.
fn caught(scene: Scene) -> Option<(u64, &'static str, String)> {
    (1..=SEEDS).find_map(
        |seed| match catch_unwind(AssertUnwindSafe(|| scene.run(seed))) {
            Ok(objection) => objection.map(|(checker, message)| (seed, checker, message)),
            Err(_) => Some((seed, "assertion", String::new())),
        },
    )
}

/// Every run that is objected to although no defect is on. A panic is not caught here.
fn unclean(scene: Scene) -> Vec<(Scene, u64, (&'static str, String))> {
    (1..=SEEDS)
        .filter_map(|seed| Some((scene, seed, scene.run(seed)?)))
        .collect()
}

#[test]
fn every_defect_is_caught_and_nothing_else() {
    let unclean: Vec<_> = Scene::ALL.into_iter().flat_map(unclean).collect();
    assert!(unclean.is_empty(), "without a defect: {unclean:#?}");

    println!("| defect | runs | caught by | seeds |");
    println!("|---|---|---|---|");
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let (mut missed, mut complaints) = (Vec::new(), Vec::new());
    for defect in Defect::ALL {
        let scene = scene(*defect);
        activate(Some(*defect));
        let found = caught(scene);
        activate(None);
        let (name, runs) = (defect.name(), scene.name());
        match found {
            Some((seed, checker, message)) => {
                println!("| `{name}` | {runs} | {checker} | {seed} |");
                complaints.push(format!("{name}: {message}"));
            }
            None => missed.push((name, runs)),
        }
    }
    set_hook(hook);
    println!("\n{}", complaints.join("\n"));
    assert!(
        missed.is_empty(),
        "no checker objected within {SEEDS} seeds to {missed:?}"
    );
}
