//! The program against a scripted control port.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Output, Stdio};
use std::thread;

use protocols::control::{Code, Record, Refusal, Reply, Request, Verb};

/// Runs the program against a port that answers as `answer` says; it gets each request and how many came before.
/// Returns what the program said and every request that came.
fn run(
    arguments: &[&str],
    answer: impl FnMut(&Request, usize) -> Option<Reply> + Send + 'static,
) -> (Output, Vec<Request>) {
    run_with(arguments, answer, |command| command.output().unwrap())
}

/// The same, and `execute` runs the program to its end.
fn run_with<T>(
    arguments: &[&str],
    mut answer: impl FnMut(&Request, usize) -> Option<Reply> + Send + 'static,
    execute: impl FnOnce(&mut Command) -> T,
) -> (T, Vec<Request>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let stop = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = thread::spawn(move || {
        let (mut requests, mut buffer) = (Vec::new(), [0; 2048]);
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            if &buffer[..length] == b"stop" {
                return requests;
            }
            let request = Request::parse(&buffer[..length]).unwrap();
            if let Some(reply) = answer(&request, requests.len()) {
                socket.send_to(reply.to(request.id).to_string().as_bytes(), peer).unwrap();
            }
            requests.push(request);
        }
    });
    let host = address.to_string();
    let output = execute(Command::new(env!("CARGO_BIN_EXE_midflight")).args(["--host", &host]).args(arguments));
    stop.send_to(b"stop", address).unwrap();
    (output, server.join().unwrap())
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn a_watch_as_json_is_an_object_a_line_and_ends_with_its_reader() {
    let answer = |_: &Request, before| Some(Reply::ok(vec![Record::new().with("look", before as u64)]));
    let watched = |command: &mut Command| {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let two = [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()];
        drop(lines);
        (two, child.wait().unwrap())
    };
    let ((two, status), _) = run_with(&["--json", "watch", "--interval", "0.1"], answer, watched);
    assert!(two[0].contains(r#"{"look":0}"#) && two[1].contains(r#"{"look":1}"#), "{two:?}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_refusal_ends_with_1_and_says_why() {
    let (output, _) = run(&["swap", "congestion", "vegas"], |_, _| {
        Some(Reply::refused(Refusal::new(Code::UnknownImplementation, "congestion has no vegas"), Vec::new()))
    });
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "midflight: unknown-implementation: congestion has no vegas\n");
}

#[test]
fn a_lost_request_is_repeated_with_the_same_id() {
    let (output, requests) = run(&["swap", "congestion", "reno", "--deadline", "50"], |_, before| {
        (before == 1).then(|| Reply::ok(vec![Record::new().with("result", "unchanged")]))
    });
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "result  unchanged\n");
    assert_eq!(requests.len(), 2);
    assert!(requests[0].id.is_some());
    assert_eq!(requests[0], requests[1]);
    assert!(matches!(requests[0].verb, Verb::Swap { deadline_ms: Some(50), .. }));
}

#[test]
fn pages_are_put_together() {
    let (output, requests) = run(&["--json", "status"], |request, _| {
        let Verb::Status { from } = request.verb else { panic!("{request:?}") };
        let line = Record::new().with("line", from);
        Some(Reply::ok(if from < 3 { vec![line, Record::new().with("next", from + 1)] } else { vec![line] }))
    });
    assert_eq!(requests.len(), 4);
    let expected = r#"[{"line":0},{"line":1},{"line":2},{"line":3}]"#;
    assert!(text(&output.stdout).contains(expected), "{}", text(&output.stdout));
}

#[test]
fn pages_of_traces_go_backwards() {
    let (output, requests) = run(&["trace", "5"], |request, _| {
        let Verb::Trace { count, before } = request.verb else { panic!("{request:?}") };
        let newest = if before == 0 { 9 } else { before - 1 };
        let lines = (0..u64::from(count.unwrap().min(2))).map(|back| Record::new().with("line", newest - back));
        let mut records: Vec<Record> = lines.collect();
        if count.unwrap() > 2 {
            records.push(Record::new().with("next", newest - 1));
        }
        Some(Reply::ok(records))
    });
    assert_eq!(text(&output.stdout), "line  9\nline  8\nline  7\nline  6\nline  5\n");
    assert_eq!(requests.len(), 3);
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["swap", "congestion"][..], &["fly"], &["--host", "no such host", "list"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_midflight")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn silence_ends_with_3_and_says_what_to_do() {
    let (output, requests) = run(&["list"], |_, _| None);
    assert_eq!(output.status.code(), Some(3));
    assert!(requests.len() > 3, "it asked {} times", requests.len());
    assert!(text(&output.stderr).contains("--host"), "{}", text(&output.stderr));
}
