//! The two ways in which a device's registers can be reached.

use super::{PciConfig, PciError, Place, bar};
use crate::mmio::{Mmio, Registers};

/// Registers of a device: in memory, or in its configuration space.
///
/// Configuration registers inside the configuration space is the shape that uhyve's network device began with: capabilities that point back into
/// the 256 bytes, and no BAR. Where the BAR a capability names has no address, and the place lies within the 256 bytes, that is what is meant.
#[derive(Debug)]
pub enum Window<C, W> {
    /// Mapped memory.
    Bar(W),
    /// The configuration space, from `base` on, `length` bytes.
    Config {
        /// The function's configuration space.
        config: C,
        /// Offset of the window.
        base: u8,
        /// Bytes in the window.
        length: usize,
    },
}

impl<C: PciConfig, W: Registers> Window<C, W> {
    /// Opens the registers at `place`.
    pub fn open<M: Mmio<Window = W>>(config: &C, mmio: &M, place: Place) -> Result<Self, PciError> {
        let base = bar::memory_address(config, place.bar)?;
        let length = place.length as usize;
        if base == 0 {
            let end = u64::from(place.offset) + u64::from(place.length);
            return match u8::try_from(place.offset) {
                Ok(base) if end <= 256 => Ok(Self::Config { config: config.clone(), base, length }),
                _ => Err(PciError::BadBar { bar: place.bar, value: 0 }),
            };
        }
        let physical =
            base.checked_add(u64::from(place.offset)).ok_or(PciError::NotMapped { physical: base, length })?;
        let window = mmio.map(physical, length).ok_or(PciError::NotMapped { physical, length })?;
        Ok(Self::Bar(window))
    }
}

/// The place of an access of `size` bytes in the configuration space, if it is inside the window.
fn inside(base: u8, length: usize, offset: usize, size: usize) -> Option<u8> {
    let end = offset.checked_add(size)?;
    (end <= length).then(|| base.checked_add(u8::try_from(offset).ok()?)).flatten()
}

macro_rules! access {
    ($read:ident, $write:ident, $type:ty) => {
        fn $read(&self, offset: usize) -> $type {
            match self {
                Self::Bar(window) => window.$read(offset),
                Self::Config { config, base, length } => {
                    inside(*base, *length, offset, size_of::<$type>()).map_or(<$type>::MAX, |at| config.$read(at))
                }
            }
        }
        fn $write(&self, offset: usize, value: $type) {
            match self {
                Self::Bar(window) => window.$write(offset, value),
                Self::Config { config, base, length } => {
                    if let Some(at) = inside(*base, *length, offset, size_of::<$type>()) {
                        config.$write(at, value);
                    }
                }
            }
        }
    };
}

impl<C: PciConfig, W: Registers> Registers for Window<C, W> {
    access!(read8, write8, u8);
    access!(read16, write16, u16);
    access!(read32, write32, u32);
}
