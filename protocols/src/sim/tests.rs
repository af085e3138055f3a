use alloc::vec::Vec;

use super::*;
use crate::time::{Duration, Instant};

fn at(micros: i64) -> Instant {
    Instant::from_micros(micros)
}

/// Everything that arrives, with its time.
fn drain(link: &mut Link<u32>) -> Vec<(i64, u32)> {
    let mut arrivals = Vec::new();
    while let Some(now) = link.next_delivery() {
        let packet = link.receive(now).expect("a packet is due");
        arrivals.push((now.total_micros(), packet));
    }
    arrivals
}

#[test]
fn packets_leave_at_the_rate_of_the_link() {
    let config = Config { rate: 1_000_000, delay: Duration::from_millis(5), ..Config::default() };
    let mut link = Link::new(config, 1);
    for packet in 0..3 {
        link.send(at(0), 1_000, packet).unwrap();
    }
    assert_eq!(drain(&mut link), [(6_000, 0), (7_000, 1), (8_000, 2)]);
}

#[test]
fn rounding_costs_no_rate() {
    // 1500 bytes take 1.2 µs: 10 000 of them 12 ms exactly.
    let mut link = Link::new(Config { rate: 1_250_000_000, ..Config::default() }, 1);
    for packet in 0..10_000 {
        link.send(at(0), 1_500, packet).unwrap();
    }
    assert_eq!(drain(&mut link).last(), Some(&(12_000, 9_999)));
}

#[test]
fn a_full_queue_drops_the_newest() {
    let mut link = Link::new(Config { rate: 1_000_000, queue: 2_000, ..Config::default() }, 1);
    // One is being sent, two wait.
    for packet in 0..3 {
        link.send(at(0), 1_000, packet).unwrap();
    }
    assert_eq!(link.send(at(0), 1_000, 3), Err(Refused { queued: 2_000 }));
    assert_eq!(link.queued(at(1_000)), 1_000);
    link.send(at(1_000), 1_000, 4).unwrap();
    assert_eq!(drain(&mut link).iter().map(|a| a.1).collect::<Vec<_>>(), [0, 1, 2, 4]);
    assert_eq!(link.counters().overflowed, 1);
    assert_eq!(link.counters().longest_queue, 2_000);
}

#[test]
fn the_number_of_packets_is_limited() {
    let mut link = Link::new(Config { packets: 2, delay: Duration::from_secs(1), ..Config::default() }, 1);
    assert!(link.send(at(0), 1, 0).is_ok() && link.send(at(0), 1, 1).is_ok());
    assert!(link.send(at(0), 1, 2).is_err());
}

#[test]
fn independent_loss_has_its_probability() {
    let loss = Loss::Independent(Probability::from_percent(10));
    let mut link = Link::new(Config { loss, packets: usize::MAX, ..Config::default() }, 7);
    for packet in 0..100_000 {
        link.send(at(0), 1, packet).unwrap();
    }
    assert!((9_500..10_500).contains(&link.counters().lost), "{} lost of 100000", link.counters().lost);
}

#[test]
fn bursts_have_their_length() {
    let loss = Loss::Bursts {
        to_bad: Probability::from_percent(1),
        to_good: Probability::from_percent(25),
        in_good: Probability::NEVER,
        in_bad: Probability::ALWAYS,
    };
    let mut link = Link::new(Config { loss, packets: usize::MAX, ..Config::default() }, 7);
    for packet in 0..200_000 {
        link.send(at(0), 1, packet).unwrap();
    }
    let arrived: Vec<u32> = drain(&mut link).iter().map(|a| a.1).collect();
    let bursts = arrived.windows(2).filter(|pair| pair[1] - pair[0] > 1).count() as u64;
    let lost = link.counters().lost;
    // Bad for 1/(1+25) of the time, four packets at a time.
    assert!((7_000..8_400).contains(&lost), "{lost} lost of 200000");
    assert!((35..45).contains(&(lost * 10 / bursts)), "{lost} lost in {bursts} bursts");
}

#[test]
fn jitter_keeps_the_order_and_reordering_does_not() {
    let jitter = Config { jitter: Duration::from_millis(50), rate: 1_000_000, ..Config::default() };
    let mut link = Link::new(jitter, 3);
    for packet in 0..1_000 {
        link.send(at(0), 1_000, packet).unwrap();
    }
    assert!(drain(&mut link).is_sorted_by_key(|a| a.1));

    let reorder = Probability::from_percent(20);
    let mut link = Link::new(Config { reorder, reorder_by: Duration::from_millis(3), ..jitter }, 3);
    for packet in 0..1_000 {
        link.send(at(0), 1_000, packet).unwrap();
    }
    let arrivals = drain(&mut link);
    assert_eq!(arrivals.len(), 1_000);
    assert!(!arrivals.is_sorted_by_key(|a| a.1));
    assert!((150..250).contains(&link.counters().reordered));
}

#[test]
fn a_queue_of_packets_drops_the_newest() {
    let mut link = Link::new(Config { rate: 1_000_000, queue_packets: 2, ..Config::default() }, 1);
    let accepted: Vec<bool> = (0..5).map(|packet| link.send(at(0), 10 + packet as usize, packet).is_ok()).collect();
    assert_eq!(accepted, [true, true, true, false, false]);
    assert_eq!(link.counters().overflowed, 2);
}

#[test]
fn without_a_time_a_reordered_packet_overtakes_as_in_netem() {
    let config =
        Config { delay: Duration::from_millis(10), reorder: Probability::ALWAYS, reorder_gap: 5, ..Config::default() };
    let mut link = Link::new(config, 1);
    for packet in 1..=10 {
        link.send(at(0), 100, packet).unwrap();
    }
    // Every fifth one arrives at once, the others in order after the delay.
    assert_eq!(drain(&mut link).iter().map(|a| a.1).collect::<Vec<_>>(), [5, 10, 1, 2, 3, 4, 6, 7, 8, 9]);
    assert_eq!(link.counters().reordered, 2);
}

