use super::{OURS, PLAIN, all};
use crate::lane::Clock;

#[test]
fn every_peer_calls_the_object() {
    let peers = all(1, Clock::start());
    assert_eq!((peers[0].name(), peers[1].name()), (PLAIN, OURS));
    for peer in &peers {
        assert_eq!(peer.caller(0).turn(0, 100, 7), 307, "{}", peer.name());
    }
}

#[test]
fn every_peer_calls_what_came_instead() {
    let clock = Clock::start();
    for peer in &all(1, clock) {
        let (mut caller, mut writer) = (peer.caller(0), peer.writer());
        let mut replaced = 0;
        while replaced < 100 || !writer.settled() {
            replaced += u64::from(replaced < 100 && writer.replace());
            assert_eq!(caller.turn(clock.now(), 10, 1), 31, "{}", peer.name());
        }
    }
}
