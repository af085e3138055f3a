//! The line that says that everything listens.

use core::fmt;

use protocols::stack::Ipv4Cidr;

/// Everything listens. `Display` is the whole line that people and tools wait for on the serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    pub(super) address: Ipv4Cidr,
    pub(super) processors: usize,
    pub(super) tcp: alloc::vec::Vec<u16>,
    pub(super) udp: u16,
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "midflight: ready address={} processors={} tcp=", self.address, self.processors)?;
        for (index, port) in self.tcp.iter().enumerate() {
            write!(f, "{}{port}", if index == 0 { "" } else { "," })?;
        }
        write!(f, " udp={}", self.udp)
    }
}
