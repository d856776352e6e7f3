//! What is said between a puller and a node: which logs, from where on, and what has come.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use ringfort_machine::{
    Instant, NodeId, Sink,
    defect::{self, Defect},
};
use ringfort_wire::logs::{Body, Epoch, Gap, Lag, Record, RecordId, Why, record_cost};

use super::{
    Action, Phase, Puller, Source,
    commit::{Item, What},
    link::{Contact, Feed, Wanted, jitter},
};
use crate::{disk::Path, note::Note, server::Stream};

/// How long to wait before a log is asked for again that does not know this puller's names.
const UNKNOWN: Duration = Duration::from_secs(10);
/// The same for one that is read by a newer reader of the same name.
const FENCED: Duration = Duration::from_secs(5);
/// The same for one that is not ready.
const BUSY: Duration = Duration::from_millis(200);

impl Puller {
    pub(super) fn connected(&mut self, now: Instant, stream: Stream, out: &mut impl Sink<Action>) {
        let Some(node) = self.streams.get(&stream).copied() else {
            out.push(Action::CloseStream { stream });
            return;
        };
        let Some(link) = self.links.get_mut(&node) else {
            return;
        };
        if link.is_up() {
            return;
        }
        link.contact = Contact::Up {
            stream,
            heard_at: now,
            said_at: now,
        };
        for feed in link.feeds.values_mut() {
            feed.published = false;
        }
        out.push(Action::Note(Note::Connected { node }));
        self.say(now, node, Body::List, out);
    }

    pub(super) fn frame(
        &mut self,
        now: Instant,
        stream: Stream,
        body: Body,
        out: &mut impl Sink<Action>,
    ) {
        let Some(node) = self.streams.get(&stream).copied() else {
            return; // closed by this side; what was under way is void
        };
        let Some(link) = self.links.get_mut(&node) else {
            return;
        };
        if let Contact::Up { heard_at, .. } = &mut link.contact {
            *heard_at = now;
        }
        let fine = match body {
            Body::Published { logs } => {
                self.published(now, node, logs, out);
                true
            }
            Body::Start { channel, after } => self.started(now, node, channel, after, out),
            Body::Refused { channel, why } | Body::Ended { channel, why } => {
                self.refused(now, node, channel, why, out);
                true
            }
            Body::Batch {
                channel,
                records,
                lag,
            } => self.batch(now, node, channel, records, lag),
            Body::Gap { channel, gap } => self.gap(now, node, channel, gap),
            Body::CheckpointDone { channel, id } => {
                self.acknowledged(node, channel, id, out);
                true
            }
            Body::Heartbeat => true,
            Body::List
            | Body::Subscribe { .. }
            | Body::Credit { .. }
            | Body::Checkpoint { .. }
            | Body::Unsubscribe { .. } => false,
        };
        if !fine {
            let what = "a node sent what does not follow from what was agreed";
            out.push(Action::Note(Note::ProtocolBroken { what }));
            self.hang_up(now, node, true, out);
        }
    }

    /// The node has named its logs.
    fn published(
        &mut self,
        now: Instant,
        node: NodeId,
        logs: Vec<String>,
        out: &mut impl Sink<Action>,
    ) {
        let known: usize = self.links.values().map(|link| link.feeds.len()).sum();
        let mut room = self.config.sources_limit.saturating_sub(known);
        let Some(link) = self.links.get_mut(&node) else {
            return;
        };
        for feed in link.feeds.values_mut() {
            feed.published = false;
        }
        for log in logs {
            let log: Arc<str> = Arc::from(log);
            if let Some(feed) = link.feeds.get_mut(&log) {
                feed.published = true;
                continue;
            }
            if room == 0 {
                out.push(Action::Note(Note::TooManySources { node, log }));
                continue;
            }
            room -= 1;
            let source = Arc::new(Source {
                node,
                log: log.clone(),
                subscriber: Arc::from(""),
            });
            let feed = Feed {
                source,
                name: 0,
                wanted: Wanted::Later(now),
                published: true,
                cursor: None,
                checkpoint: None,
                lag: Lag::default(),
                wall_ns: 0,
                path: None,
            };
            link.feeds.insert(log, feed);
        }
    }

