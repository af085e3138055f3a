//! The data path of whole nodes allocates nothing, and copies nothing of what a service lends: from the frame that arrives, through checks, classifier, TCP and the iperf3 service, to the frame that
//! leaves. Counted by the allocator itself, on the thread that has the node's turn.

use protocols::time::Duration;
use smoltcp::iface::SocketHandle;

use crate::iperf3::{start, start_datagrams};
use crate::rig::Rig;

/// Octets of each of the two measurements, of which the first is for warming up.
const OCTETS: u64 = 4_000_000;

/// Lets `carry` move octets, one step of the clock after the other, until there were enough of them; gives what the nodes allocated meanwhile.
fn during(rig: &mut Rig, mut carry: impl FnMut(&mut Rig) -> u64) -> u64 {
    let (before, mut carried) = (rig.allocated, 0);
    rig.until("the transfer", |rig| {
        carried += carry(rig);
        carried >= OCTETS
    });
    rig.allocated - before
}

fn upload(rig: &mut Rig, stream: SocketHandle) -> u64 {
    rig.socket(stream).send(|room| (room.len(), room.len() as u64)).unwrap()
}

fn download(rig: &mut Rig, stream: SocketHandle) -> u64 {
    let socket = rig.socket(stream);
    let mut carried = 0;
    while socket.can_recv() {
        carried += socket.recv(|octets| (octets.len(), octets.len() as u64)).unwrap();
    }
    carried
}

#[test]
fn an_iperf3_stream_allocates_nothing_in_either_direction() {
    for processors in [1, 2] {
        for (parameters, carry, sends) in [
            (r#"{"tcp":true,"time":10}"#, upload as fn(&mut Rig, SocketHandle) -> u64, false),
            (r#"{"tcp":true,"time":10,"reverse":true}"#, download, true),
        ] {
            let mut rig = Rig::new(processors, "");
            let (_, streams) = start(&mut rig, parameters, 1);
            let warming = during(&mut rig, |rig| carry(rig, streams[0]));
            assert!(warming > 0, "the counter counts");
            let (frames, lent) = (rig.arrived(), rig.lent());
            assert_eq!(during(&mut rig, |rig| carry(rig, streams[0])), 0, "{parameters}, {processors} processors");
            assert!(rig.arrived() > frames + 100, "ACKs at least");
            // Also of what crosses to processor 0, which has the only queue pair. What is short at the block's end may be copied.
            let lent = rig.lent() - lent;
            if sends {
                assert!(lent * 100 > 99 * OCTETS, "{lent} octets of {OCTETS} were read where the service has them");
            }
        }
    }
}

/// What the peer sends comes back to it.
fn exchange(rig: &mut Rig, stream: SocketHandle) -> u64 {
    upload(rig, stream);
    download(rig, stream)
}

#[test]
fn an_echo_allocates_nothing_and_needs_no_receive_buffer() {
    for processors in [1, 2] {
        let mut rig = Rig::new(processors, "");
        let stream = rig.connect(7);
        let counted = |rig: &mut Rig, name: &str| -> u64 {
            rig.records("status").iter().filter_map(|record| record.number(name)).sum()
        };
        assert!(during(&mut rig, |rig| exchange(rig, stream)) > 0, "the counter counts");
        assert_eq!(during(&mut rig, |rig| exchange(rig, stream)), 0, "{processors} processors");
        let (arrived, in_place) = (counted(&mut rig, "tcp.bytes_in"), counted(&mut rig, "tcp.bytes_in_place"));
        assert!(in_place * 100 > 99 * arrived, "{in_place} of {arrived} octets were answered in the card's buffer");
    }
}

#[test]
fn datagrams_that_are_sent_are_written_straight_into_the_link_and_allocate_nothing() {
    for processors in [1, 2] {
        let mut rig = Rig::new(processors, "");
        start_datagrams(&mut rig, r#"{"udp":true,"time":10,"reverse":true,"len":1400,"bandwidth":112000000}"#);
        let counted = |rig: &mut Rig, name: &str| -> u64 {
            rig.records("status").iter().filter_map(|record| record.number(name)).sum()
        };
        let written = counted(&mut rig, "stack.datagrams_written");
        // What the answer needed is gone.
        rig.pass(Duration::from_millis(20));
        let before = rig.allocated;
        rig.pass(Duration::from_millis(200));
        // Once a second the service looks at its connections whether they live, and makes a list of them; no datagram allocates.
        assert!(rig.allocated - before <= 1, "{processors} processors: {}", rig.allocated - before);
        let written = counted(&mut rig, "stack.datagrams_written") - written;
        assert!(written >= 2000, "10,000 a second: {written}");
        let queued = counted(&mut rig, "stack.datagrams_queued");
        assert!(queued < 100, "the first of a second, and what came behind it: {queued}");
    }
}
