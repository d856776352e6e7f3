//! What one ring member is told once, at its start: who it is, how long it waits and how much it sends.
//!
//! The defaults are meant for a LAN of 1 to 128 members and need no tuning there. The rules between the values
//! (a held token must not look lost, a consensus must outlive several joins) are checked by
//! [`Config::validate`], so that no combination which cannot work ever runs.

use core::time::Duration;

use ringfort_machine::Member;
use ringfort_wire::{ClusterId, limits, ring};

/// The configuration of one ring member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who this is. The incarnation must be higher than in any earlier life of the node.
    pub me: Member,
    /// The cluster; goes into every frame.
    pub cluster: ClusterId,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How much to send.
    pub windows: Windows,
    /// The longest data frame, header included, in bytes. Frames of membership may be longer in large rings.
    pub datagram_limit: usize,
    /// The most payload bytes waiting to be sent.
    pub outbox_limit_bytes: usize,
    /// The most messages waiting to be sent.
    pub outbox_limit_messages: usize,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The token never counts as lost before this time without it. Longer pauses of a process may evict it.
    pub token_loss_min: Duration,
    /// The token always counts as lost after this time without it.
    pub token_loss_max: Duration,
    /// Between the two, the token counts as lost after this many rotations, plus the time it may be held.
    pub rotations_until_loss: u32,
    /// How long the representative of an idle ring holds the token.
    pub idle_hold: Duration,
    /// Between two transmissions of the same join or commit token.
    pub join_interval: Duration,
    /// How long a silent process may keep a membership from being agreed on, counted from the last change.
    pub consensus: Duration,
    /// The same for a process that is heard but does not come to agree (one-way links).
    pub consensus_limit: Duration,
    /// How long the commit token may take before membership starts again.
    pub commit: Duration,
    /// Between two beacons of a representative.
    pub beacon: Duration,
    /// How long a process counts as heard after its last frame.
    pub hearing: Duration,
    /// How long after first hearing another ring a merge begins, so that several merge at once. Jittered.
    pub merge_delay: Duration,
    /// How long a process without a working link is first kept out; doubles each time.
    pub quarantine_min: Duration,
    /// The longest quarantine.
    pub quarantine_max: Duration,
    /// How long a leaving process tries to deliver what it has before it goes.
    pub leave: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            token_loss_min: Duration::from_millis(200),
            token_loss_max: Duration::from_secs(1),
            rotations_until_loss: 8,
            idle_hold: Duration::from_millis(20),
            join_interval: Duration::from_millis(15),
            consensus: Duration::from_millis(60),
            consensus_limit: Duration::from_millis(400),
            commit: Duration::from_millis(150),
            beacon: Duration::from_millis(200),
            hearing: Duration::from_secs(1),
            merge_delay: Duration::from_millis(10),
            quarantine_min: Duration::from_millis(500),
            quarantine_max: Duration::from_secs(8),
            leave: Duration::from_secs(1),
        }
    }
}

/// How much to send, in packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The most packets of all members together in one rotation of the token.
    pub global: u32,
    /// The most packets of one member in one visit of the token.
    pub personal: u32,
    /// How many of these are sent after the token was passed on (Babay and Amir 2016). Zero: the classic ring.
    pub accelerated: u32,
    /// The most packets between what all members have and the end of the sequence. Bounds what is retained.
    pub outstanding: u32,
    /// Rotations without progress after which a member that cannot receive is put out of the ring.
    pub deaf_rotations: u32,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            global: 256,
            personal: 64,
            accelerated: 24,
            outstanding: 2048,
            deaf_rotations: 200,
        }
    }
}

impl Config {
    /// The defaults for the member `me` of `cluster`.
    pub fn new(me: Member, cluster: ClusterId) -> Self {
        Self {
            me,
            cluster,
            timeouts: Timeouts::default(),
            windows: Windows::default(),
            datagram_limit: 1472,
            outbox_limit_bytes: 4 * limits::MESSAGE,
            outbox_limit_messages: 8192,
        }
    }

    /// Checks the rules between the values.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self {
            timeouts, windows, ..
        } = self;
        let smallest = 256;
        if !(smallest..=limits::DATAGRAM).contains(&self.datagram_limit) {
            return Err(ConfigError::Datagram {
                found: self.datagram_limit,
                smallest,
                largest: limits::DATAGRAM,
            });
        }
        if self.outbox_limit_bytes < limits::MESSAGE || self.outbox_limit_messages == 0 {
            return Err(ConfigError::Outbox {
                found: self.outbox_limit_bytes,
                smallest: limits::MESSAGE,
            });
        }
        timeouts.validate()?;
        if windows.personal == 0 || windows.personal > windows.global {
            return Err(ConfigError::Order("windows.personal", "windows.global"));
        }
        if windows.global > windows.outstanding {
            return Err(ConfigError::Order("windows.global", "windows.outstanding"));
        }
        if windows.accelerated > windows.personal {
            return Err(ConfigError::Order(
                "windows.accelerated",
                "windows.personal",
            ));
        }
        if windows.deaf_rotations < 16 {
            return Err(ConfigError::TooFew("windows.deaf_rotations", 16));
        }
        Ok(())
    }

    /// The longest data frame that is not a recovered one: wrapped for recovery it still fits a datagram.
    pub(crate) const fn packet_limit(&self) -> usize {
        self.datagram_limit - ring::data::WRAP
    }
}

impl Timeouts {
    fn validate(&self) -> Result<(), ConfigError> {
        let rules = [
            (
                self.idle_hold * 4,
                self.token_loss_min,
                "4 x timeouts.idle_hold",
                "timeouts.token_loss_min",
            ),
            (
                self.token_loss_min,
                self.token_loss_max,
                "timeouts.token_loss_min",
                "timeouts.token_loss_max",
            ),
            (
                self.join_interval * 3,
                self.consensus,
                "3 x timeouts.join_interval",
                "timeouts.consensus",
            ),
            (
                self.consensus,
                self.consensus_limit,
                "timeouts.consensus",
                "timeouts.consensus_limit",
            ),
            (
                self.join_interval * 3,
                self.commit,
                "3 x timeouts.join_interval",
                "timeouts.commit",
            ),
            (
                self.beacon * 3,
                self.hearing,
                "3 x timeouts.beacon",
                "timeouts.hearing",
            ),
            (
                self.quarantine_min,
                self.quarantine_max,
                "timeouts.quarantine_min",
                "timeouts.quarantine_max",
            ),
        ];
        for (low, high, low_name, high_name) in rules {
            if low.is_zero() || low > high {
                return Err(ConfigError::Order(low_name, high_name));
            }
        }
        if self.rotations_until_loss < 2 {
            return Err(ConfigError::TooFew("timeouts.rotations_until_loss", 2));
        }
        Ok(())
    }
}

/// A configuration that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The datagram limit is out of range.
    #[error("datagram_limit is {found} bytes; it must be from {smallest} to {largest}")]
    Datagram {
        /// As configured.
        found: usize,
        /// The smallest that works.
        smallest: usize,
        /// The largest there is.
        largest: usize,
    },
    /// The outbox does not take one message of the largest size.
    #[error(
        "outbox_limit_bytes is {found}; it must be at least {smallest}, one message of the largest size"
    )]
    Outbox {
        /// As configured.
        found: usize,
        /// The smallest that works.
        smallest: usize,
    },
    /// One value must not exceed another.
    #[error("{0} must be above zero and not exceed {1}")]
    Order(&'static str, &'static str),
    /// A count is too small.
    #[error("{0} must be at least {1}")]
    TooFew(&'static str, u32),
}

#[cfg(test)]
mod tests;
