//! The controllers as the engine sees them: through the clustered object, also while it is swapped.

extern crate std;

pub(crate) mod bench;
mod fuzz;
mod hosts;
mod random;
mod reno;
mod sender;
mod swaps;
mod tcp;
mod traffic;

use super::*;

#[test]
fn initial_window_follows_rfc6928() {
    assert_eq!(initial_window(536), 5_360);
    assert_eq!(initial_window(1_460), 14_600);
    assert_eq!(initial_window(8_960), 17_920);
    assert_eq!(initial_window(0), 10);
}

#[test]
fn every_implementation_is_found_by_its_name() {
    for implementation in implementations() {
        assert_eq!(lookup(implementation.name).unwrap().summary, implementation.summary);
        assert!((implementation.create)().protocols().contains(&transfer::COMMON_WINDOW));
        assert!(!(implementation.create)().protocols().contains(&swapper::Protocol::NOTHING));
    }
    assert!(lookup("bbr").is_none() && lookup("").is_none() && lookup("Cubic").is_none());
    assert!(implementations().is_sorted_by_key(|implementation| implementation.name));
}

#[test]
fn a_flow_that_was_never_opened_is_served() {
    let rep = Rep::new(Reno);
    for flow in [Flow(5), Flow(table::MAX_FLOWS), Flow(u32::MAX)] {
        let mut window = Window { cwnd: 20_000, ssthresh: 10_000, ..Window::new(1_000) };
        rep.acknowledged(flow, &mut window, &bench::ack(0, 2_000));
        rep.congestion(flow, &mut window, &CongestionEvent { now: 0, flight: 20_000, cause: Cause::Loss });
        assert_eq!((window.cwnd, window.ssthresh), (10_000, 10_000));
        rep.undo(flow, &mut window, &Undo { now: 0 });
        assert_eq!(window.cwnd, 20_000);
        rep.close(flow);
        rep.close(flow);
    }
}
