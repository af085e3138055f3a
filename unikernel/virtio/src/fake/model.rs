//! The device's registers: common configuration (§4.1.4.3), the network configuration (§5.1.4), interrupt status, MSI-X table; and a log of what the
//! driver did. What the standard forbids the driver is noted as a violation.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{DeviceQueue, FakeMemory, Shape};
use crate::Features;
use crate::ring::Addresses;

/// Something that the driver did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Wrote the status.
    Status(u8),
    /// Wrote the lower half of its features, the upper before.
    Features(u64),
    /// Enabled a queue.
    Enabled(u16),
    /// Notified a queue.
    Notified(u16),
    /// Turned MSI-X on.
    MsixOn,
}

/// An interrupt that the device raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// A message to an address, with data.
    Message(u64, u32),
    /// The line.
    Line,
}

/// Registers of one queue.
#[derive(Debug)]
struct QueueRegisters {
    size: u16,
    entry: u16,
    enabled: bool,
    address: Addresses,
    device_side: Option<DeviceQueue>,
}

const NO_ENTRY: u16 = 0xffff;
const FEATURES_OK: u8 = 8;
const DRIVER_OK: u8 = 4;
const NEEDS_RESET: u8 = 64;

/// The device. The public fields may be set before the driver comes.
#[derive(Debug)]
pub struct Model {
    /// Features offered.
    pub offered: Features,
    /// Clears `FEATURES_OK` whatever the driver takes.
    pub refuses_features: bool,
    /// Does not finish a reset.
    pub stuck: bool,
    /// Does not take MSI-X entries, for queues or the configuration.
    pub refuses_entries: bool,
    /// Notification offset of all queues, instead of each queue's number.
    pub notify_offset: Option<u16>,
    /// Most descriptors of a queue.
    pub queue_size: u16,
    /// Whether the driver may choose a smaller size.
    pub size_writable: bool,
    /// The network configuration.
    pub mac: [u8; 6],
    /// The network configuration.
    pub mtu: u16,
    /// The MTU from its second reading on.
    pub next_mtu: Option<u16>,
    /// The network configuration.
    pub max_pairs: u16,
    /// How often a read of the MAC address still finds a changed configuration.
    pub unstable: u32,
    /// What the driver did.
    pub log: Vec<Event>,
    /// What it must not do.
    pub violations: Vec<String>,
    /// Interrupts raised.
    pub raised: Vec<Raised>,
    /// Queue pairs that the driver set by command.
    pub pairs_set: Option<u16>,
    /// Says no to commands.
    pub refuses_commands: bool,

    /// The PCI command register.
    pub command: u16,
    /// The MSI-X control word's upper two bits.
    pub msix_control: u16,
    /// The MSI-X table: address low and high, data, vector control.
    pub msix_table: Vec<[u32; 4]>,

    pub(super) shape: Shape,
    memory: FakeMemory,
    status: u8,
    generation: u8,
    isr: u8,
    link_status: u16,
    config_entry: u16,
    device_select: u32,
    driver_select: u32,
    taken: u64,
    select: u16,
    queues: Vec<QueueRegisters>,
}

impl Model {
    pub(super) fn new(shape: Shape, memory: FakeMemory) -> Self {
        let basic = Features::VERSION_1 | Features::MAC | Features::MTU | Features::STATUS;
        let uhyve = basic | Features::CSUM | Features::GUEST_CSUM;
        let rich = Features::DRIVER | Features::MRG_RXBUF | Features::RING_INDIRECT_DESC;
        Self {
            offered: if shape.is_uhyve() { uhyve } else { rich },
            refuses_features: false,
            stuck: false,
            refuses_entries: false,
            notify_offset: None,
            queue_size: 256,
            size_writable: !shape.is_uhyve(),
            mac: [0x52, 0x54, 0, 0x12, 0x34, 0x56],
            mtu: 1500,
            next_mtu: None,
            max_pairs: 4,
            unstable: 0,
            log: Vec::new(),
            violations: Vec::new(),
            raised: Vec::new(),
            pairs_set: None,
            refuses_commands: false,
            shape,
            command: 0,
            msix_control: 0,
            msix_table: (0..shape.msix_entries()).map(|_| [0, 0, 0, 1]).collect(),
            memory,
            status: NEEDS_RESET,
            generation: 0,
            isr: 0,
            link_status: 1,
            config_entry: NO_ENTRY,
            device_select: 0,
            driver_select: 0,
            taken: 0,
            select: 0,
            queues: Vec::new(),
        }
    }

    /// The status register.
    pub fn status(&self) -> u8 {
        self.status
    }

    /// Features that the driver took.
    pub fn taken(&self) -> Features {
        Features::from_bits(self.taken)
    }

    /// How often the driver notified a queue.
    pub fn notified(&self, queue: u16) -> usize {
        self.log.iter().filter(|&&event| event == Event::Notified(queue)).count()
    }

