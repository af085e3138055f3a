//! Two processors as two threads: swaps while both carry traffic. Nothing here depends on how fast they are.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use protocols::control::{Reply, TraceRecord};
use protocols::stack::{Fill, Full, Offloads, Receive, RxMeta, Transmit, TxMeta};
use protocols::time::Instant;
use services::node::{Nic, Platform, Ready, Shared};
use services::options::Options;
use swapper::{Host, ProcessorId};

use crate::rig::{Peer, node};

/// Connections; with so many the steering finds both processors.
const CONNECTIONS: usize = 12;
/// Swaps under traffic.
const SWAPS: usize = 20;

struct Threads(Host);

impl Platform for Threads {
    fn now_ns(&self) -> u64 {
        swapper::Platform::now(&self.0)
    }

    fn wake(&self, processor: usize) {
        swapper::Platform::wake(&self.0, ProcessorId::new(processor).unwrap());
    }

    fn wait(&self, processor: usize, until_ns: Option<u64>) {
        swapper::Platform::wait(&self.0, ProcessorId::new(processor).unwrap(), until_ns);
    }

    fn ready(&self, _: &Ready) {}

    fn end(&self) {}
}

/// The network card of processor 0: two queues on its own thread, where the peer lives too.
#[derive(Clone)]
struct Card(Rc<RefCell<VecDeque<Vec<u8>>>>);

impl Receive for Card {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        for taken in 0..budget {
            let frame = self.0.borrow_mut().pop_front();
            let Some(mut frame) = frame else { return taken };
            each(&mut frame, RxMeta { checksum_verified: false });
        }
        budget
    }
}

impl Transmit for Card {
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    fn transmit(&mut self, len: usize, _: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let mut frame = vec![0; len];
        fill(&mut frame);
        self.0.borrow_mut().push_back(frame);
        Ok(())
    }

    fn flush(&mut self) {}
}

#[test]
fn swaps_in_mid_flight_lose_no_octet_of_two_processors() {
    let platform: &'static Threads = Box::leak(Box::new(Threads(Host::new(2))));
    let now = || Instant::from_micros((platform.now_ns() / 1000) as i64);
    let options = Options::parse(["ip=10.77.0.2/24", "rps=on"]).unwrap();
    let nic = Nic { mac: [2, 0, 0, 0, 0, 2], mtu: 1500, offloads: Offloads::default(), pairs: 1 };
    let shared = Shared::new(&options, 2, nic, [9; 32], platform).unwrap();
    let mut first = node(&shared, 0);
    let stop = Arc::new(AtomicBool::new(false));
    let other = {
        let (shared, stop) = (shared.clone(), stop.clone());
        thread::spawn(move || {
            let mut node = node(&shared, 1);
            while !stop.load(Ordering::Relaxed) {
                let turn = node.turn_detached(now());
                if !turn.again {
                    platform.wait(1, turn.wake_at.map(|at| at.total_micros() as u64 * 1000));
                }
            }
        })
    };

    let mut peer = Peer::new(now());
    let (mut rx, mut tx) = (Card(peer.outgoing()), Card(peer.incoming()));
    let mut turn = |peer: &mut Peer| {
        peer.poll(now());
        first.turn(now(), &mut rx, &mut tx);
    };
    let handles: Vec<_> = (0..CONNECTIONS).map(|_| peer.connect(7)).collect();
    while !handles.iter().all(|&handle| peer.socket(handle).may_send()) {
        turn(&mut peer);
    }

    let octet = |connection: usize, place: usize| ((place ^ connection).wrapping_mul(2_654_435_761) >> 24) as u8;
    let (mut sent, mut back) = ([0; CONNECTIONS], [0; CONNECTIONS]);
    let mut traces: Vec<TraceRecord> = Vec::new();
    let mut waiting = false;
    while traces.len() < SWAPS || sent != back {
        for (connection, &handle) in handles.iter().enumerate() {
            let socket = peer.socket(handle);
            if traces.len() < SWAPS {
                let start = sent[connection];
                let part: Vec<u8> = (start..start + 20_000).map(|place| octet(connection, place)).collect();
                sent[connection] += socket.send_slice(&part).unwrap();
            }
            while socket.can_recv() {
                let part = socket.recv(|part| (part.len(), part.to_vec())).unwrap();
                for value in part {
                    assert_eq!(value, octet(connection, back[connection]));
                    back[connection] += 1;
                }
            }
        }
        if !waiting && traces.len() < SWAPS {
            let name = ["reno", "cubic-nofc", "cubic"][traces.len() % 3];
            peer.send_control(format!("swap congestion {name} deadline=60000").as_bytes());
            waiting = true;
        }
        if let Some(reply) = peer.receive_control() {
            let records = Reply::parse(&reply).unwrap().outcome.unwrap();
            traces.push(TraceRecord::try_from(&records[0]).unwrap());
            waiting = false;
        }
        turn(&mut peer);
    }
    stop.store(true, Ordering::Relaxed);
    platform.wake(1);
    other.join().unwrap();

    assert!(sent.iter().all(|&sent| sent > 0));
    assert!(traces.iter().all(|trace| trace.outcome == "committed"));
    let both = |trace: &&TraceRecord| trace.moved_per_processor.split(',').all(|moved| moved != "0");
    assert!(traces.iter().filter(both).count() > SWAPS / 2, "{traces:?}");
}
