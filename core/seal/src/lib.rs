//! The seal: every datagram and every stream between nodes, authenticated and encrypted (docs/protocol/seal.md).
//!
//! Two layers. *Between two nodes* there is a session: each knows the other's public key from its allow-list, each
//! adds an ephemeral key that lives as long as its process, and from the four Diffie-Hellman results follows a
//! secret that nobody else can compute and that no other life of either node shares (the Noise pattern KK, with a
//! greeting in clear that is itself authenticated, so that a stranger costs one hash). *From one to all* there is a
//! sending key: each process makes its own, hands it to each peer through their session, and seals its datagrams
//! under it with a counter as the nonce. So a datagram is sealed once for everybody, and a receiver needs one look
//! into a table, one look into a window and one AEAD.
//!
//! What follows from it: a recording of another life of the sender or of the receiver opens under no key that is
//! held; one of this life is in the window; one of a key that was rotated out finds the key gone.
//!
//! What it deliberately is not: it draws no randomness (secrets are handed in), knows no address and no frame,
//! hides neither sizes nor times, and does not keep members from lying to each other. Sources: Noise rev. 34,
//! RFC 5116, RFC 5869, RFC 6479, RFC 7748; services-anchors section 5.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod body;
mod bucket;
mod cipher;
mod config;
mod derive;
mod greeting;
mod interface;
mod key;
mod machine;
mod note;
mod peer;
mod received;
mod refusals;
mod sending;
mod session;
mod stream;
mod streams;
mod trust;
mod window;

pub use cipher::TAG;
pub use config::{Config, Trusted};
pub use greeting::GREETING;
pub use interface::{Action, Destination, Event, StreamAction, StreamEvent, StreamId};
pub use key::{Identity, KeyError, PublicKey, Secret};
pub use machine::{Seal, Status, sealed_header};
pub use note::{Note, Reason};
pub use received::KeyId;
pub use sending::OVERHEAD;
pub use stream::RECORD;
