use super::*;

const V4: Pattern = Pattern { family: Some(Family::V4), ..Pattern::ANY };

#[test]
fn prefixes_are_the_upper_bits_of_both_families() {
    let ten = Prefix::v4(0x0a01_0203, 8);
    assert_eq!(ten.address(), 0x0a << 120);
    let from = |address| Header::v4(address, 0, 6, (0, 0)).source;
    assert!(ten.contains(from(0x0aff_ffff)) && !ten.contains(from(0x0b00_0000)));
    assert!(Prefix::ANY.contains(u128::MAX));
    let host = Prefix::new(1, 128);
    assert!(host.contains(1) && !host.contains(0) && !host.contains(3));
    assert_eq!(Prefix::new(1, 200), host);
    assert_eq!(Prefix::v4(7, 200), Prefix::v4(7, 32));
}

#[test]
fn a_prefix_needs_a_family_that_is_long_enough() {
    let with = |family, length| Pattern { family, source: Prefix::new(0, length), ..Pattern::ANY }.is_valid();
    assert!(with(None, 0) && with(Some(Family::V4), 32) && with(Some(Family::V6), 128));
    assert!(!with(None, 1) && !with(Some(Family::V4), 33));
}

#[test]
fn every_field_counts() {
    let header = Header {
        flags: 2,
        dscp: 46,
        interface: 1,
        tracking: Tracking::Established,
        ..Header::v4(0x0a00_0001, 0x0a00_0002, 6, (1000, 80))
    };
    let agrees = Pattern {
        family: Some(Family::V4),
        source: Prefix::v4(0x0a00_0001, 32),
        destination: Prefix::v4(0x0a00_0000, 24),
        source_ports: Ports { first: 1000, last: 1000 },
        destination_ports: Ports { first: 0, last: 80 },
        protocol: Some(6),
        flags: Bits { mask: 0x12, value: 2 },
        dscp: Some(46),
        interface: Some(1),
        tracking: TrackingSet::NONE.with(Tracking::Established).with(Tracking::Related),
    };
    assert!(agrees.matches(&header) && V4.matches(&header) && Pattern::ANY.matches(&header));
    let none = Ports { first: 81, last: 80 };
    for other in [
        Pattern { family: Some(Family::V6), ..Pattern::ANY },
        Pattern { source: Prefix::v4(0x0a00_0002, 32), ..agrees },
        Pattern { destination: Prefix::v4(0x0a00_0100, 24), ..agrees },
        Pattern { source_ports: Ports { first: 1001, last: 2000 }, ..agrees },
        Pattern { destination_ports: Ports { first: 0, last: 79 }, ..agrees },
        Pattern { destination_ports: none, ..agrees },
        Pattern { protocol: Some(17), ..agrees },
        Pattern { flags: Bits { mask: 0x12, value: 0x12 }, ..agrees },
        Pattern { dscp: Some(0), ..agrees },
        Pattern { interface: Some(0), ..agrees },
        Pattern { tracking: TrackingSet::NONE.with(Tracking::New), ..agrees },
        Pattern { tracking: TrackingSet::NONE, ..agrees },
    ] {
        assert!(!other.matches(&header), "{other:?}");
    }
}
