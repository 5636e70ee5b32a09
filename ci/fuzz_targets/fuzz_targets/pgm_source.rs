//! See `ringmq_fuzz::targets::pgm_source`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::pgm_source::run(data));
