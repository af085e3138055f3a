use super::Prr;

const MSS: u32 = 1000;

/// Feeds one recovery of `segments` in flight of which the first `lost` are lost: an ACK per segment that arrives. Gives what was sent after
/// each ACK, in octets, and what is in flight at the end.
fn recover(segments: u32, lost: u32, ssthresh: u32, safe: bool) -> (alloc::vec::Vec<u32>, u32) {
    let mut prr = Prr::begin(segments * MSS);
    let mut in_flight = (segments - lost) * MSS;
    let mut sent = alloc::vec::Vec::new();
    for _ in lost..segments {
        in_flight -= MSS;
        prr.acknowledged(MSS, in_flight, ssthresh, MSS, safe);
        // Whole segments only.
        let room = prr.limit().saturating_sub(in_flight) / MSS * MSS;
        prr.sent(room);
        in_flight += room;
        sent.push(room);
    }
    (sent, in_flight)
}

#[test]
fn half_of_what_arrives_is_sent_when_the_window_is_halved() {
    let (sent, in_flight) = recover(20, 1, 10 * MSS, false);
    assert_eq!(sent[0], MSS, "the first retransmission");
    assert!(sent.iter().all(|&octets| octets <= MSS), "never a burst: {sent:?}");
    assert!(sent[1..18].windows(3).all(|some| some.iter().any(|&octets| octets > 0)), "never a pause: {sent:?}");
    assert!((9 * MSS..=10 * MSS).contains(&in_flight), "{in_flight}: {sent:?}");
}

#[test]
fn after_heavy_loss_packets_are_conserved_and_an_ack_without_news_of_loss_adds_one() {
    // 12 of 20 are lost: what is left lies below ssthresh from the beginning.
    let (sent, in_flight) = recover(20, 12, 10 * MSS, false);
    assert!(sent.iter().all(|&octets| octets == MSS), "{sent:?}");
    assert_eq!(in_flight, 8 * MSS);
    let (sent, in_flight) = recover(20, 12, 10 * MSS, true);
    assert_eq!(sent[..3], [2 * MSS, 2 * MSS, MSS], "as in slow start, up to ssthresh");
    assert_eq!(in_flight, 10 * MSS);
}

#[test]
fn the_first_segment_is_never_held_back() {
    let mut prr = Prr::begin(20 * MSS);
    prr.acknowledged(1, 19 * MSS, 1, MSS, false);
    assert_eq!(prr.limit(), 20 * MSS);
    let mut prr = Prr::begin(20 * MSS);
    prr.acknowledged(MSS, 2 * MSS, 2 * MSS, MSS, false);
    assert_eq!(prr.limit(), 3 * MSS);
}

#[test]
fn an_ack_that_delivers_nothing_changes_nothing() {
    let mut prr = Prr::begin(20 * MSS);
    prr.acknowledged(MSS, 15 * MSS, 10 * MSS, MSS, false);
    let before = prr.limit();
    prr.acknowledged(0, 1, 10 * MSS, MSS, true);
    assert_eq!(prr.limit(), before);
}

#[test]
fn no_number_overflows() {
    let mut prr = Prr::begin(1);
    for _ in 0..10 {
        prr.acknowledged(u32::MAX, u32::MAX, u32::MAX - 1, u32::MAX, true);
        prr.sent(u32::MAX);
    }
    assert_eq!(prr.limit(), u32::MAX);
}
