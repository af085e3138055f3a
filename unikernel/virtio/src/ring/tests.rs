use super::*;
use crate::fake::{Chain, DeviceQueue, FakeMemory};
use alloc::vec::Vec;

fn both(size: u16, event_idx: bool) -> (Ring, DeviceQueue, FakeMemory) {
    let memory = FakeMemory::default();
    let ring = Ring::new(&memory, size, event_idx).unwrap();
    let device = DeviceQueue::new(memory.clone(), size, ring.addresses(), event_idx);
    (ring, device, memory)
}

/// Segments in memory that the device may reach.
fn segment(memory: &FakeMemory, len: u32, direction: Direction) -> Segment {
    let bus = memory.allocate(1).unwrap().bus;
    Segment { bus, len, direction }
}

fn out(memory: &FakeMemory) -> Segment {
    segment(memory, 64, Direction::ToDevice)
}

#[test]
fn sizes_are_powers_of_two() {
    let memory = FakeMemory::default();
    for size in [0, 1, 3, 255, 0xffff] {
        assert_eq!(Ring::new(&memory, size, true).unwrap_err(), RingError::BadSize(size));
    }
    let ring = Ring::new(&memory, MAX_SIZE, true).unwrap();
    assert_eq!((ring.size(), ring.free()), (MAX_SIZE, MAX_SIZE));
    memory.limit(0);
    assert!(matches!(Ring::new(&memory, 2, true), Err(RingError::OutOfMemory(_))));
}

#[test]
fn parts_are_aligned_and_apart() {
    // §2.7: 16, 2 and 4 bytes.
    for size in (1..=15).map(|shift| 1u16 << shift) {
        let at = Layout::new(size).unwrap().addresses(0);
        let n = u64::from(size);
        assert!(at.driver.is_multiple_of(2) && at.device.is_multiple_of(4));
        assert!(at.descriptors + 16 * n <= at.driver && at.driver + 6 + 2 * n <= at.device);
    }
}

#[test]
fn chains_arrive_whole_and_come_back() {
    let (mut ring, mut device, memory) = both(8, false);
    let chain = [
        out(&memory),
        segment(&memory, 100, Direction::ToDevice),
        segment(&memory, 30, Direction::FromDevice),
        segment(&memory, 12, Direction::FromDevice),
    ];
    ring.add(&chain, 77).unwrap();
    assert_eq!((ring.free(), ring.in_flight()), (4, 1));
    let got = device.pop().unwrap();
    assert_eq!(got.segments, chain);
    device.push(got.head.into(), 42);
    assert_eq!(ring.pop(), Ok(Some(Used { token: 77, len: 42 })));
    assert_eq!((ring.free(), ring.in_flight(), ring.pop()), (8, 0, Ok(None)));
}

#[test]
fn a_full_ring_says_so_and_stays_as_it_is() {
    let (mut ring, mut device, memory) = both(4, true);
    let one = out(&memory);
    ring.add(&[one; 3], 1).unwrap();
    assert_eq!(ring.add(&[one; 2], 2), Err(RingError::Full { wanted: 2, free: 1 }));
    ring.add(&[one], 3).unwrap();
    assert_eq!(ring.add(&[one], 4), Err(RingError::Full { wanted: 1, free: 0 }));
    assert_eq!(device.pop().unwrap().segments.len(), 3);
    assert_eq!(device.pop().unwrap().segments.len(), 1);
    assert!(device.pop().is_none());
}

#[test]
fn improper_chains_are_refused() {
    let (mut ring, _, memory) = both(4, true);
    let (to, from) = (out(&memory), segment(&memory, 8, Direction::FromDevice));
    assert_eq!(ring.add(&[], 0), Err(RingError::BadChain));
    assert_eq!(ring.add(&[from, to], 0), Err(RingError::BadChain));
    assert_eq!(ring.add(&[Segment { len: 0, ..to }], 0), Err(RingError::BadChain));
    assert_eq!(ring.add(&[Segment { len: u32::MAX, ..from }, from], 0), Err(RingError::BadChain));
    assert_eq!((ring.free(), ring.in_flight()), (4, 0));
}

