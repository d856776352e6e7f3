//! A client of the bus, for programs: joins groups, sends, receives, sees who comes and goes. It speaks the protocol of
//! Spread 4 and works with a Ringfort and with a Spread daemon (reference: Spread client protocol).
//!
//! [`Connection`] blocks and suits a thread or two; [`NonBlocking`] has a file descriptor and suits mio, epoll or any
//! other loop. Both sit on [`ringfort_client_core::Session`], which has no socket at all.
//!
//! ```no_run
//! use ringfort_client::{Connection, Multicast, Options, Received, Service};
//!
//! let mut bus = Connection::connect(&"4803@bus1".parse()?, &Options::named("al"))?;
//! bus.join("news")?;
//! bus.multicast(&Multicast::new(Service::Agreed, &["news"], "hello").tag(7))?;
//! loop {
//!     match bus.receive()? {
//!         Received::View(view) => println!("{}: {:?}, now {:?}", view.group, view.cause, view.members),
//!         Received::Message(message) if message.sender == *bus.private() => break,
//!         Received::Message(message) => println!("{}: {:?}", message.sender, message.data),
//!         Received::Transitional { .. } | Received::Left { .. } | Received::Rejected(_) => {}
//!     }
//! }
//! bus.disconnect()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a daemon does with those who read too slowly: it ends the session. So read always, also while sending;
//! [`Connection`] does so by itself, within a limit.
//!
//! What this crate deliberately is not: a C interface, a runtime, or a picture of groups over time. It reconnects
//! nothing: what was missed meanwhile is the program's matter.
#![forbid(unsafe_code)]

mod connection;
mod error;
mod halves;
mod nonblocking;
mod socket;
mod wait;

pub use connection::Connection;
pub use error::Error;
pub use halves::{Receiver, Sender};
pub use nonblocking::NonBlocking;
pub use ringfort_client_core::{
    Address, AddressError, ByteOrder, Cause, Event, GroupId, HandshakeError, HeaderError, Message,
    Method, Multicast, Name, Names, Options, OptionsError, Payload, Received, Refused, Rejected,
    Rejection, RequestError, Service, SessionError, StreamError, UnknownService, Version, View,
    Welcome,
};
pub use socket::Socket;
