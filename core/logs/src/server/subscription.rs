//! Subscriptions: how they begin, what they are sent, how they end.

use alloc::{string::String, sync::Arc, vec::Vec};

use ringfort_machine::{
    Instant, Sink,
    defect::{self, Defect},
};
use ringfort_wire::logs::{self as wire, Body, Epoch, Payload, RecordId, Why};

use super::{Action, BATCH_BYTES, CHANNELS, Server, Stream, session::Channel};
use crate::{
    note::Note,
    record::Record,
    store::{self, Fetched, ReadId},
};

/// What a puller asks for.
pub(super) struct Wish {
    pub(super) log: String,
    pub(super) subscriber: String,
    pub(super) from: Option<RecordId>,
    pub(super) epoch: Epoch,
    pub(super) credit: u32,
}

/// A subscription, by its stream and channel.
type At = (Stream, u32);

impl Server {
    pub(super) fn subscribe(
        &mut self,
        now: Instant,
        at: At,
        wish: Wish,
        out: &mut impl Sink<Action>,
    ) {
        let checkpoint = match self.admit(at, &wish) {
            Ok(checkpoint) => checkpoint,
            Err(why) => {
                let channel = at.1;
                out.push(Action::Note(Note::ReaderRefused {
                    log: wish.log,
                    subscriber: wish.subscriber,
                    why,
                }));
                self.say(now, at.0, Body::Refused { channel, why }, out);
                return;
            }
        };
        let newest = self
            .stores
            .get(wish.log.as_str())
            .and_then(store::Store::durable);
        // What a log never promised is not from this log: its directory was lost. Begin at the checkpoint then.
        let from = wish
            .from
            .filter(|from| newest.is_some_and(|id| *from <= id));
        let mut after = from.unwrap_or(checkpoint).max(checkpoint);
        if defect::active(Defect::ReplayFromStart) {
            after = RecordId::BEFORE_ALL;
        }
        let log: Arc<str> = Arc::from(wish.log);
        let subscriber: Arc<str> = Arc::from(wish.subscriber);
        let holder = (log.clone(), subscriber.clone());
        if let Some(old) = self.holders.get(&holder).copied() {
            out.push(Action::Note(Note::ReaderFenced {
                log: log.clone(),
                subscriber: subscriber.clone(),
            }));
            self.end(now, old, Why::Fenced, out);
        }
        self.holders.insert(holder, at);
        if let Some(session) = self.sessions.get_mut(&at.0) {
            session.channels.insert(
                at.1,
                Channel {
                    log,
                    subscriber,
                    epoch: wish.epoch,
                    after,
                    credit: i64::from(wish.credit),
                    read: None,
                    asked: false,
                },
            );
        }
        let channel = at.1;
        self.say(now, at.0, Body::Start { channel, after }, out);
        self.feed(now, at, out);
    }

    /// Whether the wish can be granted; the checkpoint if so.
    fn admit(&self, at: At, wish: &Wish) -> Result<RecordId, Why> {
        let session = self.sessions.get(&at.0).ok_or(Why::Channel)?;
        if session.channels.contains_key(&at.1) {
            return Err(Why::Channel);
        }
        if self.closing {
            return Err(Why::Closing);
        }
        let store = self.stores.get(wish.log.as_str()).ok_or(Why::UnknownLog)?;
        if !store.is_running() || session.channels.len() >= CHANNELS {
            return Err(Why::Busy);
        }
        let checkpoint = store
            .checkpoint(&wish.subscriber)
            .ok_or(Why::UnknownSubscriber)?;
        let name = (
            Arc::from(wish.log.as_str()),
            Arc::from(wish.subscriber.as_str()),
        );
        let newer = self
            .holders
            .get(&name)
            .and_then(|(stream, channel)| self.sessions.get(stream)?.channels.get(channel))
            .is_some_and(|holder| holder.epoch > wish.epoch);
        if newer {
            Err(Why::Fenced)
        } else {
            Ok(checkpoint)
        }
    }

    fn channel(&mut self, at: At) -> Option<&mut Channel> {
        self.sessions.get_mut(&at.0)?.channels.get_mut(&at.1)
    }

    pub(super) fn credit(&mut self, now: Instant, at: At, bytes: u32, out: &mut impl Sink<Action>) {
        if let Some(channel) = self.channel(at) {
            // More than a puller can sensibly have outstanding adds nothing.
            channel.credit = channel
                .credit
                .saturating_add(i64::from(bytes))
                .min(i64::from(u32::MAX));
            self.feed(now, at, out);
        }
    }

    pub(super) fn checkpoint(
        &mut self,
        now: Instant,
        at: At,
        id: RecordId,
        out: &mut impl Sink<Action>,
    ) {
        let Some(channel) = self.channel(at) else {
            return; // the subscription has ended meanwhile; its successor knows better
        };
        if id > channel.after {
            let what = "a checkpoint beyond what was sent";
            out.push(Action::Note(Note::ProtocolBroken { what }));
            out.push(Action::CloseStream { stream: at.0 });
            self.closed(now, at.0, out);
            return;
        }
        channel.asked = true;
        let (log, subscriber) = (channel.log.clone(), channel.subscriber.clone());
        let event = store::Event::Checkpoint { subscriber, id };
        self.drive(now, &log, false, event, out);
    }

