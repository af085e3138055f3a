use super::{OURS, PLAIN, all};
use crate::{Lane, lane::Gate};
use std::{prelude::v1::*, sync::OnceLock, time::Instant};
use swapper::{Platform, ProcessorId, System};

/// One thread that never has to wait for another.
struct Alone;

impl Platform for Alone {
    fn now(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }

    fn wake(&self, _: ProcessorId) {}

    fn wait(&self, _: ProcessorId, _: Option<u64>) {
        unreachable!("nobody else swaps");
    }
}

fn alone(run: impl FnOnce(&Lane<'_>)) {
    let system = System::new(1, Alone).unwrap();
    // SAFETY: peers run workers between activities, and make their calls inside of them.
    let processor = unsafe { system.attach(0) }.unwrap();
    run(&Lane { system: &system, processor: &processor, gate: &Gate::new(1), progress: &|_, _, _| () });
}

#[test]
fn every_peer_calls_the_object() {
    let peers = all();
    assert_eq!((peers[0].name(), peers[1].name()), (PLAIN, OURS));
    alone(|lane| {
        for peer in &peers {
            assert_eq!(peer.caller(lane).chain(0, 100, 7), 307, "{}", peer.name());
        }
    });
}

#[test]
fn every_peer_calls_what_came_instead() {
    let peers = all();
    alone(|lane| {
        for peer in &peers {
            let Some(mut writer) = peer.writer(lane) else { continue };
            let (mut caller, mut replaced) = (peer.caller(lane), 0);
            while replaced < 100 || !writer.settled() {
                replaced += u64::from(replaced < 100 && writer.replace());
                assert_eq!(caller.chain(lane.now(), 10, 1), 31, "{}", peer.name());
                caller.null(lane.now(), 10);
            }
        }
    });
}
