//! Octets become requests to the control service, uploads, and time that passes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| protocols_fuzz::control::run(octets));
