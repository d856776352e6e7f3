//! What the commands answer, as typed structs. The node fills them, [`crate::render()`] lays them out.
//!
//! Field names are the names in the JSON form: they may grow, not change.

use alloc::{string::String, vec::Vec};
use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::Serialize;

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum Report {
    /// `help` and `cluster help`
    Help(Help),
    /// `version`
    Version(Version),
    /// `info`
    Info(Info),
    /// `cluster info`
    ClusterInfo(ClusterInfo),
    /// `cluster membership`
    Membership(Membership),
    /// `show cluster membership`: the same, laid out as XML unless as JSON.
    #[serde(rename = "membership")]
    MembershipXml(Membership),
    /// `cluster nodename`
    NodeName(NodeName),
    /// `cluster nodeaddr`
    NodeAddress(NodeAddress),
    /// `cluster duravip show`
    Duravip(DuravipShow),
    /// `cluster duravip move`
    MoveAccepted(MoveAccepted),
    /// `cluster duravip announce view`
    Announced(Announced),
    /// `cluster shared list`
    SharedList(SharedList),
    /// `cluster shared show` of a CIDR tree
    SharedTree(SharedTree),
    /// `cluster shared show` of a gauge table
    SharedGauges(SharedGauges),
    /// `cluster show logs`
    Logs(ShowLogs),
    /// `seal status`
    Seal(SealReport),
    /// `seal rotate`
    Rotating(Rotating),
    /// `shutdown`
    ShuttingDown(ShuttingDown),
    /// The command was understood and cannot be done.
    Failed(Failed),
}

/// The commands of this place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Help {
    /// One for each command.
    pub commands: Vec<HelpLine>,
}

/// One command in [`Help`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HelpLine {
    /// Its syntax.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// Program and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The program's name, as in the first line of the banner.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The revision it was built from.
    pub revision: String,
    /// The copyright line.
    pub copyright: String,
}

/// The state of this process in one screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The node's name.
    pub node: String,
    /// `node` or `manager`.
    pub role: String,
    /// The cluster's name.
    pub cluster: String,
    /// The subcluster's name.
    pub subcluster: String,
    /// Its version.
    pub version: String,
    /// Seconds since the process began.
    pub uptime_s: u64,
    /// The id of the present configuration.
    pub configuration: String,
    /// Names of the members of the present configuration, in order.
    pub members: Vec<String>,
    /// Further facts, name and value, in the order shown.
    pub more: Vec<(String, String)>,
}

/// The bus as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterInfo {
    /// The port of the bus.
    pub port: u16,
    /// Private name of the main session.
    pub main_session: String,
    /// Private name of the session for shared data.
    pub shared_session: String,
    /// The group for console commands.
    pub control_group: String,
    /// The group in which addresses are coordinated.
    pub cluster_group: String,
    /// Who leads the cluster group, if anybody.
    pub leader: Option<String>,
    /// The group for log lines, if any.
    pub logger_group: Option<String>,
}

/// The members of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// One for each process; none while disconnected.
    pub members: Vec<MemberRow>,
}

/// One member in [`Membership`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    /// Its private name on the bus.
    pub private_name: String,
    /// Its node name, if it has said so.
    pub node_name: Option<String>,
    /// Its subcluster, if it has said so.
    pub subcluster: Option<String>,
    /// What it is.
    pub node_type: NodeType,
    /// Its version.
    pub version: String,
    /// The revision it was built from.
    pub revision: String,
    /// Where its point-to-point services listen, if they do.
    pub address: Option<SocketAddr>,
    /// The groups it is in.
    pub groups: Vec<String>,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeType {
    /// Carries traffic.
    Momentum,
    /// A manager.
    Manager,
    /// Something else on the bus.
    Other,
}

impl NodeType {
    /// Its name in the layouts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Momentum => "Momentum",
            Self::Manager => "Manager",
            Self::Other => "Other",
        }
    }
}

/// The name of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeName {
    /// The name.
    pub name: String,
}

/// The cluster address of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NodeAddress {
    /// Address and port of the cluster listener.
    pub address: SocketAddr,
}

/// Who holds which address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DuravipShow {
    /// One for each address, in order.
    pub addresses: Vec<VipRow>,
}

/// One address in [`DuravipShow`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VipRow {
    /// The address.
    pub address: IpAddr,
    /// The bindings that use it.
    pub bindings: Vec<String>,
    /// Who has it, as seen from this node.
    pub ownership: Ownership,
    /// Whether the members agree about it.
    pub agreement: Agreement,
    /// What is served on it, such as `multivip`.
    pub services: Vec<String>,
    /// Seconds since the set of its members last changed.
    pub view_stable_s: u64,
    /// Seconds since its configuration last changed.
    pub configuration_stable_s: u64,
    /// The nodes that can hold it, in order.
    pub members: Vec<VipMember>,
}

/// Who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// A member holds it.
    Owned,
    /// Nobody holds it.
    Unowned,
    /// It is on its way from one member to another.
    Moving,
}

