use super::config::CAPABILITIES;
use super::*;
use crate::fake::{Event, FakeNic, Raised, Shape};
use crate::mmio::{Mmio, Registers};
use crate::transport::{Notify, QueueSetup, Status, Transport, TransportError};
use alloc::rc::Rc;
use core::cell::RefCell;

const SHAPES: [Shape; 4] = [Shape::Qemu { msix: 3 }, Shape::Qemu { msix: 0 }, Shape::Uhyve, Shape::ConfigSpace];

/// A configuration space of plain bytes.
#[derive(Clone)]
struct Bytes(Rc<RefCell<[u8; 256]>>);

impl Bytes {
    fn new(fill: impl FnOnce(&mut [u8; 256])) -> Self {
        let mut bytes = [0; 256];
        bytes[..4].copy_from_slice(&[0xf4, 0x1a, 0x41, 0x10]);
        fill(&mut bytes);
        Self(Rc::new(RefCell::new(bytes)))
    }
}

impl PciConfig for Bytes {
    fn read8(&self, offset: u8) -> u8 {
        self.0.borrow()[usize::from(offset)]
    }
    fn read16(&self, offset: u8) -> u16 {
        u16::from_le_bytes([self.read8(offset), self.read8(offset + 1)])
    }
    fn read32(&self, offset: u8) -> u32 {
        u32::from(self.read16(offset)) | u32::from(self.read16(offset + 2)) << 16
    }
    fn write8(&self, offset: u8, value: u8) {
        self.0.borrow_mut()[usize::from(offset)] = value;
    }
    fn write16(&self, offset: u8, value: u16) {
        self.write8(offset, value as u8);
        self.write8(offset + 1, (value >> 8) as u8);
    }
    fn write32(&self, offset: u8, value: u32) {
        self.write16(offset, value as u16);
        self.write16(offset + 2, (value >> 16) as u16);
    }
}

struct Nowhere;

impl Mmio for Nowhere {
    type Window = crate::mmio::MmioWindow;
    fn map(&self, _: u64, _: usize) -> Option<Self::Window> {
        None
    }
}

#[test]
fn the_card_is_found_on_the_bus() {
    for shape in SHAPES {
        let ports = FakeNic::new(shape).ports();
        let config = find_network(ports.clone()).unwrap();
        assert_eq!(config.address(), Address { bus: 0, device: 2, function: 0 });
        let looked = ports.looked.lock().unwrap();
        assert!(looked.iter().all(|place| place.0 == 0 && place.2 == 0), "absent and single functions have no others");
    }
}

#[test]
fn other_functions_are_named() {
    let config = Bytes::new(|bytes| bytes[2] = 0);
    let error = PciTransport::open(config, Nowhere).err().unwrap();
    assert_eq!(error, PciError::NotVirtioNet { vendor: 0x1af4, device: 0x1000 });
}

#[test]
fn a_capability_list_may_lie() {
    let read = |fill: fn(&mut [u8; 256])| Capabilities::read(&Bytes::new(fill));
    assert_eq!(read(|_| {}), Ok(Capabilities::default()));
    // In a circle, and into the header.
    assert!(matches!(read(|b| [b[0x34], b[0x40], b[0x41]] = [0x40, 9, 0x40]), Err(PciError::BadCapabilityList { .. })));
    assert_eq!(read(|b| b[0x34] = 0x3c), Err(PciError::BadCapabilityList { pointer: 0x3c }));
    // At the end of the space, too short, with a reserved BAR, with an offset that overflows.
    assert_eq!(read(|b| [b[0x34], b[0xfc], b[0xfe], b[0xff]] = [0xfc, 9, 16, 1]), Ok(Capabilities::default()));
    assert_eq!(read(|b| [b[0x34], b[0xfc], b[0xfe]] = [0xfc, 0x11, 16]), Ok(Capabilities::default()));
    let structure = |bar: u8, len: u8, offset: u8| {
        Capabilities::read(&Bytes::new(|b| {
            [b[0x34], b[0x40], b[0x42], b[0x43], b[0x44]] = [0x40, 9, len, 1, bar];
            b[0x48..0x4c].fill(offset);
            b[0x4c] = 60;
        }))
    };
    assert_eq!(structure(4, 16, 1).unwrap().common, Some(Place { bar: 4, offset: 0x0101_0101, length: 60 }));
    for found in [structure(6, 16, 1), structure(4, 15, 1), structure(4, 16, 0xff)] {
        assert_eq!(found, Ok(Capabilities::default()));
    }
}

