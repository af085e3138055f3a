use alloc::vec;

use super::*;

fn tuple(remote_port: u16) -> FourTuple {
    FourTuple { local: IpAddress::v4(10, 77, 0, 2), local_port: 5201, remote: IpAddress::v4(10, 77, 0, 1), remote_port }
}

#[test]
fn consecutive_ports_spread_evenly() {
    for processors in [2, 3, 4, 8] {
        let steering = Steering::new([7; 16], processors);
        let mut counts = vec![0; processors];
        for port in 10_000..50_000 {
            counts[steering.processor(&tuple(port))] += 1;
        }
        let mean = 40_000 / processors;
        for count in counts {
            assert!(mean * 9 / 10 < count && count < mean * 11 / 10, "{count} of a mean of {mean}");
        }
    }
}

#[test]
fn a_connection_stays_and_every_field_counts() {
    let steering = Steering::new([1; 16], 256);
    let first = tuple(40_000);
    assert_eq!(steering.processor(&first), steering.clone().processor(&first));
    // With 256 processors a field that does not count would leave all 64 variants in one place.
    let moves = |change: fn(&mut FourTuple, u8)| {
        (1..=64).any(|n| {
            let mut other = first;
            change(&mut other, n);
            steering.processor(&other) != steering.processor(&first)
        })
    };
    assert!(moves(|t, n| t.remote = IpAddress::v4(10, 77, 1, n)));
    assert!(moves(|t, n| t.local = IpAddress::v4(10, 77, 1, n)));
    assert!(moves(|t, n| t.local_port = u16::from(n)));
    assert!(moves(|t, n| t.remote_port = u16::from(n)));
    let first = FourTuple { local: IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2), ..first };
    let first = FourTuple { remote: IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1), ..first };
    let moves = |change: fn(&mut FourTuple, u8)| {
        (1..=64).any(|n| {
            let mut other = first;
            change(&mut other, n);
            steering.processor(&other) != steering.processor(&first)
        })
    };
    assert!(moves(|t, n| t.remote = IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 1, u16::from(n))));
    assert!(moves(|t, n| t.local = IpAddress::v6(u16::from(n), 0, 0, 0, 0, 0, 0, 2)));
    assert!(moves(|t, n| t.remote_port = u16::from(n)));
}

#[test]
fn the_key_decides() {
    let (a, b) = (Steering::new([1; 16], 2), Steering::new([2; 16], 2));
    let differ = (1..2000).filter(|&port| a.processor(&tuple(port)) != b.processor(&tuple(port))).count();
    assert!((800..1200).contains(&differ), "{differ} of 1999 ports moved");
}

#[test]
fn one_processor_gets_everything() {
    for processors in [0, 1] {
        assert_eq!(Steering::new([9; 16], processors).processor(&tuple(1)), 0);
    }
}
