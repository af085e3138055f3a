use super::*;

#[test]
fn a_header_survives_its_octets() {
    for header in [
        Header::default(),
        Header { verified: true, ..Header::default() },
        Header {
            checksum: Some((34, 16)),
            segments: Some(Segments { header: 66, payload: 1448, ipv6: false }),
            verified: false,
        },
    ] {
        let mut received = header.octets().to_vec();
        received.extend([1, 2, 3]);
        let (read, frame) = Header::split(&mut received).expect("long enough");
        assert_eq!((read, &frame[..]), (header, &[1, 2, 3][..]));
    }
}

#[test]
fn the_layout_is_that_of_virtio() {
    let header = Header {
        checksum: Some((34, 16)),
        segments: Some(Segments { header: 66, payload: 1448, ipv6: false }),
        verified: false,
    };
    let [flags, kind, rest @ ..] = header.octets();
    assert_eq!((flags, kind), (1, 1));
    let words: Vec<u16> = rest.chunks(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect();
    assert_eq!(words, [66, 1448, 34, 16]);
}

#[test]
fn what_is_too_short_or_foreign_is_no_header() {
    assert!(Header::split(&mut [0; HEADER - 1]).is_none());
    let mut udp = [0; 20];
    udp[1] = 3;
    assert!(Header::split(&mut udp).is_none());
    udp[1] = 0x81;
    assert!(Header::split(&mut udp).is_some_and(|(header, _)| header.segments.is_some()));
}

#[test]
fn a_bad_name_is_refused_before_anything_is_opened() {
    for name in ["", "a-name-that-is-too-long", "t\0p"] {
        assert!(matches!(Tap::open(name, Form::Plain), Err(TapError::Name(_))), "{name:?}");
    }
}

#[test]
fn a_request_has_the_kernels_layout() {
    assert_eq!(size_of::<InterfaceRequest>(), 40);
    assert_eq!(std::mem::offset_of!(InterfaceRequest, flags), 16);
}
