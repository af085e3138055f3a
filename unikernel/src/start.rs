//! Where Hermit's kernel enters the application.

use alloc::vec::Vec;
use core::ffi::{CStr, c_char};

use crate::arch::{interrupts, lapic, paging};
use crate::{boot, clock};

/// Called by the kernel in a task on processor 0. The words after `--` on the command line are `argv[1..]`.
#[unsafe(no_mangle)]
extern "C" fn main(argc: i32, argv: *const *const c_char, _env: *const *const c_char) {
    paging::install_physical();
    boot::take_information();
    paging::unmap_null_page();
    lapic::detect();
    interrupts::install();
    clock::start();
    let words: Vec<&str> = (1..usize::try_from(argc).unwrap_or(0))
        // SAFETY: the kernel passes `argc` pointers to strings that it never frees.
        .filter_map(|i| unsafe { CStr::from_ptr(*argv.add(i)) }.to_str().ok())
        .collect();
    let Err(error) = crate::run(&words);
    error.end()
}
