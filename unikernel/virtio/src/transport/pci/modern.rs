//! The registers of a modern virtio device on PCI (§4.1.4).

use super::config::{COMMAND, COMMAND_MASTER, COMMAND_MEMORY, INTERRUPT_LINE, INTERRUPT_PIN, is_network};
use super::msix::MsixTable;
use super::{Capabilities, Interrupt, IsrStatus, MsixTarget, PciConfig, PciError, Place, StructureKind, Window};
use crate::mmio::{Mmio, Registers};
use crate::transport::{Notify, QueueSetup, Status, Transport, TransportError};

/// Offsets in the common configuration structure (§4.1.4.3).
mod common {
    pub const DEVICE_FEATURE_SELECT: usize = 0;
    pub const DEVICE_FEATURE: usize = 4;
    pub const DRIVER_FEATURE_SELECT: usize = 8;
    pub const DRIVER_FEATURE: usize = 12;
    pub const CONFIG_MSIX_VECTOR: usize = 16;
    pub const NUM_QUEUES: usize = 18;
    pub const DEVICE_STATUS: usize = 20;
    pub const CONFIG_GENERATION: usize = 21;
    pub const QUEUE_SELECT: usize = 22;
    pub const QUEUE_SIZE: usize = 24;
    pub const QUEUE_MSIX_VECTOR: usize = 26;
    pub const QUEUE_ENABLE: usize = 28;
    pub const QUEUE_NOTIFY_OFF: usize = 30;
    pub const QUEUE_DESC: usize = 32;
    pub const QUEUE_DRIVER: usize = 40;
    pub const QUEUE_DEVICE: usize = 48;
    /// Bytes up to here are needed.
    pub const LENGTH: u32 = 56;
}

/// The most bytes of the device's configuration that are mapped; the network device's has fewer (§5.1.4).
const DEVICE_LENGTH: u32 = 64;

/// A modern virtio device on PCI.
pub struct PciTransport<C: PciConfig, M: Mmio> {
    config: C,
    mmio: M,
    common: Window<C, M::Window>,
    isr: Window<C, M::Window>,
    device: Window<C, M::Window>,
    notify: Place,
    notify_multiplier: u32,
    msix: Option<MsixTable<Window<C, M::Window>>>,
}

impl<C: PciConfig, M: Mmio> PciTransport<C, M> {
    /// Finds the registers of the function and opens them; lets the function answer in memory space and access memory.
    pub fn open(config: C, mmio: M) -> Result<Self, PciError> {
        is_network(&config)?;
        let found = Capabilities::read(&config)?;
        let need = |place: Option<Place>, kind, least: u32, most: u32| {
            let place = place.filter(|place| place.length >= least).ok_or(PciError::Missing(kind))?;
            Ok(Place { length: place.length.min(most), ..place })
        };
        let common = need(found.common, StructureKind::Common, common::LENGTH, common::LENGTH)?;
        let isr = need(found.isr, StructureKind::Isr, 1, 1)?;
        let device = need(found.device, StructureKind::Device, 8, DEVICE_LENGTH)?;
        let notify = need(found.notify, StructureKind::Notify, 2, u32::MAX)?;

        let command = config.read16(COMMAND);
        config.write16(COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER);
        let open = |place| Window::open(&config, &mmio, place);
        let msix = match found.msix {
            Some(capability) => Some(MsixTable::new(capability, open(capability.table)?)),
            None => None,
        };
        Ok(Self {
            common: open(common)?,
            isr: open(isr)?,
            device: open(device)?,
            notify,
            notify_multiplier: found.notify_multiplier,
            msix,
            config,
            mmio,
        })
    }

    /// The MSI-X table, where the device has one.
    pub fn msix_entries(&self) -> Option<u16> {
        self.msix.as_ref().map(MsixTable::entries)
    }

    /// Selects a queue that the device has. Devices may take a selection beyond amiss, so none is made.
    fn select(&self, queue: u16) -> Result<(), TransportError> {
        let count = self.queue_count();
        if queue >= count {
            return Err(TransportError::NoQueue { queue, count });
        }
        self.common.write16(common::QUEUE_SELECT, queue);
        Ok(())
    }

    /// 64-bit fields are written as two halves (§4.1.3.1).
    fn write64(&self, offset: usize, value: u64) {
        self.common.write32(offset, value as u32);
        self.common.write32(offset + 4, (value >> 32) as u32);
    }

    /// The notification register of the selected queue, mapped for itself (§4.1.4.4).
    fn notifier(&self, queue: u16) -> Result<Notifier<Window<C, M::Window>>, TransportError> {
        let offset = self.common.read16(common::QUEUE_NOTIFY_OFF);
        let error = TransportError::BadNotify { queue, offset };
        let from = u32::from(offset).checked_mul(self.notify_multiplier).ok_or(error)?;
        if from.checked_add(2).is_none_or(|end| end > self.notify.length) {
            return Err(error);
        }
        let place = Place { bar: self.notify.bar, offset: self.notify.offset + from, length: 2 };
        let register = Window::open(&self.config, &self.mmio, place).map_err(|_| error)?;
        Ok(Notifier { register, queue })
    }
}

