//! What the processes of a local cluster say of themselves, asked over their consoles in JSON.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Serialize;
use serde_json::Value;

use super::plan::Plan;
use crate::console_client::{Console, Target};

/// How long an answer may take. A process that takes longer is shown as silent and asked again.
const PATIENCE: Duration = Duration::from_secs(2);

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ProcessState {
    /// Whether it answers.
    pub(super) up: bool,
    /// The members that it sees.
    pub(super) members: Vec<String>,
    /// Inbound connections in the whole cluster, as it counts them.
    pub(super) connections: Option<i64>,
    /// Bytes of its log on disk.
    pub(super) log_bytes: Option<u64>,
    /// Checkpoints of its log's subscribers: name and position.
    pub(super) subscribers: Vec<(String, String)>,
    /// Who holds which address, as it sees it.
    pub(super) owners: BTreeMap<String, Option<String>>,
}

/// The cluster at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Snapshot {
    /// The processes by name.
    pub(super) processes: BTreeMap<String, ProcessState>,
}

impl Snapshot {
    /// Whether each of `names` sees exactly `names`.
    pub(super) fn is_whole(&self, names: &[&str]) -> bool {
        let mut wanted: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        wanted.sort();
        names.iter().all(|name| {
            self.processes.get(*name).is_some_and(|state| {
                let mut members = state.members.clone();
                members.sort();
                state.up && members == wanted
            })
        })
    }

    /// The owner of each address on which all nodes that answer agree; nobody where they do not.
    pub(super) fn owners(&self) -> BTreeMap<String, Option<String>> {
        let mut agreed: BTreeMap<String, Option<String>> = BTreeMap::new();
        let states = self.processes.values().filter(|state| state.up);
        for (address, owner) in states.flat_map(|state| &state.owners) {
            agreed
                .entry(address.clone())
                .and_modify(|known| {
                    if known != owner {
                        *known = None;
                    }
                })
                .or_insert_with(|| owner.clone());
        }
        agreed
    }
}

/// Open consoles to all processes.
#[derive(Debug)]
pub(super) struct Watch {
    targets: Vec<(String, bool, PathBuf)>,
    consoles: BTreeMap<String, Console>,
}

impl Watch {
    pub(super) fn new(plan: &Plan) -> Self {
        let targets = plan
            .processes
            .iter()
            .map(|process| (process.name.clone(), process.manager, process.control()))
            .collect();
        Self {
            targets,
            consoles: BTreeMap::new(),
        }
    }

    /// Asks every process.
    pub(super) fn look(&mut self) -> Snapshot {
        let mut processes = BTreeMap::new();
        for (name, manager, path) in self.targets.clone() {
            let state = self.ask(&name, manager, path).unwrap_or_else(|| {
                self.consoles.remove(&name);
                ProcessState::default()
            });
            processes.insert(name, state);
        }
        Snapshot { processes }
    }

    fn ask(&mut self, name: &str, manager: bool, path: PathBuf) -> Option<ProcessState> {
        let console = match self.consoles.entry(name.to_owned()) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Console::open(&Target::Unix(path), Some(PATIENCE)).ok()?)
            }
        };
        let mut json = |line: &str| -> Option<Value> {
            let answer = console.ask(&format!("{line} --json")).ok()?;
            serde_json::from_str(&answer).ok()
        };
        let info = json("info")?;
        let mut state = ProcessState {
            up: true,
            members: texts(&info["members"]),
            ..ProcessState::default()
        };
        if manager {
            return Some(state);
        }
        state.connections = json("cluster shared show inbound_cidr")
            .as_ref()
            .and_then(total);
        let logs = json("cluster show logs")?;
        let rows = logs["logs"].as_array().cloned().unwrap_or_default();
        state.log_bytes = rows.iter().map(|row| row["on_disk_bytes"].as_u64()).sum();
        for subscriber in rows
            .iter()
            .flat_map(|row| row["subscribers"].as_array())
            .flatten()
        {
            let number = |field: &str| subscriber[field].as_u64().unwrap_or_default();
            let position = format!("{:x}:{:x}", number("log"), number("marker"));
            let name = subscriber["name"].as_str().unwrap_or_default();
            state.subscribers.push((name.to_owned(), position));
        }
        for row in json("cluster duravip show")?["addresses"].as_array()? {
            let address = row["address"].as_str()?.to_owned();
            state.owners.insert(address, owner(row));
        }
        Some(state)
    }
}

/// The node that holds the address of a row; nobody while it is on its way.
fn owner(row: &Value) -> Option<String> {
    if row["ownership"] != "owned" {
        return None;
    }
    row["members"]
        .as_array()?
        .iter()
        .find(|member| member["owner"] == true)?["node"]
        .as_str()
        .map(Into::into)
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.as_str().map(Into::into))
        .collect()
}

/// The sum of a tree: of the prefixes that no other one contains. Rows come after those that contain them.
fn total(tree: &Value) -> Option<i64> {
    let mut outermost: Vec<ipnet::IpNet> = Vec::new();
    let mut total = 0;
    for row in tree["rows"].as_array()? {
        let prefix: ipnet::IpNet = row["prefix"].as_str()?.parse().ok()?;
        if !outermost.iter().any(|outer| outer.contains(&prefix)) {
            outermost.push(prefix);
            total += row["count"].as_i64()?;
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests;
