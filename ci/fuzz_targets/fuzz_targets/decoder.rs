//! See `ringmq_fuzz::targets::decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::decoder::run(data));
