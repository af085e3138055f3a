//! The data path of TCP allocates nothing: counted by the allocator itself while two engines exchange data.

use allocation_counter::measure;
use protocols::congestion::lookup;
use protocols::tcp::{Checksum, Config, ConnId, Egress, Engine, Full, Header, Kinds, Part, Path, Payload, Secrets};
use protocols::time::{Duration, Instant};
use smoltcp::wire::IpAddress;

const SLOTS: usize = 512;

/// A link of fixed memory; every `lose`th segment is lost.
struct Wire {
    slots: Vec<[u8; 1600]>,
    lengths: Vec<usize>,
    used: usize,
    count: u64,
    lose: u64,
}

impl Wire {
    fn new(lose: u64) -> Self {
        Self { slots: vec![[0; 1600]; SLOTS], lengths: vec![0; SLOTS], used: 0, count: 0, lose }
    }
}

impl Egress for Wire {
    fn send(&mut self, _: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full> {
        if self.used == SLOTS {
            return Err(Full::Link);
        }
        self.count += 1;
        if self.lose > 0 && self.count.is_multiple_of(self.lose) {
            return Ok(());
        }
        let slot = &mut self.slots[self.used];
        let mut len = header.write(slot);
        for Part { octets, .. } in payload {
            slot[len..len + octets.len()].copy_from_slice(octets);
            len += octets.len();
        }
        self.lengths[self.used] = len;
        self.used += 1;
        Ok(())
    }
}

struct Pair {
    now: Instant,
    engines: [Engine; 2],
    paths: [Path; 2],
    wires: [Wire; 2],
    conns: [Option<ConnId>; 2],
    received: u64,
}

impl Pair {
    fn new(lose: u64) -> Self {
        let engine = |seed| {
            let cubic = lookup("cubic").unwrap().standalone();
            Engine::new(Config::default(), Secrets::from_seed([seed; 32]), cubic)
        };
        let address = |host| IpAddress::v4(10, 0, 0, host);
        let path = |local, remote| Path { local: address(local), remote: address(remote), link: [0; 6] };
        let mut pair = Self {
            now: Instant::from_secs(1),
            engines: [engine(1), engine(2)],
            paths: [path(1, 2), path(2, 1)],
            wires: [Wire::new(lose), Wire::new(0)],
            conns: [None; 2],
            received: 0,
        };
        pair.engines[1].listen(80, 8).unwrap();
        pair.conns[0] = Some(pair.engines[0].connect(pair.now, pair.paths[0], 80, None).unwrap());
        pair
    }

    /// One exchange: each side sends what it may, the other takes it. A millisecond passes.
    fn round(&mut self) {
        self.now += Duration::from_millis(1);
        for side in [0, 1] {
            let [first, second] = &mut self.wires;
            let (wire, back) = if side == 0 { (first, second) } else { (second, first) };
            self.engines[side].poll(self.now, wire);
            let arrived = core::mem::take(&mut wire.used);
            for slot in 0..arrived {
                let segment = &wire.slots[slot][..wire.lengths[slot]];
                self.engines[1 - side].receive(self.now, &self.paths[1 - side], segment, Checksum::Verified, back);
            }
        }
        for side in [0, 1] {
            while let Some(event) = self.engines[side].next_event() {
                if event.kinds.contains(Kinds::ACCEPTED) {
                    self.conns[side] = Some(event.conn);
                }
            }
            let Some(conn) = self.conns[side] else { continue };
            if side == 0 {
                let _ = self.engines[0].send_with(conn, |room| room.len());
            } else if let Ok(read) = self.engines[1].recv_with(conn, |octets| octets.len()) {
                self.received += read as u64;
            }
        }
    }
}

#[test]
fn steady_state_allocates_nothing() {
    for lose in [0, 500, 50] {
        let mut made = None;
        assert!(measure(|| made = Some(Pair::new(lose))).count_total > 0, "nothing is counted");
        let mut pair = made.unwrap();
        while pair.received < 20_000_000 {
            pair.round();
        }
        let received = pair.received;
        let segments = pair.engines[1].counters().segments_in;
        let steady = || {
            while pair.received < received + 20_000_000 {
                pair.round();
            }
        };
        let allocations = measure(steady).count_total;
        let segments = pair.engines[1].counters().segments_in - segments;
        assert!(segments > 10_000);
        assert_eq!(allocations, 0, "{segments} segments, every {lose}th lost");
        assert_eq!(pair.engines[0].counters().retransmitted > 0, lose > 0);
    }
}
