//! A scripted client against the services of two processors.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;
use protocols::time::Duration;
use serde_json::Value;

use super::*;
use crate::testing::{Bench, Computer};

mod datagrams;

const COOKIE: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz2345abcdef\0";
const OTHER: &[u8; 37] = b"zbcdefghijklmnopqrstuvwxyz2345abcdef\0";
const ROOM: usize = 100_000;

const TEST_START: u8 = 1;
const TEST_RUNNING: u8 = 2;
const TEST_END: u8 = 4;
const PARAM_EXCHANGE: u8 = 9;
const CREATE_STREAMS: u8 = 10;
const CLIENT_TERMINATE: u8 = 12;
const EXCHANGE_RESULTS: u8 = 13;
const DISPLAY_RESULTS: u8 = 14;
const IPERF_DONE: u8 = 16;
const ACCESS_DENIED: u8 = 0xFF;
const SERVER_ERROR: u8 = 0xFE;

/// A connection and the processor on which it lives.
type Place = (usize, ConnId);

struct Rig {
    lobby: Arc<Lobby>,
    benches: [Bench<Iperf3>; 2],
    system: Computer,
    now: Instant,
}

impl Rig {
    fn new() -> Rig {
        let lobby = Arc::new(Lobby::new(1500));
        let bench = |processor| Bench::new(Iperf3::new(lobby.clone()), processor);
        let system = Computer { processors: 2, ..Computer::default() };
        let benches = [bench(0), bench(1)];
        Rig { lobby, benches, system, now: Instant::from_secs(100) }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.settle();
    }

    /// Lets every processor take its turns.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.benches.iter_mut().for_each(|bench| bench.poll(self.now, &self.system));
        }
    }

    fn accept(&mut self, processor: usize) -> Place {
        self.now += Duration::from_micros(1);
        (processor, self.benches[processor].accept(self.now, &self.system, ROOM))
    }

    fn say(&mut self, (processor, conn): Place, octets: &[u8]) {
        self.benches[processor].give(self.now, &self.system, conn, octets);
        self.settle();
    }

    fn hear(&mut self, (processor, conn): Place) -> Vec<u8> {
        let octets = self.benches[processor].drain(self.now, &self.system, conn);
        self.settle();
        octets
    }

    fn connection(&mut self, (processor, conn): Place) -> &mut crate::testing::Connection {
        self.benches[processor].tcp.of(conn)
    }

    fn gone(&mut self, place: Place) -> bool {
        self.connection(place).aborted
    }

    /// Opens the control connection and exchanges parameters.
    fn control(&mut self, processor: usize, parameters: &str) -> Place {
        let control = self.accept(processor);
        self.say(control, COOKIE);
        assert_eq!(self.hear(control), [PARAM_EXCHANGE]);
        self.say(control, &wire::frame(parameters.as_bytes()));
        control
    }

    /// The same, and opens the streams on these processors.
    fn start(&mut self, parameters: &str, processors: &[usize]) -> (Place, Vec<Place>) {
        let control = self.control(0, parameters);
        assert_eq!(self.hear(control), [CREATE_STREAMS]);
        let mut streams = Vec::new();
        for &processor in processors {
            assert!(self.hear(control).is_empty(), "the test waits for every stream");
            let stream = self.accept(processor);
            self.say(stream, COOKIE);
            streams.push(stream);
        }
        assert_eq!(self.hear(control), [TEST_START, TEST_RUNNING]);
        (control, streams)
    }

    /// Ends the test and returns the server's results.
    fn end(&mut self, control: Place) -> Value {
        self.say(control, &[TEST_END]);
        self.results(control)
    }

    /// Exchanges results, the server's of which are returned.
    fn results(&mut self, control: Place) -> Value {
        assert_eq!(self.hear(control), [EXCHANGE_RESULTS]);
        self.say(control, &wire::frame(br#"{"cpu_util_total":1,"streams":[]}"#));
        let answer = self.hear(control);
        let length = u32::from_be_bytes(answer[..4].try_into().unwrap()) as usize;
        assert_eq!(answer[4 + length..], [DISPLAY_RESULTS]);
        serde_json::from_slice(&answer[4..4 + length]).unwrap()
    }

    /// The client says good-bye and closes.
    fn leave(&mut self, control: Place, streams: &[Place]) {
        self.say(control, &[IPERF_DONE]);
        assert!(self.connection(control).shut, "the server closes its side too");
        for &(processor, conn) in streams.iter().chain([&control]) {
            self.benches[processor].finish(self.now, &self.system, conn);
        }
    }
}

fn numbers(results: &Value, key: &str) -> Vec<i64> {
    results["streams"].as_array().unwrap().iter().map(|stream| stream[key].as_i64().unwrap()).collect()
}

#[test]
fn the_client_sends_on_streams_of_two_processors() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":10,"parallel":3}"#, &[0, 1, 1]);
    for (index, &stream) in streams.iter().enumerate() {
        rig.say(stream, &[1; 1000]);
        rig.say(stream, &alloc::vec![2; index * 10]);
    }
    rig.pass(Duration::from_secs(10));
    let results = rig.end(control);
    assert_eq!(numbers(&results, "id"), [1, 3, 4]);
    assert_eq!(numbers(&results, "bytes"), [1000, 1010, 1020]);
    assert_eq!(numbers(&results, "retransmits"), [-1, -1, -1]);
    assert_eq!(results["sender_has_retransmits"], -1);
    assert_eq!(results["congestion_used"], "reno");
    assert_eq!(results["streams"][0]["end_time"], 10.0);
    assert!(results["cpu_util_total"].is_number() && results["cpu_util_user"].is_number());
    rig.leave(control, &streams);
    assert!(!rig.gone(control), "a test that ends in order resets nothing");
    assert!(streams.iter().all(|&stream| !rig.gone(stream)));
}

