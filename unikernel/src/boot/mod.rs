//! From the virtual machine's first instruction to Hermit's `_start`.
//!
//! QEMU enters the image through its PVH note in 32-bit protected mode ([`entry`]); [`info`] translates what QEMU tells
//! into what Hermit's loader would have told; then Hermit's `_start` takes over and later calls [`crate::main`].
//! uhyve is a loader of Hermit: it makes page tables and boot information itself and enters at [`loader`], right before `_start`.

mod entry;
mod info;
mod loader;
mod pvh;

pub use info::memory_octets;
pub use loader::{Loader, loader, take_information};
