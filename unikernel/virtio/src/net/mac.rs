//! Addresses of the device (IEEE 802: the two lowest bits of the first byte say whether an address is of a group, and whether it was given locally).

const GROUP: u8 = 1;
const LOCAL: u8 = 2;

/// An address for a device that says none (§5.1.5), from random bits: one that no manufacturer gave.
pub fn random_mac(random: u64) -> [u8; 6] {
    let [first, second, third, fourth, fifth, sixth, ..] = random.to_le_bytes();
    [first & !GROUP | LOCAL, second, third, fourth, fifth, sixth]
}

/// Whether an address can be a device's own: not of a group, and not all zeros.
pub(super) fn is_own(mac: [u8; 6]) -> bool {
    mac[0] & GROUP == 0 && mac != [0; 6]
}
