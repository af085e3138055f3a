//! Octets become rules, batches, swaps of engines, and headers: every engine against the first rule that matches.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| protocols_fuzz::lookup::run(octets));
