//! The server and its stores: events in, actions out, under the key of the log.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use ringfort_machine::{Instant, Machine, OrderId, Sink};
use ringfort_wire::logs::Why;

use super::{Action, Server};
use crate::{
    disk::DiskOutcome,
    note::Note,
    store::{self, Store},
};

impl Server {
    /// Hands an event to a store, and its actions to whom they concern.
    pub(super) fn drive(
        &mut self,
        now: Instant,
        log: &str,
        retired: bool,
        event: store::Event,
        out: &mut impl Sink<Action>,
    ) {
        let stores = if retired {
            &mut self.retired
        } else {
            &mut self.stores
        };
        let Some((key, store)) = stores
            .get_key_value(log)
            .map(|(key, _)| key.clone())
            .and_then(|key| {
                let store = stores.get_mut(log)?;
                Some((key, store))
            })
        else {
            return;
        };
        let mut actions = Vec::new();
        store.handle(now, event, &mut actions);
        self.pass_on(now, &key, retired, actions, out);
    }

    /// Lifts the actions of a store into those of the server.
    fn pass_on(
        &mut self,
        now: Instant,
        key: &Arc<str>,
        retired: bool,
        actions: Vec<store::Action>,
        out: &mut impl Sink<Action>,
    ) {
        for action in actions {
            let log = key.clone();
            match action {
                store::Action::Disk(inner, action) => {
                    let order = OrderId::next(&mut self.counter);
                    self.orders.insert(order, (log, retired, inner));
                    out.push(Action::Disk(order, action));
                }
                store::Action::Recovered { upto } => out.push(Action::Recovered { log, upto }),
                store::Action::Appended { id, class, payload } => out.push(Action::Appended {
                    log,
                    id,
                    class,
                    payload,
                }),
                store::Action::AppendRefused { why, append } => out.push(Action::AppendRefused {
                    log: (*log).into(),
                    why,
                    append,
                }),
                store::Action::Written { upto } => out.push(Action::Written { log, upto }),
                store::Action::Durable { upto } => out.push(Action::Durable { log, upto }),
                store::Action::Fetched { read, fetched } => self.fetched(now, read, fetched, out),
                store::Action::Subscribed {
                    subscriber,
                    after,
                    new,
                } => out.push(Action::Subscribed {
                    log,
                    subscriber,
                    after,
                    new,
                }),
                store::Action::Unsubscribed { subscriber } => {
                    out.push(Action::Unsubscribed { log, subscriber });
                }
                store::Action::Checkpointed { subscriber, id } => {
                    self.checkpointed(now, &log, &subscriber, id, out);
                    out.push(Action::Checkpointed {
                        log,
                        subscriber,
                        id,
                    });
                }
                store::Action::Closed => self.store_closed(now, key, retired, out),
                store::Action::Note(note) => out.push(Action::Note(note)),
            }
        }
    }

    pub(super) fn done(
        &mut self,
        now: Instant,
        order: OrderId,
        outcome: DiskOutcome,
        out: &mut impl Sink<Action>,
    ) {
        match self.orders.remove(&order) {
            Some((log, retired, order)) => {
                self.drive(
                    now,
                    &log,
                    retired,
                    store::Event::Done { order, outcome },
                    out,
                );
            }
            None => out.push(Action::Note(Note::UnexpectedOutcome {
                log: Arc::from("any"),
            })),
        }
    }

    /// Makes `logs` the logs of this node.
    pub(super) fn configure(
        &mut self,
        now: Instant,
        logs: Vec<store::Config>,
        out: &mut impl Sink<Action>,
    ) {
        if self.closing {
            return;
        }
        let mut wanted: BTreeMap<Arc<str>, store::Config> =
            logs.into_iter().map(|log| (log.key.clone(), log)).collect();
        let stale: Vec<Arc<str>> = self
            .stores
            .iter()
            .filter(|(key, store)| {
                wanted
                    .get(*key)
                    .is_none_or(|log| !same_place(store.config(), log))
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in stale {
            self.retire(now, &key, out);
        }
        self.waiting.clear();
        for key in self.stores.keys().cloned().collect::<Vec<_>>() {
            let subscribers = wanted.remove(&key).map(|log| log.subscribers);
            for name in subscribers.into_iter().flatten() {
                let event = store::Event::AddSubscriber(Arc::from(name));
                self.drive(now, &key, false, event, out);
            }
        }
        self.waiting = wanted;
        self.open_waiting(now, out);
        self.publish_everywhere(now, out);
    }

    fn publish_everywhere(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let listeners: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.listing)
            .map(|(stream, _)| *stream)
            .collect();
        for stream in listeners {
            self.publish(now, stream, out);
        }
    }

    /// Opens what waits, as far as no log that is being closed has the key or the directory.
    fn open_waiting(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        for (key, log) in core::mem::take(&mut self.waiting) {
            let taken = self
                .retired
                .values()
                .any(|old| old.config().key == log.key || old.config().directory == log.directory);
            if taken {
                self.waiting.insert(key, log);
                continue;
            }
            let mut actions = Vec::new();
            if let Ok(store) = Store::new(log, now, &mut actions) {
                self.stores.insert(key.clone(), store);
                self.pass_on(now, &key, false, actions, out);
            }
        }
    }

    /// Begins to close a log.
    fn retire(&mut self, now: Instant, key: &Arc<str>, out: &mut impl Sink<Action>) {
        self.evict_all(now, key, Why::UnknownLog, out);
        if let Some(store) = self.stores.remove(key) {
            for (log, retired, _) in self.orders.values_mut() {
                *retired |= log == key;
            }
            self.retired.insert(key.clone(), store);
            self.drive(now, key, true, store::Event::Close, out);
        }
    }

    fn store_closed(
        &mut self,
        now: Instant,
        key: &Arc<str>,
        retired: bool,
        out: &mut impl Sink<Action>,
    ) {
        if retired {
            self.retired.remove(key);
            self.orders
                .retain(|_, (log, retired, _)| !(*retired && log == key));
        }
        if !self.closing {
            self.open_waiting(now, out);
            self.publish_everywhere(now, out);
        } else if self.retired.is_empty() {
            out.push(Action::Closed);
        }
    }

    /// Closes everything.
    pub(super) fn close(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if self.closing {
            return;
        }
        self.closing = true;
        self.waiting.clear();
        let keys: Vec<Arc<str>> = self.stores.keys().cloned().collect();
        for key in &keys {
            self.evict_all(now, key, Why::Closing, out);
        }
        for key in &keys {
            self.retire(now, key, out);
        }
        if keys.is_empty() && self.retired.is_empty() {
            out.push(Action::Closed);
        }
    }
}

/// Whether a log can stay open under new settings: everything but its subscribers is as before.
fn same_place(one: &store::Config, other: &store::Config) -> bool {
    let without = |config: &store::Config| store::Config {
        subscribers: Vec::new(),
        ..config.clone()
    };
    without(one) == without(other)
}
