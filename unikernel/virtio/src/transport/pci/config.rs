//! The PCI configuration space, and finding the network device in it.

use super::PciError;

/// Configuration space of one PCI function. `offset` is in bytes and aligned to the access.
pub trait PciConfig: Clone {
    /// Reads 8 bits.
    fn read8(&self, offset: u8) -> u8;
    /// Reads 16 bits.
    fn read16(&self, offset: u8) -> u16;
    /// Reads 32 bits.
    fn read32(&self, offset: u8) -> u32;
    /// Writes 8 bits.
    fn write8(&self, offset: u8, value: u8);
    /// Writes 16 bits.
    fn write16(&self, offset: u8, value: u16);
    /// Writes 32 bits.
    fn write32(&self, offset: u8, value: u32);
}

/// The processor's `in` and `out` instructions.
pub trait PortIo: Clone {
    /// Reads 8 bits from `port`.
    fn in8(&self, port: u16) -> u8;
    /// Reads 16 bits from `port`.
    fn in16(&self, port: u16) -> u16;
    /// Reads 32 bits from `port`.
    fn in32(&self, port: u16) -> u32;
    /// Writes 8 bits to `port`.
    fn out8(&self, port: u16, value: u8);
    /// Writes 16 bits to `port`.
    fn out16(&self, port: u16, value: u16);
    /// Writes 32 bits to `port`.
    fn out32(&self, port: u16, value: u32);
}

/// Where a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Bus.
    pub bus: u8,
    /// Device, 0 to 31.
    pub device: u8,
    /// Function, 0 to 7.
    pub function: u8,
}

const ADDRESS_PORT: u16 = 0xcf8;
const DATA_PORT: u16 = 0xcfc;

/// The configuration space through ports 0xcf8 and 0xcfc.
///
/// The lowest two bits of the offset go into the address and data pass at 0xcfc itself. Hardware wants them in the data port's number instead; QEMU takes
/// either, uhyve only this. Not for use by two processors at a time: two accesses belong together.
#[derive(Clone, Debug)]
pub struct ConfigPorts<P> {
    ports: P,
    address: Address,
}

impl<P: PortIo> ConfigPorts<P> {
    /// The configuration space of the function at `address`.
    pub fn new(ports: P, address: Address) -> Self {
        Self { ports, address }
    }

    /// Where the function is.
    pub fn address(&self) -> Address {
        self.address
    }

    fn select(&self, offset: u8) -> &P {
        let Address { bus, device, function } = self.address;
        let place = u32::from(bus) << 16 | u32::from(device & 31) << 11 | u32::from(function & 7) << 8;
        self.ports.out32(ADDRESS_PORT, 1 << 31 | place | u32::from(offset));
        &self.ports
    }
}

impl<P: PortIo> PciConfig for ConfigPorts<P> {
    fn read8(&self, offset: u8) -> u8 {
        self.select(offset).in8(DATA_PORT)
    }
    fn read16(&self, offset: u8) -> u16 {
        self.select(offset).in16(DATA_PORT)
    }
    fn read32(&self, offset: u8) -> u32 {
        self.select(offset).in32(DATA_PORT)
    }
    fn write8(&self, offset: u8, value: u8) {
        self.select(offset).out8(DATA_PORT, value);
    }
    fn write16(&self, offset: u8, value: u16) {
        self.select(offset).out16(DATA_PORT, value);
    }
    fn write32(&self, offset: u8, value: u32) {
        self.select(offset).out32(DATA_PORT, value);
    }
}

pub(super) const VENDOR: u8 = 0x00;
pub(super) const COMMAND: u8 = 0x04;
const HEADER_TYPE: u8 = 0x0e;
pub(super) const BAR0: u8 = 0x10;
pub(super) const CAPABILITIES: u8 = 0x34;
pub(super) const INTERRUPT_LINE: u8 = 0x3c;
pub(super) const INTERRUPT_PIN: u8 = 0x3d;

/// Command: the function answers in memory space.
pub(super) const COMMAND_MEMORY: u16 = 1 << 1;
/// Command: the function may access memory.
pub(super) const COMMAND_MASTER: u16 = 1 << 2;
/// Command: the function does not use its interrupt line.
pub(super) const COMMAND_NO_LINE: u16 = 1 << 10;

const VIRTIO_VENDOR: u16 = 0x1af4;
/// 0x1040 + 1, the device identifier of network cards (§4.1.2, §5.1.1).
const NETWORK_DEVICE: u16 = 0x1041;

/// Says whether the function is a modern virtio network device, or what it is instead.
pub fn is_network<C: PciConfig>(config: &C) -> Result<(), PciError> {
    let word = config.read32(VENDOR);
    let (vendor, device) = (word as u16, (word >> 16) as u16);
    if (vendor, device) == (VIRTIO_VENDOR, NETWORK_DEVICE) {
        Ok(())
    } else {
        Err(PciError::NotVirtioNet { vendor, device })
    }
}

/// The first modern virtio network device on bus 0.
pub fn find_network<P: PortIo>(ports: P) -> Option<ConfigPorts<P>> {
    for device in 0..32 {
        let mut functions = 1;
        for function in 0..8 {
            if function >= functions {
                break;
            }
            let config = ConfigPorts::new(ports.clone(), Address { bus: 0, device, function });
            if config.read32(VENDOR) as u16 == u16::MAX {
                continue;
            }
            if function == 0 && config.read32(HEADER_TYPE & !3) >> 16 & 0x80 != 0 {
                functions = 8;
            }
            if is_network(&config).is_ok() {
                return Some(config);
            }
        }
    }
    None
}