    /// Fails the device (§2.1.2).
    pub fn break_down(&mut self) {
        self.status |= NEEDS_RESET;
        self.config_changed();
    }

    /// Plugs the cable in, or out.
    pub fn set_link(&mut self, up: bool) {
        self.link_status = u16::from(up);
        self.config_changed();
    }

    /// Tells the driver, if it is ready (§2.5).
    fn config_changed(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        if self.status & DRIVER_OK != 0 {
            self.raise(self.config_entry, 2);
        }
    }

    pub(super) fn queue_mut(&mut self, queue: u16) -> &mut DeviceQueue {
        let found = self.queues.get_mut(usize::from(queue)).and_then(|queue| queue.device_side.as_mut());
        found.unwrap_or_else(|| panic!("queue {queue} is not enabled"))
    }

    /// Raises the interrupt of a queue, if the driver wants one.
    pub(super) fn interrupt(&mut self, queue: u16) {
        let wanted = self.queue_mut(queue).interrupt_wanted();
        // uhyve interrupts for each frame received, whatever the driver wants, and for none sent.
        let wanted = if self.shape.is_uhyve() { queue.is_multiple_of(2) } else { wanted };
        if wanted {
            self.raise(self.queues[usize::from(queue)].entry, 1);
        }
    }

    /// Raises an MSI-X entry's interrupt, or the line's with what it is for.
    fn raise(&mut self, entry: u16, isr: u8) {
        if self.msix_control & 0x8000 == 0 {
            self.isr |= isr;
            if self.command & 0x400 == 0 {
                self.raised.push(Raised::Line);
            }
            return;
        }
        if let Some([low, high, data, control]) = self.msix_table.get(usize::from(entry)).copied()
            && control & 1 == 0
            && self.msix_control & 0x4000 == 0
        {
            self.raised.push(Raised::Message(u64::from(low) | u64::from(high) << 32, data));
        }
    }

