//! Every parameter of a run, drawn from its seed (a swarm, after TigerBeetle's VOPR): each run has another
//! cluster, another network and another mix of faults, so that together they reach corners that no single
//! mix would. Each family of draws has its own fork of the seed, so that a new draw shifts no other.
//!
//! What this is not: a plan. It says how often things happen; `faults` and `workload` draw when.

use std::{net::Ipv4Addr, time::Duration};

use ipnet::{IpNet, Ipv4Net};
use ringfort_machine::{Rng, Seed};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::{
    disk::Speed,
    fabric::{DATAGRAM_LIMIT, Weather},
    trace::{Run, RunOptions, SCHEMA, Text},
};

mod draw;
pub(crate) mod text;

/// The most nodes that a run draws by itself.
pub const NODES_DRAWN: u64 = 9;

/// What a node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns addresses, counts, writes logs.
    Mail,
    /// Pulls the logs of the others.
    Manager,
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
}

macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $strikes:literal;)*) => {
        /// A kind of fault. Its name is that of the trace's `faults` option.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultKind { $($(#[$doc])* $variant,)* }

        impl FaultKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in traces and schedules.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether it is a happening that is drawn one by one, and not a property of the world.
            pub const fn strikes(self) -> bool {
                match self { $(Self::$variant => $strikes,)* }
            }
        }
    };
}

fault_kinds! {
    /// Datagrams are lost.
    Loss = "loss", false;
    /// Datagrams arrive twice, the second time perhaps much later.
    Duplicate = "duplicate", false;
    /// Datagrams overtake each other.
    Reorder = "reorder", false;
    /// Bytes of datagrams are changed on the way.
    Corrupt = "corrupt", false;
    /// The path carries shorter datagrams than the nodes believe; longer ones vanish.
    Mtu = "mtu", false;
    /// Clocks run fast or slow.
    Drift = "drift", false;
    /// A process is killed, or its machine loses power, in the middle of an order to its disk or about an address.
    Inside = "inside", false;
    /// One direction of one link is lost.
    Cut = "cut", true;
    /// A part of the nodes is separated from the rest, in both directions or one.
    Partition = "partition", true;
    /// Links hold back what they carry.
    Clog = "clog", true;
    /// Nodes are clogged one after the other and freed in another order (FoundationDB's swizzle).
    Swizzle = "swizzle", true;
    /// A process is killed.
    Kill = "kill", true;
    /// A process is killed and started again at once, under the same name.
    Restart = "restart", true;
    /// A machine loses power.
    Power = "power", true;
    /// A process stands still.
    Pause = "pause", true;
    /// A process is asked to leave.
    Stop = "stop", true;
    /// Every node in turn is stopped and started again.
    Rolling = "rolling", true;
    /// A wall clock jumps; processes that start later see it.
    Step = "step", true;
    /// A node is given a new configuration.
    Reload = "reload", true;
    /// A disk is full.
    Full = "full", true;
    /// Syncs of a disk fail.
    SyncFailed = "sync-failed", true;
    /// A disk writes a sector of a log to a wrong place.
    Misdirected = "misdirected", true;
}

impl FaultKind {
    /// The kind called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Serialize for FaultKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FaultKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name)
            .ok_or_else(|| de::Error::custom(format!("`{name}` is no kind of fault")))
    }
}

/// Which services are exercised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    /// Clients join groups and send.
    pub groups: bool,
    /// Addresses are configured.
    pub vips: bool,
    /// Logs are written, and pulled if there is a manager.
    pub logs: bool,
    /// Counters change.
    pub counters: bool,
}

impl Services {
    /// Everything.
    pub const ALL: Self = Self {
        groups: true,
        vips: true,
        logs: true,
        counters: true,
    };

    fn names(self) -> Vec<Text> {
        [
            (self.groups, "groups"),
            (self.vips, "vips"),
            (self.logs, "logs"),
            (self.counters, "counters"),
        ]
        .into_iter()
        .filter(|(exercised, _)| *exercised)
        .map(|(_, name)| Text::from(name))
        .collect()
    }
}

/// How a datagram for everybody travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispersal {
    /// One copy for each peer.
    Unicast,
    /// One copy to a multicast group.
    Multicast,
    /// One copy to everybody on the segment.
    Broadcast,
}

