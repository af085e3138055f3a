//! A scripted client of streams over UDP.

use alloc::collections::VecDeque;

use protocols::stack::{IpAddress, IpEndpoint, UdpError, UdpPeer};

use super::*;
use crate::service::DatagramPort;
use crate::testing::CLIENT;

const HELLO: &[u8] = b"9876";
const WELCOME: &[u8] = b"6789";
const SERVER: IpAddress = IpAddress::v4(10, 77, 0, 2);

/// The port as a script: what has come, what was sent, and how much may still be queued.
struct Port {
    incoming: VecDeque<(Vec<u8>, UdpPeer)>,
    sent: Vec<(Vec<u8>, UdpPeer)>,
    room: usize,
}

impl DatagramPort for Port {
    fn receive(&mut self, each: &mut dyn FnMut(&[u8], UdpPeer)) -> bool {
        self.incoming.pop_front().is_some_and(|(octets, peer)| {
            each(&octets, peer);
            true
        })
    }

    fn send(&mut self, to: UdpPeer, octets: &[u8]) -> Result<(), UdpError> {
        self.room = self.room.checked_sub(1).ok_or(UdpError::Full)?;
        self.sent.push((octets.to_vec(), to));
        Ok(())
    }

    fn offer(&mut self, to: UdpPeer, octets: &[u8]) -> Result<(), UdpError> {
        self.send(to, octets)
    }
}

struct Client {
    rig: Rig,
    streams: Datagrams,
    port: Port,
}

fn peer(port: u16) -> UdpPeer {
    UdpPeer { remote: IpEndpoint::new(CLIENT, port), local: SERVER }
}

impl Client {
    fn new() -> Client {
        let rig = Rig::new();
        let streams = Datagrams::new(rig.lobby.clone());
        Client { rig, streams, port: Port { incoming: VecDeque::new(), sent: Vec::new(), room: usize::MAX } }
    }

    fn turn(&mut self) -> bool {
        self.rig.settle();
        let again = self.streams.turn(self.rig.now, &mut self.port, &self.rig.system, 0, &mut [0; 64]);
        self.rig.settle();
        again
    }

    /// A datagram comes.
    fn say(&mut self, from: UdpPeer, octets: &[u8]) {
        self.port.incoming.push_back((octets.to_vec(), from));
        self.turn();
    }

    /// What was sent since.
    fn hear(&mut self) -> Vec<(Vec<u8>, UdpPeer)> {
        core::mem::take(&mut self.port.sent)
    }

    /// A datagram of the test comes, sent at this time of the client's clock.
    fn data(&mut self, from: UdpPeer, number: u32, sent_us: u64, length: usize) {
        let mut octets = alloc::vec![7; length];
        octets[..4].copy_from_slice(&((sent_us / 1_000_000) as u32).to_be_bytes());
        octets[4..8].copy_from_slice(&((sent_us % 1_000_000) as u32).to_be_bytes());
        octets[8..12].copy_from_slice(&number.to_be_bytes());
        self.say(from, &octets);
    }

    /// Opens the control connection and so many streams, from ports 4001 on.
    fn start(&mut self, parameters: &str, streams: u16) -> Place {
        let control = self.rig.control(1, parameters);
        assert_eq!(self.rig.hear(control), [CREATE_STREAMS]);
        for number in 1..=streams {
            assert!(self.rig.hear(control).is_empty(), "the test waits for every stream");
            self.rig.now += Duration::from_micros(1);
            self.say(peer(4000 + number), HELLO);
            assert_eq!(self.hear(), [(WELCOME.to_vec(), peer(4000 + number))]);
        }
        assert_eq!(self.rig.hear(control), [TEST_START, TEST_RUNNING]);
        self.turn();
        control
    }

    fn end(&mut self, control: Place) -> Value {
        self.rig.say(control, &[TEST_END]);
        self.turn();
        self.rig.results(control)
    }
}

fn number(octets: &[u8]) -> u32 {
    u32::from_be_bytes(octets[8..12].try_into().unwrap())
}

