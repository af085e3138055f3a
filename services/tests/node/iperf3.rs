//! The iperf3 service over whole nodes: a scripted client.

use protocols::time::Duration;
use smoltcp::iface::SocketHandle;

use crate::rig::Rig;

const COOKIE: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz2345abcdef\0";

fn frame(json: &str) -> Vec<u8> {
    [&(json.len() as u32).to_be_bytes()[..], json.as_bytes()].concat()
}

pub fn start(rig: &mut Rig, parameters: &str, streams: usize) -> (SocketHandle, Vec<SocketHandle>) {
    let control = rig.connect(5201);
    rig.send(control, COOKIE);
    assert_eq!(rig.receive(control, 1), [9]);
    rig.send(control, &frame(parameters));
    assert_eq!(rig.receive(control, 1), [10]);
    let open = |rig: &mut Rig| {
        let stream = rig.connect(5201);
        rig.send(stream, COOKIE);
        stream
    };
    let streams = (0..streams).map(|_| open(rig)).collect();
    assert_eq!(rig.receive(control, 2), [1, 2]);
    (control, streams)
}

/// Begins a test over UDP with one stream, from port 50,000.
pub fn start_datagrams(rig: &mut Rig, parameters: &str) -> SocketHandle {
    let control = rig.connect(5201);
    rig.send(control, COOKIE);
    assert_eq!(rig.receive(control, 1), [9]);
    rig.send(control, &frame(parameters));
    assert_eq!(rig.receive(control, 1), [10]);
    assert_eq!(rig.datagram(50_000, 5201, b"9876").as_deref(), Some(&b"6789"[..]));
    assert_eq!(rig.receive(control, 2), [1, 2]);
    control
}

fn end(rig: &mut Rig, control: SocketHandle) -> serde_json::Value {
    rig.send(control, &[4]);
    assert_eq!(rig.receive(control, 1), [13]);
    rig.send(control, &frame("{}"));
    let mut octets = Vec::new();
    rig.until("the results", |rig| {
        octets.extend(rig.read(control));
        octets.last() == Some(&14)
    });
    let json = serde_json::from_slice(&octets[4..octets.len() - 1]).unwrap();
    rig.send(control, &[16]);
    json
}

fn bytes(results: &serde_json::Value) -> Vec<u64> {
    results["streams"].as_array().unwrap().iter().map(|stream| stream["bytes"].as_u64().unwrap()).collect()
}

#[test]
fn the_client_sends() {
    let mut rig = Rig::new(2, "");
    let (control, streams) = start(&mut rig, r#"{"tcp":true,"time":10,"parallel":4}"#, 4);
    for (index, &stream) in streams.iter().enumerate() {
        rig.send(stream, &vec![1; 100_000 + index]);
    }
    let results = end(&mut rig, control);
    assert_eq!(bytes(&results), [100_000, 100_001, 100_002, 100_003]);
    assert_eq!(results["congestion_used"], "cubic");
    assert_eq!(results["sender_has_retransmits"], -1);
}

#[test]
fn the_server_sends_and_the_controller_is_swapped_meanwhile() {
    let mut rig = Rig::new(1, "");
    let (control, streams) = start(&mut rig, r#"{"tcp":true,"time":10,"parallel":3,"reverse":true}"#, 3);
    let mut heard = [0_u64; 3];
    for round in 0..200 {
        for (index, &stream) in streams.iter().enumerate() {
            heard[index] += rig.read(stream).len() as u64;
        }
        if round == 100 {
            rig.send_control(b"swap congestion reno");
        }
        rig.step();
    }
    assert!(rig.reply().outcome.is_ok());
    rig.send(control, &[4]);
    rig.until("the end of every stream", |rig| {
        let mut open = false;
        for (index, &stream) in streams.iter().enumerate() {
            heard[index] += rig.read(stream).len() as u64;
            open |= rig.socket(stream).may_recv();
        }
        !open
    });
    assert_eq!(rig.receive(control, 1), [13]);
    rig.send(control, &frame("{}"));
    let mut octets = Vec::new();
    rig.until("the results", |rig| {
        octets.extend(rig.read(control));
        octets.last() == Some(&14)
    });
    let results: serde_json::Value = serde_json::from_slice(&octets[4..octets.len() - 1]).unwrap();
    assert_eq!(bytes(&results), heard, "what was sent is what came");
    assert_eq!(results["congestion_used"], "reno");
    assert_eq!(results["sender_has_retransmits"], 1);
}

#[test]
fn a_client_that_vanishes_frees_the_server() {
    let mut rig = Rig::new(2, "");
    let (control, streams) = start(&mut rig, r#"{"tcp":true,"time":10,"parallel":2,"reverse":true}"#, 2);
    rig.pass(Duration::from_millis(20));
    for handle in streams.into_iter().chain([control]) {
        rig.socket(handle).abort();
    }
    rig.pass(Duration::from_millis(20));
    let (control, _) = start(&mut rig, r#"{"tcp":true,"time":10}"#, 1);
    end(&mut rig, control);
}

#[test]
fn the_client_sends_datagrams() {
    for processors in [1, 2] {
        let mut rig = Rig::new(processors, "");
        let control = start_datagrams(&mut rig, r#"{"udp":true,"time":10,"len":100}"#);
        for number in [1_u8, 2, 4] {
            let mut datagram = vec![0; 100];
            datagram[11] = number;
            assert_eq!(rig.datagram(50_000, 5201, &datagram), None, "data has no answer");
        }
        let results = end(&mut rig, control);
        assert_eq!(bytes(&results), [300]);
        let stream = &results["streams"][0];
        assert_eq!((stream["packets"].as_u64(), stream["errors"].as_u64()), (Some(4), Some(1)));
    }
}
