//! Requests: what a client asks, as it is written and as it is read.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::rules::RulesVerb;
use super::{Code, Id, MAX_PART, MAX_REQUEST, Refusal};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Echoed on the reply. A repeated ID from the same peer is answered from memory and not executed again.
    pub id: Option<Id>,
    /// Whether the reply is JSON.
    pub json: bool,
    /// What is asked.
    pub verb: Verb,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The verbs, one line each.
    Help,
    /// The objects and the implementations of each.
    List {
        /// The first line of the page: 0, or what `next=` of the page before said.
        from: u64,
    },
    /// Version, address, counters, memory.
    Status {
        /// The first line of the page: 0, or what `next=` of the page before said.
        from: u64,
    },
    /// The TCP connections of all processors.
    Connections {
        /// The first entry of the page: 0, or what `next=` of the page before said.
        from: u64,
    },
    /// Replace an object by another implementation.
    Swap {
        /// Name of the object.
        object: String,
        /// Name of the implementation.
        implementation: String,
        /// The swap is undone unless it is done after this many milliseconds. The service has a default.
        deadline_ms: Option<u32>,
    },
    /// Records of past swaps, newest first.
    Trace {
        /// How many at most; as many as fit if absent.
        count: Option<u16>,
        /// Only swaps with a number below this: 0 for all, or what `next=` of the page before said.
        before: u64,
    },
    /// Rules of the classifier.
    Rules(RulesVerb),
    /// End the system. It answers first.
    Shutdown,
}

impl Verb {
    /// Every verb with its arguments and what it does, for `help`.
    pub const USAGE: [(&'static str, &'static str); 15] = [
        ("help", "this list"),
        ("list [FROM]", "objects, their implementations, and which is in place"),
        ("status [FROM]", "version, address, processors, counters, memory"),
        ("connections [FROM]", "TCP connections with cwnd, ssthresh and RTT"),
        ("swap NAME IMPLEMENTATION [deadline=MS]", "replace an object in mid-flight, or undo it at the deadline"),
        ("trace [COUNT] [before=N]", "past swaps, newest first: phases, calls, connections moved"),
        ("rules [FROM]", "rules of the classifier, their handles and counters"),
        ("counters [FROM]", "frames and octets by class and shared counter"),
        ("rule add RULE", "one more rule: `rule add 10 tcp dport 80 accept`"),
        ("rule delete HANDLE", "one rule less"),
        ("rules flush", "no rules: everything is accepted"),
        ("class [CLASS weight WEIGHT]", "how classes share the way out; the weight of one: `class 3 weight 10`"),
        ("egress rate RATE|none", "the most that goes out: `egress rate 50mbit`"),
        ("rules begin|part|commit|abort", "uploads: `midflight rules load FILE` does it"),
        ("shutdown", "ends the machine, which is open connections' end too"),
    ];
}

impl Request {
    /// A request without ID, answered as text.
    pub fn new(verb: Verb) -> Request {
        Request { id: None, json: false, verb }
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// What the reply has to say. [`Request::head`] tells to whom and in which form.
    pub fn parse(datagram: &[u8]) -> Result<Request, Refusal> {
        let longest = if starts_part(datagram) { MAX_PART } else { MAX_REQUEST };
        if datagram.len() > longest {
            let text = format!("the request has {} octets; at most {longest} are read", datagram.len());
            return Err(Refusal::new(Code::TooLong, text));
        }
        let text = core::str::from_utf8(datagram)
            .map_err(|error| bad(format!("octet {} of the request is not UTF-8", error.valid_up_to())))?;
        let (head, body) = text.split_once('\n').map_or((text, None), |(head, body)| (head, Some(body)));
        // Only an upload's piece has a body; elsewhere a line feed is a space like any other.
        let is_part = starts_part(datagram) && body.is_some();
        let mut words = Words { words: if is_part { head } else { text }.split_ascii_whitespace() };
        let mut word = words.next();
        let mut id = None;
        if let Some(name) = word.and_then(|word| word.strip_prefix('#')) {
            id = Some(name.parse().map_err(|error| bad(format!("{error}")))?);
            word = words.next();
        }
        let json = word == Some("json");
        if json {
            word = words.next();
        }
        let Some(name) = word else {
            return Err(bad("the request is empty; `help` lists the verbs"));
        };
        let verb = words.verb(name, body.filter(|_| is_part))?;
        if let Some(extra) = words.next() {
            return Err(bad(format!("`{name}` takes no argument {}; `help` lists the verbs", shown(extra))));
        }
        Ok(Request { id, json, verb })
    }

    /// Whether the request brings a piece of an upload: it may be taken twice without harm.
    pub fn is_part(datagram: &[u8]) -> bool {
        starts_part(datagram)
    }

    /// The ID and whether JSON is wanted, as far as they can be read from a request that is otherwise bad.
    pub fn head(datagram: &[u8]) -> (Option<Id>, bool) {
        let start = &datagram[..datagram.len().min(MAX_REQUEST)];
        let text = match core::str::from_utf8(start) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
        };
        let mut words = text.split_ascii_whitespace();
        let mut word = words.next();
        let id = word.and_then(|word| word.strip_prefix('#'));
        if id.is_some() {
            word = words.next();
        }
        (id.and_then(|id| id.parse().ok()), word == Some("json"))
    }
}