#[test]
fn the_server_sends_on_streams_of_two_processors() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":10,"parallel":2,"reverse":true}"#, &[1, 0]);
    let mut heard = [0; 2];
    for round in 0..3 {
        for (index, &stream) in streams.iter().enumerate().take(2 - round % 2) {
            let octets = rig.hear(stream);
            let places = (heard[index]..).map(|at| at % (64 << 10));
            let all = octets.iter().zip(places).all(|(&octet, at)| octet == (at ^ at >> 8) as u8);
            assert!(all, "each octet shows its place, and nothing that was in memory gets out");
            heard[index] += octets.len();
        }
    }
    rig.connection(streams[0]).retransmits = 5;
    let results = rig.end(control);
    let bytes = numbers(&results, "bytes");
    for (index, &stream) in streams.iter().enumerate() {
        heard[index] += rig.hear(stream).len();
        assert_eq!(bytes[index], heard[index] as i64);
        assert!(rig.connection(stream).shut, "the sender ends its stream in order");
    }
    assert_eq!(numbers(&results, "retransmits"), [5, 0]);
    assert_eq!(results["sender_has_retransmits"], 1);
    rig.leave(control, &streams);
}

#[test]
fn the_server_sends_no_more_than_was_asked() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":0,"num":250001,"parallel":2,"reverse":true}"#, &[0, 1]);
    let mut heard = 0;
    for _ in 0..5 {
        heard += streams.iter().map(|&stream| rig.hear(stream).len()).sum::<usize>();
    }
    assert_eq!(heard, 250_002);
    let results = rig.end(control);
    assert_eq!(numbers(&results, "bytes"), [125_001, 125_001]);
}

#[test]
fn both_directions_at_once() {
    let mut rig = Rig::new();
    let parameters = r#"{"tcp":true,"time":10,"parallel":1,"bidirectional":true}"#;
    let (control, streams) = rig.start(parameters, &[0, 1]);
    rig.say(streams[0], &[1; 77]);
    assert!(rig.hear(streams[0]).is_empty(), "the client's own direction comes first");
    let heard = rig.hear(streams[1]).len();
    assert_eq!(heard, ROOM);
    let results = rig.end(control);
    assert_eq!(numbers(&results, "id"), [1, 3]);
    assert_eq!(numbers(&results, "bytes"), [77, 2 * ROOM as i64]);
    assert_eq!(numbers(&results, "retransmits"), [-1, 0]);
}

