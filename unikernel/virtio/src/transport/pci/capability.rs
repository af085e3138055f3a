//! The capability list: where the device's structures are (§4.1.4).
//!
//! All of it comes from the device: the walk is bounded, and what makes no sense is left out or an error.

use super::config::CAPABILITIES;
use super::{PciConfig, PciError};

const FIRST: u8 = 0x40;
/// A list that visits more places than the space after the header has words goes in a circle.
const MOST: usize = (256 - FIRST as usize) / 4;

const ID_VENDOR: u8 = 0x09;
const ID_MSIX: u8 = 0x11;

/// The structures that the driver uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StructureKind {
    /// Common configuration (§4.1.4.3).
    Common = 1,
    /// Notifications (§4.1.4.4).
    Notify = 2,
    /// Interrupt status (§4.1.4.5).
    Isr = 3,
    /// The device's own configuration (§4.1.4.6).
    Device = 4,
}

/// Where a structure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the BAR, 0 to 5.
    pub bar: u8,
    /// Bytes from its beginning.
    pub offset: u32,
    /// Bytes in the structure.
    pub length: u32,
}

/// The MSI-X capability (PCI Local Bus 3.0, 6.8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsixCapability {
    /// Where the capability is in the configuration space.
    pub pointer: u8,
    /// Entries in the table, 1 to 2048.
    pub entries: u16,
    /// The table.
    pub table: Place,
}

/// What the list holds for this driver; of structures that the device offers several times, the first (§4.1.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Common configuration.
    pub common: Option<Place>,
    /// Notifications.
    pub notify: Option<Place>,
    /// Bytes between the registers of two notification offsets.
    pub notify_multiplier: u32,
    /// Interrupt status.
    pub isr: Option<Place>,
    /// The device's configuration.
    pub device: Option<Place>,
    /// MSI-X.
    pub msix: Option<MsixCapability>,
}

impl Capabilities {
    /// Walks the list. The status register's bit for "has a list" is not asked: uhyve loses it at a reset, and every modern virtio device has one.
    pub fn read<C: PciConfig>(config: &C) -> Result<Self, PciError> {
        let mut found = Self::default();
        let mut pointer = config.read8(CAPABILITIES) & !3;
        for _ in 0..MOST {
            if pointer == 0 {
                return Ok(found);
            }
            if pointer < FIRST {
                return Err(PciError::BadCapabilityList { pointer });
            }
            let word = config.read32(pointer);
            let (id, next, length) = (word as u8, (word >> 8) as u8 & !3, (word >> 16) as u8);
            match id {
                ID_VENDOR => found.add_structure(config, pointer, length, (word >> 24) as u8),
                ID_MSIX => found.add_msix(config, pointer, (word >> 16) as u16),
                _ => {}
            }
            pointer = next;
        }
        Err(PciError::BadCapabilityList { pointer })
    }

    fn add_structure<C: PciConfig>(&mut self, config: &C, pointer: u8, length: u8, kind: u8) {
        let fits = |bytes: u8| length >= bytes && pointer.checked_add(bytes - 1).is_some();
        if !fits(16) {
            return;
        }
        let place = Place {
            bar: config.read8(pointer + 4),
            offset: config.read32(pointer + 8),
            length: config.read32(pointer + 12),
        };
        // Other values of `bar` are reserved, and such structures to be ignored (§4.1.4.1).
        if place.bar > 5 || place.offset.checked_add(place.length).is_none() {
            return;
        }
        match kind {
            1 if self.common.is_none() => self.common = Some(place),
            2 if self.notify.is_none() && fits(20) => {
                self.notify = Some(place);
                self.notify_multiplier = config.read32(pointer + 16);
            }
            3 if self.isr.is_none() => self.isr = Some(place),
            4 if self.device.is_none() => self.device = Some(place),
            _ => {}
        }
    }

    fn add_msix<C: PciConfig>(&mut self, config: &C, pointer: u8, control: u16) {
        if self.msix.is_some() || pointer.checked_add(11).is_none() {
            return;
        }
        let entries = (control & 0x7ff) + 1;
        let table = config.read32(pointer + 4);
        let place = Place { bar: (table & 7) as u8, offset: table & !7, length: u32::from(entries) * 16 };
        if place.bar <= 5 && place.offset.checked_add(place.length).is_some() {
            self.msix = Some(MsixCapability { pointer, entries, table: place });
        }
    }
}
