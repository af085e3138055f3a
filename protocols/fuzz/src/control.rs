//! Requests to the control service, and uploads of rules in pieces.

use protocols::classification::classifier::{Batch, Ruleset};
use protocols::classification::text::{Format, Line, parse_line};
use protocols::classification::{Counter, Rule, RuleId, Shares};
use protocols::control::{MAX_REPLY, Record, Refusal, Reply, Request, crc32};
use protocols::time::{Duration, Instant};
use services::control::{Answer, Host, Object, Question, Server, Started, Ticket};

/// The node that the service runs on: one processor, that answers when it is told to.
struct Node {
    now: Instant,
    replies: Vec<Reply>,
    questions: Vec<(Question, Ticket)>,
    rules: Ruleset,
    batches: Vec<(Ticket, Batch)>,
    ticket: Ticket,
}

impl Host<u8> for Node {
    fn now(&self) -> Instant {
        self.now
    }

    fn reply(&mut self, _: u8, datagram: &[u8]) {
        assert!(datagram.len() <= MAX_REPLY, "{} octets", datagram.len());
        self.replies.push(Reply::parse(datagram).expect("a client can read it"));
    }

    fn processors(&self) -> usize {
        1
    }

    fn ask(&mut self, _: usize, question: Question, ticket: Ticket) -> bool {
        let room = self.questions.len() < 4;
        if room {
            self.questions.push((question, ticket));
        }
        room
    }

    fn shut_down(&mut self) {}

    fn objects(&self) -> Vec<Object> {
        vec![Object {
            name: "congestion",
            current: "cubic",
            implementations: vec![("cubic", "CUBIC"), ("reno", "Reno")],
        }]
    }

    fn swap(&mut self, _: &str, _: &str, _: Duration) -> Result<Started, Refusal> {
        self.ticket += 1;
        Ok(Started::Swap(self.ticket))
    }

    fn status(&self) -> Vec<Record> {
        vec![Record::new().with("version", "1")]
    }

    fn rules(&self, from: Option<RuleId>, most: usize) -> Option<Vec<(RuleId, Rule)>> {
        Some(self.rules.from(from)?.take(most).map(|(id, entry)| (id, entry.rule)).collect())
    }

    fn shares(&self) -> Option<Shares> {
        self.rules.shares().copied()
    }

    fn rule_summary(&self) -> Record {
        Record::new().with("rules", self.rules.len() as u64)
    }

    fn change_rules(&mut self, batch: Batch) -> Result<Ticket, Refusal> {
        self.ticket += 1;
        self.batches.push((self.ticket, batch));
        Ok(self.ticket)
    }
}

/// Plays requests, which 0xff ends; what comes first of each says what is done with it.
///
/// # Panics
/// If the service says something that no client can read, an upload brings anything but its lines, or a request is never answered.
pub fn run(octets: &[u8]) {
    let mut node = Node {
        now: Instant::from_secs(1),
        replies: Vec::new(),
        questions: Vec::new(),
        rules: Ruleset::new(),
        batches: Vec::new(),
        ticket: 0,
    };
    let mut server = Server::new();
    let mut asked = 0;
    for piece in octets.split(|octet| *octet == 0xff) {
        let Some((&first, rest)) = piece.split_first() else { continue };
        match first {
            0..=15 => node.now += Duration::from_secs(u64::from(first) * 4),
            16..=31 => answer(&mut node, &mut server),
            32..=47 => asked += upload(&mut node, &mut server, rest, usize::from(first - 31) * 7),
            _ => {
                asked += 1;
                reads_back(rest);
                server.request(&mut node, first % 4, rest);
            }
        }
        server.poll(&mut node);
    }
    // Whoever waits for something is told in the end.
    for _ in 0..3 {
        node.now += Duration::from_secs(200);
        server.poll(&mut node);
    }
    assert_eq!(server.next_deadline(), None);
    assert!(node.replies.len() <= asked, "{} replies to {asked} requests", node.replies.len());
}

/// A request that is understood says the same when it is printed.
fn reads_back(datagram: &[u8]) {
    if let Ok(request) = Request::parse(datagram) {
        assert_eq!(Request::parse(request.to_string().as_bytes()), Ok(request));
    }
}

/// The processor answers, and batches come into force.
fn answer(node: &mut Node, server: &mut Server<u8>) {
    for (question, ticket) in std::mem::take(&mut node.questions) {
        let answer = match question {
            Question::Connections { .. } => Answer::Connections(Vec::new(), false),
            Question::Counters => Answer::Counters(vec![Record::new().with("processor", 0)]),
            Question::Rules(ids) => Answer::Rules(vec![Counter::default(); ids.len()]),
            Question::RuleTotals => Answer::RuleTotals(Box::default()),
        };
        server.answered(node, 0, ticket, answer);
    }
    for (ticket, batch) in std::mem::take(&mut node.batches) {
        if let Batch::Replace(rules) = batch {
            node.rules = rules;
        }
        server.rules_in_force(node, ticket);
    }
}

/// Uploads the octets as rules, in pieces of so many octets, each of them twice. Returns the number of requests.
fn upload(node: &mut Node, server: &mut Server<u8>, octets: &[u8], piece: usize) -> usize {
    const PEER: u8 = 9;
    let text = String::from_utf8_lossy(octets).into_owned();
    let before = node.replies.len();
    let mut asked = 0;
    let mut say = |node: &mut Node, request: &[u8]| {
        asked += 1;
        server.request(node, PEER, request);
    };
    say(node, format!("rules begin length={} crc32={:08x}", text.len(), crc32(text.as_bytes())).as_bytes());
    let Some(Ok(records)) = node.replies.get(before).map(|reply| &reply.outcome) else { return asked };
    let number = records[0].number("upload").expect("it has a number");
    let mut at = 0;
    while at < text.len() {
        let mut end = (at + piece).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let part = format!("rules part {number} {at}\n{}", &text[at..end]);
        say(node, part.as_bytes());
        say(node, part.as_bytes());
        at = end;
    }
    let batches = node.batches.len();
    say(node, format!("rules commit {number}").as_bytes());
    let mut lines = (1..).zip(text.split('\n')).map(|(number, line)| parse_line(number, line, Format::Rules));
    match node.batches.get(batches) {
        Some((_, Batch::Replace(rules))) => {
            let due: Vec<Rule> = lines
                .filter_map(|line| match line.expect("it was taken") {
                    Some(Line::Rule(rule)) => Some(rule),
                    _ => None,
                })
                .collect();
            let mut in_order = due.clone();
            in_order.sort_by_key(|rule| rule.priority);
            let taken: Vec<Rule> = rules.from(None).expect("all").map(|(_, entry)| entry.rule).collect();
            assert_eq!(taken, in_order);
        }
        Some((_, Batch::Change(_))) => panic!("rules were uploaded, not changes"),
        None => {
            let too_long = text.split('\n').any(|line| line.len() > 1024);
            assert!(
                too_long || lines.any(|line| line.is_err()),
                "a good upload was refused: {:?}",
                node.replies.last()
            );
        }
    }
    asked
}
