//! Gives the linker Hermit's kernel object and the layout of the image.

use std::path::PathBuf;
use std::{env, process};

fn main() {
    println!("cargo::rerun-if-env-changed=MIDFLIGHT_KERNEL_OBJECT");
    println!("cargo::rerun-if-changed=image.ld");
    let Some(object) = env::var_os("MIDFLIGHT_KERNEL_OBJECT").map(PathBuf::from) else {
        eprintln!(
            "MIDFLIGHT_KERNEL_OBJECT is not set: build the image with `cargo xtask build`, which provides Hermit's kernel object"
        );
        process::exit(1);
    };
    println!("cargo::rerun-if-changed={}", object.display());
    let script = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("image.ld");
    println!("cargo::rustc-link-arg-bins={}", object.display());
    println!("cargo::rustc-link-arg-bins=--script={}", script.display());
    println!("cargo::rustc-link-arg-bins=--no-pie");
    println!("cargo::rustc-link-arg-bins=--gc-sections");
    println!("cargo::rustc-link-arg-bins=--build-id=none");
}