#[test]
fn what_comes_is_counted_with_losses_and_jitter() {
    let mut client = Client::new();
    let control = client.start(r#"{"udp":true,"time":10,"parallel":2,"len":100}"#, 2);
    // The second stream loses 3, and 5 comes late.
    for number in 1..=4 {
        client.data(peer(4001), number, 1_000, 100);
    }
    for number in [1, 2, 4, 6, 5, 7] {
        client.data(peer(4002), number, 1_000, 100);
    }
    client.say(peer(4009), &[0; 100]);
    client.rig.pass(Duration::from_millis(8));
    client.data(peer(4001), 5, 1_000, 100);
    let results = client.end(control);
    assert_eq!(numbers(&results, "id"), [1, 3]);
    assert_eq!(numbers(&results, "bytes"), [500, 600]);
    assert_eq!(numbers(&results, "packets"), [5, 7]);
    assert_eq!(numbers(&results, "errors"), [0, 1]);
    assert_eq!(numbers(&results, "retransmits"), [-1, -1]);
    assert_eq!(results["sender_has_retransmits"], -1);
    // One datagram took 8 ms longer than the one before.
    assert_eq!(results["streams"][0]["jitter"], 0.0005);
    assert_eq!(results["streams"][1]["jitter"], 0.0);
}

#[test]
fn datagrams_are_sent_at_the_rate_that_was_asked_for() {
    let mut client = Client::new();
    // 8 Mbit/s are 1000 octets a millisecond.
    let parameters = r#"{"udp":true,"time":10,"parallel":2,"reverse":true,"len":100,"bandwidth":8000000}"#;
    let control = client.start(parameters, 2);
    let mut heard = client.hear();
    for _ in 0..200 {
        let next = client.streams.next_deadline().unwrap();
        assert!(next <= client.rig.now + Duration::from_micros(500));
        client.rig.now = next;
        while client.turn() {}
        heard.extend(client.hear());
    }
    for port in [4001, 4002] {
        let own: Vec<_> = heard.iter().filter(|(_, to)| *to == peer(port)).collect();
        assert!((1000..=1002).contains(&own.len()), "{}", own.len());
        assert!(own.iter().enumerate().all(|(at, (octets, _))| number(octets) == at as u32 + 1));
        assert!(own.iter().all(|(octets, _)| octets.len() == 100 && octets[16..].iter().all(|&octet| octet == 0)));
    }
    let results = client.end(control);
    assert_eq!(numbers(&results, "packets").iter().sum::<i64>(), heard.len() as i64);
    assert_eq!(numbers(&results, "bytes").iter().sum::<i64>(), heard.len() as i64 * 100);
    assert_eq!(results["sender_has_retransmits"], 0);
    assert!(!client.turn() && client.hear().is_empty(), "after the end nothing is sent");
    assert_eq!(client.streams.next_deadline(), None);
}

/// All at once would be more than a receiver's buffer holds.
#[test]
fn a_sender_that_was_held_up_makes_it_good_little_by_little() {
    let mut client = Client::new();
    // 80 datagrams in half a millisecond: more than are sent in one turn.
    let parameters = r#"{"udp":true,"time":10,"reverse":true,"len":100,"bandwidth":128000000}"#;
    let control = client.start(parameters, 1);
    let look = |client: &mut Client| {
        while client.turn() {}
        client.hear().len()
    };
    client.rig.now += Duration::from_millis(20);
    let (mut sent, mut looks) = (client.hear().len(), 0);
    let since = client.rig.now - Duration::from_millis(20);
    loop {
        let burst = look(&mut client);
        sent += burst;
        if burst < 160 {
            break;
        }
        assert!((160..=161).contains(&burst), "{burst}");
        looks += 1;
        client.rig.now = client.streams.next_deadline().unwrap();
    }
    assert!((38..=42).contains(&looks), "20 ms of delay take as long to make good: {looks} looks");
    let due = (client.rig.now - since).total_micros() as usize * 160 / 1000;
    assert!((due..=due + 2).contains(&sent), "{sent} of {due}");
    client.rig.now = client.streams.next_deadline().unwrap();
    assert!((80..=81).contains(&look(&mut client)));
    client.end(control);
}

#[test]
fn without_a_rate_the_queue_is_kept_full_and_all_streams_have_a_share() {
    let mut client = Client::new();
    let control = client.start(r#"{"udp":true,"time":10,"parallel":3,"reverse":true,"len":64}"#, 3);
    client.hear();
    let mut sums = [0; 3];
    for _ in 0..60 {
        client.port.room = 7;
        assert!(client.turn(), "there is always more");
        client.hear().iter().for_each(|(_, to)| sums[usize::from(to.remote.port - 4001)] += 1);
    }
    assert_eq!(sums.iter().sum::<i64>(), 60 * 7);
    assert!(sums.iter().all(|&sum| sum > 100), "{sums:?}");
    client.port.room = 0;
    assert!(!client.turn(), "a full queue is not tried again at once");
    assert_eq!(client.streams.next_deadline(), Some(client.rig.now + Duration::from_micros(500)));
    client.port.room = usize::MAX;
    client.end(control);
}

#[test]
fn numbers_have_64_bits_if_the_client_wants_them() {
    let mut client = Client::new();
    let parameters = r#"{"udp":true,"time":1,"len":64,"udp_counters_64bit":1,"bidirectional":true,"bandwidth":8000}"#;
    let control = client.start(parameters, 2);
    let sent = client.hear();
    assert_eq!(sent[0].1, peer(4002), "the client's own direction comes first");
    assert_eq!(sent[0].0[8..16], 1_u64.to_be_bytes());
    let mut octets = [0; 64];
    octets[8..16].copy_from_slice(&(1_u64 << 40).to_be_bytes());
    client.say(peer(4001), &octets);
    client.say(peer(4001), &octets[..15]);
    let results = client.end(control);
    assert_eq!(numbers(&results, "packets"), [1 << 40, 1]);
    assert_eq!(numbers(&results, "bytes"), [64, 64]);
}

#[test]
fn the_omission_does_not_count() {
    let mut client = Client::new();
    let control = client.start(r#"{"udp":true,"time":10,"omit":1,"len":100}"#, 1);
    client.data(peer(4001), 3, 0, 100);
    client.rig.pass(Duration::from_secs(1));
    client.data(peer(4001), 4, 1_000_000, 100);
    client.data(peer(4001), 6, 1_000_000, 100);
    let results = client.end(control);
    assert_eq!(numbers(&results, "bytes"), [200]);
    assert_eq!((numbers(&results, "packets"), numbers(&results, "omitted_packets")), (Vec::from([6]), Vec::from([3])));
    assert_eq!((numbers(&results, "errors"), numbers(&results, "omitted_errors")), (Vec::from([3]), Vec::from([2])));
}

#[test]
fn only_the_client_opens_streams_and_only_while_they_are_wanted() {
    let mut client = Client::new();
    client.say(peer(4001), HELLO);
    assert!(client.hear().is_empty(), "there is no test");
    let control = client.rig.control(1, r#"{"udp":true,"time":10}"#);
    assert_eq!(client.rig.hear(control), [CREATE_STREAMS]);
    let forged = UdpPeer { remote: IpEndpoint::new(IpAddress::v4(10, 77, 0, 9), 4001), local: SERVER };
    client.say(forged, HELLO);
    client.say(peer(4001), &[1; 100]);
    let stream = client.rig.accept(0);
    client.rig.say(stream, COOKIE);
    assert_eq!(client.rig.hear(stream), [ACCESS_DENIED], "its streams are no connections");
    assert!(client.hear().is_empty());
    client.say(peer(4001), HELLO);
    assert_eq!(client.rig.hear(control), [TEST_START, TEST_RUNNING]);
    client.hear();
    client.say(peer(4002), HELLO);
    assert!(client.hear().is_empty(), "all streams are there");
    assert_eq!(numbers(&client.end(control), "bytes"), [0]);
}

#[test]
fn an_old_client_and_one_with_the_big_end_first_are_answered() {
    for (hello, welcome) in [(&123_456_789_u32.to_le_bytes(), WELCOME), (b"6789", HELLO)] {
        let mut client = Client::new();
        let control = client.rig.control(1, r#"{"udp":true,"time":10}"#);
        client.rig.hear(control);
        client.say(peer(4001), hello);
        assert_eq!(client.hear(), [(welcome.to_vec(), peer(4001))]);
    }
}

#[test]
fn a_client_that_vanishes_ends_its_streams() {
    let mut client = Client::new();
    let control = client.start(r#"{"udp":true,"time":10,"reverse":true}"#, 1);
    client.rig.benches[1].reset(client.rig.now, &client.rig.system, control.1);
    client.turn();
    client.hear();
    client.rig.pass(Duration::from_secs(1));
    assert!(!client.turn() && client.hear().is_empty());
    let control = client.start(r#"{"udp":true,"time":10}"#, 1);
    client.data(peer(4001), 1, 0, 50);
    assert_eq!(numbers(&client.end(control), "bytes"), [50]);
}

#[test]
fn a_client_whose_datagrams_stay_away_is_given_up() {
    let mut client = Client::new();
    let control = client.start(r#"{"udp":true,"time":0,"num":1000000}"#, 1);
    for number in 1..=40 {
        client.data(peer(4001), number, 0, 50);
        client.rig.pass(Duration::from_secs(1));
    }
    assert!(!client.rig.gone(control), "data still comes");
    for _ in 0..32 {
        client.rig.pass(Duration::from_secs(1));
    }
    assert!(client.rig.gone(control));
}

proptest! {
    #[test]
    fn garbage_never_panics(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
        let mut client = Client::new();
        let control = client.start(r#"{"udp":true,"time":10,"udp_counters_64bit":1}"#, 1);
        for octets in &datagrams {
            client.say(peer(4001), octets);
        }
        client.end(control);
    }
}
