//! Made frames, as no kernel would send them: TCP over IPv4 to the guest, from a station of ours.

/// The guest's address on a TAP.
pub const GUEST: [u8; 4] = [10, 77, 0, 2];

/// Who sends.
pub struct Station {
    pub mac: [u8; 6],
    pub address: [u8; 4],
}

impl Station {
    /// The head of a frame.
    pub fn ethernet(&self, to: [u8; 6], kind: u16) -> Vec<u8> {
        [&to[..], &self.mac, &kind.to_be_bytes()].concat()
    }

    /// An IPv4 packet with a right checksum; `change` then makes it lie, and a last argument repairs the checksum after the lie.
    pub fn ipv4(
        &self,
        mac: [u8; 6],
        protocol: u8,
        payload: &[u8],
        change: impl Fn(&mut [u8]),
        repair: bool,
    ) -> Vec<u8> {
        let mut header = [0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
        header[12..16].copy_from_slice(&self.address);
        header[16..20].copy_from_slice(&GUEST);
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum);
        change(&mut header);
        if repair {
            header[10..12].fill(0);
            let sum = checksum(&header);
            header[10..12].copy_from_slice(&sum);
        }
        [&self.ethernet(mac, 0x0800)[..], &header, payload].concat()
    }

    /// A TCP segment to the iperf3 port, its checksum right.
    pub fn tcp(&self, from_port: u16, sequence: u32, flags: u8, options: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut segment = Vec::new();
        segment.extend(from_port.to_be_bytes());
        segment.extend(5201u16.to_be_bytes());
        segment.extend(sequence.to_be_bytes());
        segment.extend([0; 4]);
        segment.extend([((20 + options.len()) * 4) as u8, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(options);
        change(&mut segment);
        let pseudo = [&self.address[..], &GUEST, &[0, 6], &(segment.len() as u16).to_be_bytes()].concat();
        let sum = checksum(&[pseudo, segment.clone()].concat());
        segment[16..18].copy_from_slice(&sum);
        segment
    }
}

/// The Internet checksum (RFC 1071).
pub fn checksum(octets: &[u8]) -> [u8; 2] {
    let mut sum: u32 =
        octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
