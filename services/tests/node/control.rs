//! The control port, and swaps of connections that live.

use protocols::control::{Code, ConnectionRecord, TraceRecord};

use crate::rig::Rig;

fn connections(rig: &mut Rig) -> Vec<ConnectionRecord> {
    rig.records("connections").iter().map(|record| ConnectionRecord::try_from(record).unwrap()).collect()
}

/// Connections on both processors, with something sent on each. Returns how many.
fn populate(rig: &mut Rig) -> usize {
    for count in 1.. {
        let handle = rig.connect(7);
        rig.send(handle, &[1; 20_000]);
        rig.receive(handle, 20_000);
        let all = connections(rig);
        if all.iter().any(|one| one.processor == 0) && all.iter().any(|one| one.processor == 1) {
            return count;
        }
    }
    unreachable!()
}

#[test]
fn what_is_there_is_told() {
    let mut rig = Rig::new(2, "congestion=reno");
    assert_eq!(rig.records("help").len(), protocols::control::Verb::USAGE.len());
    let list = rig.records("list");
    let current = list.iter().find(|record| record.text("in_place") == Some("yes")).unwrap();
    assert_eq!(current.text("implementation"), Some("reno"));
    let status = rig.records("status");
    assert_eq!(status[0].text("address"), Some("10.77.0.2/24"));
    assert_eq!(status[0].number("processors"), Some(2));
    let frames = status.iter().find_map(|record| record.number("stack.frames_in"));
    assert!(frames.is_some_and(|frames| frames > 0), "{status:?}");
    assert!(rig.records("trace").is_empty());
    assert!(rig.records("connections").is_empty());
}

#[test]
fn echo_works_on_both_processors_and_connections_are_told() {
    let mut rig = Rig::new(2, "");
    let count = populate(&mut rig);
    let all = connections(&mut rig);
    assert_eq!(all.len(), count);
    for one in &all {
        assert_eq!((one.state.as_str(), one.congestion.as_str()), ("ESTABLISHED", "cubic"));
        assert_eq!((one.bytes_in, one.bytes_out), (20_000, 20_000));
        assert!(one.cwnd > 10_000 && one.srtt_us > 0 && one.mss >= 1400, "{one:?}");
    }
}

#[test]
fn a_swap_moves_the_connections_of_both_processors() {
    let mut rig = Rig::new(2, "");
    populate(&mut rig);
    let before = connections(&mut rig);
    let reply = rig.ask("#1 swap congestion reno");
    let trace = TraceRecord::try_from(&reply.outcome.unwrap()[0]).unwrap();
    assert_eq!((trace.outcome.as_str(), trace.reason.as_str()), ("committed", "-"));
    assert_eq!((trace.from.as_str(), trace.to.as_str()), ("cubic", "reno"));
    assert_eq!((trace.processors, trace.moved), (2, before.len() as u64));
    let per: Vec<u64> = trace.moved_per_processor.split(',').map(|moved| moved.parse().unwrap()).collect();
    assert!(per.len() == 2 && per.iter().all(|&moved| moved > 0), "{per:?}");
    let after = connections(&mut rig);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.congestion, "reno");
        let carried = |one: &ConnectionRecord| (one.cwnd, one.ssthresh, one.srtt_us, one.min_rtt_us);
        assert_eq!(carried(after), carried(before), "nothing is restarted");
    }
    // The same request again is not executed again, and a swap to what is there does nothing.
    let repeated = rig.ask("#1 swap congestion reno").outcome.unwrap();
    assert_eq!(TraceRecord::try_from(&repeated[0]).unwrap(), trace);
    assert_eq!(rig.ask("swap congestion reno").outcome.unwrap()[0].text("result"), Some("unchanged"));
    let traces = rig.records("trace");
    assert_eq!(traces.len(), 1);
    assert_eq!(TraceRecord::try_from(&traces[0]).unwrap(), trace);
}