/// How much the cluster has to do. Times are means between two acts of one node, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Clients of groups at each node.
    pub clients: u64,
    /// Groups.
    pub groups: u64,
    /// Between two acts of group clients.
    pub group_act_ns: u64,
    /// The longest message of a client, in bytes.
    pub message_bytes: u64,
    /// Between two changes of a counter.
    pub count_ns: u64,
    /// So many changes of a counter are published together at the latest.
    pub count_pending: u64,
    /// Between two records for the log.
    pub append_ns: u64,
    /// The longest record, in bytes.
    pub record_bytes: u64,
    /// Between two connections of the client host.
    pub connection_ns: u64,
    /// Between two probes of an address.
    pub probe_ns: u64,
}

/// How often faults strike and how long they last, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Mean time between two faults.
    pub between_ns: u64,
    /// Mean time until a fault is mended.
    pub lasts_ns: u64,
    /// So many of a million orders to disks and about addresses are struck in the middle.
    pub inside_millionths: u64,
}

/// What the configuration says of the ring; the default of the program where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingPlan {
    /// The longest datagram, in bytes.
    pub datagram_bytes: Option<u64>,
    /// Messages of all members in one round of the token.
    pub window: Option<u64>,
    /// Messages of one member in one round.
    pub personal_window: Option<u64>,
    /// Messages sent after the token is passed on.
    pub accelerated_window: Option<u64>,
    /// Time without the token after which the ring is taken for broken, in milliseconds.
    pub token_timeout_ms: Option<u64>,
    /// Time without the token after which it is sent again, in milliseconds.
    pub hurry_timeout_ms: Option<u64>,
}

/// A cluster whose traffic is sealed, and those who are after it. Times are means, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealPlan {
    /// Between two things that attackers do.
    pub attack_ns: u64,
    /// Between two rotations that operators ask for.
    pub rotate_ns: u64,
}

/// Every parameter of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The number from which everything follows.
    #[serde(skip)]
    pub seed: u64,
    /// The nodes.
    pub nodes: Vec<NodePlan>,
    /// How long faults strike.
    #[serde(with = "text::time")]
    pub faults_for: Duration,
    /// Which may.
    pub faults: Vec<FaultKind>,
    /// How often.
    pub pace: Pace,
    /// The network while they may.
    pub weather: Weather,
    /// How a datagram for everybody travels.
    pub dispersal: Dispersal,
    /// The ring.
    pub ring: RingPlan,
    /// The seal; none if the cluster talks in clear.
    pub seal: Option<SealPlan>,
    /// The disks.
    pub disk: Speed,
    /// Clocks are wrong by up to so many millionths of the time that passes.
    pub drift_millionths: u64,
    /// An order about an address takes up to this long, in nanoseconds.
    pub address_ns: u64,
    /// The virtual addresses.
    #[serde(with = "text::vips")]
    pub vips: Vec<IpNet>,
    /// Between two steps of balancing them, in nanoseconds.
    pub balance_ns: u64,
    /// How long the first members wait for the others, in nanoseconds.
    pub mature_ns: u64,
    /// What is exercised.
    pub services: Services,
    /// How much there is to do.
    pub load: Load,
    /// After calm only a part of the cluster stays connected.
    pub core: bool,
    /// A dead process is started again after calm in so many of 100 cases.
    pub revive_percent: u64,
}

impl Options {
    /// The parameters of run `seed`. `nodes` fixes their number; `faults_for` how long faults strike.
    pub fn draw(seed: u64, nodes: Option<u64>, faults_for: Duration) -> Self {
        draw::options(seed, nodes, faults_for)
    }

