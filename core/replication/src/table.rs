//! The values of one object, of either kind, with what is asked of them at once: sums, a total, a fingerprint.
//!
//! The fingerprint is a sum over the fingerprints of all (key, value) pairs, so that a change costs two short
//! hashes and not a walk over a million keys (Bellare and Micciancio 1997, AdHash; it finds accidents, not
//! forgeries). Two tables with equal contents have equal fingerprints, however they came about.

use alloc::{collections::BTreeMap, sync::Arc};
use core::ops::Bound;

use ipnet::IpNet;
use ringfort_wire::counter::Kind;

use crate::{
    Key,
    trie::{Nodes, Trie},
};

/// The values of one object: of one process, or summed over all.
#[derive(Clone, Debug)]
pub struct Table {
    store: Store,
    keys: usize,
    total: i64,
    hash: u64,
}

#[derive(Clone, Debug)]
enum Store {
    Tree(Trie),
    Gauge(BTreeMap<Arc<str>, i64>),
}

impl Table {
    pub(crate) fn new(kind: Kind) -> Self {
        let store = match kind {
            Kind::CidrTree => Store::Tree(Trie::default()),
            Kind::GaugeTable => Store::Gauge(BTreeMap::new()),
        };
        Self {
            store,
            keys: 0,
            total: 0,
            hash: 0,
        }
    }

    /// What it counts by.
    pub const fn kind(&self) -> Kind {
        match self.store {
            Store::Tree(_) => Kind::CidrTree,
            Store::Gauge(_) => Kind::GaugeTable,
        }
    }

    /// How many keys have a value.
    pub const fn len(&self) -> usize {
        self.keys
    }

    /// Whether no key has a value.
    pub const fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// The sum over all keys.
    pub const fn total(&self) -> i64 {
        self.total
    }

    /// The fingerprint of all keys and their values.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// What is counted at exactly `key`; 0 for a key of the other kind.
    pub fn get(&self, key: &Key) -> i64 {
        match (&self.store, key) {
            (Store::Tree(trie), Key::Net(net)) => trie.get(net),
            (Store::Gauge(map), Key::Text(text)) => map.get(text).copied().unwrap_or(0),
            (Store::Tree(_), Key::Text(_)) | (Store::Gauge(_), Key::Net(_)) => 0,
        }
    }

    /// What is counted in `key`: the sum of everything inside a netblock, the value of a text.
    pub fn count(&self, key: &Key) -> i64 {
        match (&self.store, key) {
            (Store::Tree(trie), Key::Net(net)) => trie.sum(net),
            (Store::Tree(_), Key::Text(_)) | (Store::Gauge(_), _) => self.get(key),
        }
    }

    /// The longest row of a tree that covers `net`, and its sum. Nothing for a gauge table.
    pub fn covering(&self, net: &IpNet) -> Option<(IpNet, i64)> {
        match &self.store {
            Store::Tree(trie) => trie.covering(net),
            Store::Gauge(_) => None,
        }
    }

    /// What the console shows, in order: of a tree all branches and counted prefixes with their sums, of a
    /// gauge table all keys (reference 1.11, console layouts).
    pub fn rows(&self) -> Rows<'_> {
        match &self.store {
            Store::Tree(trie) => Rows(Inner::Tree(trie.nodes())),
            Store::Gauge(map) => Rows(Inner::Gauge(map.iter())),
        }
    }

    /// Adds `by` at `key`, which is of this table's kind, and returns the value before and after.
    pub(crate) fn add(&mut self, key: &Key, by: i64) -> (i64, i64) {
        if by == 0 {
            let value = self.get(key);
            return (value, value);
        }
        let before = match (&mut self.store, key) {
            (Store::Tree(trie), Key::Net(net)) => trie.add(net, by),
            (Store::Gauge(map), Key::Text(text)) => add_text(map, text, by),
            (Store::Tree(_), Key::Text(_)) | (Store::Gauge(_), Key::Net(_)) => {
                unreachable!("keys are checked against the kind of their object")
            }
        };
        let after = before + by;
        if before > 0 {
            self.hash = self.hash.wrapping_sub(key.fingerprint(before));
        } else {
            self.keys += 1;
        }
        if after > 0 {
            self.hash = self.hash.wrapping_add(key.fingerprint(after));
        } else {
            self.keys -= 1;
        }
        self.total += by;
        (before, after)
    }

    /// Hands out keys and values in order of key, after `after` and up to `upto` (absent: no bound), as long as
    /// `take` says yes.
    pub(crate) fn scan(
        &self,
        after: Option<&Key>,
        upto: Option<&Key>,
        mut take: impl FnMut(Key, i64) -> bool,
    ) {
        match &self.store {
            Store::Tree(trie) => {
                let (after, upto) = (after.and_then(as_net), upto.and_then(as_net));
                trie.scan(after, upto, &mut |net, value| take(Key::Net(net), value));
            }
            Store::Gauge(map) => {
                let lower = after
                    .and_then(as_text)
                    .map_or(Bound::Unbounded, Bound::Excluded);
                let upto = upto.and_then(as_text);
                for (text, value) in map.range::<str, _>((lower, Bound::Unbounded)) {
                    let inside = upto.is_none_or(|upto| **text <= *upto);
                    if !inside || !take(Key::Text(text.clone()), *value) {
                        break;
                    }
                }
            }
        }
    }
}

const fn as_net(key: &Key) -> Option<&IpNet> {
    match key {
        Key::Net(net) => Some(net),
        Key::Text(_) => None,
    }
}

fn as_text(key: &Key) -> Option<&str> {
    match key {
        Key::Net(_) => None,
        Key::Text(text) => Some(text),
    }
}

fn add_text(map: &mut BTreeMap<Arc<str>, i64>, text: &Arc<str>, by: i64) -> i64 {
    let before = map.get(text).copied().unwrap_or(0);
    let after = before + by;
    assert!(after >= 0, "a contribution never goes below zero");
    if after == 0 {
        map.remove(text);
    } else if let Some(value) = map.get_mut(text) {
        *value = after;
    } else {
        map.insert(text.clone(), after);
    }
    before
}

/// One row of what the console shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The prefix or the text.
    pub key: Key,
    /// The sum of everything in it.
    pub count: i64,
}

/// The rows of a [`Table`], in order.
#[derive(Clone, Debug)]
pub struct Rows<'a>(Inner<'a>);

#[derive(Clone, Debug)]
enum Inner<'a> {
    Tree(Nodes<'a>),
    Gauge(alloc::collections::btree_map::Iter<'a, Arc<str>, i64>),
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        match &mut self.0 {
            Inner::Tree(nodes) => nodes.next().map(|(net, count)| Row {
                key: Key::Net(net),
                count,
            }),
            Inner::Gauge(entries) => entries.next().map(|(text, count)| Row {
                key: Key::Text(text.clone()),
                count: *count,
            }),
        }
    }
}