#[test]
fn implementations_with_the_same_state_hand_it_over_as_it_is() {
    let mut rig = Rig::new(2, "");
    populate(&mut rig);
    let mut protocols = Vec::new();
    for name in ["reno", "cubic", "cubic-nofc", "cubic"] {
        let records = rig.ask(&format!("swap congestion {name}")).outcome.unwrap();
        protocols.push(TraceRecord::try_from(&records[0]).unwrap().protocol);
    }
    assert_eq!(protocols[0], protocols[1]);
    assert_eq!(protocols[2], protocols[3]);
    assert_ne!(protocols[1], protocols[2], "{protocols:?}");
}

#[test]
fn wrong_orders_change_nothing() {
    let mut rig = Rig::new(2, "");
    populate(&mut rig);
    let before = connections(&mut rig);
    let table: [(&[u8], Code); 6] = [
        (b"swap congestion vegas", Code::UnknownImplementation),
        (b"swap scheduler cubic", Code::UnknownObject),
        (b"swap", Code::BadRequest),
        (b"\xff\x00\x01", Code::BadRequest),
        (b"reboot", Code::UnknownVerb),
        (&[b'a'; 1400], Code::TooLong),
    ];
    for (request, code) in table {
        rig.send_control(request);
        assert_eq!(rig.reply().outcome.unwrap_err().0.code, code);
    }
    assert_eq!(connections(&mut rig), before);
    assert!(rig.records("trace").is_empty());
}

#[test]
fn a_swap_without_time_is_undone_and_connections_live_on() {
    let mut rig = Rig::new(2, "");
    populate(&mut rig);
    let handle = rig.connect(7);
    let (refusal, records) = rig.ask("swap congestion reno deadline=0").outcome.unwrap_err();
    assert_eq!(refusal.code, Code::Undone);
    let trace = TraceRecord::try_from(&records[0]).unwrap();
    assert_eq!(trace.outcome, "undone");
    assert!(trace.reason.contains("the time was up"), "{}", trace.reason);
    rig.send(handle, &[2; 5000]);
    assert_eq!(rig.receive(handle, 5000), [2; 5000]);
    assert!(connections(&mut rig).iter().all(|one| one.congestion == "cubic"));
    assert!(rig.ask("swap congestion reno").outcome.is_ok(), "the next one is not held up by it");
}

#[test]
fn swaps_in_mid_flight_lose_no_octet_of_one_processor() {
    let mut rig = Rig::new(1, "");
    let handle = rig.connect(7);
    let text: Vec<u8> = (0..2_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (mut sent, mut back, mut ordered, mut decided) = (0, Vec::new(), 0, 0);
    rig.until("the echo of everything", |rig| {
        sent += rig.socket(handle).send_slice(&text[sent..]).unwrap();
        back.extend(rig.read(handle));
        if ordered == decided && back.len() > ordered * 100_000 {
            rig.send_control(format!("swap congestion {}", ["reno", "cubic"][ordered % 2]).as_bytes());
            ordered += 1;
        }
        if let Some(reply) = rig.try_reply() {
            let trace = TraceRecord::try_from(&reply.outcome.unwrap()[0]).unwrap();
            assert_eq!((trace.outcome.as_str(), trace.moved), ("committed", 1));
            decided += 1;
        }
        back.len() >= text.len() && ordered == decided
    });
    assert!(back == text, "every octet, in order");
    assert!(decided >= 10, "{decided}");
}

#[test]
fn the_answer_to_shutdown_leaves_before_the_end() {
    let mut rig = Rig::new(2, "");
    assert!(rig.ask("shutdown").outcome.is_ok());
    let ended = |rig: &mut Rig| rig.computer.ended.load(std::sync::atomic::Ordering::SeqCst);
    assert!(!ended(&mut rig), "the answer has to leave first");
    assert!(rig.turns[0].wake_at.is_some(), "the end must not wait for a frame");
    rig.until("the end", ended);
}