#[test]
fn the_first_of_several_structures_counts() {
    let config = Bytes::new(|b| {
        b[0x34] = 0x40;
        [b[0x40], b[0x41], b[0x42], b[0x43], b[0x44]] = [9, 0x50, 16, 3, 1];
        [b[0x50], b[0x51], b[0x52], b[0x53], b[0x54]] = [9, 0, 16, 3, 2];
    });
    assert_eq!(Capabilities::read(&config).unwrap().isr.unwrap().bar, 1);
}

#[test]
fn structures_that_are_missing_short_or_nowhere_are_named() {
    let nic = FakeNic::new(Shape::Qemu { msix: 3 });
    let copy = |change: fn(&mut [u8; 256])| {
        Bytes::new(|bytes| {
            for (at, byte) in (0..=255).zip(bytes.iter_mut()) {
                *byte = nic.config().read8(at);
            }
            change(bytes);
        })
    };
    let error = |change| PciTransport::open(copy(change), nic.mmio()).err().unwrap();
    assert_eq!(error(|b| b[usize::from(CAPABILITIES)] = 0), PciError::Missing(StructureKind::Common));
    // Common configuration of 55 bytes.
    assert_eq!(error(|b| [b[0x4c], b[0x4d]] = [55, 0]), PciError::Missing(StructureKind::Common));
    // BAR 4 is of ports; then has no address, with structures that do not fit the configuration space.
    assert!(matches!(error(|b| b[0x20] = 1), PciError::BadBar { bar: 4, value } if value & 1 == 1));
    assert_eq!(error(|b| b[0x20..0x28].fill(0)), PciError::BadBar { bar: 4, value: 0 });
    // A BAR elsewhere.
    assert!(matches!(error(|b| b[0x27] = 1), PciError::NotMapped { .. }));
    assert!(PciTransport::open(copy(|_| {}), nic.mmio()).is_ok());
}

#[test]
fn a_64_bit_bar_cannot_be_the_last() {
    let config = Bytes::new(|b| b[0x24] = 4);
    assert_eq!(bar::memory_address(&config, 5), Err(PciError::BadBar { bar: 5, value: 4 }));
    let config = Bytes::new(|b| b[0x20..0x28].copy_from_slice(&0x12_3456_7000_000cu64.to_le_bytes()));
    assert_eq!(bar::memory_address(&config, 4), Ok(0x12_3456_7000_0000));
}

#[test]
fn a_window_of_the_configuration_space_keeps_to_its_bounds() {
    let window: Window<Bytes, crate::mmio::MmioWindow> =
        Window::Config { config: Bytes::new(|b| b[0xf8..].fill(7)), base: 0xf8, length: 8 };
    assert_eq!((window.read32(4), window.read16(6), window.read8(7)), (0x0707_0707, 0x0707, 7));
    window.write8(8, 1);
    window.write32(6, 1);
    window.write16(usize::MAX, 1);
    assert_eq!((window.read8(8), window.read16(7), window.read32(usize::MAX)), (0xff, 0xffff, u32::MAX));
    assert_eq!(window.read32(0), 0x0707_0707);
    window.write16(2, 0x0102);
    assert_eq!(window.read32(0), 0x0102_0707);
}

#[test]
fn every_shape_reaches_the_same_registers() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
        transport.set_status(Status::RESET);
        assert_eq!(transport.status(), Status::RESET);
        transport.set_status(Status::ACKNOWLEDGE);
        transport.set_status(Status::ACKNOWLEDGE | Status::DRIVER);
        assert_eq!(transport.device_features(), nic.model().offered.bits());
        transport.set_driver_features(0x1_0000_0020);
        assert_eq!(nic.model().taken().bits(), 0x1_0000_0020);
        transport.set_status(Status::ACKNOWLEDGE | Status::DRIVER | Status::FEATURES_OK);
        assert_eq!((transport.config8(5), transport.config16(10)), (0x56, 1500));

        let count = transport.queue_count();
        assert_eq!(transport.settle_queue_size(count, 8), Err(TransportError::NoQueue { queue: count, count }));
        let size = transport.settle_queue_size(1, 64).unwrap();
        assert_eq!(size, if shape.is_uhyve() { 256 } else { 64 });
        let memory = nic.memory();
        let ring = crate::ring::Ring::new(memory, size, false).unwrap();
        let setup = QueueSetup { queue: 1, size, addresses: ring.addresses(), entry: None };
        let notifier = transport.enable_queue(&setup).unwrap();
        transport.set_status(Status(0xf));
        notifier.notify();
        assert_eq!(nic.model().log.last(), Some(&Event::Notified(1)));
        assert_eq!(nic.queue(1, |queue| queue.size()), size);
        assert_eq!(nic.model().violations, [""; 0], "{shape:?}");
    }
}