    /// Asks for the logs of a node that are due.
    pub(super) fn ask(&mut self, now: Instant, node: NodeId, out: &mut impl Sink<Action>) {
        let due =
            |feed: &Feed| feed.published && matches!(feed.wanted, Wanted::Later(at) if at <= now);
        let Some(link) = self.links.get(&node) else {
            return;
        };
        let logs: Vec<Arc<str>> = link
            .feeds
            .iter()
            .filter(|(_, feed)| due(feed))
            .map(|(log, _)| log.clone())
            .collect();
        for log in logs {
            self.subscribe(now, node, &log, out);
        }
    }

    /// Asks for one log under the name whose turn it is.
    fn subscribe(
        &mut self,
        now: Instant,
        node: NodeId,
        log: &Arc<str>,
        out: &mut impl Sink<Action>,
    ) {
        let names = self.config.names(node);
        let index = self
            .links
            .get(&node)
            .and_then(|link| link.feeds.get(log))
            .map_or(0, |feed| feed.name);
        let Some(name) = names.get(index).or_else(|| names.first()).cloned() else {
            return;
        };
        let source = Source {
            node,
            log: log.clone(),
            subscriber: Arc::from(name.as_str()),
        };
        // What was received and waits to be kept need not come again in this life.
        let from = self.received(&source);
        let credit = self.credit_left(node, log);
        let Some(link) = self.links.get_mut(&node) else {
            return;
        };
        link.next_channel = link.next_channel.saturating_add(1);
        let channel = link.next_channel;
        let Some(feed) = link.feeds.get_mut(log) else {
            return;
        };
        feed.wanted = Wanted::Asked(channel);
        feed.source = Arc::new(source);
        feed.cursor = from;
        self.attempts = self.attempts.saturating_add(1);
        let body = Body::Subscribe {
            channel,
            log: String::from(&**log),
            subscriber: name,
            from,
            epoch: Epoch {
                incarnation: self.config.incarnation,
                attempt: self.attempts,
            },
            credit,
        };
        self.say(now, node, body, out);
    }

    /// The last record or gap of `source` that was received in this life or kept in an earlier one.
    fn received(&self, source: &Source) -> Option<RecordId> {
        let commit = self.commit()?;
        let waiting = commit
            .waiting()
            .filter(|item| *item.source == *source)
            .map(|item| item.what.last())
            .last();
        let waiting = waiting.filter(|_| !defect::active(Defect::ForgetReceived));
        waiting.or_else(|| commit.state.positions.get(source).copied())
    }

    /// The credit that is not used up by what was received from a log and is not kept yet: the rest follows as
    /// that is kept, so that no number of new streams makes more of it.
    fn credit_left(&self, node: NodeId, log: &Arc<str>) -> u32 {
        let used: usize = self.commit().map_or(0, |commit| {
            commit
                .waiting()
                .filter(|item| item.source.node == node && item.source.log == *log)
                .map(|item| item.cost)
                .sum()
        });
        let used = u32::try_from(used).unwrap_or(u32::MAX);
        self.config.credit_bytes.saturating_sub(used)
    }

    fn feed(&mut self, node: NodeId, channel: u32) -> Option<&mut Feed> {
        self.links.get_mut(&node)?.feed(channel)
    }

    fn started(
        &mut self,
        now: Instant,
        node: NodeId,
        channel: u32,
        after: RecordId,
        out: &mut impl Sink<Action>,
    ) -> bool {
        let Some(feed) = self.feed(node, channel) else {
            return true; // no longer wanted
        };
        if feed.wanted != Wanted::Asked(channel) {
            return false;
        }
        feed.wanted = Wanted::Reading(channel);
        let had = feed.cursor.replace(after);
        let source = feed.source.clone();
        if let Some(link) = self.links.get_mut(&node) {
            link.failures = 0;
        }
        if let Some(have) = had.filter(|have| *have != after) {
            out.push(Action::Note(Note::Skipped {
                node,
                log: source.log.clone(),
                have,
                after,
            }));
        }
        out.push(Action::Subscribed {
            source: (*source).clone(),
            after,
            had,
        });
        let kept = self
            .commit()
            .and_then(|commit| commit.state.positions.get(&source).copied());
        if let Some(id) = kept.filter(|id| *id <= after) {
            // The last acknowledgement may have been lost with the stream.
            self.say(now, node, Body::Checkpoint { channel, id }, out);
        }
        true
    }

