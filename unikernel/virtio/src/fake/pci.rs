//! The device's PCI side: configuration space, capabilities, BARs, in the shapes that QEMU and uhyve give it.

use alloc::vec::Vec;
use std::sync::{Arc, Mutex};

use super::{Event, FakeNic, Model};
use crate::mmio::{Mmio, Registers};
use crate::transport::pci::{PciConfig, PortIo};

/// How the device presents itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As QEMU: structures in a 64-bit BAR 4, MSI-X table of that many entries (0: no MSI-X) in BAR 1.
    Qemu {
        /// MSI-X entries.
        msix: u16,
    },
    /// As uhyve 0.10: a copy of the configuration space in memory, by BAR 0; no MSI-X; the line. Notifications only there.
    Uhyve,
    /// As above, but without a BAR: registers are in the configuration space alone.
    ConfigSpace,
}

/// The structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Common,
    Isr,
    Notify,
    Device,
    Msix,
}

/// (part, capability type, BAR, offset, length)
type Row = (Part, u8, u8, u32, u32);

const QEMU: &[Row] = &[
    (Part::Common, 1, 4, 0x0000, 0x1000),
    (Part::Isr, 3, 4, 0x1000, 0x1000),
    (Part::Device, 4, 4, 0x2000, 0x1000),
    (Part::Notify, 2, 4, 0x3000, 0x1000),
];
const UHYVE: &[Row] = &[
    (Part::Common, 1, 0, 0x88, 64),
    (Part::Isr, 3, 0, 0xc8, 1),
    (Part::Notify, 2, 0, 0xd0, 8),
    (Part::Device, 4, 0, 0xd8, 24),
];

const QEMU_BAR1: u64 = 0xfebd_1000;
const QEMU_BAR4: u64 = 0x70_0000_4000;
const UHYVE_BAR0: u64 = 0xfe00_0000;

impl Shape {
    /// Whether it is a shape of uhyve's.
    pub fn is_uhyve(self) -> bool {
        !matches!(self, Self::Qemu { .. })
    }

    pub(super) fn msix_entries(self) -> u16 {
        if let Self::Qemu { msix } = self { msix } else { 0 }
    }

    fn rows(self) -> &'static [Row] {
        if self.is_uhyve() { UHYVE } else { QEMU }
    }

    /// The part at an offset of a BAR, and the offset in it.
    fn part(self, bar: u8, offset: u64) -> Option<(Part, usize)> {
        if bar == 1 {
            let end = 16 * u64::from(self.msix_entries());
            return (offset < end).then_some((Part::Msix, offset as usize));
        }
        let row = self
            .rows()
            .iter()
            .find(|row| row.2 == bar && (u64::from(row.3)..u64::from(row.3 + row.4)).contains(&offset))?;
        Some((row.0, (offset - u64::from(row.3)) as usize))
    }

    /// BAR and offset of a physical address.
    fn bar(self, physical: u64) -> Option<(u8, u64)> {
        let bars: &[(u8, u64, u64)] = match self {
            Self::Qemu { .. } => &[(1, QEMU_BAR1, 0x1000), (4, QEMU_BAR4, 0x4000)],
            Self::Uhyve => &[(0, UHYVE_BAR0, 0x100)],
            Self::ConfigSpace => &[],
        };
        bars.iter().find(|bar| (bar.1..bar.1 + bar.2).contains(&physical)).map(|bar| (bar.0, physical - bar.1))
    }

    /// Header and capabilities as they are at first.
    fn space(self) -> [u8; 256] {
        let mut space = [0; 256];
        let mut put = |at: usize, bytes: &[u8]| space[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0xf4, 0x1a, 0x41, 0x10]);
        put(0x0a, &[0, 2]);
        put(0x34, &[0x40]);
        put(0x3c, &[11, 1]);
        match self {
            Self::Qemu { .. } => {
                put(0x14, &(QEMU_BAR1 as u32).to_le_bytes());
                put(0x20, &(QEMU_BAR4 | 0xc).to_le_bytes());
            }
            Self::Uhyve => put(0x10, &(UHYVE_BAR0 | 0xc).to_le_bytes()),
            Self::ConfigSpace => {}
        }
        let mut at = 0x40;
        let rows = self.rows();
        for (i, row) in rows.iter().enumerate() {
            let length: u8 = if row.0 == Part::Notify { 20 } else { 16 };
            let padded = length.next_multiple_of(8);
            let last = i + 1 == rows.len();
            let next = if last && self.msix_entries() == 0 { 0 } else { at + padded };
            put(usize::from(at), &[9, next, length, row.1, row.2]);
            put(usize::from(at) + 8, &row.3.to_le_bytes());
            put(usize::from(at) + 12, &row.4.to_le_bytes());
            if row.0 == Part::Notify {
                put(usize::from(at) + 16, &4u32.to_le_bytes());
            }
            at += padded;
        }
        if let Some(last) = self.msix_entries().checked_sub(1) {
            put(usize::from(at), &[0x11, 0]);
            put(usize::from(at) + 2, &last.to_le_bytes());
            put(usize::from(at) + 4, &1u32.to_le_bytes());
            put(usize::from(at) + 8, &0x801u32.to_le_bytes());
        }
        space
    }

    /// Where the MSI-X capability's control word is.
    fn msix_control(self) -> Option<usize> {
        (self.msix_entries() > 0).then_some(0x40 + 3 * 16 + 24 + 2)
    }
}

