//! The line that says that everything listens.

use core::fmt;

use protocols::stack::{Ipv4Cidr, Ipv6Address};

/// Everything listens. `Display` is the whole line that people and tools wait for on the serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    pub(super) address: Ipv4Cidr,
    /// What IPv6 address there is now; routers may bring another.
    pub(super) address6: Option<Ipv6Address>,
    pub(super) processors: usize,
    pub(super) tcp: alloc::vec::Vec<u16>,
    pub(super) udp: alloc::vec::Vec<u16>,
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "midflight: ready address={}", self.address)?;
        if let Some(address6) = self.address6 {
            write!(f, " address6={address6}")?;
        }
        write!(f, " processors={}", self.processors)?;
        ports(f, " tcp=", &self.tcp)?;
        ports(f, " udp=", &self.udp)
    }
}

fn ports(f: &mut fmt::Formatter<'_>, key: &str, ports: &[u16]) -> fmt::Result {
    f.write_str(key)?;
    ports.iter().enumerate().try_for_each(|(index, port)| write!(f, "{}{port}", if index == 0 { "" } else { "," }))
}
