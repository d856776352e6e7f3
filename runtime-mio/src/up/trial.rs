//! A local cluster on trial: clients connect to every address all the time, the owner of one is killed as a
//! crash would, its addresses must answer again, it comes back, and at the end everything must add up: the
//! count of connections on every node, and each acknowledged connection exactly once in the manager's files.
//!
//! Nothing here waits for a fixed time and then hopes: every step is a condition on what can be observed from
//! outside, with a limit.

mod collected;
mod report;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

pub(super) use self::report::Report;
use self::report::Takeover;
use super::{
    children::Children,
    clients::Clients,
    plan::Plan,
    watch::{Snapshot, Watch},
};

/// The shortest trial: every phase needs its time.
pub(super) const SHORTEST: Duration = Duration::from_secs(6);
/// How long the cluster may take to form, or to be whole again.
const WHOLE: Duration = Duration::from_secs(30);
/// How long the addresses of a dead node may be without an answer.
const TAKEOVER: Duration = Duration::from_secs(10);
/// How long counts may take to agree.
const AGREE: Duration = Duration::from_secs(15);
/// How long records may take to reach the manager after the last connection.
const COLLECT: Duration = Duration::from_secs(45);
/// Between two looks at a condition.
const PACE: Duration = Duration::from_millis(50);
/// Connections held open to compare the counts.
const HELD: usize = 9;

/// Why a trial ended before its end.
#[derive(Debug)]
struct Failed(String);

/// Runs the trial and stops the cluster.
pub(super) fn run(
    plan: &Plan,
    children: &mut Children,
    time: Duration,
    stop: &AtomicBool,
) -> Report {
    let mut trial = Trial {
        plan,
        children,
        stop,
        time,
        watch: Watch::new(plan),
        clients: None,
        report: Report::new(plan, time),
    };
    if let Err(Failed(why)) = trial.phases() {
        trial.report.problems.push(why);
    }
    trial.end()
}

struct Trial<'a> {
    plan: &'a Plan,
    children: &'a mut Children,
    stop: &'a AtomicBool,
    time: Duration,
    watch: Watch,
    clients: Option<Clients>,
    report: Report,
}

