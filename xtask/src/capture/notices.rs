//! Made-up frames that show that the judge notices what it is here to notice.

use anyhow::{Context, Result, anyhow, ensure};
use tap::{Form, Tap};

use super::tshark::{Sender, judge};
use super::{Capture, GUEST, Until};
use crate::e2e::checksum;
use crate::netns::Namespace;
use crate::paths;

/// Proves that tshark finds what it is here to find: of each frame, whether it is blamed where checksums must be whole, and where the card completes them.
pub fn notices() -> Result<()> {
    let frames = [
        ("a right segment", segment(6, &[]), [false, false]),
        ("a wrong checksum of IPv4", changed(segment(6, &[]), 24), [true, true]),
        ("a wrong checksum of TCP", changed(segment(6, &[]), 50), [true, true]),
        ("a wrong checksum of UDP", changed(segment(17, &[]), 40), [true, true]),
        ("a segment with the sum of the pseudo-header", partial(segment(6, &[]), 16), [true, false]),
        ("a datagram with the sum of the pseudo-header", partial(segment(17, &[]), 6), [true, false]),
        ("a sum of the pseudo-header that is wrong by one", changed(partial(segment(6, &[]), 16), 51), [true, true]),
        ("a length of IPv4 beyond the frame", longer(segment(6, &[])), [true, true]),
        (
            "an ICMP error about a segment with the sum of the pseudo-header",
            error(&partial(segment(6, &[]), 16)),
            [false; 2],
        ),
        ("an option beyond the header", segment(6, &[2, 40, 5, 0xb4]), [true, true]),
    ];
    let dir = paths::target().join("captures");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let file = dir.join(format!("notices-{}.pcap", std::process::id()));
    // A header of libpcap's classic format: Ethernet.
    let mut octets = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0];
    for (_, frame, _) in &frames {
        octets.extend([0; 8]);
        octets.extend([frame.len() as u32, frame.len() as u32].iter().flat_map(|length| length.to_le_bytes()));
        octets.extend(frame);
    }
    std::fs::write(&file, octets).with_context(|| format!("cannot write {}", file.display()))?;
    for (at, whole) in [true, false].into_iter().enumerate() {
        let found = judge(&file, Sender::Card(GUEST), whole)?;
        ensure!(found.sent == frames.len() as u64, "of {} frames tshark saw {}", frames.len(), found.sent);
        for (index, (what, _, blamed)) in frames.iter().enumerate() {
            let number = format!("frame.number={}", index + 1);
            let is_blamed = found.bad.iter().any(|line| line.split(' ').next() == Some(&number));
            ensure!(is_blamed == blamed[at], "where checksums are whole ({whole}) tshark says of {what}: {found:?}");
        }
    }
    // It may be gone already.
    let _ = std::fs::remove_file(&file);
    Ok(())
}

/// Proves the same of what dumpcap takes from `tap0`: a right segment and a wrong one of a guest that is ours.
pub fn notices_on(namespace: &Namespace) -> Result<()> {
    let tap = namespace.inside(|| Ok(Tap::open("tap0", Form::Plain)?))?;
    for (wrong, frames) in
        [(0, [segment(6, &[]), segment(17, &[])]), (1, [segment(6, &[]), changed(segment(6, &[]), 50)])]
    {
        let capture = Capture::on_tap(namespace.name(), GUEST, true, Until::Frames(2))?;
        let file = capture.file.clone();
        for frame in &frames {
            ensure!(tap.send(frame)?, "tap0 takes no frame");
        }
        // dumpcap has ended when it has taken them all.
        let verdict = capture.judge();
        // It may be gone already.
        let _ = std::fs::remove_file(file);
        match (wrong, verdict) {
            (0, Ok(found)) => ensure!(found.sent == frames.len() as u64, "of two frames {found:?} were captured"),
            (0, Err(error)) => return Err(error.context("right frames on tap0 were blamed")),
            (_, Err(error)) if error.to_string().starts_with("the guest sent 1 frames") => {}
            (_, other) => return Err(anyhow!("a wrong checksum on tap0 was judged {other:?}")),
        }
    }
    Ok(())
}

fn changed(mut frame: Vec<u8>, at: usize) -> Vec<u8> {
    frame[at] ^= 1;
    frame
}

/// Its length by IPv4 is one octet more than it has, the header's checksum right all the same.
fn longer(mut frame: Vec<u8>) -> Vec<u8> {
    frame[17] += 1;
    frame[24..26].fill(0);
    let header = checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&header);
    frame
}

/// The sum of the pseudo-header in the place of the checksum, which is so many octets into the segment or datagram.
fn partial(mut frame: Vec<u8>, at: usize) -> Vec<u8> {
    let pseudo = [&frame[26..34], &[0, frame[23], 0, (frame.len() - 34) as u8]].concat();
    let [first, second] = checksum(&pseudo);
    frame[34 + at..36 + at].copy_from_slice(&[!first, !second]);
    frame
}

/// The guest's ICMP error about a packet.
fn error(frame: &[u8]) -> Vec<u8> {
    let mut icmp = [&[3, 3, 0, 0, 0, 0, 0, 0], &frame[14..]].concat();
    let own = checksum(&icmp);
    icmp[2..4].copy_from_slice(&own);
    let mut ip = frame[14..34].to_vec();
    ip[3] += 28;
    ip[9] = 1;
    ip[10..12].fill(0);
    let header = checksum(&ip);
    ip[10..12].copy_from_slice(&header);
    [&frame[..14], &ip, &icmp].concat()
}

/// A segment or datagram of the guest's with right checksums.
fn segment(protocol: u8, options: &[u8]) -> Vec<u8> {
    let mut transport = match protocol {
        6 => {
            let words = ((20 + options.len()) / 4) as u8;
            [&[0x14, 0x51, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 2, words << 4, 0x10, 4, 0, 0, 0, 0, 0], options].concat()
        }
        _ => vec![0x14, 0x51, 0x9c, 0x40, 0, 12, 0, 0, 1, 2, 3, 4],
    };
    let mut ip =
        vec![0x45, 0, 0, 20 + transport.len() as u8, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 77, 0, 2, 10, 77, 0, 1];
    let pseudo = [&ip[12..], &[0, protocol, 0, transport.len() as u8], &transport].concat();
    let at = if protocol == 6 { 16 } else { 6 };
    transport[at..at + 2].copy_from_slice(&checksum(&pseudo));
    let header = checksum(&ip);
    ip[10..12].copy_from_slice(&header);
    [&[0x02, 0, 0, 0, 0, 1], &GUEST[..], &[8, 0], &ip, &transport].concat()
}
