//! The libFuzzer front of `log_replay`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("log_replay", input));
