//! Which source a readiness event is about, packed into mio's token: the kind above, a number below.

use mio::Token;

/// A registered source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A worker has completed orders.
    Workers,
    /// A signal arrived.
    Signals,
    /// The precise timer fired.
    Timer,
    /// The bus socket.
    Bus,
    /// The bus group's socket.
    BusGroup,
    /// A cluster listener.
    StreamListener(u64),
    /// A stream between nodes.
    Stream(u64),
    /// A control listener.
    ConsoleListener(u64),
    /// A console session.
    Console(u64),
    /// A service listener.
    ServiceListener(u64),
    /// The client's side of a service connection.
    Client(u64),
    /// The backend's side of a service connection.
    Backend(u64),
    /// A listener for clients of the bus.
    BusListener(u64),
    /// A client of the bus.
    BusClient(u64),
}

const SHIFT: u32 = 56;
const NUMBER: usize = (1 << SHIFT) - 1;

impl Source {
    /// Its token. Numbers are counted up from zero and never reach 2^56.
    pub(crate) const fn token(self) -> Token {
        let (kind, number) = match self {
            Self::Workers => (0, 0),
            Self::Signals => (1, 0),
            Self::Timer => (2, 0),
            Self::Bus => (3, 0),
            Self::BusGroup => (4, 0),
            Self::StreamListener(number) => (5, number),
            Self::Stream(number) => (6, number),
            Self::ConsoleListener(number) => (7, number),
            Self::Console(number) => (8, number),
            Self::ServiceListener(number) => (9, number),
            Self::Client(number) => (10, number),
            Self::Backend(number) => (11, number),
            Self::BusListener(number) => (12, number),
            Self::BusClient(number) => (13, number),
        };
        Token(kind << SHIFT | number as usize & NUMBER)
    }

    /// The source of a token.
    pub(crate) const fn of(token: Token) -> Option<Self> {
        let number = (token.0 & NUMBER) as u64;
        Some(match token.0 >> SHIFT {
            0 => Self::Workers,
            1 => Self::Signals,
            2 => Self::Timer,
            3 => Self::Bus,
            4 => Self::BusGroup,
            5 => Self::StreamListener(number),
            6 => Self::Stream(number),
            7 => Self::ConsoleListener(number),
            8 => Self::Console(number),
            9 => Self::ServiceListener(number),
            10 => Self::Client(number),
            11 => Self::Backend(number),
            12 => Self::BusListener(number),
            13 => Self::BusClient(number),
            _ => return None,
        })
    }
}
