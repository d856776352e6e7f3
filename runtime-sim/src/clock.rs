//! The clock of one host: it runs a little fast or slow, as quartz does.
//!
//! Processes know no other time than that of their clock. The world asks it what it shows and when, in the time
//! of the world, it will show what a process waits for. Integers only: a run depends on no floating point.

use ringfort_machine::{Deadline, Instant};

const MILLION: u128 = 1_000_000;

/// A clock that gains or loses so many millionths of the time that passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    rate_millionths: i64,
}

impl Clock {
    /// A clock that gains `rate_millionths`, or loses them if negative; up to half of the time either way.
    pub fn new(rate_millionths: i64) -> Self {
        assert!(
            rate_millionths.unsigned_abs() <= 500_000,
            "a clock is wrong by half at most"
        );
        Self { rate_millionths }
    }

    fn scale(self) -> u128 {
        let scale = 1_000_000 + self.rate_millionths;
        u128::from(scale.unsigned_abs())
    }

    /// What it shows at `at`.
    pub fn shows(self, at: Instant) -> Instant {
        if self.rate_millionths == 0 {
            return at;
        }
        let shown = u128::from(at.as_nanos()) * self.scale() / MILLION;
        Instant::from_nanos(u64::try_from(shown).unwrap_or(u64::MAX))
    }

    /// The first instant at which it shows `shown` or more.
    pub fn reaches(self, shown: Instant) -> Instant {
        if self.rate_millionths == 0 {
            return shown;
        }
        let at = (u128::from(shown.as_nanos()) * MILLION).div_ceil(self.scale());
        Instant::from_nanos(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// A deadline of a process, in the time of the world.
    pub fn deadline(self, deadline: Option<Deadline>) -> Option<Deadline> {
        deadline.map(|deadline| Deadline {
            at: self.reaches(deadline.at),
            ..deadline
        })
    }
}

#[cfg(test)]
mod tests;
