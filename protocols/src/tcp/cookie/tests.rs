use smoltcp::wire::IpAddress;

use super::{make, open, timestamp};
use crate::tcp::header::{Flags, Header};
use crate::tcp::lookup::Key;
use crate::tcp::options::{Options, Timestamps};
use crate::time::{Duration, Instant};

const SECRET: [u8; 16] = [7; 16];
const KEY: Key =
    Key { local: IpAddress::v4(10, 0, 0, 1), remote: IpAddress::v4(10, 0, 0, 2), local_port: 80, remote_port: 4000 };

fn syn(options: Options) -> Header {
    Header { sequence: 1000, flags: Flags::SYN, options, ..Header::default() }
}

fn answer(syn: &Header, now: Instant, packed: Option<u32>) -> Header {
    Header {
        sequence: syn.sequence + 1,
        acknowledgement: (make(&SECRET, &KEY, syn, now) + 1).0,
        flags: Flags::ACK,
        window: 500,
        options: Options { timestamps: packed.map(|echo| Timestamps { value: 9, echo }), ..Options::default() },
        ..Header::default()
    }
}

#[test]
fn a_cookie_remembers_the_segment_size_downward() {
    let now = Instant::from_secs(500);
    for (mss, remembered) in [(None, 216), (Some(100), 216), (Some(1459), 1440), (Some(1460), 1460), (Some(9000), 8960)]
    {
        let syn = syn(Options { mss, ..Options::default() });
        let (_, made_for) = open(&SECRET, &KEY, &answer(&syn, now, None), now).unwrap();
        assert_eq!(made_for.options, Options { mss: Some(remembered), ..Options::default() });
        assert_eq!((made_for.sequence, made_for.window), (1000, 500));
    }
}

#[test]
fn timestamps_remember_the_rest() {
    let now = Instant::from_secs(500);
    for clock in [0, 1, 63, 64, 12_345, u32::MAX] {
        for (scale, sack, ecn) in [(None, false, false), (Some(0), true, false), (Some(14), true, true)] {
            let syn = syn(Options { window_scale: scale, sack_permitted: sack, ..Options::default() });
            let packed = timestamp(clock, &syn, true, true, ecn);
            assert!(clock.wrapping_sub(packed) < 128, "{packed} at {clock}: not in the future, not long ago");
            let (_, made_for) = open(&SECRET, &KEY, &answer(&syn, now, Some(packed)), now).unwrap();
            assert_eq!((made_for.options.window_scale, made_for.options.sack_permitted), (scale, sack));
            assert_eq!(made_for.flags.contains(Flags::ECE.with(Flags::CWR)), ecn);
        }
    }
}

#[test]
fn only_a_fresh_cookie_of_the_same_connection_is_good() {
    let now = Instant::from_secs(500);
    let syn = syn(Options { mss: Some(1460), ..Options::default() });
    let good = answer(&syn, now, None);
    assert!(open(&SECRET, &KEY, &good, now + Duration::from_secs(60)).is_some());
    assert!(open(&SECRET, &KEY, &good, now + Duration::from_secs(135)).is_none(), "too old");
    assert!(open(&[8; 16], &KEY, &good, now).is_none());
    assert!(open(&SECRET, &Key { remote_port: 4001, ..KEY }, &good, now).is_none());
    assert!(open(&SECRET, &KEY, &Header { sequence: good.sequence + 1, ..good }, now).is_none());
    let forged = (0..100_000).filter(|guess| {
        let forged = Header { acknowledgement: good.acknowledgement.wrapping_add(guess * 40_503 + 1), ..good };
        open(&SECRET, &KEY, &forged, now).is_some()
    });
    assert_eq!(forged.count(), 0);
}
