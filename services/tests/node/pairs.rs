//! A card with several queue pairs that steers as badly as can be.

use crate::rig::Rig;

#[test]
fn frames_in_the_wrong_queue_reach_their_service() {
    // As many pairs as processors, and fewer.
    for pairs in [2, 3] {
        let mut rig = Rig::with_pairs(3, pairs, "rps=on");
        for length in [1, 64, 1_472] {
            let octets: Vec<u8> = (0..length).map(|at| at as u8).collect();
            assert_eq!(rig.datagram(50_000, 7, &octets), Some(octets));
        }
        for number in 0..12 {
            let handle = rig.connect(7);
            let octets = vec![number; 30_000];
            rig.send(handle, &octets);
            assert_eq!(rig.receive(handle, octets.len()), octets);
        }
        let counters = rig.records("status");
        let of = |processor: u64, name: &str| -> u64 {
            let own = counters.iter().filter(|record| record.number("processor") == Some(processor));
            own.filter_map(|record| record.number(name)).sum()
        };
        for processor in 0..3 {
            assert!(of(processor, "stack.segments") > 0, "{counters:?}");
            assert_eq!(of(processor, "stack.handover_dropped"), 0);
        }
        assert!(of(1, "stack.handed_over") > 0 && of(1, "stack.host_elsewhere") > 0, "{counters:?}");
        assert_eq!(of(2, "stack.handed_over") > 0, pairs == 3);
        assert_eq!(of(0, "stack.forwarded") > 0, pairs == 2, "who has a pair sends by itself");
    }
}

#[test]
fn without_rps_connections_live_where_their_frames_come() {
    for pairs in [1, 2] {
        let mut rig = Rig::with_pairs(3, pairs, "");
        for number in 0..12 {
            let handle = rig.connect(7);
            rig.send(handle, &[number; 3_000]);
            assert_eq!(rig.receive(handle, 3_000), [number; 3_000]);
        }
        let counters = rig.records("status");
        for record in counters.iter().filter(|record| record.number("stack.segments").is_some()) {
            let processor = record.number("processor").unwrap() as usize;
            assert!(processor < pairs, "processor {processor} of {pairs} with a pair has connections: {record:?}");
        }
        assert!(counters.iter().all(|record| record.number("stack.forwarded").is_none()), "{counters:?}");
    }
}
