//! Octets become lines of rules, in our own form or in ClassBench's.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| protocols_fuzz::rules::run(octets));
