//! The libFuzzer front of `client_stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("client_stream", input));
