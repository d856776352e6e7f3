//! The libFuzzer front of `wire_round_trip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("wire_round_trip", input));
