//! See `ringmq_fuzz::targets::z85`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::z85::run(data));
