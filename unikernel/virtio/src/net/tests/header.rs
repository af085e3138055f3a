use super::*;
use crate::net::header::{HeaderError, decode, encode};

const ALL: Features = Features::DRIVER;

#[test]
fn plain_frames_have_an_empty_header() {
    assert_eq!(encode(TxMeta::default(), 60, Features::VERSION_1), Ok([0; HEADER]));
    assert_eq!(decode(&[0; HEADER], 60, Features::VERSION_1), Ok(RxMeta::default()));
}

#[test]
fn requests_are_where_the_standard_puts_them() {
    let checksum = Some(Checksum { start: 0x0122, offset: 16 });
    let gso = Some(Gso { kind: GsoKind::TcpV4, header: 0x0136, segment: 1448 });
    let header = encode(TxMeta { checksum, gso }, 20_000, ALL).unwrap();
    assert_eq!(header, [1, 1, 0x36, 0x01, 0xa8, 0x05, 0x22, 0x01, 16, 0, 0, 0]);
    let gso = gso.map(|gso| Gso { kind: GsoKind::TcpV6, ..gso });
    assert_eq!(encode(TxMeta { checksum, gso }, 20_000, ALL).unwrap()[1], 4);
}

#[test]
fn requests_that_fit_neither_frame_nor_features_are_refused() {
    let checksum = Some(Checksum { start: 34, offset: 16 });
    let gso = Some(Gso { kind: GsoKind::TcpV4, header: 54, segment: 1000 });
    let malformed = [
        (TxMeta { checksum, gso: None }, 51),
        (TxMeta { checksum: Some(Checksum { start: u16::MAX, offset: u16::MAX }), gso: None }, 60_000),
        (TxMeta { checksum: None, gso }, 2000),
        (TxMeta { checksum, gso }, 53),
        (TxMeta { checksum, gso: gso.map(|gso| Gso { segment: 0, ..gso }) }, 2000),
    ];
    for (meta, len) in malformed {
        assert_eq!(encode(meta, len, ALL), Err(HeaderError::Malformed));
    }
    assert!(encode(TxMeta { checksum, gso: None }, 52, ALL).is_ok());
    for (meta, needed) in
        [(TxMeta { checksum, gso: None }, Features::CSUM), (TxMeta { checksum, gso }, Features::HOST_TSO4)]
    {
        assert_eq!(encode(meta, 2000, ALL & !needed), Err(HeaderError::NotNegotiated(needed)));
    }
}

#[test]
fn what_the_device_says_is_checked() {
    let said =
        |flags, kind, segment: u8, start: u8, offset: u8| [flags, kind, 54, 0, segment, 0, start, 0, offset, 0, 1, 0];
    let read = |header, features| decode(&header, 60, features);
    let sum = |checksum| Ok(RxMeta { checksum, gso: None });
    assert_eq!(read(said(2, 0, 0, 0, 0), ALL), sum(RxChecksum::Valid));
    assert_eq!(read(said(1, 0, 0, 34, 16), ALL), sum(RxChecksum::Partial(Checksum { start: 34, offset: 16 })));
    assert_eq!(read(said(1, 0, 0, 34, 24), ALL), sum(RxChecksum::Partial(Checksum { start: 34, offset: 24 })));
    assert_eq!(read(said(1, 0, 0, 34, 25), ALL), Err(HeaderError::Malformed));
    // Flags mean nothing when no one asked for them.
    for flags in [1, 2, 3] {
        assert_eq!(read(said(flags, 0, 0, 255, 255), ALL & !Features::GUEST_CSUM), sum(RxChecksum::Unknown));
    }
    let gso = Gso { kind: GsoKind::TcpV6, header: 54, segment: 200 };
    assert_eq!(read(said(2, 0x84, 200, 0, 0), ALL), Ok(RxMeta { checksum: RxChecksum::Valid, gso: Some(gso) }));
    assert_eq!(read(said(2, 4, 0, 0, 0), ALL), Err(HeaderError::Malformed));
    assert_eq!(
        read(said(2, 4, 200, 0, 0), ALL & !Features::GUEST_TSO6),
        Err(HeaderError::NotNegotiated(Features::GUEST_TSO6))
    );
    assert_eq!(read(said(2, 3, 200, 0, 0), ALL), Err(HeaderError::Malformed));
}
