//! The image under uhyve: on the host's own KVM, or where that is not usable in a small Linux guest whose KVM is emulated.
//!
//! ```text
//!  host ── QEMU, TCG with nested SVM ── Linux ── uhyve or QEMU on KVM ── the image
//!              user-mode network or TAP ── eth0 ── bridge ── TAP ── virtio-net
//! ```

pub mod bench;
mod nested;
mod qemu;
pub mod run;

use std::path::Path;

pub use nested::{Inside, Nested};

use crate::machine::Machine;

/// The longest IP packet that gets through uhyve 0.10: it takes 1512 octets from the TAP, with 12 of virtio's header and 14 of Ethernet's, and cuts off the rest. Nor
/// does it tell the image of the TAP's MTU: the end of the line in which Linux tells it keeps it from reading the number.
pub const MTU: u32 = 1486;

/// uhyve's arguments for `machine`, with the image at `image` and the network device `tap0`.
pub fn words(machine: &Machine, image: &Path, kernel_words: &[String]) -> Vec<String> {
    let mut words = vec![
        // The image is linked at a fixed address.
        "--no-aslr".into(),
        "--net=tap:tap0".into(),
        format!("--cpu-count={}", machine.processors),
        format!("--memory-size={}MiB", machine.memory_mib()),
        image.display().to_string(),
        "--".into(),
    ];
    words.extend_from_slice(kernel_words);
    words.push("--".into());
    let options = machine.image_options();
    if !options.iter().any(|option| option.starts_with("mtu=")) {
        words.push(format!("mtu={MTU}"));
    }
    words.extend(options);
    words
}