    /// A checkpoint is durable: tells whoever reads under that name, if he asked.
    pub(super) fn checkpointed(
        &mut self,
        now: Instant,
        log: &Arc<str>,
        subscriber: &Arc<str>,
        id: RecordId,
        out: &mut impl Sink<Action>,
    ) {
        let holder = self
            .holders
            .get(&(log.clone(), subscriber.clone()))
            .copied();
        if let Some(at) = holder
            && let Some(reader) = self.channel(at)
            && reader.asked
        {
            let channel = at.1;
            self.say(now, at.0, Body::CheckpointDone { channel, id }, out);
        }
    }

    /// Asks the store for more, if there is credit and nothing is asked for yet.
    fn feed(&mut self, now: Instant, at: At, out: &mut impl Sink<Action>) {
        let read = ReadId(self.read_counter.saturating_add(1));
        let Some(channel) = self.channel(at) else {
            return;
        };
        if channel.read.is_some() || channel.credit <= 0 {
            return;
        }
        channel.read = Some(read);
        let credit = usize::try_from(channel.credit).unwrap_or(BATCH_BYTES);
        let (log, after) = (channel.log.clone(), channel.after);
        self.read_counter = read.0;
        self.reads.insert(read, at);
        let event = store::Event::Read {
            read,
            after,
            limit_bytes: credit.min(BATCH_BYTES),
        };
        self.drive(now, &log, false, event, out);
    }

    /// A store has answered.
    pub(super) fn fetched(
        &mut self,
        now: Instant,
        read: ReadId,
        fetched: Fetched,
        out: &mut impl Sink<Action>,
    ) {
        let Some(at) = self.reads.remove(&read) else {
            return;
        };
        let Some(reader) = self.channel(at).filter(|reader| reader.read == Some(read)) else {
            return;
        };
        reader.read = None;
        let channel = at.1;
        let body = match fetched {
            Fetched::Closing => {
                self.end(now, at, Why::Busy, out);
                return;
            }
            Fetched::Gap(gap) => {
                reader.after = gap.last;
                Body::Gap { channel, gap }
            }
            Fetched::Records { records, lag } => {
                if let Some(last) = records.last() {
                    reader.after = last.id;
                }
                let records: Vec<wire::Record> = records.into_iter().map(to_wire).collect();
                let cost = i64::try_from(wire::batch_cost(&records)).unwrap_or(i64::MAX);
                reader.credit = reader.credit.saturating_sub(cost);
                Body::Batch {
                    channel,
                    records,
                    lag,
                }
            }
        };
        self.say(now, at.0, body, out);
        self.feed(now, at, out);
    }

    pub(super) fn unsubscribe(&mut self, now: Instant, at: At, out: &mut impl Sink<Action>) {
        let channel = self
            .sessions
            .get_mut(&at.0)
            .and_then(|session| session.channels.remove(&at.1));
        if let Some(channel) = channel {
            self.release(now, at, channel, out);
        }
    }

    /// Ends a subscription and says why.
    fn end(&mut self, now: Instant, at: At, why: Why, out: &mut impl Sink<Action>) {
        self.unsubscribe(now, at, out);
        let channel = at.1;
        self.say(now, at.0, Body::Ended { channel, why }, out);
    }

    /// Forgets what a subscription held.
    pub(super) fn release(
        &mut self,
        now: Instant,
        at: At,
        channel: Channel,
        out: &mut impl Sink<Action>,
    ) {
        let holder = (channel.log.clone(), channel.subscriber.clone());
        if self.holders.get(&holder) == Some(&at) {
            self.holders.remove(&holder);
        }
        if let Some(read) = channel.read {
            self.reads.remove(&read);
            let event = store::Event::CancelRead(read);
            self.drive(now, &channel.log, false, event, out);
        }
    }

    /// Ends the subscription under a name that is being removed.
    pub(super) fn evict(
        &mut self,
        now: Instant,
        log: &str,
        subscriber: &str,
        out: &mut impl Sink<Action>,
    ) {
        let name = (Arc::from(log), Arc::from(subscriber));
        if let Some(at) = self.holders.get(&name).copied() {
            self.end(now, at, Why::UnknownSubscriber, out);
        }
    }

    /// Ends all subscriptions to a log.
    pub(super) fn evict_all(
        &mut self,
        now: Instant,
        log: &Arc<str>,
        why: Why,
        out: &mut impl Sink<Action>,
    ) {
        let all: Vec<At> = self
            .holders
            .iter()
            .filter(|((key, _), _)| key == log)
            .map(|(_, at)| *at)
            .collect();
        for at in all {
            self.end(now, at, why, out);
        }
    }
}

fn to_wire(record: Record) -> wire::Record {
    wire::Record {
        id: record.id,
        wall_ns: record.wall_ns,
        payload: Payload(record.payload),
    }
}