/// The notification register of a queue.
#[derive(Debug)]
pub struct Notifier<W> {
    register: W,
    queue: u16,
}

impl<W: Registers> Notify for Notifier<W> {
    #[inline]
    fn notify(&self) {
        self.register.write16(0, self.queue);
    }
}

impl<C: PciConfig, M: Mmio> Transport for PciTransport<C, M> {
    type Notify = Notifier<Window<C, M::Window>>;

    fn status(&self) -> Status {
        Status(self.common.read8(common::DEVICE_STATUS))
    }

    fn set_status(&mut self, status: Status) {
        self.common.write8(common::DEVICE_STATUS, status.0);
    }

    fn device_features(&mut self) -> u64 {
        let half = |select: u32| {
            self.common.write32(common::DEVICE_FEATURE_SELECT, select);
            u64::from(self.common.read32(common::DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn set_driver_features(&mut self, bits: u64) {
        // The upper half first: uhyve forgets the lower one when the upper comes.
        for (select, half) in [(1, (bits >> 32) as u32), (0, bits as u32)] {
            self.common.write32(common::DRIVER_FEATURE_SELECT, select);
            self.common.write32(common::DRIVER_FEATURE, half);
        }
    }

    fn queue_count(&self) -> u16 {
        self.common.read16(common::NUM_QUEUES)
    }

    fn settle_queue_size(&mut self, queue: u16, wanted: u16) -> Result<u16, TransportError> {
        self.select(queue)?;
        let most = self.common.read16(common::QUEUE_SIZE);
        if most == 0 {
            return Err(TransportError::NoQueue { queue, count: self.queue_count() });
        }
        if most > wanted {
            self.common.write16(common::QUEUE_SIZE, wanted);
        }
        // A device for which the field is read-only (uhyve) keeps its own size, and that is what both sides must use.
        let size = self.common.read16(common::QUEUE_SIZE);
        if size.is_power_of_two() && size >= 2 { Ok(size) } else { Err(TransportError::BadQueueSize { queue, size }) }
    }

    fn enable_queue(&mut self, setup: &QueueSetup) -> Result<Self::Notify, TransportError> {
        self.select(setup.queue)?;
        let notifier = self.notifier(setup.queue)?;
        self.write64(common::QUEUE_DESC, setup.addresses.descriptors);
        self.write64(common::QUEUE_DRIVER, setup.addresses.driver);
        self.write64(common::QUEUE_DEVICE, setup.addresses.device);
        if let Some(entry) = setup.entry {
            self.common.write16(common::QUEUE_MSIX_VECTOR, entry);
            if self.common.read16(common::QUEUE_MSIX_VECTOR) != entry {
                return Err(TransportError::EntryRefused { queue: setup.queue, entry });
            }
        }
        self.common.write16(common::QUEUE_ENABLE, 1);
        Ok(notifier)
    }

    fn route_interrupts(&mut self, targets: &[MsixTarget]) -> Result<Interrupt, TransportError> {
        let Some(msix) = self.msix.as_ref().filter(|_| !targets.is_empty()) else {
            // An interrupt pin of 0 means that the function has no line; 255 that its number is unknown.
            let (pin, line) = (self.config.read8(INTERRUPT_PIN), self.config.read8(INTERRUPT_LINE));
            return Ok(if pin == 0 || line == 255 { Interrupt::None } else { Interrupt::Line(line) });
        };
        let count = msix.entries();
        let entries = u16::try_from(targets.len()).ok().filter(|&n| n <= count);
        let entries = entries.ok_or(TransportError::TooFewEntries { wanted: targets.len(), count })?;
        if let Some(target) = targets.iter().find(|target| target.vector < 16) {
            return Err(TransportError::BadVector(target.vector));
        }
        for (entry, &target) in (0..entries).zip(targets) {
            msix.set(entry, target);
        }
        for entry in entries..count {
            msix.mask(entry);
        }
        msix.enable(&self.config);
        Ok(Interrupt::Msix { entries })
    }

    fn route_config_interrupt(&mut self, entry: u16, target: MsixTarget) -> bool {
        let Some(msix) = self.msix.as_ref().filter(|msix| entry < msix.entries() && target.vector >= 16) else {
            return false;
        };
        msix.set(entry, target);
        self.common.write16(common::CONFIG_MSIX_VECTOR, entry);
        self.common.read16(common::CONFIG_MSIX_VECTOR) == entry
    }

    fn acknowledge(&self) -> IsrStatus {
        let bits = self.isr.read8(0);
        IsrStatus { queue: bits & 1 != 0, configuration: bits & 2 != 0 }
    }

    fn config_generation(&self) -> u8 {
        self.common.read8(common::CONFIG_GENERATION)
    }

    fn config8(&self, offset: usize) -> u8 {
        self.device.read8(offset)
    }

    fn config16(&self, offset: usize) -> u16 {
        self.device.read16(offset)
    }
}
