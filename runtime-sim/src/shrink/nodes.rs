//! Schedules without a node: what is done to it goes with it, and the nodes after it move up.

use super::Shrinker;
use crate::{
    deed::{Deed, Receiver},
    fabric::Link,
    faults::{Fault, link},
    schedule::{Act, Schedule},
};

impl Shrinker<'_> {
    /// Tries to do without each node, the last first. One stays.
    pub(super) fn nodes(&mut self, schedule: &mut Schedule) {
        let mut host = schedule.options.nodes.len();
        while host > 0 && schedule.options.nodes.len() > 1 {
            host -= 1;
            let candidate = without(schedule, host);
            self.attempt(schedule, candidate);
        }
    }
}

/// The schedule without `host`.
fn without(schedule: &Schedule, host: usize) -> Schedule {
    let mut options = schedule.options.clone();
    options.nodes.remove(host);
    let mut shorter = Schedule {
        options,
        steps: Vec::new(),
        ..schedule.clone()
    };
    for step in &schedule.steps {
        let mut step = step.clone();
        if move_up(&mut step.act, host) {
            shorter.steps.push(step);
        }
    }
    shorter
}

/// Renames the hosts behind `gone`. False if the act is nothing without it.
fn move_up(act: &mut Act, gone: usize) -> bool {
    let up = |host: &mut usize| {
        let stays = *host != gone;
        if *host > gone {
            *host -= 1;
        }
        stays
    };
    let links = |links: &mut Vec<Link>| {
        links.retain_mut(|one| {
            let (mut from, mut to) = (one.from.index(), one.to.index());
            let stays = up(&mut from) && up(&mut to);
            if stays {
                *one = link(from, to);
            }
            stays
        });
        !links.is_empty()
    };
    match act {
        Act::Fault(fault) => match fault {
            Fault::Start(host)
            | Fault::Kill(host)
            | Fault::Restart(host)
            | Fault::Power(host)
            | Fault::Stop(host)
            | Fault::Pause(host)
            | Fault::Resume(host)
            | Fault::Ail(host, _, _)
            | Fault::Step(host, _)
            | Fault::Reload(host, _) => up(host),
            Fault::Cut(these) | Fault::Heal(these) | Fault::Clog(these) | Fault::Unclog(these) => {
                links(these)
            }
            Fault::Calm => true,
        },
        Act::Deed(deed) => match deed {
            Deed::Connect { host, .. } | Deed::Count { host, .. } | Deed::Append { host, .. } => {
                up(host)
            }
            Deed::Send { to, .. } => {
                to.retain_mut(|receiver| match receiver {
                    Receiver::Group(_) => true,
                    Receiver::Client(_, host) => up(host),
                });
                !to.is_empty()
            }
            Deed::Join { .. }
            | Deed::Leave { .. }
            | Deed::Disconnect { .. }
            | Deed::Session { .. } => true,
        },
    }
}
