//! The libFuzzer front of `replication`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("replication", input));
