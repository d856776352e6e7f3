//! What may be deleted, and in which order things are destroyed.
//!
//! A segment goes when every subscriber's durable checkpoint has passed it; or when the log is over its budget,
//! after the horizon that will explain the gap is durable; or, in a log without subscribers, when it is not
//! among the newest that are kept for a subscriber who may come. One deletion at a time, oldest first, never
//! what is still being written (services-anchors 2.5 L6).

use ringfort_machine::{
    Deadline, Instant, Sink,
    defect::{self, Defect},
};

use super::{
    Action, Config, Setting,
    orders::{Orders, Purpose},
    segments::{Segment, Segments},
    subscribers::Subscribers,
    writer::Writer,
};
use crate::{
    disk::{DiskAction, DiskError},
    format::SegmentName,
    note::Note,
};

/// The deletion under way.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    removing: bool,
    retry_at: Option<Instant>,
}

/// What is to happen to the oldest segment.
enum Fate {
    Keep,
    Remove,
    /// Everything up to its end is given up first.
    GiveUp,
}

impl Retention {
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.retry_at
            .map(|at| Deadline::new(at, "logs: remove again"))
    }

    /// Orders the next deletion, if there is one to be made.
    pub(crate) fn pump(
        &mut self,
        Setting { now, config }: Setting<'_>,
        segments: &mut Segments,
        subscribers: &mut Subscribers,
        writer: &Writer,
        orders: &mut Orders,
        out: &mut impl Sink<Action>,
    ) {
        if self.removing || self.retry_at.is_some_and(|at| at > now) {
            return;
        }
        self.retry_at = None;
        segments.horizon = subscribers.horizon();
        let dead = segments
            .iter()
            .find(|segment| segment.is_dead() && !writer.writes_to(segment.name));
        let oldest = segments.iter().find(|segment| !segment.is_dead());
        let Some(segment) = dead.or(oldest) else {
            return;
        };
        match fate(config, segment, segments, subscribers, writer) {
            Fate::Keep => {}
            Fate::GiveUp => {
                subscribers.raise_horizon(segment.last());
                out.push(Action::Note(Note::BudgetExceeded {
                    log: config.key.clone(),
                    upto: segment.last(),
                }));
            }
            Fate::Remove => {
                self.removing = true;
                let purpose = Purpose::RemoveSegment { file: segment.name };
                let file = segment.path.clone();
                orders.issue(purpose, DiskAction::Remove { file }, out);
            }
        }
    }

    /// A segment was deleted, or not.
    pub(crate) fn removed(
        &mut self,
        now: Instant,
        config: &Config,
        file: SegmentName,
        result: Result<(), DiskError>,
        segments: &mut Segments,
        out: &mut impl Sink<Action>,
    ) {
        self.removing = false;
        if result.is_err() {
            self.retry_at = Some(now + config.retry_delay);
            return;
        }
        let path = segments.find_mut(file).map(|segment| segment.path.clone());
        segments.remove(file);
        if let Some(file) = path {
            out.push(Action::Note(Note::SegmentRemoved {
                log: config.key.clone(),
                file,
            }));
        }
    }
}

fn fate(
    config: &Config,
    segment: &Segment,
    segments: &Segments,
    subscribers: &Subscribers,
    writer: &Writer,
) -> Fate {
    if segment.is_dead() {
        return Fate::Remove;
    }
    if subscribers.is_beginning() {
        return Fate::Keep;
    }
    let newest = segments.iter().next_back().map(|newest| newest.name);
    if writer.writes_to(segment.name) || newest == Some(segment.name) {
        return Fate::Keep;
    }
    let bytes = segments.bytes();
    let over = config.budget_bytes.is_some_and(|budget| bytes > budget);
    let Some(passed) = subscribers.passed() else {
        let rest = bytes.saturating_sub(segment.bytes);
        return if over || rest >= config.unread_limit_bytes {
            Fate::Remove
        } else {
            Fate::Keep
        };
    };
    let last = segment.last();
    let begun = defect::active(Defect::DeleteUnread) && segment.name.base <= passed;
    if last <= passed || begun || (over && last <= subscribers.horizon()) {
        Fate::Remove
    } else if over && !subscribers.gives_up(last) {
        Fate::GiveUp
    } else {
        Fate::Keep
    }
}
