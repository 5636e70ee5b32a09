//! See `ringmq_fuzz::targets::pgm_receiver`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::pgm_receiver::run(data));
