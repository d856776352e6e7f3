//! The six services, under the names that Spread gives them.

use core::fmt;

use ringfort_wire::session::bits;

/// What is asked of a message's delivery. In the order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// As the daemon sees fit; both daemons serve it as reliable.
    Unreliable,
    /// Each message arrives, in no promised order.
    Reliable,
    /// Messages of one sender arrive in the order sent.
    Fifo,
    /// No message arrives before one that its sender knew.
    Causal,
    /// All members see one order.
    Agreed,
    /// Agreed, and not before every daemon of the configuration has it.
    Safe,
}

impl Service {
    /// All services, weakest first.
    pub const ALL: [Self; 6] = [
        Self::Unreliable,
        Self::Reliable,
        Self::Fifo,
        Self::Causal,
        Self::Agreed,
        Self::Safe,
    ];

    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreliable => "unreliable",
            Self::Reliable => "reliable",
            Self::Fifo => "fifo",
            Self::Causal => "causal",
            Self::Agreed => "agreed",
            Self::Safe => "safe",
        }
    }

    /// Whether messages of one sender keep their order.
    pub const fn keeps_order(self) -> bool {
        match self {
            Self::Unreliable | Self::Reliable => false,
            Self::Fifo | Self::Causal | Self::Agreed | Self::Safe => true,
        }
    }

    /// Its bit in a kind.
    pub(crate) const fn bit(self) -> u32 {
        match self {
            Self::Unreliable => bits::UNRELIABLE,
            Self::Reliable => bits::RELIABLE,
            Self::Fifo => bits::FIFO,
            Self::Causal => bits::CAUSAL,
            Self::Agreed => bits::AGREED,
            Self::Safe => bits::SAFE,
        }
    }

    /// The one service that `kind` names; nothing if it names none or several.
    pub(crate) fn of(kind: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.bit() == kind & bits::SERVICES)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::str::FromStr for Service {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        let named = Self::ALL.into_iter().find(|service| service.name() == text);
        named.ok_or(UnknownService)
    }
}

/// A text that names no service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected unreliable, reliable, fifo, causal, agreed or safe")]
pub struct UnknownService;
