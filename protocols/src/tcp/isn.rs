//! What must be hard to guess: initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323 section 5.4), ephemeral ports
//! (RFC 6056), and the hash of the connection table.

use core::hash::Hasher;

use siphasher::sip::SipHasher13;
use smoltcp::wire::IpAddress;

use super::lookup::Key;
use super::seq::Seq;
use crate::time::Instant;

/// SipHash-1-3 of `octets`.
pub(crate) fn keyed(key: &[u8; 16], octets: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(octets);
    hasher.finish()
}

/// SipHash-1-3 of a connection's identity and a word that separates the uses.
pub(crate) fn hash(key: &[u8; 16], connection: &Key, purpose: u32) -> u64 {
    let mut octets = [0u8; 40];
    let ports = (u32::from(connection.local_port) << 16) | u32::from(connection.remote_port);
    octets[..4].copy_from_slice(&ports.to_ne_bytes());
    octets[4..8].copy_from_slice(&purpose.to_ne_bytes());
    let mut at = 8;
    for address in [&connection.local, &connection.remote] {
        match address {
            IpAddress::Ipv4(address) => {
                octets[at..at + 4].copy_from_slice(&address.octets());
                at += 4;
            }
            IpAddress::Ipv6(address) => {
                octets[at..at + 16].copy_from_slice(&address.octets());
                at += 16;
            }
        }
    }
    keyed(key, &octets[..at])
}

/// The initial sequence number of a connection opened at `now`: a clock of 4 µs ticks plus a keyed hash of the connection's identity
/// (RFC 6528 section 3).
pub(crate) fn initial_sequence(key: &[u8; 16], connection: &Key, now: Instant) -> Seq {
    let clock = (now.total_micros() as u64 / 4) as u32;
    Seq(clock.wrapping_add(hash(key, connection, 1) as u32))
}

/// What is added to the clock in a connection's timestamps. It depends on the identity alone, so that a new incarnation of a connection
/// continues where the old one ended (RFC 6191).
pub(crate) fn timestamp_offset(key: &[u8; 16], connection: &Key) -> u32 {
    hash(key, connection, 2) as u32
}

/// Where the search for an ephemeral port begins (RFC 6056 section 3.3.3).
pub(crate) fn port_offset(key: &[u8; 16], local: IpAddress, remote: IpAddress, remote_port: u16) -> u32 {
    hash(key, &Key { local, remote, local_port: 0, remote_port }, 3) as u32
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::IpAddress;

    use super::*;

    const KEY: Key =
        Key { local: IpAddress::v4(10, 0, 0, 1), remote: IpAddress::v4(10, 0, 0, 2), local_port: 7, remote_port: 9 };

    #[test]
    fn sequence_numbers_follow_the_clock_and_differ_by_identity() {
        let isn = |key: &Key, micros| initial_sequence(&[5; 16], key, Instant::from_micros(micros));
        assert_eq!(isn(&KEY, 400) - isn(&KEY, 0), 100u32);
        let other = Key { remote_port: 10, ..KEY };
        assert_ne!(isn(&KEY, 0), isn(&other, 0));
        assert_ne!(isn(&KEY, 0), initial_sequence(&[6; 16], &KEY, Instant::from_micros(0)));
    }

    #[test]
    fn uses_are_separated() {
        assert_ne!(hash(&[1; 16], &KEY, 1), hash(&[1; 16], &KEY, 2));
        let swapped = Key { local: KEY.remote, remote: KEY.local, ..KEY };
        assert_ne!(hash(&[1; 16], &KEY, 1), hash(&[1; 16], &swapped, 1));
    }
}
