//! Explicit congestion notification, segment by segment and over a link that marks (RFC 3168).

use super::script::{Script, config};
use super::world::{PORT, World, delay, path};
use crate::sim;
use crate::tcp::{Config, Ecn, Flags, Header, Info};
use crate::time::Duration;

const BOTH: Flags = Flags(0xC0);

/// A connection whose peer offered ECN.
fn agreed() -> Script {
    let mut script = Script::new(&config());
    script.engine.listen(super::script::PORT, 4).unwrap();
    script.handshake_with(Flags::SYN.with(BOTH), Script::with_sack());
    assert!(info(&script).ecn);
    script
}

fn info(script: &Script) -> Info {
    script.engine.info(script.conn()).unwrap()
}

#[test]
fn an_offer_is_accepted_and_nothing_else_is_one() {
    for (ecn, offer, answer) in [
        (Ecn::Accept, BOTH, Flags::ECE),
        (Ecn::Offer, BOTH, Flags::ECE),
        (Ecn::Off, BOTH, Flags(0)),
        (Ecn::Accept, Flags::ECE, Flags(0)),
        (Ecn::Accept, Flags(0), Flags(0)),
    ] {
        let mut script = Script::new(&Config { ecn, ..config() });
        script.engine.listen(80, 4).unwrap();
        let (flags, options) = (Flags::SYN.with(offer), Script::plain());
        script.inject(Header { flags, sequence: 5, window: 65_535, options, ..Header::default() }, b"");
        assert_eq!(script.sent()[0].flags, Flags::SYN.with(Flags::ACK).with(answer), "{ecn:?} {offer:?}");
    }
}

#[test]
fn we_offer_it_once_and_take_only_a_plain_answer() {
    for (answer, agreed) in [(Flags::ECE, true), (BOTH, false), (Flags(0), false)] {
        let mut script = Script::new(&Config { ecn: Ecn::Offer, ..config() });
        let conn = script.engine.connect(script.now, path(0), 40_000, Some(80)).unwrap();
        let syn = script.sent().remove(0);
        assert_eq!(syn.flags, Flags::SYN.with(BOTH));
        script.inject(
            Header {
                flags: Flags::SYN.with(Flags::ACK).with(answer),
                sequence: 7,
                acknowledgement: syn.header.sequence.wrapping_add(1),
                window: 65_535,
                ..Header::default()
            },
            b"",
        );
        assert_eq!(script.engine.info(conn).unwrap().ecn, agreed, "{answer:?}");
    }
    let mut script = Script::new(&Config { ecn: Ecn::Offer, ..config() });
    let conn = script.engine.connect(script.now, path(0), PORT, Some(80)).unwrap();
    script.sent();
    script.advance(1001);
    let syn = script.sent().remove(0);
    assert_eq!(syn.flags, Flags::SYN, "something may have dropped the first because of its bits");
    let (flags, acknowledgement) = (Flags::SYN.with(Flags::ACK).with(Flags::ECE), syn.header.sequence.wrapping_add(1));
    script.peer_port = PORT;
    script.inject(Header { flags, sequence: 7, acknowledgement, window: 65_535, ..Header::default() }, b"");
    assert!(!script.engine.info(conn).unwrap().ecn, "and this answers the second");
}

#[test]
fn only_new_data_is_marked_as_capable() {
    let mut script = agreed();
    script.send(3000);
    assert!(script.sent().iter().all(|seen| seen.header.ecn_capable && !seen.flags.intersects(BOTH)));
    script.advance(250);
    let again = script.sent();
    assert!(!again.is_empty() && again.iter().all(|seen| !seen.header.ecn_capable), "retransmissions are not");
    script.data(0, 1000);
    assert!(script.sent().iter().all(|seen| seen.len == 0 && !seen.header.ecn_capable), "ACKs are not");
    script.segment(Flags::ACK, 1000, 3000, b"");
    script.engine.shutdown(script.conn()).unwrap();
    let fin = script.sent().remove(0);
    assert!(fin.flags.contains(Flags::FIN) && !fin.header.ecn_capable, "a FIN alone is not");
    let mut plain = Script::accepted(&config(), Script::with_sack());
    plain.send(3000);
    assert!(plain.sent().iter().all(|seen| !seen.header.ecn_capable));
}

