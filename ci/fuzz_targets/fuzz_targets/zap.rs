//! See `ringmq_fuzz::targets::zap`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::zap::run(data));
