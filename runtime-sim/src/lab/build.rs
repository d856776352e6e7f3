//! What a lab is: something to run, what it has to keep, and the runs that are made of it.

use std::{
    collections::BTreeMap, fmt, fs::File, io, io::BufWriter, ops::Range, path::Path, sync::Mutex,
    thread, time::Duration,
};

use ringfort_evs::Config;
use ringfort_machine::Machine;

use super::{
    Boot, Effect, Embed, Embedded, Guest, OnRing, Report, Service, Summary, Trial, ring,
    trial::draws,
};
use crate::{
    check,
    checker::Checker,
    explore::each,
    fabric::DATAGRAM_LIMIT,
    options::{FaultKind, NodePlan, Options, Role},
    recorder::Recorder,
};

/// How long faults strike unless [`Lab::faults_for`] says something else.
const FAULTS_FOR: Duration = Duration::from_secs(20);
/// Hosts of a quiet trial unless [`Lab::nodes`] says something else.
const QUIET_NODES: u64 = 3;

type BootFn = dyn Fn(&Boot<'_>, &mut Vec<Effect>) -> Box<dyn Guest> + Send + Sync;
type CheckersFn = dyn Fn() -> Vec<Box<dyn Checker>> + Send + Sync;

/// A machine or a service in a simulated world of faults, and the checkers that judge it.
///
/// Whatever is not said is drawn from the seed, as in [`crate::options`]: the number of hosts, the kinds of faults
/// and their pace, the network and its weather, the disks, the clients' pace, the end.
pub struct Lab {
    name: String,
    boot: Box<BootFn>,
    checkers: Vec<Box<CheckersFn>>,
    nodes: Option<u64>,
    faults_for: Duration,
    without: Vec<FaultKind>,
    work_every: Option<Duration>,
    jobs: usize,
    pub(super) command: Option<String>,
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab")
            .field("name", &self.name)
            .field("nodes", &self.nodes)
            .field("faults_for", &self.faults_for)
            .field("without", &self.without)
            .finish_non_exhaustive()
    }
}

impl Lab {
    /// A lab of guests. `boot` begins a life and may do something at once. No checker judges it yet.
    pub fn new(
        name: impl Into<String>,
        boot: impl Fn(&Boot<'_>, &mut Vec<Effect>) -> Box<dyn Guest> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            boot: Box::new(boot),
            checkers: Vec::new(),
            nodes: None,
            faults_for: FAULTS_FOR,
            without: Vec::new(),
            work_every: None,
            jobs: thread::available_parallelism().map_or(1, usize::from),
            command: None,
        }
    }

    /// A lab of machines with events and actions of their own. `boot` makes the machine of a life, with its
    /// [`Embed`]; what it pushes is what the machine wants done at once. No checker judges it yet.
    pub fn of_machine<E: Embed + 'static>(
        name: impl Into<String>,
        boot: impl Fn(&Boot<'_>, &mut Vec<<E::Machine as Machine>::Action>) -> (E::Machine, E)
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::new(name, move |life, out| {
            let mut actions = Vec::new();
            let (machine, embed) = boot(life, &mut actions);
            Box::new(Embedded::new(machine, embed, actions, out))
        })
    }

    /// A lab of services on rings with default times and windows, judged by all built-in checkers. `boot` makes
    /// the service of a life.
    pub fn of_service<S: Service + 'static>(
        name: impl Into<String>,
        boot: impl Fn(&Boot<'_>) -> S + Send + Sync + 'static,
    ) -> Self {
        Self::of_service_on(name, move |life| (ring::config(life), boot(life)))
    }

    /// As [`Lab::of_service`], on rings configured by the user; begin with [`ring::config`].
    pub fn of_service_on<S: Service + 'static>(
        name: impl Into<String>,
        boot: impl Fn(&Boot<'_>) -> (Config, S) + Send + Sync + 'static,
    ) -> Self {
        let mut lab = Self::new(name, move |life, out| {
            let (config, service) = boot(life);
            Box::new(OnRing::new(life, config, service, out))
        });
        lab.checkers.push(Box::new(check::all));
        lab
    }

