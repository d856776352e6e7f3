//! A node's journal: the list of (instant, event) that its whole life is, written down while it lives, so that
//! the same life can be lived again elsewhere and compared action by action.
//!
//! The contract of a machine makes this cheap: there is one door in, so [`Recorder`] stands in it, and nothing
//! else of a runtime has to be recorded. What comes out is kept as fingerprints only ([`Print`]): [`Replay`]
//! makes the actions again, and where the first fingerprint differs, it has the action itself to show.
//!
//! An event is written before the node handles it, its outcome afterwards. So the journal of a process that
//! dies of an assertion ends with the event that killed it, and a replay dies of it too.
//!
//! ```text
//! file    = "RINGJNL\n"  format (4 bytes)  frame*
//! frame   = length (4)  CRC-32C of the length (4)  CRC-32C of the record (4)  record
//! record  = 0 origin     version and revision of the build, boot, instant, configuration
//!         | 1 event      instant, event
//!         | 2 outcome    of the origin or of the event before it: a print for each action
//!         | 3 digest     of the node's state
//!         | 4 end        why nothing more was recorded
//! ```
//!
//! All numbers of fixed width are little-endian. The magic, the format, the frame and the beginning of the origin
//! up to the revision stay as they are in every format, so that a program can always say which build wrote a
//! file. Everything else may change with [`FORMAT`].
//!
//! What it deliberately is not: a log in the sense of `ringfort-logs`, which is a service of the node to others;
//! an archive (a build reads only its own format); or safe to publish, since it holds what the node was told:
//! message payloads, console lines, addresses of clients.

mod configuration;
mod event;
mod frame;
mod print;
mod record;
mod recorder;
mod replay;
mod stored;
mod view;

pub use frame::{Cut, Decoder, FORMAT, JournalError, MAGIC};
pub use print::{Family, Print};
pub use record::{Build, End, Origin, Record};
pub use recorder::{Recorder, Tape};
pub use replay::{Difference, Fault, Kind, Replay, Taken};
pub use stored::Malformed;
