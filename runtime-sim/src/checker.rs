//! What judges a run: a checker sees every event of the trace as it happens and objects at the first one that
//! breaks its property. Checkers know the trace and nothing else, so they judge a recorded file just as well.

use ringfort_machine::Instant;

use crate::trace::Event;

/// A property was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{checker}: {message}")]
pub struct Violation {
    /// The name of the checker; becomes the verdict of the run.
    pub checker: &'static str,
    /// What was seen and what would have been right.
    pub message: String,
}

impl Violation {
    /// The objection `message` of the checker called `checker`.
    pub fn new(checker: &'static str, message: impl Into<String>) -> Self {
        Self {
            checker,
            message: message.into(),
        }
    }

    /// For checkers: objects unless something holds.
    ///
    /// # Errors
    /// The objection `message` of the checker called `checker`, if it does not hold.
    pub fn unless(
        holds: bool,
        checker: &'static str,
        message: impl FnOnce() -> String,
    ) -> Result<(), Self> {
        if holds {
            Ok(())
        } else {
            Err(Self::new(checker, message()))
        }
    }
}

/// One property of a run.
pub trait Checker {
    /// Sees one event. Events come in the order of the trace, the `run` line first; `end` is not shown.
    ///
    /// # Errors
    /// The violation, if this event breaks the property.
    fn on(&mut self, event: &Event) -> Result<(), Violation>;

    /// The run is over at `end`: nothing comes after it, so what is still missing is missing for good.
    ///
    /// # Errors
    /// The violation, if something that must have happened has not.
    fn finish(&mut self, end: Instant) -> Result<(), Violation>;
}