#[test]
fn streams_are_numbered_in_the_order_in_which_they_were_accepted() {
    let mut rig = Rig::new();
    let control = rig.control(0, r#"{"tcp":true,"time":10,"parallel":2}"#);
    assert_eq!(rig.hear(control), [CREATE_STREAMS]);
    let (first, second) = (rig.accept(1), rig.accept(0));
    // The processor of the first is slow and looks at the cookie after the other one has.
    rig.say(second, COOKIE);
    rig.say(first, COOKIE);
    rig.say(first, &[0; 11]);
    rig.say(second, &[0; 22]);
    assert_eq!(rig.hear(control), [TEST_START, TEST_RUNNING]);
    assert_eq!(numbers(&rig.end(control), "bytes"), [11, 22]);
}

#[test]
fn what_was_omitted_does_not_count() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":10,"omit":2,"parallel":1}"#, &[1]);
    rig.say(streams[0], &[1; 500]);
    rig.pass(Duration::from_secs(2));
    rig.say(streams[0], &[1; 70]);
    rig.pass(Duration::from_secs(10));
    let results = rig.end(control);
    assert_eq!(numbers(&results, "bytes"), [70]);
    assert_eq!(results["streams"][0]["end_time"], 10.0);
}

#[test]
fn a_rate_is_kept() {
    let mut rig = Rig::new();
    // 80 Mbit/s are 10 000 octets a millisecond.
    let parameters = r#"{"tcp":true,"time":10,"reverse":true,"bandwidth":80000000,"len":1000}"#;
    let (_, streams) = rig.start(parameters, &[1]);
    let mut heard = 0;
    for _ in 0..100 {
        heard += rig.hear(streams[0]).len();
        let next = rig.benches[1].service.next_deadline().unwrap();
        assert!(next <= rig.now + Duration::from_millis(1));
        rig.pass(Duration::from_millis(1));
    }
    assert!((990_000..=1_001_000).contains(&heard), "{heard}");
}

#[test]
fn a_second_client_is_told_that_the_server_is_busy() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":10}"#, &[0]);
    for processor in [0, 1] {
        let second = rig.accept(processor);
        rig.say(second, OTHER);
        assert_eq!(rig.hear(second), [ACCESS_DENIED]);
        assert!(rig.connection(second).shut);
    }
    rig.say(streams[0], &[1; 5]);
    assert_eq!(numbers(&rig.end(control), "bytes"), [5], "the test goes on");
}

