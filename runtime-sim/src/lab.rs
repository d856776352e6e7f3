//! The simulated world for machines and services of one's own.
//!
//! [`crate::world`] simulates Ringfort's nodes. A [`Lab`] puts anything else into the same world: hosts on one
//! Ethernet segment that loses, repeats and reorders ([`crate::fabric`]), disks that forget ([`crate::disk`]), kills,
//! losses of power, pauses, cuts and partitions ([`crate::faults`]), all drawn from a seed ([`crate::options`]), a
//! trace ([`crate::trace`]) and checkers that read it and nothing else ([`crate::checker`]). A seed is a run: the
//! same seed gives the same trace, byte for byte. First anything may strike, then it is calm, and what has not come
//! right within the bound has gone wrong.
//!
//! There are three doors, each built on the one below:
//!
//! | what you have | what you write | begin with |
//! |---|---|---|
//! | a service for the ring | a [`Service`]: what it does at each place of the order | [`Lab::of_service`] |
//! | a machine of the contract | an [`Embed`]: what its datagrams and its actions are | [`Lab::of_machine`] |
//! | anything that can be called | a [`Guest`]: takes an [`Input`], does [`Effect`]s | [`Lab::new`] |
//!
//! `runtime-sim/examples/replicated_map.rs` is a service with its checker, in less than a hundred lines.
//!
//! # A machine, step by step
//! Each host holds a number, and all are to learn the highest one. The machine is pure and knows no lab:
//!
//! ```
//! use std::{collections::BTreeMap, time::Duration};
//!
//! use ringfort_machine::{Deadline, Digest, Instant, Machine, Sink, Wake};
//!
//! enum Event { Wake, Heard(u64) }
//! enum Action { Say(u64), Learned(u64) }
//! struct Highest { known: u64, next: Instant }
//!
//! impl From<Wake> for Event {
//!     fn from(_: Wake) -> Self { Self::Wake }
//! }
//!
//! impl Machine for Highest {
//!     type Event = Event;
//!     type Action = Action;
//!     fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
//!         match event {
//!             Event::Wake if now >= self.next => {
//!                 self.next = now + Duration::from_millis(100);
//!                 out.push(Action::Say(self.known));
//!             }
//!             Event::Wake => {}
//!             Event::Heard(number) if number > self.known => {
//!                 self.known = number;
//!                 out.push(Action::Learned(number));
//!             }
//!             Event::Heard(_) => {}
//!         }
//!     }
//!     fn deadline(&self) -> Option<Deadline> { Some(Deadline::new(self.next, "gossip")) }
//!     fn digest(&self, into: &mut Digest) { into.number(self.known); }
//! }
//!
//! // What its runtime would do: bytes into events, actions into the world. `tell` writes a line of our own.
//! use ringfort_runtime_sim::lab::{Effect, Embed, Input, Lab};
//!
//! struct Net;
//! impl Embed for Net {
//!     type Machine = Highest;
//!     fn event(&mut self, input: Input) -> Option<Event> {
//!         let Input::Datagram { bytes, .. } = input else { return None };
//!         Some(Event::Heard(u64::from_le_bytes(bytes.as_ref().try_into().ok()?)))
//!     }
//!     fn act(&mut self, action: Action, out: &mut Vec<Effect>) {
//!         match action {
//!             Action::Say(number) => out.push(Effect::send_all(number.to_le_bytes().to_vec())),
//!             Action::Learned(number) => out.push(Effect::tell("learned", &number)),
//!         }
//!     }
//! }
//!
//! // What must hold, read from the trace: in one life a process never learns a lower number than before.
//! use ringfort_runtime_sim::{checker::{Checker, Violation}, trace::{Event as Line, Process}};
//!
//! #[derive(Default)]
//! struct Rising(BTreeMap<Process, u64>);
//! impl Checker for Rising {
//!     fn on(&mut self, line: &Line) -> Result<(), Violation> {
//!         if let (Some(p), Some(number)) = (&line.p, line.own::<u64>("learned")?)
//!             && let Some(before) = self.0.insert(p.clone(), number)
//!             && before >= number
//!         {
//!             return Err(Violation::new("rising", format!("{p} learned {number} after {before}")));
//!         }
//!         Ok(())
//!     }
//!     fn finish(&mut self, _: Instant) -> Result<(), Violation> { Ok(()) }
//! }
//!
//! // Ten drawn worlds. `check` panics at the first that breaks a property, and says how to see it again.
//! let lab = Lab::of_machine("highest", |boot, _| {
//!     (Highest { known: 1 + boot.host as u64, next: boot.now }, Net)
//! });
//! let lab = lab.checker::<Rising>().faults_for(Duration::from_secs(5));
//! lab.check(0..10);
//!
//! // And a directed one: while n3 is cut off nobody can learn its number.
//! use ringfort_runtime_sim::faults::{Fault, link};
//!
//! let cut = vec![link(2, 0), link(2, 1)];
//! let at = |seconds| Instant::ORIGIN + Duration::from_secs(seconds);
//! let mut trial = lab.quiet(1);
//! trial.at(Instant::ORIGIN, Fault::Cut(cut.clone())).at(at(3), Fault::Heal(cut));
//! let learned = |line: &Line| line.own::<u64>("learned").ok().flatten();
//! trial.run_until(at(3));
//! assert_eq!(trial.events().iter().filter_map(learned).max(), Some(2));
//! trial.run_until(at(4));
//! assert_eq!(trial.events().iter().filter_map(learned).max(), Some(3));
//! ```
//!
//! # What a life has
//! [`Boot`] says who it is, in which life, when, with which randomness, and what its disk has. A kill loses what is in
//! memory, a loss of power also what was not synced; a restart under the same name is another life. Orders to the
//! disk are [`crate::disk::Order`]s and complete by an input. Every instant that it is handed is what its own clock shows,
//! which may run fast or slow. A panic is a violation, so assertions are checkers too.
//!
//! # Lines of one's own
//! [`Ring::tell`] and [`Effect::tell`] write `{"t":…,"ev":"own","what":…,"data":…,"p":…}`, which readers that do not
//! know it skip. The name is a field and not an `ev` of its own, so that it can never be one that the format takes
//! later. Each process that is alive at the end writes one called `digest`, its fingerprint, so that equal hashes of
//! traces mean equal states as well.
//!
//! What this deliberately is not: a second simulator. It draws from the same options, and whatever carries, stores,
//! breaks or records is the same code. It has no TCP, no virtual addresses and no groups; those are a node's.

mod build;
mod command;
mod guest;
mod machine;
pub mod prelude;
mod report;
pub mod ring;
mod trial;

pub use build::Lab;
pub use guest::{Boot, Effect, Guest, Input};
pub use machine::{Embed, Embedded};
pub use report::{Report, Summary};
pub use ring::{OnRing, Place, Ring, Service};
pub use trial::Trial;

#[cfg(test)]
mod tests;
