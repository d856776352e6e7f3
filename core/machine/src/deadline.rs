//! When a machine wants to be woken next, and why. One value for each machine, not timer objects: nothing
//! can be lost or fire twice, and a stuck cluster names the reason that keeps firing.

use crate::Instant;

/// The next instant at which a machine has something to do without any other event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When. A wake at or after this instant makes progress; an earlier one is harmless.
    pub at: Instant,
    /// The reason, for logs and for the simulator's report of a run that does not converge.
    pub why: &'static str,
}

impl Deadline {
    /// A deadline at `at` because of `why`.
    pub const fn new(at: Instant, why: &'static str) -> Self {
        Self { at, why }
    }

    /// The earliest of several optional deadlines; the first named wins a tie.
    ///
    /// `Option::min` must not be used for this: it takes `None` for the smallest value.
    pub fn earliest(all: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        all.into_iter().flatten().min_by_key(|deadline| deadline.at)
    }
}
