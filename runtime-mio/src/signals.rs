//! Signals as events of the loop: leave, reload.

use std::{fmt, io};

use mio::{Interest, Registry, event::Source as _};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals as Hooked;

use crate::token::Source;

/// What an operator asks for by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// TERM or INT: leave in good order; the second time at once.
    Leave,
    /// HUP: read the configuration again.
    Reload,
}

/// The signals this process listens to.
pub(crate) struct Signals(Hooked);

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signals")
    }
}

impl Signals {
    /// Takes the signals over from here on.
    pub(crate) fn open(registry: &Registry) -> io::Result<Self> {
        let mut signals = Hooked::new([SIGTERM, SIGINT, SIGHUP])?;
        signals.register(registry, Source::Signals.token(), Interest::READABLE)?;
        Ok(Self(signals))
    }

    /// What was asked for since the last call.
    pub(crate) fn pending(&mut self) -> Vec<Request> {
        self.0
            .pending()
            .map(|signal| {
                if signal == SIGHUP {
                    Request::Reload
                } else {
                    Request::Leave
                }
            })
            .collect()
    }
}