    /// The same run with its traffic sealed, and attackers on its network.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        let mut rng = Rng::new(self.fork("seal"));
        self.seal = Some(SealPlan {
            attack_ns: rng.between(1_000_000, 200_000_000),
            rotate_ns: rng.between(500_000_000, 20_000_000_000),
        });
        self
    }

    /// A quiet cluster of `nodes` nodes, the last a manager, in which nothing happens by itself.
    pub fn quiet(seed: u64, nodes: u64) -> Self {
        let endless = u64::MAX;
        Self {
            seed,
            nodes: draw::nodes(nodes),
            faults_for: Duration::ZERO,
            faults: Vec::new(),
            pace: Pace {
                between_ns: endless,
                lasts_ns: 1,
                inside_millionths: 0,
            },
            weather: Weather::CALM,
            dispersal: Dispersal::Multicast,
            ring: RingPlan::default(),
            seal: None,
            disk: Speed::QUICK,
            drift_millionths: 0,
            address_ns: 5_000_000,
            vips: (1..=nodes as u8).map(vip).collect(),
            balance_ns: 1_000_000_000,
            mature_ns: 2_000_000_000,
            services: Services::ALL,
            load: Load {
                clients: 0,
                groups: 1,
                group_act_ns: endless,
                message_bytes: 100,
                count_ns: endless,
                count_pending: 100,
                append_ns: endless,
                record_bytes: 100,
                connection_ns: endless,
                probe_ns: endless,
            },
            core: false,
            revive_percent: 100,
        }
    }

    /// The seed of the part called `label`.
    pub fn fork(&self, label: &str) -> Seed {
        Seed::from_number(self.seed).fork(label)
    }

    /// Whether faults of `kind` may strike.
    pub fn may(&self, kind: FaultKind) -> bool {
        self.faults.contains(&kind)
    }

    /// What the trace names: the kinds that may occur, and the plainer ones that they are made of.
    pub(crate) fn trace_faults(&self) -> Vec<FaultKind> {
        let mut all = self.faults.clone();
        for (kind, plainer) in [
            (FaultKind::Inside, FaultKind::Kill),
            (FaultKind::Restart, FaultKind::Kill),
            (FaultKind::Rolling, FaultKind::Stop),
            (FaultKind::Partition, FaultKind::Cut),
            (FaultKind::Swizzle, FaultKind::Clog),
        ] {
            if all.contains(&kind) && !all.contains(&plainer) {
                all.push(plainer);
            }
        }
        all
    }

    /// The kinds that need no step: what the network and the clocks do all the time.
    pub(crate) fn ambient_faults(&self) -> Vec<FaultKind> {
        let weather = &self.weather;
        [
            (
                weather.loss_millionths + weather.stream_loss_millionths > 0,
                FaultKind::Loss,
            ),
            (weather.duplicate_millionths > 0, FaultKind::Duplicate),
            (weather.overtake_millionths > 0, FaultKind::Reorder),
            (weather.corrupt_millionths > 0, FaultKind::Corrupt),
            (weather.path_bytes < DATAGRAM_LIMIT as u64, FaultKind::Mtu),
            (self.drift_millionths > 0, FaultKind::Drift),
        ]
        .into_iter()
        .filter_map(|(occurs, kind)| occurs.then_some(kind))
        .collect()
    }

    /// Whether a log may drop a record: only what a loss of power or a bad disk can take.
    pub fn gaps(&self) -> bool {
        [
            FaultKind::Power,
            FaultKind::Full,
            FaultKind::SyncFailed,
            FaultKind::Misdirected,
        ]
        .into_iter()
        .any(|kind| self.may(kind))
    }

    /// Every parameter but the seed, by name.
    fn fields(&self) -> serde_json::Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => unreachable!("options are a structure of plain data"),
        }
    }

    /// The content of the trace's first line.
    pub fn run_line(&self) -> Run {
        let mut rest = self.fields();
        for named in ["faults", "vips", "services"] {
            rest.remove(named); // the trace has words of its own for these
        }
        Run {
            schema: SCHEMA,
            seed: self.seed,
            commit: crate::run::commit().to_owned(),
            nodes: self
                .nodes
                .iter()
                .map(|node| node.name.as_str().into())
                .collect(),
            options: RunOptions {
                faults: self
                    .trace_faults()
                    .iter()
                    .map(|kind| kind.name().into())
                    .collect(),
                vips: self.vips.iter().map(|vip| vip.to_string().into()).collect(),
                services: self.services.names(),
                gaps: self.gaps(),
                rest: rest.into_iter().collect(),
            },
        }
    }
}

/// Virtual address number `number`.
pub fn vip(number: u8) -> IpNet {
    let address = Ipv4Addr::new(10, 77, 2, number);
    IpNet::V4(Ipv4Net::new(address, 32).expect("32 is a prefix length"))
}

/// A time around `mean_ns`, never shorter than a fifth and never longer than three times of it.
pub(crate) fn around(rng: &mut Rng, mean_ns: u64) -> Duration {
    let least = mean_ns / 5;
    let spread = mean_ns.saturating_mul(14) / 5;
    // The smaller of two draws: short times are more common, and the mean stays near the middle.
    let draw = rng.between(0, spread).min(rng.between(0, spread));
    Duration::from_nanos(least.saturating_add(draw))
}

#[cfg(test)]
mod tests;
