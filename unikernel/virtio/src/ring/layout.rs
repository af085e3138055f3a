//! Where the parts of a split virtqueue lie (§2.7.5 to §2.7.8), in one run of shared memory.

/// Descriptor flag: the chain goes on.
pub const DESC_NEXT: u16 = 1;
/// Descriptor flag: the device writes here.
pub const DESC_WRITE: u16 = 2;
/// Flag of the available ring: the driver wants no interrupts.
pub const NO_INTERRUPT: u16 = 1;
/// Flag of the used ring: the device wants no notifications.
pub const NO_NOTIFY: u16 = 1;

/// The most descriptors that a ring may have (§2.7).
pub const MAX_SIZE: u16 = 32768;

/// The two sides' parts begin on cache lines of their own.
const LINE: usize = 64;

/// Where the device finds the parts of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Addresses {
    /// Descriptor area: the descriptor table.
    pub descriptors: u64,
    /// Driver area: the available ring.
    pub driver: u64,
    /// Device area: the used ring.
    pub device: u64,
}

/// Offsets of a ring's parts.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub size: u16,
    avail: usize,
    used: usize,
}

impl Layout {
    /// The layout for `size` descriptors, if that is a size.
    pub fn new(size: u16) -> Option<Self> {
        if !size.is_power_of_two() || !(2..=MAX_SIZE).contains(&size) {
            return None;
        }
        let n = usize::from(size);
        let avail = (16 * n).next_multiple_of(LINE);
        let used = (avail + 6 + 2 * n).next_multiple_of(LINE);
        Some(Self { size, avail, used })
    }

    pub fn len(&self) -> usize {
        self.used + 6 + 8 * usize::from(self.size)
    }

    pub fn addresses(&self, base: u64) -> Addresses {
        Addresses { descriptors: base, driver: base + self.avail as u64, device: base + self.used as u64 }
    }

    /// The place of an index in its ring.
    fn slot(&self, index: u16) -> usize {
        usize::from(index & (self.size - 1))
    }

    pub fn desc(&self, id: u16) -> usize {
        16 * self.slot(id)
    }

    pub fn avail_flags(&self) -> usize {
        self.avail
    }

    pub fn avail_idx(&self) -> usize {
        self.avail + 2
    }

    pub fn avail_entry(&self, index: u16) -> usize {
        self.avail + 4 + 2 * self.slot(index)
    }

    /// Where the driver says at which used index it wants an interrupt.
    pub fn used_event(&self) -> usize {
        self.avail + 4 + 2 * usize::from(self.size)
    }

    pub fn used_flags(&self) -> usize {
        self.used
    }

    pub fn used_idx(&self) -> usize {
        self.used + 2
    }

    pub fn used_entry(&self, index: u16) -> usize {
        self.used + 4 + 8 * self.slot(index)
    }

    /// Where the device says at which available index it wants a notification.
    pub fn avail_event(&self) -> usize {
        self.used + 4 + 8 * usize::from(self.size)
    }
}
