//! The bus protocol, client side, without input and output: what a program needs to talk to a Ringfort or a Spread
//! daemon, if it brings its own socket (reference: Spread client protocol, sections 2 to 10).
//!
//! A [`Session`] takes the bytes that came from the daemon, in any pieces, and gives events; it takes requests and
//! gives bytes to send. It owns the one buffer that is read into and the one queue that is written from, so that a
//! read brings many messages without a copy and a write carries many requests.
//!
//! ```text
//! socket ─► space, filled ─► Session::next ─► Event
//! socket ◄─ outgoing, sent ◄────────────────── join, leave, multicast, disconnect
//! ```
//!
//! ```
//! use ringfort_client_core::{Multicast, Options, Service, Session};
//!
//! let mut session = Session::new(&Options::named("al"))?;
//! let greeting: Vec<u8> = session.outgoing().flatten().copied().collect();
//! assert_eq!(greeting, b"\x04\x04\x00\x01\x02al"); // version 4.4.0, membership wanted, two letters
//! session.sent(greeting.len());
//!
//! session.feed(b"\x05NULL ");                           // what the daemon offers
//! assert!(session.next()?.is_none());                   // the choice of a method is on its way
//! session.sent(90);
//! session.feed(b"\x01\x04\x04\x00\x08#al#dmn1");        // accepted
//! assert!(session.next()?.is_some());
//! session.join("g1")?;
//! session.multicast(&Multicast::new(Service::Agreed, &["g1"], "hello"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate deliberately is not: it has no socket, no clock and no thread (`ringfort-client` has), and it
//! keeps no picture of a group; a view says everything that there is to know.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod deliveries;
mod error;
mod handshake;
mod inbox;
mod names;
mod options;
mod outbox;
mod received;
mod requests;
mod service;
mod session;

pub use address::{Address, AddressError};
pub use deliveries::Deliveries;
pub use error::{HandshakeError, Rejection, RequestError, SessionError, StreamError};
pub use names::Names;
pub use options::{Method, Options, OptionsError};
pub use received::{Cause, Message, Received, Refused, Rejected, View};
pub use requests::{Multicast, Payload, Requests};
pub use ringfort_wire::session::{ByteOrder, GroupId, HeaderError, Name, Version};
pub use service::{Service, UnknownService};
pub use session::{Event, Session, Welcome};
