//! Runs a target so that its panic becomes a value.

use std::{
    cell::RefCell,
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use crate::{Marks, Target};

/// Why an execution failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The message of the panic.
    pub message: String,
    /// Where it was raised, as `file:line`. Two failures at one place count as the same.
    pub place: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

thread_local! {
    /// Whether this thread is inside [`guarded`], and the panic that ended it.
    static CAUGHT: RefCell<Option<Option<Failure>>> = const { RefCell::new(None) };
}

/// Runs `target` with `input`, adding to `marks`.
///
/// # Errors
/// The panic, which is not printed.
pub fn guarded(target: &Target, input: &[u8], marks: &mut Marks) -> Result<(), Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(install);
    CAUGHT.set(Some(None));
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input, marks)));
    let caught = CAUGHT.take().flatten();
    match outcome {
        Ok(()) => Ok(()),
        Err(_) => Err(caught.unwrap_or_else(|| Failure {
            message: "the panic was not seen".into(),
            place: "unknown".into(),
        })),
    }
}

/// Records the panics of guarded threads; those of others go to the hook that was there before.
fn install() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let taken = CAUGHT.with_borrow_mut(|caught| {
            let slot = caught.as_mut()?;
            let place = info.location().map_or_else(String::new, |location| {
                format!("{}:{}", location.file(), location.line())
            });
            *slot = Some(Failure {
                message: info
                    .payload_as_str()
                    .unwrap_or("a panic without text")
                    .to_owned(),
                place,
            });
            Some(())
        });
        if taken.is_none() {
            before(info);
        }
    }));
}
