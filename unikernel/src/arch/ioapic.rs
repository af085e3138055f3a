//! The I/O APIC, for a device that has an interrupt line and no messages: uhyve's network card.
//!
//! Hermit leaves the I/O APIC alone under uhyve. There is one, KVM's, at its usual address, all pins masked (Intel 82093AA, section 3.2).

use super::paging::physical;

/// Where every PC has its first.
const ADDRESS: u64 = 0xfec0_0000;
/// Offset of the register that the window shows is selected at offset 0.
const WINDOW: u64 = 0x10;
/// First of the redirection table's registers, two for each pin.
const TABLE: u32 = 0x10;
/// Pins that every one has.
pub const PINS: u8 = 24;

/// Lets `pin`, below [`PINS`], raise `vector` on the processor whose APIC is `destination`: fixed delivery, physical destination, active high, by edge.
/// On the boot processor alone, since two accesses belong together.
pub fn route_edge(pin: u8, vector: u8, destination: u8) {
    let entry = TABLE + 2 * u32::from(pin);
    // The upper half first: the lower one unmasks.
    write(entry + 1, u32::from(destination) << 24);
    write(entry, vector.into());
}

fn write(register: u32, value: u32) {
    // SAFETY: the registers of the I/O APIC, seen through the map of physical memory, which Hermit does not use under uhyve.
    unsafe {
        physical::<u32>(ADDRESS).write_volatile(register);
        physical::<u32>(ADDRESS + WINDOW).write_volatile(value);
    }
}
