//! What kinds of runs can show a defect: mostly those that are drawn anyway, and a few that are arranged.

use std::time::Duration;

use ringfort_machine::Instant;
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

/// What kind of runs can show a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// As drawn.
    Drawn,
    /// Much to say in a cluster that breaks apart all the time: a message that is safe too early matters only if
    /// the ring ends before the others have it.
    BusyPartitions,
    /// Losses of power while long records are on their way to a slow disk: only a record that spans sectors and
    /// is cut in the middle is torn, and only one that begins whole looks like a record at all.
    TornRecords,
    /// Syncs that fail, and losses of power behind them.
    FailingSyncs,
    /// The node whose log is pulled restarts, and then the manager comes back with an empty disk. The manager
    /// keeps its position too, so a checkpoint that the node lost shows only when the manager's is gone.
    LostManager,
}

impl Scene {
    pub(crate) const ALL: [Self; 5] = [
        Self::Drawn,
        Self::BusyPartitions,
        Self::TornRecords,
        Self::FailingSyncs,
        Self::LostManager,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::BusyPartitions => "busy partitions",
            Self::TornRecords => "torn records",
            Self::FailingSyncs => "failing syncs",
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
            Self::TornRecords | Self::FailingSyncs => {
                let mut options = draw(Some(2));
                options.services = Services::ALL;
                options.faults = vec![FaultKind::Power];
                if self == Self::FailingSyncs {
                    options.faults.push(FaultKind::SyncFailed);
                }
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
    pub(crate) fn run(self, seed: u64) -> Option<(&'static str, String)> {
        let mut world = self.world(seed);
        let report = match self {
            Self::Drawn | Self::BusyPartitions | Self::TornRecords | Self::FailingSyncs => {
                world.run()
            }
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
