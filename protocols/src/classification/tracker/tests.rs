use super::*;

const A: (u128, u16) = (1 << 96, 40_000);
const B: (u128, u16) = (2 << 96, 80);

fn flow(protocol: u8, from: (u128, u16), to: (u128, u16)) -> Flow {
    let (tuple, upwards) = Tuple::of(protocol, from, to);
    Flow::Between { tuple, upwards, begins: true, opens: false, ends: false }
}

fn opening(flow: Flow) -> Flow {
    let Flow::Between { tuple, upwards, .. } = flow else { unreachable!("only connections are opened") };
    Flow::Between { tuple, upwards, begins: true, opens: true, ends: false }
}

fn ending(flow: Flow) -> Flow {
    let Flow::Between { tuple, upwards, .. } = flow else { unreachable!("only connections end") };
    Flow::Between { tuple, upwards, begins: false, opens: false, ends: true }
}

#[test]
fn a_connection_is_established_when_both_ends_have_sent() {
    let mut tracker = Tracker::new([1; 16]);
    let (there, back) = (flow(6, A, B), flow(6, B, A));
    assert_eq!(tracker.state(&there, 0), Tracking::New);
    tracker.note(&there, 0);
    assert_eq!(tracker.state(&there, 1), Tracking::New, "the same end again");
    assert_eq!(tracker.state(&back, 1), Tracking::Established, "the answer");
    tracker.note(&back, 1);
    assert_eq!(tracker.state(&there, 2), Tracking::Established);
    let other = flow(6, (A.0, 40_001), B);
    assert_eq!(tracker.state(&other, 2), Tracking::New);
    assert_eq!(tracker.state(&ending(other), 2), Tracking::Invalid, "a RST of nothing begins nothing");
    tracker.note(&ending(other), 2);
    assert_eq!(tracker.len(), 1);
}

#[test]
fn errors_are_related_to_what_they_are_about() {
    let mut tracker = Tracker::new([1; 16]);
    let about = Flow::About(Tuple::of(6, A, B).0);
    assert_eq!(tracker.state(&about, 0), Tracking::Invalid);
    tracker.note(&flow(6, A, B), 0);
    assert_eq!(tracker.state(&about, 0), Tracking::Related);
    tracker.note(&about, 0);
    assert_eq!((tracker.state(&Flow::Untracked, 0), tracker.len()), (Tracking::New, 1));
}

#[test]
fn a_connection_that_exists_is_picked_up_in_its_middle() {
    let mut tracker = Tracker::new([1; 16]);
    let there = flow(6, A, B);
    assert_eq!(tracker.state_or_pick_up(&there, 0, || false), Tracking::New);
    assert_eq!(tracker.state_or_pick_up(&ending(there), 0, || false), Tracking::Invalid);
    assert!(tracker.is_empty());
    // Begun by an end of it that was heard alone.
    tracker.note(&there, 0);
    assert_eq!(tracker.state_or_pick_up(&there, 1, || true), Tracking::Established);
    let known = || -> bool { unreachable!("it is known") };
    assert_eq!(tracker.state_or_pick_up(&flow(6, B, A), 7_439 * SECOND, known), Tracking::Established);
    let about = Flow::About(Tuple::of(6, (A.0, 40_001), B).0);
    assert_eq!(tracker.state_or_pick_up(&about, 2, || true), Tracking::Related);
    assert_eq!(tracker.state_or_pick_up(&ending(flow(6, B, (A.0, 40_001))), 2, known), Tracking::Established);
    assert_eq!(tracker.state_or_pick_up(&Flow::Untracked, 2, known), Tracking::New);
    assert_eq!(tracker.len(), 2);
}

