//! Deterministic simulation of whole clusters, in one thread and virtual time.
//!
//! A seed is a run: [`options::Options::draw`] draws the cluster, the network, the faults and the work from it;
//! [`world::World`] lets it happen to real node machines over simulated networks and disks; every event goes
//! through the [`recorder::Recorder`] into the trace and past the checkers ([`check`]); [`run::run`] is all of
//! this in one call. A violation is reported with the seed that shows it again.
//!
//! | module | is |
//! |---|---|
//! | `options`, `faults`, `workload`, `clients` | what happens to the cluster, and what it has to do |
//! | `world`, `host`, `queue` | the event loop and the machines in it |
//! | `fabric`, `stack`, `disk` | Ethernet, TCP/IP and storage that fail like real ones |
//! | `cluster` | the nodes, configured by text as an operator would |
//! | `trace`, `recorder`, `checker`, `check` | what is written down, and what judges it |
//! | `run`, `explore`, `replay` | one seed, many seeds, a file |
//! | `lab` | the same world for machines and services of others |
//! | `export` | a run for the eye: Perfetto, ShiViz, one picture |
//! | `journal` | the life of one node, recorded anywhere, lived again |
//!
//! What it deliberately is not: it holds no protocol and no rule of the cluster. Whatever a node does, the real
//! machine decided; the simulator only carries it out, late, twice or not at all.

pub mod attackers;
pub mod bench;
pub mod check;
pub mod checker;
pub mod clients;
pub mod clock;
pub mod cluster;
pub mod coverage;
pub mod deed;
pub mod disk;
pub mod explore;
pub mod export;
pub mod fabric;
pub mod faults;
pub mod host;
pub mod journal;
pub mod lab;
pub mod options;
mod queue;
pub mod recorder;
pub mod replay;
pub mod run;
pub mod schedule;
pub mod shrink;
pub mod stack;
pub mod trace;
pub mod workload;
pub mod world;
