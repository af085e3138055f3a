use smoltcp::wire::IpAddress;

use super::*;
use crate::tcp::Options;
use crate::tcp::options::Timestamps;

const TIME: Duration = Duration::from_secs(60);
const FIN: Flags = Flags(0x11);

fn key(port: u16) -> Key {
    Key { local: IpAddress::v4(10, 0, 0, 1), remote: IpAddress::v4(10, 0, 0, 2), local_port: 80, remote_port: port }
}

fn at(millis: i64) -> Instant {
    Instant::from_millis(100_000 + millis)
}

fn remains(port: u16, ts_recent: Option<u32>) -> Remains {
    Remains { key: key(port), snd_nxt: Seq(5000), rcv_nxt: Seq(9000), ts_recent }
}

fn rows(limit: usize) -> TimeWaits {
    TimeWaits::new([5; 16], limit)
}

/// What one row makes of one segment without payload.
fn verdict(ts_recent: Option<u32>, flags: Flags, sequence: u32, timestamp: Option<u32>) -> Verdict {
    let mut rows = rows(4);
    rows.insert(remains(1, ts_recent), at(60_000));
    let index = rows.find(&key(1), at(0)).unwrap();
    let timestamps = timestamp.map(|value| Timestamps { value, echo: 0 });
    let options = Options { timestamps, ..Options::default() };
    rows.judge(index, &Header { flags, sequence, options, ..Header::default() }, 0, at(0), TIME)
}

#[test]
fn a_syn_reopens_by_its_timestamp_or_its_sequence_number() {
    let reopens = Verdict::Reopen(Seq(5000));
    let stays = Verdict::Challenge(Odd::Syn);
    for (recent, sequence, timestamp, expected) in [
        (None, 9001, None, reopens),
        (None, 9000, None, stays),
        (None, 8000, None, stays),
        // Both have timestamps: a newer one does whatever the number, an older one never (RFC 6191 section 2).
        (Some(100), 20, Some(101), reopens),
        (Some(100), 9001, Some(99), stays),
        (Some(100), 9001, Some(100), reopens),
        (Some(100), 9000, Some(100), stays),
        (Some(u32::MAX), 20, Some(0), reopens),
        // Only one of them: the number decides.
        (Some(100), 9001, None, reopens),
        (Some(100), 20, None, stays),
        (None, 20, Some(7), stays),
    ] {
        assert_eq!(verdict(recent, Flags::SYN, sequence, timestamp), expected, "{recent:?} {sequence} {timestamp:?}");
    }
    assert_eq!(verdict(None, Flags::SYN.with(Flags::ACK), 9001, None), stays);
}

#[test]
fn nothing_assassinates_it() {
    for flags in [Flags::RST, Flags::RST.with(Flags::ACK), Flags::RST.with(Flags::SYN)] {
        assert_eq!(verdict(None, flags, 9000, None), Verdict::Drop(Odd::Reset), "RFC 1337");
    }
    // An old duplicate provokes an ACK, and what that provokes at the peer is ignored as well.
    assert_eq!(verdict(None, Flags::ACK, 8000, None), Verdict::Challenge(Odd::Window));
    assert_eq!(verdict(None, Flags::ACK, 9000, None), Verdict::Ignore, "two of them never talk to each other");
    assert_eq!(verdict(Some(100), FIN, 8999, Some(99)), Verdict::Challenge(Odd::Old));
    assert_eq!(verdict(Some(100), FIN, 8999, None), Verdict::Drop(Odd::NoTimestamp));
}

#[test]
fn the_fin_again_is_acknowledged_and_begins_the_time_anew() {
    let mut rows = rows(4);
    for port in [1, 2] {
        rows.insert(remains(port, Some(100)), at(60_000));
    }
    let timestamps = Some(Timestamps { value: 150, echo: 0 });
    let options = Options { timestamps, ..Options::default() };
    let fin = Header { flags: FIN, sequence: 8999, options, ..Header::default() };
    let index = rows.find(&key(1), at(50_000)).unwrap();
    assert_eq!(rows.judge(index, &fin, 0, at(50_000), TIME), Verdict::Acknowledge);
    assert_eq!(rows.remains(index).unwrap().ts_recent, Some(150), "the next ACK echoes it");
    // What cannot be the FIN does neither.
    let options = Options { timestamps: Some(Timestamps { value: 170, echo: 0 }), ..Options::default() };
    let odd = Header { sequence: 9500, options, ..fin };
    assert_eq!(rows.judge(index, &odd, 0, at(55_000), TIME), Verdict::Acknowledge);
    assert_eq!(rows.remains(index).unwrap().ts_recent, Some(150));
    // Data that came before is acknowledged, and that is all.
    let other = rows.find(&key(2), at(50_000)).unwrap();
    let data = Header { flags: Flags::ACK, sequence: 8000, ..fin };
    assert_eq!(rows.judge(other, &data, 100, at(50_000), TIME), Verdict::Acknowledge);
    rows.expire(at(60_000), 10);
    assert_eq!((rows.find(&key(1), at(60_000)), rows.len()), (Some(index), 1));
    assert_eq!(rows.find(&key(1), at(110_000)), None, "over, whether or not it was taken away");
    rows.expire(at(110_000), 10);
    assert_eq!(rows.len(), 0);
}

#[test]
fn challenges_are_seldom() {
    let mut rows = rows(4);
    rows.insert(remains(1, None), at(60_000));
    let index = rows.find(&key(1), at(0)).unwrap();
    let odd = Header { flags: Flags::ACK, sequence: 8000, ..Header::default() };
    let mut answers = 0;
    for millis in 0..2000 {
        answers += usize::from(rows.judge(index, &odd, 0, at(millis), TIME) == Verdict::Challenge(Odd::Window));
    }
    assert_eq!(answers, 4);
}

#[test]
fn at_the_limit_the_oldest_goes() {
    let mut rows = rows(100);
    for port in 0..1000_u16 {
        assert_eq!(rows.insert(remains(port, None), at(i64::from(port))), port >= 100);
        assert!(rows.find(&key(port), at(-1)).is_some());
    }
    assert_eq!((rows.len(), rows.rows.len()), (100, 100));
    for port in 0..1000 {
        assert_eq!(rows.find(&key(port), at(-1)).is_some(), port >= 900, "{port}");
    }
    // The same identity again takes its own place.
    assert!(!rows.insert(remains(950, Some(7)), at(2000)));
    assert_eq!(rows.len(), 100);
    rows.expire(at(1000), 1000);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows.find(&key(950), at(1000)).and_then(|index| rows.remains(index)?.ts_recent), Some(7));
}
