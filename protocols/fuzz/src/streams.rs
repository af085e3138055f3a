//! What every connection's two streams must hold: an octet that follows from its position. So each retransmission, however it is
//! cut, and whatever a service reads, however it came in, can be checked.

use protocols::tcp::ConnId;

/// A connection that a peer has opened.
pub struct Stream {
    conn: ConnId,
    /// The peer's port, and ours.
    ports: (u16, u16),
    /// The sequence number of our first octet, and of the peer's.
    ours: u32,
    theirs: u32,
    written: u32,
    read: u32,
    /// Octets of another origin may have come in.
    spoiled: bool,
}

#[derive(Default)]
pub struct Streams(Vec<Stream>);

fn octet(position: u32) -> u8 {
    (position as u8) ^ ((position >> 8) as u8).wrapping_mul(31)
}

impl Streams {
    /// A SYN-ACK was sent: it names both first sequence numbers.
    pub fn opened(&mut self, conn: ConnId, ports: (u16, u16), ours: u32, theirs: u32) {
        if self.0.iter().all(|stream| stream.conn != conn) {
            self.0.push(Stream { conn, ports, ours, theirs, written: 0, read: 0, spoiled: false });
        }
    }

    fn latest(&mut self, ports: (u16, u16)) -> Option<&mut Stream> {
        self.0.iter_mut().rfind(|stream| stream.ports == ports)
    }

    fn of(&mut self, conn: ConnId) -> Option<&mut Stream> {
        self.0.iter_mut().find(|stream| stream.conn == conn)
    }

    /// What the peer sends at `sequence`.
    pub fn payload(&mut self, ports: (u16, u16), sequence: u32, length: usize) -> Vec<u8> {
        let first = self.latest(ports).map_or(0, |stream| stream.theirs);
        (0..length as u32).map(|n| octet(sequence.wrapping_add(n).wrapping_sub(first))).collect()
    }

    /// The fuzzer made a segment of its own.
    pub fn spoil(&mut self, ports: (u16, u16)) {
        self.0.iter_mut().filter(|stream| stream.ports == ports).for_each(|stream| stream.spoiled = true);
    }

    /// The service writes.
    pub fn write(&mut self, conn: ConnId, room: &mut [u8]) {
        let Some(stream) = self.of(conn) else { return };
        for place in room {
            *place = octet(stream.written);
            stream.written = stream.written.wrapping_add(1);
        }
    }

    /// The service reads.
    pub fn read(&mut self, conn: ConnId, octets: &[u8]) {
        let Some(stream) = self.of(conn).filter(|stream| !stream.spoiled) else { return };
        for &received in octets {
            assert_eq!(received, octet(stream.read), "octet {} that the service of {conn} reads", stream.read);
            stream.read = stream.read.wrapping_add(1);
        }
    }

    /// The stack sent these octets.
    pub fn check(&mut self, ports: (u16, u16), sequence: u32, payload: &[u8]) {
        let Some(stream) = self.latest(ports) else { return };
        for (n, &sent) in payload.iter().enumerate() {
            let position = sequence.wrapping_add(n as u32).wrapping_sub(stream.ours);
            // A probe of a closed window may carry an octet that was acknowledged already, or one before the first.
            assert_eq!(sent, octet(position), "octet {position} that {:?} is sent", stream.ports);
        }
    }
}