/// Chains of different lengths, completed in an order of the device's own, many times around the 16-bit index.
#[test]
fn nothing_is_lost_over_many_wraps() {
    for event_idx in [false, true] {
        let (mut ring, mut device, memory) = both(16, event_idx);
        let one = segment(&memory, 1000, Direction::FromDevice);
        let mut random = Random(7);
        let mut held: Vec<Chain> = Vec::new();
        let (mut given, mut back) = (0u32, 0u32);
        let mut out = [0u16; 1 << 16];
        while back < 70_000 {
            for _ in 0..random.below(6) {
                let token = given as u16;
                if ring.add(&[one; 3][..1 + random.below(3)], token).is_ok() {
                    out[usize::from(token)] += 1;
                    given += 1;
                }
            }
            while let Some(chain) = device.pop() {
                held.push(chain);
            }
            for _ in 0..random.below(held.len() + 1) {
                let chain = held.swap_remove(random.below(held.len()));
                device.push(chain.head.into(), 1000);
            }
            while let Some(used) = ring.pop().unwrap() {
                out[usize::from(used.token)] = out[usize::from(used.token)].checked_sub(1).expect("came back twice");
                assert_eq!(used.len, 1000);
                back += 1;
            }
            assert_eq!(u32::from(ring.in_flight()), given - back);
        }
        assert_eq!(usize::from(ring.in_flight()), held.len());
        assert_eq!(out.iter().map(|&n| u32::from(n)).sum::<u32>(), given - back);
    }
}

#[test]
fn one_notification_for_a_burst() {
    for event_idx in [false, true] {
        let (mut ring, mut device, memory) = both(16, event_idx);
        let one = out(&memory);
        assert!(!ring.kick_wanted(false), "nothing was added");
        for token in 0..5 {
            ring.add(&[one], token).unwrap();
        }
        assert!(ring.kick_wanted(false));
        assert!(!ring.kick_wanted(false));
        // The device is at work and wants no notification.
        device.pop().unwrap();
        device.ask_notify(false);
        for token in 5..9 {
            ring.add(&[one], token).unwrap();
        }
        assert!(!ring.kick_wanted(false));
        // It empties the ring and asks again.
        while device.pop().is_some() {}
        assert!(device.ask_notify(true));
        ring.add(&[one], 9).unwrap();
        assert!(ring.kick_wanted(false));
    }
}

#[test]
fn a_device_that_asks_again_sees_what_came_meanwhile() {
    for event_idx in [false, true] {
        let (mut ring, mut device, memory) = both(16, event_idx);
        let one = out(&memory);
        device.ask_notify(false);
        ring.add(&[one], 0).unwrap();
        assert!(!ring.kick_wanted(false));
        assert!(!device.ask_notify(true), "the chain came while no notification was wanted");
    }
}

#[test]
fn interrupts_come_only_when_armed() {
    for event_idx in [false, true] {
        let (mut ring, mut device, memory) = both(16, event_idx);
        let one = out(&memory);
        for token in 0..8 {
            ring.add(&[one], token).unwrap();
        }
        let complete = |device: &mut DeviceQueue| {
            let chain = device.pop().unwrap();
            device.push(chain.head.into(), 0);
            device.interrupt_wanted()
        };
        assert!(!complete(&mut device), "a new ring is not armed");
        assert!(!ring.arm(), "one completion is there already");
        assert!(ring.pop().unwrap().is_some());
        assert!(ring.arm());
        assert!(complete(&mut device));
        if event_idx {
            assert!(!complete(&mut device), "one interrupt for one arming");
        }
        while ring.pop().unwrap().is_some() {}
        ring.disarm();
        assert!(!complete(&mut device));
        assert!(ring.pending() && !ring.arm());
    }
}

/// The device completes between the last look and the arming: either arming sees it, or the device sees the arming.
#[test]
fn arming_has_no_gap() {
    for event_idx in [false, true] {
        for completes_before in [false, true] {
            let (mut ring, mut device, memory) = both(4, event_idx);
            ring.add(&[out(&memory)], 0).unwrap();
            assert_eq!(ring.pop(), Ok(None));
            let chain = device.pop().unwrap();
            if completes_before {
                device.push(chain.head.into(), 0);
                let interrupted = device.interrupt_wanted();
                assert!(!interrupted && !ring.arm());
            } else {
                assert!(ring.arm());
                device.push(chain.head.into(), 0);
                assert!(device.interrupt_wanted());
            }
        }
    }
}

#[test]
fn delayed_interrupts_come_once_enough_is_done() {
    let (mut ring, mut device, memory) = both(16, true);
    let one = out(&memory);
    for token in 0..8 {
        ring.add(&[one], token).unwrap();
    }
    assert!(ring.arm_after(6));
    let mut wanted = Vec::new();
    for _ in 0..8 {
        let chain = device.pop().unwrap();
        device.push(chain.head.into(), 0);
        wanted.push(device.interrupt_wanted());
    }
    assert_eq!(wanted, [false, false, false, false, false, true, false, false]);
    assert!(!ring.arm_after(6));
}

