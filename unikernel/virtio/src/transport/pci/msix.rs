//! MSI-X: interrupts as messages, one entry for each queue pair (PCI Local Bus 3.0, 6.8.2 and 6.8.3).

use super::config::{COMMAND, COMMAND_NO_LINE};
use super::{MsixCapability, MsixTarget, PciConfig};
use crate::mmio::Registers;

/// Bytes of a table entry: address low, address high, data, vector control.
const ENTRY: usize = 16;
const CONTROL_ENABLE: u16 = 1 << 15;
const CONTROL_MASK_ALL: u16 = 1 << 14;
const ENTRY_MASK: u32 = 1;

/// The table of a function's MSI-X capability.
#[derive(Debug)]
pub struct MsixTable<W> {
    capability: MsixCapability,
    table: W,
}

impl<W: Registers> MsixTable<W> {
    /// The table whose registers are `table`.
    pub fn new(capability: MsixCapability, table: W) -> Self {
        Self { capability, table }
    }

    /// Entries in the table.
    pub fn entries(&self) -> u16 {
        self.capability.entries
    }

    /// Aims the entry at a processor (Intel SDM volume 3, "Message Signalled Interrupts": fixed delivery, physical destination, edge) and
    /// unmasks it. Beyond the table nothing happens.
    pub fn set(&self, entry: u16, target: MsixTarget) {
        if entry >= self.entries() {
            return;
        }
        let at = usize::from(entry) * ENTRY;
        self.table.write32(at + 12, ENTRY_MASK);
        self.table.write32(at, 0xfee0_0000 | u32::from(target.apic_id) << 12);
        self.table.write32(at + 4, 0);
        self.table.write32(at + 8, u32::from(target.vector));
        self.table.write32(at + 12, 0);
    }

    /// Masks the entry: its interrupts are held back. Beyond the table nothing happens.
    pub fn mask(&self, entry: u16) {
        if entry < self.entries() {
            self.table.write32(usize::from(entry) * ENTRY + 12, ENTRY_MASK);
        }
    }

    /// Turns MSI-X on and the interrupt line off.
    pub fn enable<C: PciConfig>(&self, config: &C) {
        let at = self.capability.pointer + 2;
        let control = config.read16(at);
        config.write16(at, (control | CONTROL_ENABLE) & !CONTROL_MASK_ALL);
        config.write16(COMMAND, config.read16(COMMAND) | COMMAND_NO_LINE);
    }
}