impl Trial<'_> {
    fn phases(&mut self) -> Result<(), Failed> {
        let start = Instant::now();
        self.wait_whole("form")?;
        self.report.formed_ms = millis(start);
        let begun = Instant::now();
        self.clients = Some(Clients::start(&self.plan.addresses));
        self.wait("every address answers", TAKEOVER, |trial| {
            trial.all_answer(begun)
        })?;
        self.load_until(begun, self.time / 3)?;
        let victim = self.take_over()?;
        self.load_until(begun, self.time * 2 / 3)?;
        let restarted = Instant::now();
        self.restart(&victim)?;
        self.report.rejoined_ms = millis(restarted);
        self.load_until(begun, self.time)?;
        self.compare_counts()
    }

    /// Waits until every process sees all processes and every address has an owner.
    fn wait_whole(&mut self, what: &str) -> Result<(), Failed> {
        let names: Vec<String> = self.plan.processes.iter().map(|p| p.name.clone()).collect();
        let addresses = self.plan.addresses.len();
        self.wait(
            &format!("the cluster did not {what}: all members, all addresses owned"),
            WHOLE,
            |trial| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let snapshot = trial.watch.look();
                snapshot.is_whole(&names) && owned(&snapshot) == addresses
            },
        )
    }

    fn load_until(&mut self, begun: Instant, until: Duration) -> Result<(), Failed> {
        while begun.elapsed() < until {
            self.interrupted()?;
            if let Some(ended) = self.children.ended() {
                return Err(Failed(format!(
                    "{} ended by itself: {}",
                    ended.name, ended.how
                )));
            }
            thread::sleep(PACE.min(until.saturating_sub(begun.elapsed())));
        }
        Ok(())
    }

    /// Kills the owner of the first address and waits until every address answers again.
    fn take_over(&mut self) -> Result<String, Failed> {
        let owners = self.watch.look().owners();
        let first = self.plan.addresses[0].ip().to_string();
        let victim = owners
            .get(&first)
            .cloned()
            .flatten()
            .ok_or_else(|| Failed(format!("{first} has no owner to kill")))?;
        let lost = owners
            .iter()
            .filter(|(_, owner)| owner.as_ref() == Some(&victim))
            .map(|(address, _)| address.clone())
            .collect();
        let killed = Instant::now();
        self.children
            .kill(&victim)
            .map_err(|error| Failed(error.to_string()))?;
        let dead = Instant::now();
        let outcome = self.wait(
            "an address of the killed node does not answer",
            TAKEOVER,
            |trial| trial.all_answer(dead),
        );
        self.report.takeover = Some(Takeover {
            killed: victim.clone(),
            lost,
            took_ms: millis(killed),
        });
        outcome.map(|()| victim)
    }

    fn restart(&mut self, name: &str) -> Result<(), Failed> {
        let process = self
            .plan
            .processes
            .iter()
            .find(|process| process.name == name)
            .ok_or_else(|| Failed(format!("{name} is unknown")))?;
        self.children
            .start(process)
            .map_err(|error| Failed(error.to_string()))?;
        self.wait_whole("become whole after the restart")
    }

    /// Holds a known number of connections and compares what every node counts, then lets go.
    fn compare_counts(&mut self) -> Result<(), Failed> {
        let Some(clients) = &mut self.clients else {
            return Ok(());
        };
        clients.stop();
        let held = clients
            .hold(&self.plan.addresses, HELD)
            .map_err(|error| Failed(format!("cannot hold connections open: {error}")))?;
        self.report.held = held.len();
        let outcome = self.wait_count(held.len() as i64);
        drop(held);
        outcome?;
        self.wait_count(0)
    }

    fn wait_count(&mut self, wanted: i64) -> Result<(), Failed> {
        let nodes: Vec<String> = self.plan.nodes().map(|node| node.name.clone()).collect();
        let what = format!("the nodes do not agree on {wanted} connections");
        let outcome = self.wait(&what, AGREE, |trial| {
            let snapshot = trial.watch.look();
            nodes.iter().all(|node| {
                snapshot
                    .processes
                    .get(node)
                    .is_some_and(|state| state.connections == Some(wanted))
            })
        });
        if outcome.is_err() {
            let counts: Vec<_> = self
                .watch
                .look()
                .processes
                .into_iter()
                .map(|(name, state)| format!("{name}: {:?}", state.connections))
                .collect();
            return Err(Failed(format!("{what}: {}", counts.join(", "))));
        }
        self.report.counts_agreed += 1;
        outcome
    }

    /// Waits for the manager's files, stops everything, and completes the report.
    fn end(mut self) -> Report {
        if let Some(mut clients) = self.clients.take() {
            clients.stop();
            let seen = &clients.seen;
            self.report.attempts = seen.attempts.load(Ordering::Relaxed);
            self.report.failures = seen.failures.load(Ordering::Relaxed);
            self.report.longest_silence_ms = seen.longest_silence().as_millis() as u64;
            let acknowledged = seen.acknowledged();
            self.report.acknowledged = acknowledged.len();
            if seen.repeated() > 0 {
                let repeated = seen.repeated();
                self.report
                    .problems
                    .push(format!("{repeated} connections had the id of another"));
            }
            if acknowledged.is_empty() {
                self.report
                    .problems
                    .push("no connection was acknowledged".into());
            }
            let end = Instant::now() + COLLECT;
            let judged = loop {
                let judged = collected::judge(&self.plan.collected(), &acknowledged);
                if judged.missing == 0 || Instant::now() >= end || self.interrupted().is_err() {
                    break judged;
                }
                thread::sleep(PACE * 4);
            };
            self.report.collected(judged);
        }
        for ended in self.children.stop() {
            if !ended.clean {
                self.report
                    .problems
                    .push(format!("{} ended with {}", ended.name, ended.how));
            }
            self.report.stopped.push(ended);
        }
        self.report.ok = self.report.problems.is_empty();
        self.report
    }

    fn all_answer(&self, since: Instant) -> bool {
        self.clients
            .as_ref()
            .is_some_and(|clients| clients.seen.all_since(since))
    }

    /// Waits until `condition` holds.
    fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        mut condition: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), Failed> {
        let end = Instant::now() + limit;
        loop {
            self.interrupted()?;
            if condition(self) {
                return Ok(());
            }
            if let Some(ended) = self.children.ended() {
                return Err(Failed(format!(
                    "{} ended by itself: {}",
                    ended.name, ended.how
                )));
            }
            if Instant::now() >= end {
                return Err(Failed(format!("{what} (waited {} s)", limit.as_secs())));
            }
            thread::sleep(PACE);
        }
    }

    fn interrupted(&self) -> Result<(), Failed> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failed("interrupted".into()));
        }
        Ok(())
    }
}

fn owned(snapshot: &Snapshot) -> usize {
    snapshot
        .owners()
        .values()
        .filter(|owner| owner.is_some())
        .count()
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