impl Model {
    fn read_part(&mut self, part: Part, offset: usize, size: usize) -> u32 {
        match part {
            Part::Common => self.read_common(offset, size),
            Part::Isr => self.read_isr(),
            Part::Device => self.read_device(offset, size),
            Part::Msix => self.msix_table[offset / 16][offset % 16 / 4],
            Part::Notify => {
                self.violate("read of a notification register");
                0
            }
        }
    }

    fn write_part(&mut self, part: Part, offset: usize, size: usize, value: u32) {
        match part {
            Part::Common => self.write_common(offset, size, value),
            Part::Notify => self.write_notify(offset, size, value),
            Part::Msix if size == 4 => self.msix_table[offset / 16][offset % 16 / 4] = value,
            _ => self.violate("write to a structure that is read-only, or not of 4 bytes to the MSI-X table"),
        }
    }

    fn read_config(&mut self, offset: usize, size: usize) -> u32 {
        let shape = self.shape;
        if !offset.is_multiple_of(size) {
            self.violate("misaligned configuration access");
        }
        if shape.is_uhyve()
            && let Some((part, offset)) = shape.part(0, offset as u64)
        {
            return self.read_part(part, offset, size);
        }
        let mut space = shape.space();
        space[4..6].copy_from_slice(&self.command.to_le_bytes());
        if let Some(at) = shape.msix_control() {
            let control = self.msix_control | u16::from_le_bytes([space[at], space[at + 1]]);
            space[at..at + 2].copy_from_slice(&control.to_le_bytes());
        }
        let mut bytes = [0; 4];
        bytes[..size].copy_from_slice(&space[offset..offset + size]);
        u32::from_le_bytes(bytes)
    }

    fn write_config(&mut self, offset: usize, size: usize, value: u32) {
        let shape = self.shape;
        if offset == 4 && size == 2 {
            self.command = value as u16;
        } else if Some(offset) == shape.msix_control() && size == 2 {
            self.msix_control = value as u16 & 0xc000;
            if value & 0x8000 != 0 {
                self.log.push(Event::MsixOn);
            }
        } else if shape.is_uhyve()
            && let Some((part, offset)) = shape.part(0, offset as u64)
        {
            if shape == Shape::Uhyve && part == Part::Notify {
                self.violate("notification through the configuration space");
            }
            self.write_part(part, offset, size, value);
        } else {
            self.violate("write to the configuration space");
        }
    }
}

macro_rules! methods {
    ($read:ident, $write:ident, $type:ty, $at:ty) => {
        fn $read(&self, offset: $at) -> $type {
            self.read(offset.into(), size_of::<$type>()) as $type
        }
        fn $write(&self, offset: $at, value: $type) {
            self.write(offset.into(), size_of::<$type>(), value.into());
        }
    };
}

/// The device's configuration space.
#[derive(Clone, Debug)]
pub struct FakeConfig {
    pub(super) nic: FakeNic,
}