/// Whether the request brings a piece of an upload, which may be long and has a body.
fn starts_part(datagram: &[u8]) -> bool {
    let words = datagram.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut words = words.skip_while(|word| word.starts_with(b"#") || *word == b"json");
    words.next() == Some(b"rules") && words.next() == Some(b"part")
}

pub(super) struct Words<'a> {
    words: core::str::SplitAsciiWhitespace<'a>,
}

impl<'a> Words<'a> {
    pub(super) fn next(&mut self) -> Option<&'a str> {
        self.words.next()
    }

    /// All words that are left, with a space between them.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = String::new();
        for word in self.words.by_ref() {
            if !rest.is_empty() {
                rest.push(' ');
            }
            rest.push_str(word);
        }
        rest
    }

    /// A number that must be there.
    pub(super) fn needed<T: core::str::FromStr>(&mut self, name: &str) -> Result<T, Refusal> {
        let word = self.next().ok_or_else(|| bad(format!("{name} is missing; `help` lists the verbs")))?;
        parse(word, name)
    }

    fn verb(&mut self, name: &str, body: Option<&str>) -> Result<Verb, Refusal> {
        Ok(match name {
            "help" => Verb::Help,
            "list" => Verb::List { from: self.number("FROM")?.unwrap_or(0) },
            "status" => Verb::Status { from: self.number("FROM")?.unwrap_or(0) },
            "connections" => Verb::Connections { from: self.number("FROM")?.unwrap_or(0) },
            "swap" => self.swap()?,
            "trace" => self.trace()?,
            "rules" => Verb::Rules(RulesVerb::rules(self, body)?),
            "rule" => Verb::Rules(RulesVerb::rule(self)?),
            "class" | "egress" => Verb::Rules(RulesVerb::set(name, self)),
            "counters" => Verb::Rules(RulesVerb::Counters { from: self.number("FROM")?.unwrap_or(0) }),
            "shutdown" => Verb::Shutdown,
            other => {
                let text = format!("there is no verb {}; `help` lists the verbs", shown(other));
                return Err(Refusal::new(Code::UnknownVerb, text));
            }
        })
    }

    fn swap(&mut self) -> Result<Verb, Refusal> {
        let (Some(object), Some(implementation)) = (self.next(), self.next()) else {
            return Err(bad("`swap` needs the name of an object and of an implementation; `list` shows them"));
        };
        let deadline_ms = match self.next() {
            None => None,
            Some(word) => Some(option(word, "deadline", "milliseconds")?),
        };
        Ok(Verb::Swap { object: object.into(), implementation: implementation.into(), deadline_ms })
    }

    fn trace(&mut self) -> Result<Verb, Refusal> {
        let (mut count, mut before) = (None, 0);
        for word in self.words.by_ref() {
            if word.starts_with("before") {
                before = option(word, "before", "the number of a swap")?;
            } else if count.is_none() {
                count = Some(parse(word, "COUNT")?);
            } else {
                return Err(bad(format!("`trace` takes no argument {}", shown(word))));
            }
        }
        Ok(Verb::Trace { count, before })
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, Refusal> {
        self.next().map(|word| parse(word, name)).transpose()
    }
}

pub(super) fn option<T: core::str::FromStr>(word: &str, name: &str, what: &str) -> Result<T, Refusal> {
    match word.split_once('=') {
        Some((key, value)) if key == name => parse(value, &format!("{name} ({what})")),
        _ => Err(bad(format!("{} is not understood; say {name}=NUMBER ({what})", shown(word)))),
    }
}

pub(super) fn parse<T: core::str::FromStr>(word: &str, name: &str) -> Result<T, Refusal> {
    let digits = !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_digit());
    let number = if digits { word.parse().ok() } else { None };
    number.ok_or_else(|| bad(format!("{} is no number that {name} can be", shown(word))))
}

/// A word of the request as a message quotes it: short, without control characters.
pub fn shown(word: &str) -> String {
    const LONGEST: usize = 40;
    let mut text = String::from("`");
    text.extend(
        word.chars().take(LONGEST).map(|character| if character.is_control() { '\u{fffd}' } else { character }),
    );
    text.push_str(if word.chars().count() > LONGEST { "…`" } else { "`" });
    text
}

pub(super) fn bad(text: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, text)
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.id {
            write!(f, "#{id} ")?;
        }
        if self.json {
            f.write_str("json ")?;
        }
        self.verb.fmt(f)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verb::Help => f.write_str("help"),
            Verb::List { from: 0 } => f.write_str("list"),
            Verb::List { from } => write!(f, "list {from}"),
            Verb::Status { from: 0 } => f.write_str("status"),
            Verb::Status { from } => write!(f, "status {from}"),
            Verb::Connections { from: 0 } => f.write_str("connections"),
            Verb::Connections { from } => write!(f, "connections {from}"),
            Verb::Swap { object, implementation, deadline_ms } => {
                write!(f, "swap {object} {implementation}")?;
                deadline_ms.map_or(Ok(()), |deadline| write!(f, " deadline={deadline}"))
            }
            Verb::Trace { count, before } => {
                f.write_str("trace")?;
                if let Some(count) = count {
                    write!(f, " {count}")?;
                }
                if *before != 0 {
                    write!(f, " before={before}")?;
                }
                Ok(())
            }
            Verb::Rules(verb) => verb.fmt(f),
            Verb::Shutdown => f.write_str("shutdown"),
        }
    }
}