#[test]
fn a_duplicate_arrives_with_its_original() {
    let mut link = Link::new(Config { duplicate: Probability::ALWAYS, ..Config::default() }, 1);
    link.send(at(0), 10, 1).unwrap();
    assert_eq!(drain(&mut link), [(0, 1), (0, 1)]);
    assert_eq!(link.counters().duplicated, 1);
}

#[test]
fn a_new_seed_begins_anew() {
    let bad = Loss::Bursts {
        to_bad: Probability::from_percent(5),
        to_good: Probability::from_percent(25),
        in_good: Probability::NEVER,
        in_bad: Probability::from_percent(100),
    };
    let config = Config { loss: bad, reorder: Probability::from_percent(10), reorder_gap: 3, ..Config::default() };
    let lost = |duplex: &mut Duplex<u32>| {
        let forward = &mut duplex.forward;
        (0..200).map(|packet| (forward.send(at(0), 1, packet).is_ok(), forward.receive(at(0)))).collect::<Vec<_>>()
    };
    let mut duplex = Duplex::new(config, config, 7);
    let first = lost(&mut duplex);
    assert_ne!(lost(&mut duplex), first);
    duplex.reseed(7);
    assert_eq!(lost(&mut duplex), first);
}

#[test]
fn the_same_seed_gives_the_same_link_and_another_a_different_one() {
    let run = |seed| {
        let config = Config {
            rate: 125_000,
            delay: Duration::from_millis(10),
            jitter: Duration::from_millis(4),
            loss: Loss::Independent(Probability::from_percent(5)),
            reorder: Probability::from_percent(5),
            reorder_by: Duration::from_millis(30),
            reorder_gap: 3,
            duplicate: Probability::from_percent(2),
            queue: 20_000,
            queue_packets: 100,
            packets: 1_000,
        };
        let mut duplex = Duplex::new(config, config, seed);
        for packet in 0..500 {
            let now = at(i64::from(packet) * 7_000);
            let _ = duplex.forward.send(now, 1_000, packet);
            let _ = duplex.backward.send(now, 1_000, packet);
        }
        (drain(&mut duplex.forward), drain(&mut duplex.backward))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let (forward, backward) = run(1);
    assert_ne!(forward, backward);
}

#[test]
fn absurd_input_does_not_overflow() {
    let config = Config { rate: 1, delay: Duration::from_micros(u64::MAX / 4), ..Config::default() };
    let mut link = Link::new(config, 0);
    link.send(Instant::from_micros(-5), usize::MAX, 0).unwrap();
    assert_eq!(link.next_delivery().map(|_| ()), Some(()));
}

mod conservation {
    use proptest::prelude::*;

    use super::*;

    fn configs() -> impl Strategy<Value = Config> {
        let shares = (0u32..300_000, 0u32..300_000, 0u32..300_000);
        (0u64..10_000_000, 0u64..50_000, 0u64..20_000, shares, 0u32..7, 1_000usize..50_000, 1usize..60).prop_map(
            |(rate, delay, jitter, (lost, reordered, doubled), reorder_gap, queue, queue_packets)| Config {
                rate,
                delay: Duration::from_micros(delay),
                jitter: Duration::from_micros(jitter),
                loss: Loss::Independent(Probability::from_millionths(lost)),
                reorder: Probability::from_millionths(reordered),
                reorder_by: Duration::from_micros(jitter / 2),
                reorder_gap,
                duplicate: Probability::from_millionths(doubled),
                queue,
                queue_packets,
                packets: 200,
            },
        )
    }

    proptest! {
        /// Each packet that is offered is refused, lost or delivered, and the queue keeps to its limits.
        #[test]
        fn every_packet_is_accounted_for(config in configs(), seed: u64, gaps in prop::collection::vec(0i64..3_000, 1..300)) {
            let mut link = Link::new(config, seed);
            let mut now = 0;
            let mut arrived = 0u64;
            for (packet, gap) in gaps.iter().enumerate() {
                now += gap;
                while link.receive(at(now)).is_some() {
                    arrived += 1;
                }
                let _ = link.send(at(now), 60 + packet % 1_455, packet as u32);
                prop_assert!(link.queued(at(now)) <= config.queue);
                // Nothing is due in the past: what was due has just been received.
                prop_assert!(link.next_delivery().is_none_or(|next| next >= at(now)));
            }
            arrived += drain(&mut link).len() as u64;
            let counted = *link.counters();
            prop_assert_eq!(counted.offered, gaps.len() as u64);
            prop_assert_eq!(counted.delivered, arrived);
            prop_assert_eq!(counted.offered + counted.duplicated, counted.overflowed + counted.lost + counted.delivered);
        }

        /// No stretch of time carries more than the rate allows, one packet's rounding aside.
        #[test]
        fn the_rate_is_never_exceeded(rate in 10_000u64..100_000_000, sizes in prop::collection::vec(60usize..1_514, 2..200)) {
            let mut link = Link::new(Config { rate, ..Config::default() }, 1);
            for (packet, size) in sizes.iter().enumerate() {
                link.send(at(0), *size, packet as u32).unwrap();
            }
            let mut octets = 0u128;
            for (micros, packet) in drain(&mut link) {
                octets += sizes[packet as usize] as u128;
                prop_assert!(octets * 1_000_000 <= u128::from(rate) * (micros as u128 + 1));
            }
        }
    }
}
