use super::super::options::{Options, SackBlocks, Timestamps};
use super::{Flags, Header, Malformed};

fn round_trip(header: Header, payload: &[u8]) {
    let mut octets = [0xAAu8; 80];
    let len = header.write(&mut octets);
    assert_eq!(len, header.len());
    assert_eq!(len % 4, 0);
    octets[len..len + payload.len()].copy_from_slice(payload);
    let (read, rest) = Header::parse(&octets[..len + payload.len()]).unwrap();
    assert_eq!(read, header);
    assert_eq!(rest, payload);
}

#[test]
fn headers_survive_the_wire() {
    let plain = Header {
        source_port: 5201,
        destination_port: 40_000,
        sequence: u32::MAX,
        acknowledgement: 1,
        flags: Flags::ACK.with(Flags::PSH),
        window: 777,
        ..Header::default()
    };
    round_trip(plain, b"payload");
    let timestamps = Some(Timestamps { value: 0x0102_0304, echo: 0xFFFF_0000 });
    round_trip(Header { options: Options { timestamps, ..Options::default() }, ..plain }, b"x");
    let mut sack = SackBlocks::default();
    for block in 0..4 {
        sack.push(block * 10, block * 10 + 5);
    }
    round_trip(Header { options: Options { sack, ..Options::default() }, ..plain }, b"");
    sack.truncate(3);
    round_trip(Header { options: Options { sack, timestamps, ..Options::default() }, ..plain }, b"y");
    for (sack_permitted, timestamps) in [(true, timestamps), (false, timestamps), (true, None)] {
        let options =
            Options { mss: Some(1460), window_scale: Some(7), sack_permitted, timestamps, ..Options::default() };
        round_trip(Header { flags: Flags::SYN, options, ..plain }, b"");
    }
}

#[test]
fn lying_lengths_are_errors() {
    let mut octets = [0u8; 64];
    let len =
        Header { options: Options { mss: Some(1), ..Options::default() }, ..Header::default() }.write(&mut octets);
    assert_eq!(len, 24);
    assert_eq!(Header::parse(&octets[..19]), Err(Malformed::Length { octets: 19 }));
    assert_eq!(Header::parse(&octets[..23]), Err(Malformed::Length { octets: 23 }));
    for (value, length) in [(0u8, 0usize), (1, 1), (3, 3), (5, 5), (255, 255)] {
        octets[21] = value;
        assert_eq!(Header::parse(&octets[..24]).unwrap_err(), Malformed::Option { kind: 2, length });
    }
    octets[12] = 4 << 4;
    assert_eq!(Header::parse(&octets[..24]).unwrap_err(), Malformed::Length { octets: 24 });
}

#[test]
fn unknown_options_and_padding_are_skipped() {
    let mut octets = [0u8; 60];
    Header::default().write(&mut octets);
    octets[12] = 9 << 4;
    octets[20..36].copy_from_slice(&[1, 254, 4, 9, 9, 3, 3, 200, 1, 4, 2, 0, 77, 77, 77, 77]);
    let (header, payload) = Header::parse(&octets[..36]).unwrap();
    assert_eq!(header.options.window_scale, Some(14));
    assert!(header.options.sack_permitted);
    assert!(payload.is_empty());
}

#[test]
fn writing_into_too_little_room_writes_nothing() {
    assert_eq!(Header::default().write(&mut [0u8; 19]), 0);
}