    pub(super) fn violate(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    fn queue_count(&self) -> u16 {
        if self.offered.contains(Features::MQ) { 2 * self.max_pairs + 1 } else { 2 }
    }

    fn reset(&mut self) {
        self.taken = 0;
        self.isr = 0;
        self.config_entry = NO_ENTRY;
        let size = self.queue_size;
        let fresh = || QueueRegisters {
            size,
            entry: NO_ENTRY,
            enabled: false,
            address: Addresses::default(),
            device_side: None,
        };
        self.queues = (0..self.queue_count()).map(|_| fresh()).collect();
    }

    fn write_status(&mut self, value: u8) {
        self.log.push(Event::Status(value));
        if value == 0 {
            if !self.stuck {
                self.reset();
                self.status = 0;
            }
            return;
        }
        let new = value & !self.status;
        let expected = match self.status {
            0 => 1,
            1 => 2,
            3 => FEATURES_OK,
            0xb => DRIVER_OK,
            _ => 0,
        };
        if new & 128 == 0 && (value & self.status != self.status || new != expected) {
            self.violate(format!("status {value:#x} after {:#x}", self.status));
            self.status |= NEEDS_RESET;
            return;
        }
        self.status = value;
        if new == FEATURES_OK && (self.refuses_features || self.taken & !self.offered.bits() != 0) {
            self.status &= !FEATURES_OK;
        }
    }

    fn enable(&mut self) {
        let event_idx = self.taken().contains(Features::RING_EVENT_IDX);
        let memory = self.memory.clone();
        if self.status & FEATURES_OK == 0 || self.status & DRIVER_OK != 0 {
            self.violate("queue enabled before the features were settled or after the driver was ready");
        }
        let select = self.select;
        let Some(queue) = self.queues.get_mut(usize::from(select)) else { return };
        queue.enabled = true;
        queue.device_side = Some(DeviceQueue::new(memory, queue.size, queue.address, event_idx));
        self.log.push(Event::Enabled(select));
    }

    fn half(of: u64, select: u32) -> u32 {
        match select {
            0 => of as u32,
            1 => (of >> 32) as u32,
            _ => 0,
        }
    }

    fn set_half(of: &mut u64, high: bool, value: u32) {
        let shift = if high { 32 } else { 0 };
        *of = *of & !(0xffff_ffff << shift) | u64::from(value) << shift;
    }

    pub(super) fn read_common(&mut self, offset: usize, size: usize) -> u32 {
        let count = self.queue_count();
        let queue = self.queues.get(usize::from(self.select));
        let (width, value) = match offset {
            0 => (4, self.device_select),
            4 => (4, Self::half(self.offered.bits(), self.device_select)),
            8 => (4, self.driver_select),
            12 => (4, Self::half(self.taken, self.driver_select)),
            16 => (2, u32::from(self.config_entry)),
            18 => (2, u32::from(count)),
            20 => (1, u32::from(self.status)),
            21 => (1, u32::from(self.generation)),
            22 => (2, u32::from(self.select)),
            24 => (2, queue.map_or(0, |queue| u32::from(queue.size))),
            26 => (2, queue.map_or(0xffff, |queue| u32::from(queue.entry))),
            28 => (2, queue.map_or(0, |queue| u32::from(queue.enabled))),
            30 => (2, u32::from(self.notify_offset.unwrap_or(self.select))),
            _ => (0, u32::MAX),
        };
        if width != size {
            self.violate(format!("{size}-byte read of common configuration at {offset}"));
        }
        value
    }

    pub(super) fn write_common(&mut self, offset: usize, size: usize, value: u32) {
        let select = usize::from(self.select);
        let width = match offset {
            0 => {
                self.device_select = value;
                4
            }
            8 => {
                self.driver_select = value;
                4
            }
            12 => {
                let upper = self.driver_select == 1;
                if self.shape.is_uhyve() && upper {
                    // It keeps one word for both halves; the upper one leaves nothing of what came before.
                    self.taken = 0;
                }
                Self::set_half(&mut self.taken, upper, value);
                if !upper {
                    self.log.push(Event::Features(self.taken));
                }
                4
            }
            16 => {
                self.config_entry = self.entry(value);
                2
            }
            20 => {
                self.write_status(value as u8);
                1
            }
            22 => {
                if value >= u32::from(self.queue_count()) {
                    self.violate(format!("queue {value} selected"));
                }
                self.select = value as u16;
                2
            }
            24 if self.size_writable => {
                if value > u32::from(self.queue_size) || !value.is_power_of_two() {
                    self.violate(format!("queue size {value} of at most {}", self.queue_size));
                }
                self.queues[select].size = value as u16;
                2
            }
            // uhyve's is read-only and such a write without effect.
            24 => 2,
            26 => {
                self.queues[select].entry = self.entry(value);
                2
            }
            28 => {
                self.enable();
                2
            }
            32 | 36 => {
                Self::set_half(&mut self.queues[select].address.descriptors, offset == 36, value);
                4
            }
            40 | 44 => {
                Self::set_half(&mut self.queues[select].address.driver, offset == 44, value);
                4
            }
            48 | 52 => {
                Self::set_half(&mut self.queues[select].address.device, offset == 52, value);
                4
            }
            _ => 0,
        };
        if width != size {
            self.violate(format!("{size}-byte write of common configuration at {offset}"));
        }
    }

    /// What becomes of an MSI-X entry that the driver chose (§4.1.5.1.2).
    fn entry(&self, value: u32) -> u16 {
        let there = usize::from(value as u16) < self.msix_table.len() && !self.refuses_entries;
        if there { value as u16 } else { NO_ENTRY }
    }

    pub(super) fn read_device(&mut self, offset: usize, size: usize) -> u32 {
        let (width, value) = match offset {
            0..6 => {
                if offset == 5 && self.unstable > 0 {
                    self.unstable -= 1;
                    self.generation = self.generation.wrapping_add(1);
                    self.mac[0] = self.mac[0].wrapping_add(4);
                }
                (1, u32::from(self.mac[offset]))
            }
            6 => (2, u32::from(self.link_status)),
            8 => (2, u32::from(self.max_pairs)),
            10 => {
                let now = self.mtu;
                self.mtu = self.next_mtu.unwrap_or(now);
                (2, u32::from(now))
            }
            _ => (0, u32::MAX),
        };
        if width != size {
            self.violate(format!("{size}-byte read of network configuration at {offset}"));
        }
        value
    }

    pub(super) fn read_isr(&mut self) -> u32 {
        u32::from(core::mem::take(&mut self.isr))
    }

    pub(super) fn write_notify(&mut self, offset: usize, size: usize, value: u32) {
        if size != 2 || offset != 4 * value as usize || value >= u32::from(self.queue_count()) {
            self.violate(format!("{size}-byte notification {value} at {offset}"));
        }
        if self.status & DRIVER_OK == 0 {
            self.violate("notification before the driver was ready");
        }
        self.log.push(Event::Notified(value as u16));
        if self.offered.contains(Features::MQ) && value == u32::from(2 * self.max_pairs) {
            self.carry_out();
        }
    }

    /// Carries out what is in the control queue.
    fn carry_out(&mut self) {
        let (refuses, most) = (self.refuses_commands, self.max_pairs);
        let mut set = None;
        let queue = self.queue_mut(2 * most);
        while let Some(chain) = queue.pop() {
            let answer = match queue.read(&chain)[..] {
                [4, 0, low, high] if !refuses && (1..=most).contains(&u16::from_le_bytes([low, high])) => {
                    set = Some(u16::from_le_bytes([low, high]));
                    0
                }
                _ => 1,
            };
            let written = queue.write(&chain, &[answer]);
            queue.push(u32::from(chain.head), written);
        }
        self.pairs_set = set.or(self.pairs_set);
    }
}
