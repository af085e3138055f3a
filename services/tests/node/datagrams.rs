//! Echo of datagrams.

use crate::rig::Rig;

#[test]
fn a_datagram_comes_back_as_it_went() {
    let mut rig = Rig::new(2, "");
    // The first one also has to find out our address.
    for length in [0, 1, 64, 1_472] {
        let octets: Vec<u8> = (0..length).map(|at| at as u8).collect();
        assert_eq!(rig.datagram(50_000, 7, &octets), Some(octets));
    }
}

#[test]
fn a_service_gets_no_answer_so_that_two_echoes_do_not_talk_for_ever() {
    let mut rig = Rig::new(1, "");
    assert_eq!(rig.datagram(50_000, 7, b"hello").as_deref(), Some(&b"hello"[..]));
    assert_eq!(rig.datagram(7, 7, b"hello"), None);
}