#[test]
fn a_size_is_never_above_the_device_s() {
    for (most, wanted, settled) in [(256, 64, 64), (64, 64, 64), (16, 64, 16)] {
        let nic = FakeNic::with(Shape::Qemu { msix: 0 }, |model| model.queue_size = most);
        let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
        transport.set_status(Status::RESET);
        assert_eq!(transport.settle_queue_size(0, wanted), Ok(settled));
        assert_eq!(nic.model().violations, [""; 0]);
    }
}

#[test]
fn a_notification_register_outside_its_structure_is_refused() {
    // uhyve's structure has 8 bytes, so two registers 4 bytes apart; QEMU's 4096.
    for (shape, offset, good) in [
        (Shape::Uhyve, 1, true),
        (Shape::Uhyve, 2, false),
        (Shape::Qemu { msix: 0 }, 1023, true),
        (Shape::Qemu { msix: 0 }, 1024, false),
        (Shape::Qemu { msix: 0 }, u16::MAX, false),
    ] {
        let nic = FakeNic::with(shape, |model| model.notify_offset = Some(offset));
        let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
        for status in [0, 1, 3, 0xb] {
            transport.set_status(Status(status));
        }
        let setup = QueueSetup { queue: 0, size: 256, addresses: Default::default(), entry: None };
        let error = transport.enable_queue(&setup).err();
        assert_eq!(error, (!good).then_some(TransportError::BadNotify { queue: 0, offset }));
    }
}

#[test]
fn sizes_that_are_none_are_refused() {
    let nic = FakeNic::with(Shape::Uhyve, |model| model.queue_size = 100);
    let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
    transport.set_status(Status::RESET);
    assert_eq!(transport.settle_queue_size(0, 64), Err(TransportError::BadQueueSize { queue: 0, size: 100 }));
}

#[test]
fn messages_are_aimed_and_the_line_is_off() {
    let nic = FakeNic::new(Shape::Qemu { msix: 3 });
    let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
    assert_eq!(transport.msix_entries(), Some(3));
    nic.model().msix_control = 0x4000;
    let targets = [MsixTarget { apic_id: 0, vector: 0xe0 }, MsixTarget { apic_id: 5, vector: 0xe1 }];
    assert_eq!(transport.route_interrupts(&targets), Ok(Interrupt::Msix { entries: 2 }));
    let model = nic.model();
    assert_eq!(model.msix_table[0], [0xfee0_0000, 0, 0xe0, 0]);
    assert_eq!(model.msix_table[1], [0xfee0_5000, 0, 0xe1, 0]);
    assert_eq!(model.msix_table[2][3], 1, "entries not in use are masked");
    assert_eq!((model.msix_control, model.command), (0x8000, 0x406));
    assert_eq!(model.raised, [] as [Raised; 0]);
}

#[test]
fn wrong_targets_are_refused_before_anything_is_set() {
    let nic = FakeNic::new(Shape::Qemu { msix: 1 });
    let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
    let good = MsixTarget { apic_id: 0, vector: 0xe0 };
    assert_eq!(transport.route_interrupts(&[good; 2]), Err(TransportError::TooFewEntries { wanted: 2, count: 1 }));
    let bad = MsixTarget { vector: 15, ..good };
    assert_eq!(transport.route_interrupts(&[bad]), Err(TransportError::BadVector(15)));
    assert_eq!(nic.model().msix_control, 0);
    for shape in [Shape::Uhyve, Shape::Qemu { msix: 0 }] {
        let nic = FakeNic::new(shape);
        let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
        assert_eq!(transport.route_interrupts(&[good]), Ok(Interrupt::Line(11)));
    }
}
