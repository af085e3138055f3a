use proptest::prelude::*;

use super::*;

/// On a link of 1500 octets.
const LONGEST: u64 = 1472;

fn parse(json: &str) -> Result<Parameters, Refusal> {
    Parameters::parse(json.as_bytes(), LONGEST)
}

/// As `iperf3 -c HOST -P 4 -t 30 -O 2 -l 64K` of version 3.12 sends it.
const PLAIN: &str = r#"{"tcp":true,"omit":2,"time":30,"num":0,"blockcount":0,"parallel":4,"len":65536,"pacing_timer":1000,"client_version":"3.12"}"#;

#[test]
fn the_clients_parameters_are_read() {
    let expected = Parameters {
        datagrams: false,
        wide: false,
        mode: Mode::Receive,
        parallel: 4,
        omit: 2,
        time: 30,
        amount: 0,
        block: 65536,
        rate: 0,
    };
    assert_eq!(parse(PLAIN), Ok(expected));
}

/// As `iperf3 -c HOST -u -b 10M -R --udp-counters-64bit` of version 3.12 sends it.
const DATAGRAMS: &str = r#"{"udp":true,"omit":0,"time":10,"num":0,"blockcount":0,"parallel":1,"reverse":true,"len":1448,"bandwidth":10000000,"pacing_timer":1000,"udp_counters_64bit":1,"client_version":"3.12"}"#;

#[test]
fn datagrams_are_asked_for_by_a_flag() {
    let parameters = parse(DATAGRAMS).unwrap();
    assert!(parameters.datagrams && parameters.wide);
    assert_eq!((parameters.mode, parameters.block, parameters.rate), (Mode::Send, 1448, 1_250_000));
    let parameters = parse(r#"{"udp":true,"num":1000000}"#).unwrap();
    assert!(!parameters.wide);
    assert_eq!((parameters.block, parameters.rate, parameters.share()), (1460, 0, None), "some of it may get lost");
    assert_eq!(Parameters::parse(br#"{"udp":true}"#, 548).unwrap().block, 548, "a link of 576 octets");
}

#[test]
fn a_flag_is_set_by_being_there() {
    assert_eq!(parse(r#"{"tcp":true,"reverse":true}"#).unwrap().mode, Mode::Send);
    assert_eq!(parse(r#"{"tcp":true,"bidirectional":1}"#).unwrap().mode, Mode::Both);
    assert_eq!(parse(r#"{"tcp":true}"#).unwrap().mode, Mode::Receive);
}

#[test]
fn a_test_by_amount_is_shared_among_the_streams() {
    let parameters = parse(r#"{"tcp":true,"num":1000001,"parallel":2,"reverse":true}"#).unwrap();
    assert_eq!(parameters.share(), Some(500_001));
    let blocks = parse(r#"{"tcp":true,"blockcount":10,"len":1000}"#).unwrap();
    assert_eq!(blocks.share(), Some(10_000));
    let omitting = parse(r#"{"tcp":true,"num":1000,"omit":1}"#).unwrap();
    assert_eq!(omitting.share(), None);
}

#[test]
fn a_large_number_may_have_an_exponent() {
    assert_eq!(parse(r#"{"tcp":true,"num":1.5e+12}"#).unwrap().amount, 1_500_000_000_000);
    assert_eq!(parse(r#"{"tcp":true,"bandwidth":1e9}"#).unwrap().rate, 125_000_000);
}

#[test]
fn what_is_not_offered_is_refused_by_number() {
    let table = [
        (r#"{"udp":true,"tcp":true}"#, Refusal::Unimplemented),
        (r#"{"udp":true,"len":1473}"#, Refusal::DatagramSize),
        (r#"{"udp":true,"len":15}"#, Refusal::DatagramSize),
        (r#"{"sctp":true}"#, Refusal::Unimplemented),
        (r#"{}"#, Refusal::Unimplemented),
        (r#"{"tcp":true,"parallel":129}"#, Refusal::Streams),
        (r#"{"tcp":true,"parallel":0}"#, Refusal::Streams),
        (r#"{"tcp":true,"parallel":1e30}"#, Refusal::Parameters),
        (r#"{"tcp":true,"parallel":-1}"#, Refusal::Parameters),
        (r#"{"tcp":true,"parallel":"many"}"#, Refusal::Parameters),
        (r#"{"tcp":true,"time":86401}"#, Refusal::Duration),
        (r#"{"tcp":true,"omit":61}"#, Refusal::Duration),
        (r#"{"tcp":true,"len":1048577}"#, Refusal::BlockSize),
        (r#"[]"#, Refusal::Parameters),
        (r#""#, Refusal::Parameters),
        (r#"{"tcp":true"#, Refusal::Parameters),
    ];
    for (json, refusal) in table {
        assert_eq!(parse(json), Err(refusal), "{json}");
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Parameters::parse(&octets, LONGEST);
    }
}