#[test]
fn lies_are_named_and_harmless() {
    let (mut ring, mut device, memory) = both(8, true);
    let buffer = segment(&memory, 100, Direction::FromDevice);
    for token in 10..14 {
        ring.add(&[buffer], token).unwrap();
    }
    let heads: Vec<u16> = (0..4).map(|_| device.pop().unwrap().head).collect();
    device.push(8, 1);
    device.push(u32::MAX, 1);
    assert_eq!(ring.pop(), Err(DeviceFault::UnknownId { id: 8 }));
    assert_eq!(ring.pop(), Err(DeviceFault::UnknownId { id: u32::MAX }));
    // Never given; then completed twice.
    device.push(7, 1);
    device.push(heads[0].into(), 1);
    device.push(heads[0].into(), 1);
    assert_eq!(ring.pop(), Err(DeviceFault::NotInFlight { id: 7 }));
    assert_eq!(ring.pop(), Ok(Some(Used { token: 10, len: 1 })));
    assert_eq!(ring.pop(), Err(DeviceFault::NotInFlight { id: heads[0] }));
    device.push(heads[1].into(), 101);
    assert_eq!(ring.pop(), Err(DeviceFault::TooLong { token: 11, len: 101, limit: 100 }));
    device.push(heads[2].into(), 100);
    assert_eq!(ring.pop(), Ok(Some(Used { token: 12, len: 100 })));
    assert_eq!((ring.in_flight(), ring.free(), ring.is_broken()), (1, 7, false));
}

#[test]
fn the_middle_of_a_chain_is_no_completion() {
    let (mut ring, mut device, memory) = both(8, true);
    ring.add(&[out(&memory); 3], 1).unwrap();
    let head = device.pop().unwrap().head;
    let second = memory.load16(ring.addresses().descriptors + 16 * u64::from(head) + 14);
    device.push(second.into(), 0);
    assert_eq!(ring.pop(), Err(DeviceFault::NotInFlight { id: second }));
    device.push(head.into(), 0);
    assert_eq!(ring.pop(), Ok(Some(Used { token: 1, len: 0 })));
}

#[test]
fn a_length_for_read_only_chains_means_nothing() {
    let (mut ring, mut device, memory) = both(2, false);
    ring.add(&[out(&memory)], 5).unwrap();
    let head = device.pop().unwrap().head;
    device.push(head.into(), 64);
    assert_eq!(ring.pop(), Ok(Some(Used { token: 5, len: 0 })));
}

#[test]
fn an_index_that_jumps_breaks_the_ring() {
    for jump in [3u16, 0x8000, 0xffff] {
        let (mut ring, mut device, memory) = both(8, true);
        let one = out(&memory);
        ring.add(&[one], 0).unwrap();
        ring.add(&[one], 1).unwrap();
        device.jump(jump);
        assert_eq!(ring.pop(), Err(DeviceFault::IndexJump { claimed: jump, in_flight: 2 }));
        assert!(ring.is_broken() && !ring.pending() && ring.arm(), "a broken ring must not keep a processor awake");
        assert_eq!((ring.pop(), ring.kick_wanted(false)), (Ok(None), false));
        assert_eq!(ring.add(&[one], 2), Err(RingError::Broken));
    }
}

/// What the driver believes is its own: a device that scribbles over the descriptor table changes nothing for it.
#[test]
fn the_descriptor_table_is_not_believed() {
    let (mut ring, mut device, memory) = both(8, false);
    ring.add(&[out(&memory); 2], 1).unwrap();
    let head = device.pop().unwrap().head;
    let table = memory.read(ring.addresses().descriptors, 128);
    memory.write(ring.addresses().descriptors, &[0xff; 128]);
    device.push(head.into(), 0);
    assert_eq!(ring.pop(), Ok(Some(Used { token: 1, len: 0 })));
    assert_eq!(ring.free(), 8);
    for token in 0..4 {
        ring.add(&[out(&memory); 2], token).unwrap();
    }
    assert_ne!(memory.read(ring.addresses().descriptors, 128), table);
    assert_eq!((0..4).map(|_| device.pop().unwrap().segments.len()).collect::<Vec<_>>(), [2; 4]);
}

#[test]
fn crossing_is_what_a_walk_finds() {
    for base in [0u16, 7, 0x7fff, 0xfff0, 0xffff] {
        for step in 0..40u16 {
            for event in 0..80u16 {
                let (old, new, event) = (base, base.wrapping_add(step), base.wrapping_sub(20).wrapping_add(event));
                let walked = (0..step).any(|i| old.wrapping_add(i) == event);
                assert_eq!(crossed(event, old, new), walked, "{event} {old} {new}");
            }
        }
    }
}

/// xorshift64*, seeded.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }
}
