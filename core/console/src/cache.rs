//! The answers kept for `retrieve`: by command text and node, the newest of each, bounded; the oldest give way.

use alloc::{collections::BTreeMap, string::String};

use ringfort_machine::{
    Digest,
    defect::{Defect, active},
};

/// What an answer is kept under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    line: String,
    json: bool,
    /// In lower case, since node names compare without case.
    node: String,
}

/// One kept answer.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// The node's name as the roster had it.
    pub(crate) node: String,
    /// The whole answer.
    pub(crate) text: String,
    age: u64,
}

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    kept: BTreeMap<Key, Kept>,
    ages: BTreeMap<u64, Key>,
    next_age: u64,
    bytes: usize,
    entries_limit: usize,
    bytes_limit: usize,
}

impl Cache {
    pub(crate) const fn new(entries_limit: usize, bytes_limit: usize) -> Self {
        Self {
            kept: BTreeMap::new(),
            ages: BTreeMap::new(),
            next_age: 0,
            bytes: 0,
            entries_limit,
            bytes_limit,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Keeps an answer in place of an earlier one to the same line from the same node.
    pub(crate) fn put(&mut self, line: &str, json: bool, node: &str, text: String) {
        let key = Key {
            line: String::from(line),
            json,
            node: node.to_ascii_lowercase(),
        };
        self.remove(&key);
        let cost = cost(&key, &text);
        if cost > self.bytes_limit || self.entries_limit == 0 {
            return;
        }
        let over = |cache: &Self| {
            cache.kept.len() >= cache.entries_limit || cache.bytes + cost > cache.bytes_limit
        };
        while over(self) && !active(Defect::KeepEveryAnswer) {
            let Some(oldest) = self.ages.first_key_value().map(|(_, key)| key.clone()) else {
                break;
            };
            self.remove(&oldest);
        }
        let age = self.next_age;
        self.next_age += 1;
        self.bytes += cost;
        self.ages.insert(age, key.clone());
        let node = String::from(node);
        self.kept.insert(key, Kept { node, text, age });
    }

    /// The answers to a line, by node: all, or that of one node.
    pub(crate) fn get<'a>(
        &'a self,
        line: &'a str,
        json: bool,
        node: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Kept> {
        self.kept
            .iter()
            .filter(move |(key, _)| key.line == line && key.json == json)
            .filter(move |(key, _)| node.is_none_or(|node| key.node.eq_ignore_ascii_case(node)))
            .map(|(_, kept)| kept)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.ages.clear();
        self.bytes = 0;
    }

    fn remove(&mut self, key: &Key) {
        if let Some(kept) = self.kept.remove(key) {
            self.ages.remove(&kept.age);
            self.bytes -= cost(key, &kept.text);
        }
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.kept.len() as u64);
        for (key, kept) in &self.kept {
            into.text(&key.line).flag(key.json).text(&key.node);
            into.text(&kept.text).number(kept.age);
        }
    }
}

/// What an answer counts against the limit: its bytes and those of its key, which is held twice.
const fn cost(key: &Key, text: &str) -> usize {
    text.len() + 2 * (key.line.len() + key.node.len())
}
