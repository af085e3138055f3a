//! What a fresh Debian lacks: host programs from its packages (they need root), and compilers in a private prefix (which does not).

mod archive;
mod compilers;
mod kernel;
pub mod linux;
mod system;
pub mod uhyve;

use std::path::PathBuf;

use anyhow::Result;

pub use compilers::Prefix;
pub use system::{CXX, ETHTOOL, IPERF3, NETCAT, PING, QEMU, ROUTES, TSHARK, XZ, need, want};

use crate::paths;

/// What the image is built from, besides its sources.
pub struct Kit {
    /// The compiler and linker of the image.
    pub compiler: Prefix,
    /// Hermit, as one object whose only global symbols are its entry and its system calls.
    pub kernel: PathBuf,
}

/// Provides the kit: at once if this clone or another has done so before, else by downloads and a build of a few minutes.
pub fn kit() -> Result<Kit> {
    let lock = paths::lock_cache()?;
    let mut archive = archive::Lazy::new();
    let compiler = compilers::provide(&lock, &mut archive, &compilers::IMAGE)?;
    let kernel = kernel::provide(&lock, &mut archive)?;
    Ok(Kit { compiler, kernel })
}
