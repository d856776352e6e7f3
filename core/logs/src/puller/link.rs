//! One node that is pulled from, and the logs there.

use alloc::{collections::BTreeMap, string::String, sync::Arc};
use core::{net::SocketAddr, time::Duration};

use ringfort_machine::{Instant, Rng};
use ringfort_wire::logs::{Lag, RecordId};

use super::{Config, Source};
use crate::{disk::Path, server::Stream};

/// Where the stream to a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contact {
    /// Not to be reached before then.
    Down(Instant),
    /// Asked for, given up then.
    Connecting(Stream, Instant),
    /// Up.
    Up {
        stream: Stream,
        heard_at: Instant,
        said_at: Instant,
    },
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// To be asked for, not before then.
    Later(Instant),
    /// Asked for on this channel.
    Asked(u32),
    /// Standing on this channel.
    Reading(u32),
}

/// A log of a node.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Who it is read as: the name tried at present.
    pub(crate) source: Arc<Source>,
    /// Which of the names that is.
    pub(crate) name: usize,
    pub(crate) wanted: Wanted,
    /// Whether the node publishes it.
    pub(crate) published: bool,
    /// The last record or gap received under this name.
    pub(crate) cursor: Option<RecordId>,
    /// The last checkpoint that the node has acknowledged.
    pub(crate) checkpoint: Option<RecordId>,
    pub(crate) lag: Lag,
    /// The time of the last record received.
    pub(crate) wall_ns: u64,
    /// The output of the last record: most records go where the one before went.
    pub(crate) path: Option<Path>,
}

impl Feed {
    /// The channel of a subscription that stands.
    pub(crate) const fn reading(&self) -> Option<u32> {
        match self.wanted {
            Wanted::Reading(channel) => Some(channel),
            Wanted::Later(_) | Wanted::Asked(_) => None,
        }
    }

    /// The channel, asked for or standing.
    pub(crate) const fn channel(&self) -> Option<u32> {
        match self.wanted {
            Wanted::Reading(channel) | Wanted::Asked(channel) => Some(channel),
            Wanted::Later(_) => None,
        }
    }
}

/// A node.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) subcluster: String,
    pub(crate) address: SocketAddr,
    /// Whether it is there and qualified.
    pub(crate) up: bool,
    pub(crate) contact: Contact,
    /// How often in a row it could not be reached, or not be talked to.
    pub(crate) failures: u32,
    pub(crate) next_channel: u32,
    pub(crate) feeds: BTreeMap<Arc<str>, Feed>,
}

impl Link {
    pub(crate) const fn stream(&self) -> Option<Stream> {
        match self.contact {
            Contact::Down(_) => None,
            Contact::Connecting(stream, _) | Contact::Up { stream, .. } => Some(stream),
        }
    }

    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.contact, Contact::Up { .. })
    }

    pub(crate) fn feed(&mut self, channel: u32) -> Option<&mut Feed> {
        self.feeds
            .values_mut()
            .find(|feed| feed.channel() == Some(channel))
    }

    /// The stream is gone: nothing stands any more, and it is tried again after a while.
    pub(crate) fn drop_contact(&mut self, now: Instant, config: &Config, rng: &mut Rng) {
        self.failures = self.failures.saturating_add(1);
        self.contact = Contact::Down(now + backoff(config, self.failures, rng));
        for feed in self.feeds.values_mut() {
            feed.wanted = Wanted::Later(now);
            feed.name = 0;
        }
    }
}

/// How long to wait after so many failures: doubled each time up to a limit, and between half and all of that,
/// so that a fleet does not return at one moment.
fn backoff(config: &Config, failures: u32, rng: &mut Rng) -> Duration {
    let doubled = config.reconnect_first.saturating_mul(
        1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    jitter(doubled.min(config.reconnect_limit), rng)
}

/// Between half of `whole` and all of it.
pub(crate) fn jitter(whole: Duration, rng: &mut Rng) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.between(nanos / 2, nanos))
}