#[test]
fn tests_follow_one_another_at_once() {
    let mut rig = Rig::new();
    for _ in 0..5 {
        let (control, streams) = rig.start(r#"{"tcp":true,"time":1,"parallel":2}"#, &[1, 0]);
        rig.end(control);
        // The next client is there before this one has said good-bye.
        let next = rig.control(1, r#"{"tcp":true,"time":1}"#);
        assert_eq!(rig.hear(next), [CREATE_STREAMS]);
        rig.leave(control, &streams);
        rig.say(next, &[CLIENT_TERMINATE]);
    }
}

#[test]
fn a_client_that_vanishes_ends_its_test() {
    for way in 0..3 {
        let mut rig = Rig::new();
        let (control, streams) = rig.start(r#"{"tcp":true,"time":10,"parallel":2,"reverse":true}"#, &[0, 1]);
        match way {
            0 => rig.benches[0].reset(rig.now, &rig.system, control.1),
            1 => rig.benches[0].finish(rig.now, &rig.system, control.1),
            _ => rig.say(control, &[CLIENT_TERMINATE]),
        }
        rig.settle();
        assert!(streams.iter().all(|&stream| rig.gone(stream)), "its streams are reset");
        rig.start(r#"{"tcp":true,"time":10}"#, &[1]);
    }
}

#[test]
fn a_silent_client_is_given_up() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":0,"num":1000000}"#, &[1]);
    for _ in 0..40 {
        rig.say(streams[0], &[1; 10]);
        rig.pass(Duration::from_secs(1));
    }
    assert!(!rig.gone(control), "data still comes");
    for _ in 0..32 {
        rig.pass(Duration::from_secs(1));
    }
    assert!(rig.gone(control) && rig.gone(streams[0]));
    rig.start(r#"{"tcp":true,"time":10}"#, &[0]);
}

#[test]
fn a_test_that_never_ends_is_given_up() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":5,"omit":1}"#, &[0]);
    for _ in 0..48 {
        rig.say(streams[0], &[1; 10]);
        rig.pass(Duration::from_secs(1));
    }
    assert!(rig.gone(control) && rig.gone(streams[0]));
}

#[test]
fn a_test_that_is_given_up_takes_its_streams_along_in_the_same_turn() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":5}"#, &[0]);
    rig.now += Duration::from_secs(60);
    rig.benches[0].poll(rig.now, &rig.system);
    assert!(rig.gone(control) && rig.gone(streams[0]));
}

#[test]
fn each_step_has_its_time() {
    let parameters = r#"{"tcp":true,"time":10,"parallel":2}"#;
    let mut rig = Rig::new();
    let silent = rig.accept(1);
    rig.say(silent, &COOKIE[..36]);
    rig.pass(Duration::from_secs(11));
    assert!(rig.gone(silent), "no cookie");

    let control = rig.accept(0);
    rig.say(control, COOKIE);
    rig.pass(Duration::from_secs(31));
    assert!(rig.gone(control), "no parameters");

    let control = rig.control(0, parameters);
    let stream = rig.accept(1);
    rig.say(stream, COOKIE);
    rig.pass(Duration::from_secs(31));
    assert!(rig.gone(control) && rig.gone(stream), "a stream is missing");

    let (control, _) = rig.start(parameters, &[0, 1]);
    rig.say(control, &[TEST_END]);
    rig.pass(Duration::from_secs(31));
    assert!(rig.gone(control), "no results");
    rig.start(parameters, &[0, 1]);
}

#[test]
fn a_stream_that_breaks_still_counts() {
    let mut rig = Rig::new();
    let (control, streams) = rig.start(r#"{"tcp":true,"time":10,"parallel":2}"#, &[0, 1]);
    rig.say(streams[1], &[1; 9]);
    rig.benches[1].reset(rig.now, &rig.system, streams[1].1);
    assert_eq!(numbers(&rig.end(control), "bytes"), [0, 9]);
}

#[test]
fn what_is_not_offered_is_refused_with_an_error_that_the_client_prints() {
    let mut rig = Rig::new();
    let control = rig.control(0, r#"{"sctp":true,"time":10}"#);
    assert_eq!(rig.hear(control), [SERVER_ERROR, 0, 0, 0, 13, 0, 0, 0, 0]);
    assert!(rig.connection(control).shut);
    rig.start(r#"{"tcp":true,"time":10}"#, &[0]);
}

#[test]
fn lengths_that_lie_end_the_connection() {
    let mut rig = Rig::new();
    let control = rig.accept(0);
    rig.say(control, COOKIE);
    rig.say(control, &u32::MAX.to_be_bytes());
    assert!(rig.gone(control) || rig.connection(control).shut);
    rig.start(r#"{"tcp":true,"time":10}"#, &[0]);
}

#[test]
fn the_number_of_connections_is_bounded() {
    let mut rig = Rig::new();
    let places: Vec<Place> = (0..MAX_SESSIONS + 3).map(|_| rig.accept(0)).collect();
    assert_eq!(places.iter().filter(|&&place| rig.gone(place)).count(), 3);
    rig.pass(Duration::from_secs(11));
    assert!(places.iter().all(|&place| rig.gone(place)), "all were silent");
    rig.start(r#"{"tcp":true,"time":10}"#, &[0]);
}

proptest! {
    #[test]
    fn garbage_never_panics_and_leaves_the_server_usable(
        speech in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..8),
        stage in 0..3,
    ) {
        let mut rig = Rig::new();
        let parameters = r#"{"tcp":true,"time":10}"#;
        let control = match stage {
            0 => rig.accept(0),
            1 => rig.control(0, parameters),
            _ => rig.start(parameters, &[1]).0,
        };
        for octets in speech {
            if !rig.gone(control) {
                rig.say(control, &octets);
            }
        }
        if !rig.gone(control) {
            rig.benches[0].reset(rig.now, &rig.system, control.1);
        }
        rig.pass(Duration::from_secs(31));
        rig.start(parameters, &[1]);
    }
}

#[test]
fn the_lobby_tells_every_other_processor() {
    let mut rig = Rig::new();
    rig.start(r#"{"tcp":true,"time":10}"#, &[1]);
    let woken: String = rig.system.woken.borrow().iter().map(|processor| format!("{processor}")).collect();
    assert!(woken.contains('0') && woken.contains('1'), "{woken}");
}
