//! Where time comes from: the monotonic clock for the machines, the wall clock once for the origin.
//!
//! Machines know an instant as nanoseconds since the origin that this clock was made. The monotonic clock of
//! the system never goes back by contract; should it do so all the same, a wrong order of events would be
//! worse than an end, so the guard holds time still instead of turning it back, and says so once.

use std::time::{Instant as SystemInstant, SystemTime, UNIX_EPOCH};

use ringfort_machine::Instant;

/// The clock of one node.
#[derive(Debug)]
pub struct Clock {
    origin: SystemInstant,
    wall_origin_ns: u64,
    last: Instant,
    turned_back: u64,
}

impl Clock {
    /// A clock whose origin is now.
    pub fn start() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            origin: SystemInstant::now(),
            wall_origin_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            last: Instant::ORIGIN,
            turned_back: 0,
        }
    }

    /// The time; never before an earlier answer.
    pub fn now(&mut self) -> Instant {
        let nanos = self.origin.elapsed().as_nanos();
        let now = Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        if now < self.last {
            self.turned_back += 1;
            return self.last;
        }
        self.last = now;
        now
    }

    /// Unix nanoseconds at the origin.
    pub const fn wall_origin_ns(&self) -> u64 {
        self.wall_origin_ns
    }

    /// How often the system's clock went back.
    pub const fn turned_back(&self) -> u64 {
        self.turned_back
    }
}
