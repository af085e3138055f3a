//! How soon the image answers and what it takes of the host, by monitor. `cargo xtask bench boot` takes the samples.

use super::{Findings, Setting, taken};
use std::error::Error;

/// The job's name.
pub const NAME: &str = "boot";

const METHOD: &[&str] = &[
    "The image with two processors and 256 MiB, from the monitor's start to the image's line of readiness and to the first answered ping; the monitors turn by turn.",
    "uhyve needs KVM. QEMU and uhyve \"nested\" run in the same Linux guest, on KVM of its own that QEMU emulates (the translator, one thread for all processors); compare only these two with each other.",
    "\"qemu\" is QEMU's translator on the host itself.",
    "A nested boot that the emulated KVM stops, as it was seen to do in QEMU's firmware (an internal error of KVM), is counted and made again.",
    "Memory is the largest resident set of the monitor's process until then, which with QEMU includes its own program and libraries.",
    "The environment's load is that of the moment when the report was made, not that of the samples.",
];

/// Reads the samples.
pub fn run(setting: &Setting) -> Result<Findings, Box<dyn Error>> {
    let (when, series) = taken::read(setting, NAME)?;
    let method = METHOD.iter().map(ToString::to_string).chain(when).collect();
    Ok(Findings { method, published: Vec::new(), series })
}