impl FakeConfig {
    fn read(&self, offset: usize, size: usize) -> u32 {
        self.nic.model().read_config(offset, size)
    }
    fn write(&self, offset: usize, size: usize, value: u32) {
        self.nic.model().write_config(offset, size, value);
    }
}

impl PciConfig for FakeConfig {
    methods!(read8, write8, u8, u8);
    methods!(read16, write16, u16, u8);
    methods!(read32, write32, u32, u8);
}

/// The machine's memory, as far as the device is in it.
#[derive(Clone, Debug)]
pub struct FakeMmio {
    pub(super) nic: FakeNic,
}

impl Mmio for FakeMmio {
    type Window = FakeWindow;
    fn map(&self, physical: u64, length: usize) -> Option<FakeWindow> {
        self.nic.shape.bar(physical)?;
        Some(FakeWindow { nic: self.nic.clone(), physical, length })
    }
}

/// Mapped registers of the device.
#[derive(Clone, Debug)]
pub struct FakeWindow {
    nic: FakeNic,
    physical: u64,
    length: usize,
}

impl FakeWindow {
    fn part(&self, offset: usize, size: usize) -> Option<(Part, usize)> {
        assert!(offset + size <= self.length, "access at {offset} of a window of {} bytes", self.length);
        let (bar, at) = self.nic.shape.bar(self.physical + offset as u64)?;
        self.nic.shape.part(bar, at)
    }
    fn read(&self, offset: usize, size: usize) -> u32 {
        let part = self.part(offset, size);
        part.map_or(u32::MAX, |(part, at)| self.nic.model().read_part(part, at, size))
    }
    fn write(&self, offset: usize, size: usize, value: u32) {
        let part = self.part(offset, size);
        let mut model = self.nic.model();
        if model.command & 6 != 6 {
            model.violate("register access before memory space and bus mastering were turned on");
        }
        if let Some((part, at)) = part {
            model.write_part(part, at, size, value);
        }
    }
}

impl Registers for FakeWindow {
    methods!(read8, write8, u8, usize);
    methods!(read16, write16, u16, usize);
    methods!(read32, write32, u32, usize);
}

/// Ports 0xcf8 and 0xcfc.
#[derive(Clone, Debug)]
pub struct FakePorts {
    nic: FakeNic,
    place: (u8, u8, u8),
    address: Arc<Mutex<u32>>,
    /// Functions that were looked at.
    pub looked: Arc<Mutex<Vec<(u8, u8, u8)>>>,
}

impl FakePorts {
    pub(super) fn new(nic: FakeNic, place: (u8, u8, u8)) -> Self {
        Self { nic, place, address: Arc::default(), looked: Arc::default() }
    }

    /// The offset selected, if the device is.
    fn selected(&self, port: u16) -> Option<usize> {
        let address = *self.address.lock().expect("no panic while held");
        let place = ((address >> 16) as u8, (address >> 11 & 31) as u8, (address >> 8 & 7) as u8);
        self.looked.lock().expect("no panic while held").push(place);
        // As uhyve: data at 0xcfc alone, the lowest bits in the address.
        (port == 0xcfc && address >> 31 == 1 && place == self.place).then_some((address & 0xff) as usize)
    }

    fn read(&self, port: u16, size: usize) -> u32 {
        self.selected(port).map_or(u32::MAX, |offset| self.nic.model().read_config(offset, size))
    }

    fn write(&self, port: u16, size: usize, value: u32) {
        if port == 0xcf8 && size == 4 {
            *self.address.lock().expect("no panic while held") = value;
        } else if let Some(offset) = self.selected(port) {
            self.nic.model().write_config(offset, size, value);
        }
    }
}

impl PortIo for FakePorts {
    fn in8(&self, port: u16) -> u8 {
        self.read(port, 1) as u8
    }
    fn in16(&self, port: u16) -> u16 {
        self.read(port, 2) as u16
    }
    fn in32(&self, port: u16) -> u32 {
        self.read(port, 4)
    }
    fn out8(&self, port: u16, value: u8) {
        self.write(port, 1, value.into());
    }
    fn out16(&self, port: u16, value: u16) {
        self.write(port, 2, value.into());
    }
    fn out32(&self, port: u16, value: u32) {
        self.write(port, 4, value);
    }
}
