//! From the virtual machine's first instruction to Hermit's `_start`.
//!
//! QEMU enters the image through its PVH note in 32-bit protected mode ([`entry`]); [`info`] translates what QEMU tells
//! into what Hermit's loader would have told; then Hermit's `_start` takes over and later calls [`crate::main`].
//! A loader of Hermit (uhyve) starts at `_start` itself and never comes here.

mod entry;
mod info;
mod pvh;

pub use info::memory_octets;
