//! What others ask of the state: limits, the console, the simulator. Reads only.

use alloc::sync::Arc;

use ringfort_machine::ProcessId;
use ringfort_wire::counter::Kind;

use crate::{Key, Replication, Table};

/// What all members must agree on at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Of all keys and their sums.
    pub hash: u64,
    /// The sum over all keys.
    pub total: i64,
}

/// One object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectView {
    /// Its name.
    pub name: Arc<str>,
    /// What it counts by.
    pub kind: Kind,
    /// Whether the state of all members is known.
    pub settled: bool,
    /// How many keys the aggregate has.
    pub keys: usize,
    /// The sum over all keys.
    pub total: i64,
    /// How many processes are known to contribute.
    pub processes: usize,
}

impl Replication {
    /// The configured objects, in order of name.
    pub fn objects(&self) -> impl Iterator<Item = ObjectView> {
        self.objects.values().map(|object| ObjectView {
            name: object.name.clone(),
            kind: object.config.kind,
            settled: object.settled,
            keys: object.aggregate.len(),
            total: object.aggregate.total(),
            processes: object.parts.len(),
        })
    }

    /// The sum over the cluster (`None`), or what one process is known to contribute. Nothing for an object
    /// that is not configured, or a process that is not known.
    pub fn view(&self, object: &str, process: Option<ProcessId>) -> Option<&Table> {
        let object = self.objects.get(object)?;
        match process {
            None => Some(&object.aggregate),
            Some(process) => object.parts.get(&process).map(|part| &part.table),
        }
    }

    /// What this process contributes, published or not.
    pub fn local(&self, object: &str) -> Option<&Table> {
        self.objects.get(object).map(|object| &object.local)
    }

    /// The sum over the cluster in `key`, as of the last delivered message; 0 for an unknown object.
    pub fn count(&self, object: &str, key: &Key) -> i64 {
        self.view(object, None).map_or(0, |table| table.count(key))
    }

    /// The sum over the cluster in `key` to hold against a limit: own changes that are still under way count
    /// when they add, and do not count yet when they take away. It is never below what this process knows to
    /// be there.
    pub fn count_for_limit(&self, object: &str, key: &Key) -> i64 {
        let Some(object) = self.objects.get(object) else {
            return 0;
        };
        let own = object.parts.get(&self.me);
        let delivered = own.map_or(0, |part| part.table.count(key));
        let ahead = object.local.count(key) - delivered;
        object.aggregate.count(key) + ahead.max(0)
    }

    /// Whether the state of all members of this view is known. `false` for an unknown object.
    pub fn settled(&self, object: &str) -> bool {
        self.objects.get(object).is_some_and(|o| o.settled)
    }

    /// What all members must agree on as of the last delivered message; nothing while unsettled.
    pub fn fingerprint(&self, object: &str) -> Option<Fingerprint> {
        let object = self.objects.get(object).filter(|object| object.settled)?;
        Some(Fingerprint {
            hash: object.aggregate.hash(),
            total: object.aggregate.total(),
        })
    }
}
