//! The libFuzzer front of `session_stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("session_stream", input));