    fn refused(
        &mut self,
        now: Instant,
        node: NodeId,
        channel: u32,
        why: Why,
        out: &mut impl Sink<Action>,
    ) {
        let names = self.config.names(node).len();
        let wait = match why {
            Why::UnknownSubscriber | Why::UnknownLog => UNKNOWN,
            Why::Fenced => FENCED,
            Why::Busy | Why::Channel | Why::Closing => BUSY,
        };
        let wait = jitter(wait, &mut self.rng);
        let Some(feed) = self.feed(node, channel) else {
            return;
        };
        let next = feed.name.saturating_add(1);
        if why == Why::UnknownSubscriber && next < names {
            feed.name = next;
            feed.wanted = Wanted::Later(now);
            return;
        }
        if why == Why::UnknownSubscriber {
            feed.name = 0;
        }
        feed.wanted = Wanted::Later(now + wait);
        let log = feed.source.log.clone();
        match why {
            Why::UnknownSubscriber | Why::UnknownLog | Why::Fenced => {
                out.push(Action::Note(Note::NotSubscribed { node, log, why }));
            }
            Why::Busy | Why::Channel | Why::Closing => {}
        }
    }

    /// Records have come. Whether they follow from what came before.
    fn batch(
        &mut self,
        now: Instant,
        node: NodeId,
        channel: u32,
        records: Vec<Record>,
        lag: Lag,
    ) -> bool {
        let Some(feed) = self.feed(node, channel) else {
            return true; // sent before the node learned that it is no longer wanted
        };
        if feed.reading().is_none() {
            return false;
        }
        feed.lag = lag;
        records
            .into_iter()
            .all(|record| self.record(now, node, channel, record))
    }

    fn record(&mut self, now: Instant, node: NodeId, channel: u32, record: Record) -> bool {
        let Some(link) = self.links.get_mut(&node) else {
            return false;
        };
        let pattern = &self.config.pattern;
        let (name, subcluster) = (link.name.clone(), link.subcluster.clone());
        let Some(feed) = link.feed(channel) else {
            return false;
        };
        let cursor = feed.cursor.unwrap_or_default();
        let same = cursor.incarnation == record.id.incarnation;
        if record.id <= cursor || (same && record.id != cursor.next()) {
            return false;
        }
        let expanded = pattern.expand(record.wall_ns, &feed.source.log, &name, &subcluster);
        let path = match &feed.path {
            Some(path) if **path == *expanded => path.clone(),
            Some(_) | None => Path::from(expanded),
        };
        feed.path = Some(path.clone());
        feed.cursor = Some(record.id);
        feed.wall_ns = record.wall_ns;
        let source = feed.source.clone();
        let cost = record_cost(&record);
        let payload = record.payload.0;
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(payload.len() as u64);
        self.receive(
            now,
            Item {
                source,
                what: What::Record {
                    id: record.id,
                    payload,
                    path,
                },
                cost,
            },
        )
    }

    fn gap(&mut self, now: Instant, node: NodeId, channel: u32, gap: Gap) -> bool {
        let Some(feed) = self.feed(node, channel) else {
            return true;
        };
        if feed.reading().is_none() || feed.cursor.is_some_and(|cursor| gap.last <= cursor) {
            return false;
        }
        feed.cursor = Some(gap.last);
        let source = feed.source.clone();
        self.receive(
            now,
            Item {
                source,
                what: What::Gap(gap),
                cost: 0,
            },
        )
    }

    fn receive(&mut self, now: Instant, item: Item) -> bool {
        match &mut self.phase {
            Phase::Running(commit) => commit.receive(now, &self.config, item),
            Phase::Loading(_) | Phase::Stopped => false,
        }
    }

    fn acknowledged(
        &mut self,
        node: NodeId,
        channel: u32,
        id: RecordId,
        out: &mut impl Sink<Action>,
    ) {
        if let Some(feed) = self.feed(node, channel)
            && feed.checkpoint.is_none_or(|known| known < id)
        {
            feed.checkpoint = Some(id);
            let source = (*feed.source).clone();
            out.push(Action::Checkpointed { source, id });
        }
    }
}
