//! Settings of replicated objects (reference 1.11).

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use crate::Span;

/// What kind of object is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplicateClass {
    /// Current inbound connections by network.
    InboundCidr,
    /// Current outbound connections by network.
    OutboundCidr,
    /// Current outbound connections by domain.
    OutboundDomains,
    /// Current outbound connections by binding and domain.
    OutboundBindingDomains,
    /// `OBTC`: outbound connection throttles.
    ConnectionThrottles,
    /// `OBTM`: outbound message throttles.
    MessageThrottles,
    /// Named throttles.
    SharedNamedThrottles,
    /// Time series, to all nodes.
    Metrics,
    /// Time series, to managers only.
    ManagerMetrics,
    /// Keys and values with a time to live.
    Cache,
}

impl ReplicateClass {
    /// Every class with its name in the file; the first name of a class is the one printed.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("inbound_cidr", Self::InboundCidr),
        ("outbound_cidr", Self::OutboundCidr),
        ("outbound_domains", Self::OutboundDomains),
        ("outbound_domain", Self::OutboundDomains),
        ("outbound_binding_domains", Self::OutboundBindingDomains),
        ("OBTC", Self::ConnectionThrottles),
        ("OBTM", Self::MessageThrottles),
        ("shared_named_throttles", Self::SharedNamedThrottles),
        ("metrics", Self::Metrics),
        ("eccmgr_metrics", Self::ManagerMetrics),
        ("cache", Self::Cache),
    ];

    /// The class called `name`, without case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, class)| class)
    }

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|&&(_, class)| class == self)
            .map_or("", |&(name, _)| name)
    }
}

/// One shared object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicate {
    /// Its name, unique among the objects of the cluster.
    pub name: String,
    /// Its kind.
    pub class: ReplicateClass,
    /// For outbound counters: only connections of this group.
    pub binding_group: Option<String>,
    /// Words such as `snapshot` (reference RP-3).
    pub parameters: Vec<String>,
    /// Changes are sent at the latest after this time.
    pub max_delay: Duration,
    /// Changes are sent at the latest when so many are waiting.
    pub max_pending: u32,
    /// Caches only: entries; `None` for no limit of its own.
    pub max_size: Option<u64>,
    /// Where it was written.
    pub span: Span,
}
