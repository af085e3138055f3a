//! What the image measured, in a virtual machine that somebody else has booted: `cargo xtask bench` leaves it in a file.

use crate::series::{Place, Series};
use bench_jobs::Piece;
use serde::{Deserialize, Serialize};
use std::{error::Error, fs, path::Path};

/// The virtual machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// `kvm` or `tcg`, QEMU's translator.
    pub accelerator: String,
    /// QEMU and its version.
    pub qemu: String,
    /// Its processors.
    pub processors: u32,
    /// Its memory, as QEMU takes it.
    pub memory: String,
    /// The compiler of the image.
    pub rustc: String,
}

impl Machine {
    /// Whether another program executes its instructions: then only ratios say something.
    pub fn is_translated(&self) -> bool {
        self.accelerator != "kvm"
    }
}

/// The machine, in the file's first line, and what the image measured, in all others.
pub fn read(file: &Path) -> Result<(Machine, Vec<Series>), Box<dyn Error>> {
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let mut lines = text.lines();
    let wrong = |number: usize| move |error| format!("{}, line {}: {error}", file.display(), number + 1);
    let machine = serde_json::from_str(lines.next().unwrap_or_default()).map_err(wrong(0))?;
    let mut raw = Vec::new();
    for (number, line) in lines.enumerate() {
        let piece = Piece::from_json(line).map_err(wrong(number + 1))?;
        if !piece.join(&mut raw) {
            return Err(format!("{}, line {}: there are not so many rounds", file.display(), number + 2).into());
        }
    }
    Ok((machine, raw.into_iter().map(|raw| Series::nanoseconds(Place::Guest, raw)).collect()))
}