#[test]
fn a_syn_on_the_ports_of_a_connection_is_new() {
    let mut tracker = Tracker::new([1; 16]);
    let (there, back) = (flow(6, A, B), flow(6, B, A));
    tracker.note(&opening(there), 0);
    tracker.note(&back, 1);
    assert_eq!(tracker.state(&opening(there), 2), Tracking::Established, "again, because the answer was lost");
    tracker.note(&there, 2);
    assert_eq!(tracker.state(&opening(there), 3), Tracking::New);
    // Whoever sends it takes nothing from the connection that there is.
    tracker.note(&opening(there), 3);
    assert_eq!(tracker.state(&there, 7_000 * SECOND), Tracking::Established);
    // When that has ended, it begins the next one, which lasts as long as any.
    tracker.note(&ending(there), 4);
    assert_eq!(tracker.state(&opening(there), 5), Tracking::New);
    for (frame, now) in [(opening(there), 5), (back, 6), (there, 7)] {
        tracker.note(&frame, now);
    }
    assert_eq!(tracker.state(&back, 7_000 * SECOND), Tracking::Established);
}

#[test]
fn the_answer_to_a_dhcp_request_comes_from_elsewhere_to_elsewhere() {
    let mut tracker = Tracker::new([1; 16]);
    tracker.note(&flow(17, (0, 68), (u128::from(u32::MAX) << 96, 67)), 0);
    let offer = flow(17, (0x0a00_0202 << 96, 67), (0x0a00_020f << 96, 68));
    assert_eq!(tracker.state(&offer, 1), Tracking::Established);
    let dns = flow(17, (0x0a00_0202 << 96, 53), (0x0a00_020f << 96, 68));
    assert_eq!(tracker.state(&dns, 1), Tracking::New);
}

#[test]
fn connections_are_forgotten_in_their_time() {
    let mut tracker = Tracker::new([1; 16]);
    for (protocol, seconds) in [(6, [240, 240, 7_440, 240]), (17, [120, 120, 300, 120]), (1, [60, 60, 60, 60])] {
        let (there, back) = (flow(protocol, A, B), flow(protocol, B, A));
        for (sent, lifetime) in seconds.into_iter().enumerate() {
            let steps = [there, back, there, ending(there)];
            let mut now = 0;
            for frame in &steps[..=sent] {
                tracker.note(frame, now);
                now += 1;
            }
            let last = now - 1;
            assert_ne!(
                tracker.state(&ending(back), last + lifetime * SECOND - 1),
                Tracking::Invalid,
                "{protocol} {sent}"
            );
            assert_eq!(tracker.state(&ending(back), last + lifetime * SECOND), Tracking::Invalid, "{protocol} {sent}");
            tracker = Tracker::new([1; 16]);
        }
    }
    // What is over begins anew.
    tracker.note(&flow(6, A, B), 0);
    tracker.note(&flow(6, B, A), 300 * SECOND);
    assert_eq!(tracker.state(&flow(6, B, A), 300 * SECOND), Tracking::New);
    assert_eq!(tracker.len(), 1);
}

#[test]
fn a_flood_does_not_push_out_what_is_confirmed() {
    let mut tracker = Tracker::with_limit([1; 16], 64);
    for (time, frame) in [flow(6, A, B), flow(6, B, A), flow(6, A, B)].into_iter().enumerate() {
        tracker.note(&frame, time as u64);
    }
    for port in 0..10_000 {
        let from = (7 << 96, port);
        tracker.note(&flow(6, from, B), 10 + u64::from(port));
        // SYN, and our own SYN-ACK.
        tracker.note(&flow(6, B, from), 10 + u64::from(port));
    }
    assert_eq!(tracker.len(), 64);
    assert_eq!(tracker.state(&flow(6, A, B), 20_000), Tracking::Established);
    assert_eq!(tracker.counts(), Counts { noted: 10_001, evicted: 10_001 - 64 });
    // Of the confirmed ones the one that was idle for longest goes.
    for client in 0..64u16 {
        let from = (9 << 96, client);
        for frame in [flow(6, from, B), flow(6, B, from), flow(6, from, B)] {
            tracker.note(&frame, 30_000 + u64::from(client));
        }
    }
    assert_eq!(tracker.state(&ending(flow(6, A, B)), 40_000), Tracking::Invalid);
    assert_eq!(tracker.state(&flow(6, B, (9 << 96, 63)), 40_000), Tracking::Established);
    assert_eq!(tracker.slots.len(), 64);
}