    /// Also lets a fresh `C` judge each run.
    #[must_use]
    pub fn checker<C: Checker + Default + 'static>(mut self) -> Self {
        self.checkers
            .push(Box::new(|| vec![Box::new(C::default())]));
        self
    }

    /// Also lets `make` make checkers for each run.
    #[must_use]
    pub fn checkers(
        mut self,
        make: impl Fn() -> Vec<Box<dyn Checker>> + Send + Sync + 'static,
    ) -> Self {
        self.checkers.push(Box::new(make));
        self
    }

    /// Fixes the number of hosts, 1 to 128. Drawn by default; three in a quiet trial.
    #[must_use]
    pub fn nodes(mut self, nodes: u64) -> Self {
        self.nodes = Some(nodes.clamp(1, 128));
        self
    }

    /// Faults strike for so long; then it is calm. 20 s by default.
    #[must_use]
    pub fn faults_for(mut self, faults_for: Duration) -> Self {
        self.faults_for = faults_for;
        self
    }

    /// Faults of this kind never happen: the machine does not claim to bear them.
    #[must_use]
    pub fn without(mut self, kind: FaultKind) -> Self {
        self.without.push(kind);
        self
    }

    /// A client of each host wants something ([`super::Input::Work`]) about so often. Drawn by default, from 20 ms
    /// to 0.8 s; never in a quiet trial.
    #[must_use]
    pub fn work_every(mut self, work_every: Duration) -> Self {
        self.work_every = Some(work_every);
        self
    }

    /// Explores on so many threads; by default on one for each processor.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes the run of `seed`.
    pub fn run(&self, seed: u64) -> Report {
        let recorder = Recorder::new(self.fresh_checkers());
        let trial = Trial::new(self, self.options(seed), recorder);
        trial.run().expect("nothing is written, so nothing fails")
    }

    /// Makes the run of `seed` and writes its trace into `file`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn record(&self, seed: u64, file: &Path) -> io::Result<Report> {
        let out = Box::new(BufWriter::new(File::create(file)?));
        let recorder = Recorder::new(self.fresh_checkers()).writing_to(out);
        Trial::new(self, self.options(seed), recorder).run()
    }

    /// Makes the runs of all `seeds`, up to the first that breaks a property.
    pub fn explore(&self, seeds: Range<u64>) -> Summary {
        self.watch(seeds, |_| {})
    }

    /// As [`Lab::explore`]; `progress` sees every report as it comes.
    pub fn watch(&self, seeds: Range<u64>, progress: impl Fn(&Report) + Sync) -> Summary {
        let reports = Mutex::new(BTreeMap::new());
        each(seeds, self.jobs, |seed| {
            let report = self.run(seed);
            progress(&report);
            let on = report.violation.is_none();
            let mut reports = reports
                .lock()
                .expect("no thread panics while it holds this");
            reports.insert(seed, report);
            on
        });
        let reports = reports.into_inner();
        Summary::new(reports.expect("no thread panics while it holds this"))
    }

    /// For tests: explores `seeds` and insists that nothing breaks.
    ///
    /// # Panics
    /// At the first seed that breaks a property, with what it broke and how to see it again.
    #[track_caller]
    pub fn check(&self, seeds: Range<u64>) -> Summary {
        let summary = self.explore(seeds);
        if let Some(report) = summary.failure() {
            panic!("{report}");
        }
        summary
    }

    /// The run of `seed`, not begun, to be looked at and interfered with.
    pub fn trial(&self, seed: u64) -> Trial<'_> {
        let recorder = Recorder::new(self.fresh_checkers()).keeping();
        Trial::new(self, self.options(seed), recorder)
    }

    /// A run in which nothing goes wrong by itself, for a script to direct: a quiet network, no faults, no work
    /// unless [`Lab::work_every`] asks for it. Calm comes after [`Lab::faults_for`], if the script does not call
    /// for it before.
    pub fn quiet(&self, seed: u64) -> Trial<'_> {
        let mut options = Options::quiet(seed, self.nodes.unwrap_or(QUIET_NODES));
        self.adapt(&mut options);
        let recorder = Recorder::new(self.fresh_checkers()).keeping();
        Trial::new(self, options, recorder)
    }

    /// How to see the run of `seed` again.
    pub(super) fn again(&self, seed: u64) -> String {
        match &self.command {
            Some(program) => format!("{program} --seed {seed} --trace {seed}.jsonl"),
            None => format!(
                "run seed {seed} of the lab `{}` with Lab::record",
                self.name
            ),
        }
    }

    pub(super) fn boot(&self, boot: &Boot<'_>, out: &mut Vec<Effect>) -> Box<dyn Guest> {
        (self.boot)(boot, out)
    }

    fn fresh_checkers(&self) -> Vec<Box<dyn Checker>> {
        self.checkers.iter().flat_map(|make| make()).collect()
    }

    fn options(&self, seed: u64) -> Options {
        let mut options = Options::draw(seed, self.nodes, self.faults_for);
        self.adapt(&mut options);
        options
    }

    /// Takes out of drawn options what a lab has no place for, or is not to have.
    fn adapt(&self, options: &mut Options) {
        options.faults_for = self.faults_for;
        for (index, node) in options.nodes.iter_mut().enumerate() {
            *node = NodePlan {
                name: format!("n{}", index + 1),
                role: Role::Mail,
            };
        }
        options.vips.clear();
        let services = &mut options.services;
        services.groups = false;
        services.vips = false;
        services.logs = false;
        services.counters = false;
        let wanted = |kind: &FaultKind| draws(*kind) && !self.without.contains(kind);
        options.faults.retain(wanted);
        let weather = &mut options.weather;
        for (kind, rate) in [
            (FaultKind::Loss, &mut weather.loss_millionths),
            (FaultKind::Duplicate, &mut weather.duplicate_millionths),
            (FaultKind::Duplicate, &mut weather.stale_ns),
            (FaultKind::Reorder, &mut weather.overtake_millionths),
            (FaultKind::Corrupt, &mut weather.corrupt_millionths),
            (FaultKind::Drift, &mut options.drift_millionths),
        ] {
            if !options.faults.contains(&kind) {
                *rate = 0;
            }
        }
        if !options.faults.contains(&FaultKind::Mtu) {
            options.weather.path_bytes = DATAGRAM_LIMIT as u64;
        }
        options.core &= options.faults.contains(&FaultKind::Partition);
        if let Some(every) = self.work_every {
            options.load.group_act_ns = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX);
        }
    }
}