#[test]
fn a_mark_is_echoed_until_the_peer_has_reacted() {
    let mut script = agreed();
    script.data(0, 1000);
    assert!(!script.sent()[0].flags.contains(Flags::ECE));
    script.congested = true;
    script.data(1000, 1000);
    assert!(script.sent()[0].flags.contains(Flags::ECE));
    script.data(2000, 1000);
    assert!(script.sent()[0].flags.contains(Flags::ECE), "again and again");
    script.segment(Flags::ACK.with(Flags::CWR), 3000, 0, &[0; 1000]);
    assert!(!script.sent()[0].flags.contains(Flags::ECE));
    // The segment that says so may carry a new mark.
    script.congested = true;
    script.segment(Flags::ACK.with(Flags::CWR), 4000, 0, &[0; 1000]);
    assert!(script.sent()[0].flags.contains(Flags::ECE));
    assert_eq!(info(&script).ecn_marks, 2);
}

#[test]
fn without_agreement_marks_mean_nothing() {
    let mut script = Script::accepted(&config(), Script::with_sack());
    script.congested = true;
    script.data(0, 1000);
    assert!(!script.sent()[0].flags.contains(Flags::ECE));
    script.send(20_000);
    script.sent();
    let before = info(&script).cwnd;
    script.segment(Flags::ACK.with(Flags::ECE), 1000, 2000, b"");
    assert!(info(&script).cwnd >= before);
}

#[test]
fn an_echo_reduces_the_window_once_per_window() {
    let mut script = agreed();
    script.send(60_000);
    assert_eq!(script.sent().len(), 10);
    script.advance(10);
    script.segment(Flags::ACK.with(Flags::ECE), 0, 1000, b"");
    assert_eq!((info(&script).cwnd, info(&script).ssthresh), (7000, 7000), "CUBIC's 0.7 of ten segments");
    for segment in 2..5 {
        script.segment(Flags::ACK.with(Flags::ECE), 0, segment * 1000, b"");
        assert_eq!(info(&script).cwnd, 7000, "the same window");
    }
    let sent = script.sent();
    assert!(sent[0].flags.contains(Flags::CWR), "the first new data says so");
    assert!(sent[1..].iter().all(|seen| !seen.flags.contains(Flags::CWR)));
    // Also with the last ACK of it: that the window is reduced stands in the segment after.
    script.segment(Flags::ACK.with(Flags::ECE), 0, 10_000, b"");
    assert_eq!((info(&script).cwnd, info(&script).ecn_reductions), (7000, 1));
    // A mark in the next window counts again.
    script.segment(Flags::ACK.with(Flags::ECE), 0, 11_000, b"");
    assert!(info(&script).cwnd < 7000);
    assert_eq!((info(&script).ecn_reductions, info(&script).retransmitted_segments), (2, 0));
}

#[test]
fn an_echo_when_nothing_is_in_flight_is_of_no_window() {
    let mut script = agreed();
    script.send(3000);
    script.sent();
    script.ack(3000);
    let before = info(&script).cwnd;
    script.segment(Flags::ACK.with(Flags::ECE), 0, 3000, &[0; 1000]);
    assert_eq!((info(&script).cwnd, info(&script).ecn_reductions), (before, 0));
    script.send(1000);
    assert!(!script.sent()[0].flags.contains(Flags::CWR));
}

/// A connection whose window is one segment, because a SYN was lost, and which has sent `lens`. With a timeout of a second and no loss.
fn with_one_segment(lens: &[usize]) -> Script {
    let second = Duration::from_secs(1);
    let mut script = Script::new(&Config { min_rto: second, ..config() });
    script.engine.listen(super::script::PORT, 4).unwrap();
    let (flags, options, sequence) = (Flags::SYN.with(BOTH), Script::with_sack(), super::script::PEER_ISN);
    script.inject(Header { flags, sequence, window: 65_535, options, ..Header::default() }, b"");
    script.isn = script.sent()[0].header.sequence;
    script.advance(1001);
    assert!(script.sent()[0].flags.contains(Flags::SYN));
    script.ack(0);
    script.conn = Some(script.events()[0].conn);
    assert_eq!((info(&script).cwnd, info(&script).ecn), (1000, true));
    for &len in lens {
        script.send(len);
        assert_eq!(script.sent_data().len(), 1);
    }
    script.advance(10);
    script
}

