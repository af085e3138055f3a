//! Base address registers.

use super::config::BAR0;
use super::{PciConfig, PciError};

/// The physical address of memory BAR `bar` (0 to 5), as the firmware or hypervisor set it; 0 if it set none.
pub fn memory_address<C: PciConfig>(config: &C, bar: u8) -> Result<u64, PciError> {
    let low = config.read32(BAR0 + 4 * bar);
    let error = PciError::BadBar { bar, value: low };
    let base = u64::from(low & !0xf);
    // Bit 0: I/O ports. Bits 2:1: 0 for 32, 2 for 64 address bits.
    match low & 7 {
        0 => Ok(base),
        4 if bar < 5 => Ok(base | u64::from(config.read32(BAR0 + 4 * (bar + 1))) << 32),
        _ => Err(error),
    }
}