impl Ownership {
    /// Its word in the layout.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Unowned => "unowned",
            Self::Moving => "moving",
        }
    }
}

/// Whether the members agree about an address (reference 1.6, DV-11 to DV-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// They do.
    Safe,
    /// They serve different things on it.
    Unsafe,
    /// They prefer different owners.
    Conflict,
    /// They bind different names to it; it is not managed.
    Broken,
}

impl Agreement {
    /// Its word in the layout.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "UNSAFE",
            Self::Conflict => "in conflict",
            Self::Broken => "BROKEN",
        }
    }
}

/// A node that can hold an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VipMember {
    /// Its name.
    pub node: String,
    /// What it serves there.
    pub services: Vec<String>,
    /// Whether it holds it.
    pub owner: bool,
}

/// An address is being moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoveAccepted {
    /// The address.
    pub address: IpAddr,
    /// Where it goes.
    pub to: String,
}

/// The local addresses were announced again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Announced {
    /// How many.
    pub addresses: usize,
}

/// The replicated objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedList {
    /// One for each object, in order of names.
    pub objects: Vec<SharedObject>,
}

/// One object in [`SharedList`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedObject {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SharedKind,
    /// Whether newcomers get a snapshot of it.
    pub snapshots: bool,
}

/// What a replicated object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharedKind {
    /// A tree of address prefixes.
    CidrTree,
    /// A table of gauges by name.
    GaugeTable,
    /// A cache.
    Cache,
    /// Time series.
    Series,
    /// Throttles.
    Throttle,
}

impl SharedKind {
    /// Its name in the layouts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CidrTree => "cidrtree",
            Self::GaugeTable => "gauge table",
            Self::Cache => "cache",
            Self::Series => "series",
            Self::Throttle => "throttle",
        }
    }
}

/// A CIDR tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedTree {
    /// Its name.
    pub object: String,
    /// Whose contribution; the aggregate if absent.
    pub view: Option<String>,
    /// Whether newcomers get a snapshot of it.
    pub snapshots: bool,
    /// The prefixes to print, already compressed, each after those that contain it.
    pub rows: Vec<TreeRow>,
}

/// One prefix in [`SharedTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TreeRow {
    /// The prefix.
    pub prefix: IpNet,
    /// The sum of everything in it.
    pub count: i64,
}

/// A gauge table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedGauges {
    /// Its name.
    pub object: String,
    /// Whose contribution; the aggregate if absent.
    pub view: Option<String>,
    /// Whether newcomers get a snapshot of it.
    pub snapshots: bool,
    /// The gauges, in order of keys.
    pub rows: Vec<GaugeRow>,
}

/// One gauge in [`SharedGauges`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GaugeRow {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: i64,
}

/// The logs of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShowLogs {
    /// One for each published log, in order of keys.
    pub logs: Vec<LogRow>,
}

/// One log in [`ShowLogs`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogRow {
    /// Its key.
    pub key: String,
    /// Bytes of all its segments.
    pub on_disk_bytes: u64,
    /// Its subscribers, in order of names.
    pub subscribers: Vec<SubscriberRow>,
}

/// One subscriber in [`LogRow`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriberRow {
    /// Its name.
    pub name: String,
    /// First half of its checkpoint.
    pub log: u64,
    /// Second half of its checkpoint.
    pub marker: u64,
}

/// The seal of this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealReport {
    /// Whether datagrams and streams between nodes are authenticated and encrypted.
    pub encryption: bool,
    /// The epoch of the key in use; 0 without encryption.
    pub epoch: u64,
    /// The epoch that a rotation in progress leads to.
    pub rotating_to: Option<u64>,
    /// The other nodes of the allow-list, in order.
    pub peers: Vec<SealPeerRow>,
    /// What was refused, by reason, without those that never happened.
    pub refused: Vec<(String, u64)>,
}

/// One node of the allow-list in [`SealReport`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealPeerRow {
    /// Its name.
    pub node: String,
    /// Which life of it has proved to be here.
    pub incarnation: Option<u64>,
    /// The epoch of its latest key.
    pub epoch: Option<u64>,
}

/// A rotation has been asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rotating {
    /// The epoch that it leads to.
    pub to: u64,
}

/// The process stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShuttingDown {
    /// Its node name.
    pub node: String,
}

/// Why a command could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// What was wrong and what to do about it, as one or more sentences.
    pub reason: String,
}

impl Help {
    /// The commands allowed at `place`; only those whose name begins with `cluster` if `cluster`.
    pub fn of(place: crate::Place, cluster: bool) -> Self {
        let commands = crate::COMMANDS
            .iter()
            .filter(|entry| entry.only.is_none_or(|only| only == place))
            .filter(|entry| !cluster || entry.name.starts_with("cluster "))
            .map(|entry| HelpLine {
                usage: entry.usage,
                help: entry.help,
            })
            .collect();
        Self { commands }
    }
}