#[test]
fn an_echo_at_a_window_of_one_segment_waits_for_the_retransmission_timer() {
    let mut script = with_one_segment(&[1000]);
    script.send(5000);
    for round in 1..4 {
        script.segment(Flags::ACK.with(Flags::ECE), 0, round * 1000, b"");
        assert_eq!((info(&script).cwnd, info(&script).ecn_reductions as i64), (1000, round));
        assert_eq!(script.sent_data(), [], "one segment in a round trip would be too many");
        // Nor do later ACKs help.
        script.advance(500);
        script.segment(Flags::ACK.with(Flags::ECE), 0, round * 1000, b"");
        script.advance(499);
        assert_eq!(script.sent_data(), []);
        script.advance(2);
        let sent = script.sent();
        assert_eq!(
            sent.iter().map(|seen| (seen.seq, seen.len)).collect::<alloc::vec::Vec<_>>(),
            [(round * 1000, 1000)]
        );
        assert!(sent[0].flags.contains(Flags::CWR));
        script.advance(10);
    }
    // Without another echo things go on at once.
    script.ack(4000);
    assert!(!script.sent_data().is_empty());
    assert_eq!((info(&script).retransmitted_segments, info(&script).timeouts), (1, 0), "but for the SYN");
}

#[test]
fn what_is_in_flight_then_is_not_probed_for_with_new_data() {
    // Before there was a measurement the timeout is three seconds, because a SYN was lost.
    for (ack, timeout, left) in [(0, 3000, &[(0, 500), (500, 400)][..]), (500, 1000, &[(500, 400)])] {
        let mut script = with_one_segment(&[500, 400]);
        script.advance(300);
        script.segment(Flags::ACK.with(Flags::ECE), 0, ack, b"hello");
        assert_eq!((info(&script).ecn_reductions, info(&script).rto_us), (1, timeout * 1000));
        script.send(5000);
        assert_eq!(script.sent_data(), []);
        // The timer began anew with the echo.
        script.advance(u64::from(timeout) - 1);
        assert_eq!(script.sent_data(), []);
        script.advance(2);
        assert_eq!(script.sent_data(), left, "its time is over, too");
    }
}

#[test]
fn a_loss_in_a_window_that_was_reduced_for_a_mark_says_nothing_new() {
    let mut script = agreed();
    script.send(60_000);
    script.sent();
    script.advance(10);
    script.segment(Flags::ACK.with(Flags::ECE), 0, 1000, b"");
    script.sack(1000, &[(2000, 5000)]);
    assert_eq!((info(&script).fast_recoveries, info(&script).cwnd, info(&script).ssthresh), (1, 7000, 7000));
    assert_eq!(script.sent_data()[0], (1000, 1000));
    // That it was needless does not give back what the mark took.
    script.sack(5000, &[(1000, 2000)]);
    assert_eq!((info(&script).undone, info(&script).cwnd), (0, 7000));
    // What was lost later does.
    let sent = script.sent_data();
    let end = sent.last().unwrap().0 + 1000;
    script.ack(end);
    script.sent();
    script.advance(10);
    script.sack(end, &[(end as u32 + 1000, end as u32 + 4000)]);
    assert!(info(&script).cwnd < 7000);
    assert_eq!(info(&script).fast_recoveries, 2);
}

#[test]
fn a_loss_that_a_probe_repaired_in_such_a_window_says_nothing_new_either() {
    let mut script = agreed();
    script.send(3000);
    script.sent();
    script.advance(10);
    script.segment(Flags::ACK.with(Flags::ECE), 0, 1000, b"");
    let reduced = info(&script).cwnd;
    script.advance(250);
    assert_eq!(script.sent_data(), [(2000, 1000)]);
    script.ack(3000);
    script.send(2000);
    script.sent();
    script.ack(4000);
    assert_eq!((script.engine.counters().tail_losses, info(&script).ecn_reductions), (1, 1));
    assert!(info(&script).cwnd >= reduced);
}

#[test]
fn the_peer_does_not_hear_of_a_reduction_that_was_taken_back() {
    let mut script = agreed();
    script.send(60_000);
    script.sent();
    script.advance(10);
    script.sack(0, &[(1000, 4000)]);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    script.sack(4000, &[(0, 1000)]);
    assert_eq!(info(&script).undone, 1);
    let given_back = info(&script).cwnd;
    assert!(given_back >= 10_000);
    let sent = script.sent();
    assert!(!sent.is_empty() && sent.iter().all(|seen| !seen.flags.contains(Flags::CWR)), "{sent:?}");
    // So a mark of that time is still echoed, and counts.
    script.segment(Flags::ACK.with(Flags::ECE), 0, 5000, b"");
    assert_eq!(info(&script).ecn_reductions, 1);
    assert!(info(&script).cwnd < given_back);
}

