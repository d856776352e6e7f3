//! The libFuzzer front of `evs_frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("evs_frames", input));
