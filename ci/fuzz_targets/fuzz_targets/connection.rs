//! See `ringmq_fuzz::targets::connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::connection::run(data));