#[test]
fn a_loss_counts_for_the_marks_of_its_window_and_the_peer_hears_of_it() {
    let mut script = agreed();
    script.send(60_000);
    script.sent();
    script.advance(10);
    script.sack(0, &[(1000, 4000)]);
    assert!(!script.sent()[0].flags.contains(Flags::CWR), "a retransmission does not say so");
    assert_eq!((info(&script).fast_recoveries, info(&script).cwnd), (1, 7000));
    script.segment_with(Flags::ACK.with(Flags::ECE), 0, 0, b"", 65_535, &[(1000, 5000)]);
    script.segment(Flags::ACK.with(Flags::ECE), 0, 10_000, b"");
    assert_eq!((info(&script).ecn_reductions, info(&script).cwnd), (0, 7000));
    assert!(script.sent()[0].flags.contains(Flags::CWR), "the first new data does");
}

#[test]
fn a_loss_that_a_probe_repaired_counts_as_well() {
    let mut script = agreed();
    script.send(3000);
    script.sent();
    script.advance(250);
    assert_eq!(script.sent_data(), [(2000, 1000)]);
    script.ack(3000);
    script.send(2000);
    script.sent();
    script.ack(4000);
    assert_eq!(script.engine.counters().tail_losses, 1);
    script.segment(Flags::ACK.with(Flags::ECE), 0, 4500, b"");
    assert_eq!(info(&script).ecn_reductions, 0, "the same window");
    script.send(1000);
    assert!(script.sent()[0].flags.contains(Flags::CWR));
}

#[test]
fn a_reduction_for_a_mark_is_not_taken_back_with_one_for_a_loss() {
    let mut script = agreed();
    script.send(60_000);
    script.sent();
    script.advance(10);
    script.sack(0, &[(1000, 4000)]);
    script.sent();
    script.ack(10_000);
    script.sent();
    assert_eq!(info(&script).fast_recoveries, 1);
    script.segment(Flags::ACK.with(Flags::ECE), 0, 11_000, b"");
    let reduced = info(&script);
    assert_eq!(reduced.ecn_reductions, 1);
    script.sack(11_000, &[(0, 1000)]);
    assert_eq!((info(&script).undone, info(&script).cwnd), (0, reduced.cwnd));
}

#[test]
fn nor_is_one_for_a_loss_that_a_probe_repaired() {
    let mut script = agreed();
    script.send(10_000);
    script.sent();
    script.advance(10);
    script.sack(0, &[(1000, 4000)]);
    script.sent();
    script.ack(10_000);
    script.send(3000);
    script.sent();
    script.advance(250);
    assert_eq!(script.sent_data(), [(12_000, 1000)]);
    script.ack(13_000);
    script.send(2000);
    script.sent();
    script.ack(14_000);
    assert_eq!(script.engine.counters().tail_losses, 1);
    let reduced = info(&script);
    script.sack(15_000, &[(0, 1000)]);
    assert_eq!((info(&script).undone, info(&script).ssthresh), (0, reduced.ssthresh));
}

#[test]
fn the_segment_that_says_so_goes_alone() {
    let mut script = agreed();
    script.outbox.segments = 8;
    script.send(60_000);
    script.sent();
    script.advance(10);
    script.segment(Flags::ACK.with(Flags::ECE), 0, 10_000, b"");
    let sent = script.sent();
    assert!(sent.len() > 2, "{sent:?}");
    assert_eq!(sent.iter().filter(|seen| seen.flags.contains(Flags::CWR)).count(), 1);
}

#[test]
fn a_marking_bottleneck_needs_no_loss() {
    let run = |ecn| {
        let offer = Config { ecn, ..Config::default() };
        let link = sim::Config { rate: 6_250_000, queue: 250_000, ..delay(20) };
        let mut world = World::new([&offer, &Config::default()], link, 1);
        world.mark_above = 60_000;
        world.sides[0].to_send = 20_000_000;
        world.sides[0].keep_open = true;
        world.run_until(Duration::from_secs(60), |world| world.sides[1].received == 20_000_000);
        let seconds = world.now.total_micros() as f64 / 1e6 - 1.0;
        (world.info(0).unwrap(), world.engines[1].counters().ecn_marks, 20_000_000.0 / seconds)
    };
    let (marked, marks, rate) = run(Ecn::Offer);
    assert!(marks > 0 && marked.ecn_reductions > 0, "{marked:?}");
    assert_eq!((marked.retransmitted_segments, marked.timeouts), (0, 0), "{marked:?}");
    assert!(rate > 5_000_000.0, "{rate:.0} of 6,250,000 octets/s: {marked:?}");
    let (unmarked, marks, _) = run(Ecn::Off);
    assert_eq!(marks, 0);
    assert!(unmarked.retransmitted_segments > 0, "the queue overflows");
}
