//! Octets become a sequence of frames, small steps of time and actions of a service, against a stack with listeners and an established connection.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| protocols_fuzz::frame(octets));
