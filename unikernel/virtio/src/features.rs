//! Feature bits (§5.1.3 for the network device, §6 for what all devices share).

use core::fmt;
use core::ops::{BitAnd, BitOr, Not};

/// A set of feature bits.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u64);

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $(needs $($need:ident)|+)?;)*) => {
        impl Features {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name))),*];
            /// Bit, and the bits of which it needs one at least (§5.1.3.1).
            const NEEDS: &'static [(Self, Self)] = &[$($((Self::$name, Self(0 $(| Self::$need.0)+)),)?)*];
        }
    };
}

features! {
    /// The device completes partial checksums of transmitted frames.
    CSUM = 0;
    /// The driver takes frames with partial or already verified checksums.
    GUEST_CSUM = 1;
    /// The device says its largest MTU.
    MTU = 3;
    /// The device says its MAC address.
    MAC = 5;
    /// The driver takes large TCP/IPv4 frames.
    GUEST_TSO4 = 7 needs GUEST_CSUM;
    /// The driver takes large TCP/IPv6 frames.
    GUEST_TSO6 = 8 needs GUEST_CSUM;
    /// The device cuts large TCP/IPv4 frames.
    HOST_TSO4 = 11 needs CSUM;
    /// The device cuts large TCP/IPv6 frames.
    HOST_TSO6 = 12 needs CSUM;
    /// A received frame may lie in several buffers.
    MRG_RXBUF = 15;
    /// The device says whether the link is up.
    STATUS = 16;
    /// There is a control queue.
    CTRL_VQ = 17;
    /// There are several queue pairs, and the device steers between them.
    MQ = 22 needs CTRL_VQ;
    /// Descriptors may lie in a table of their own.
    RING_INDIRECT_DESC = 28;
    /// Notifications and interrupts are asked for by index (§2.7.7, §2.7.10).
    RING_EVENT_IDX = 29;
    /// The device follows version 1 of the standard.
    VERSION_1 = 32;
    /// The device reaches memory through an IOMMU or the like.
    ACCESS_PLATFORM = 33;
    /// The queues are packed ones (§2.8).
    RING_PACKED = 34;
}

impl Features {
    /// No feature.
    pub const NONE: Self = Self(0);
    /// What the driver can use today. `GUEST_TSO` besides needs receive buffers that hold the largest frame.
    pub const DRIVER: Self = Self(
        Self::VERSION_1.0
            | Self::MAC.0
            | Self::MTU.0
            | Self::STATUS.0
            | Self::RING_EVENT_IDX.0
            | Self::CSUM.0
            | Self::GUEST_CSUM.0
            | Self::HOST_TSO4.0
            | Self::HOST_TSO6.0
            | Self::GUEST_TSO4.0
            | Self::GUEST_TSO6.0
            | Self::CTRL_VQ.0
            | Self::MQ.0,
    );

    /// The set with these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The set's bits, also unnamed ones.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether one of `other` at least is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// This set without the features whose requirements (§5.1.3.1) it does not hold.
    pub fn consistent(self) -> Self {
        let mut set = self;
        // Requirements are two deep at most; the loop ends when nothing changes.
        loop {
            let before = set;
            for &(feature, needs) in Self::NEEDS {
                if set.contains(feature) && !set.intersects(needs) {
                    set = set & !feature;
                }
            }
            if set == before {
                return set;
            }
        }
    }
}

impl BitOr for Features {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Features {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Features {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut space = "";
        for &(feature, name) in Self::NAMES {
            if self.contains(feature) {
                write!(f, "{space}{name}")?;
                space = " ";
                rest &= !feature.0;
            }
        }
        if rest != 0 || self.0 == 0 {
            write!(f, "{space}{rest:#x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Features({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Features;
    use alloc::format;

    #[test]
    fn requirements_are_closed() {
        let without_csum = (Features::DRIVER & !Features::CSUM).consistent();
        assert!(!without_csum.intersects(Features::HOST_TSO4 | Features::HOST_TSO6));
        assert!(without_csum.contains(Features::GUEST_CSUM | Features::GUEST_TSO4));
        assert!(!(Features::DRIVER & !Features::CTRL_VQ).consistent().contains(Features::MQ));
        assert_eq!(Features::DRIVER.consistent(), Features::DRIVER);
    }

    #[test]
    fn names_and_unnamed_bits_are_shown() {
        assert_eq!(
            format!("{}", Features::MAC | Features::VERSION_1 | Features::from_bits(1 << 50)),
            "MAC VERSION_1 0x4000000000000"
        );
        assert_eq!(format!("{}", Features::NONE), "0x0");
    }
}
