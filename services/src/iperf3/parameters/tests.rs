use proptest::prelude::*;

use super::*;

fn parse(json: &str) -> Result<Parameters, Refusal> {
    Parameters::parse(json.as_bytes())
}

/// As `iperf3 -c HOST -P 4 -t 30 -O 2 -l 64K` of version 3.12 sends it.
const PLAIN: &str = r#"{"tcp":true,"omit":2,"time":30,"num":0,"blockcount":0,"parallel":4,"len":65536,"pacing_timer":1000,"client_version":"3.12"}"#;

#[test]
fn the_clients_parameters_are_read() {
    let expected = Parameters { mode: Mode::Receive, parallel: 4, omit: 2, time: 30, amount: 0, block: 65536, rate: 0 };
    assert_eq!(parse(PLAIN), Ok(expected));
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
        (r#"{"udp":true,"parallel":1}"#, Refusal::Unimplemented),
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
        let _ = Parameters::parse(&octets);
    }
}
