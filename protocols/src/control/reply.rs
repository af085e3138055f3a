//! Replies, as text and as JSON.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::{Code, Id, MAX_REPLY, Record, Refusal};

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The ID of the request.
    pub id: Option<Id>,
    /// The records, or why it was refused and the records that go with the refusal.
    pub outcome: Result<Vec<Record>, (Refusal, Vec<Record>)>,
}

/// Why a datagram is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// It is not UTF-8.
    NotUtf8,
    /// It begins with neither `ok` nor `error CODE`, nor is it a JSON object of that meaning.
    NoOutcome,
    /// The error code is not known.
    UnknownCode(String),
    /// This line (the first is 1) is no record. For JSON: 0.
    BadRecord(usize),
    /// More than [`Reply::MAX_RECORDS`] records.
    TooManyRecords,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyError::NotUtf8 => f.write_str("the reply is not UTF-8"),
            ReplyError::NoOutcome => f.write_str("the reply begins with neither `ok` nor `error`"),
            ReplyError::UnknownCode(code) => write!(f, "the reply has the unknown error code `{code}`"),
            ReplyError::BadRecord(line) => write!(f, "line {line} of the reply is no record of key=value"),
            ReplyError::TooManyRecords => write!(f, "the reply has more than {} records", Reply::MAX_RECORDS),
        }
    }
}

impl core::error::Error for ReplyError {}

#[derive(Serialize, Deserialize)]
struct JsonReply<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    ok: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    error: Option<JsonError<'a>>,
    records: Cow<'a, [Record]>,
}

#[derive(Serialize, Deserialize)]
struct JsonError<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

impl Reply {
    /// Records of the longest reply that is read.
    pub const MAX_RECORDS: usize = 1024;

    /// An `ok` with these records.
    pub fn ok(records: Vec<Record>) -> Reply {
        Reply { id: None, outcome: Ok(records) }
    }

    /// An `error` with these records.
    pub fn refused(refusal: Refusal, records: Vec<Record>) -> Reply {
        Reply { id: None, outcome: Err((refusal, records)) }
    }

    /// The same reply to the request with this ID.
    #[must_use]
    pub fn to(mut self, id: Option<Id>) -> Reply {
        self.id = id;
        self
    }

    /// The records, whatever the outcome.
    pub fn records(&self) -> &[Record] {
        match &self.outcome {
            Ok(records) | Err((_, records)) => records,
        }
    }

    /// The datagram. The service keeps it within [`MAX_REPLY`] with [`Page`].
    pub fn encode(&self, json: bool) -> String {
        if json { self.to_json() } else { self.to_string() }
    }

    fn to_json(&self) -> String {
        let error = self.outcome.as_ref().err().map(|(refusal, _)| JsonError {
            code: Cow::Borrowed(refusal.code.as_str()),
            text: Cow::Borrowed(&refusal.text),
        });
        let id = self.id.as_ref().map(|id| Cow::Borrowed(id.as_str()));
        let reply = JsonReply { id, ok: error.is_none(), error, records: Cow::Borrowed(self.records()) };
        // Only a map with keys that are no strings can fail here, and there is none.
        serde_json::to_string(&reply).unwrap_or_default()
    }

    /// Reads a datagram, whichever form it has.
    ///
    /// # Errors
    /// Why it is no reply.
    pub fn parse(datagram: &[u8]) -> Result<Reply, ReplyError> {
        let text = core::str::from_utf8(datagram).map_err(|_| ReplyError::NotUtf8)?;
        if text.starts_with('{') { Reply::parse_json(text) } else { Reply::parse_text(text) }
    }

    fn parse_json(text: &str) -> Result<Reply, ReplyError> {
        let json: JsonReply<'_> = serde_json::from_str(text).map_err(|_| ReplyError::NoOutcome)?;
        if json.records.len() > Reply::MAX_RECORDS {
            return Err(ReplyError::TooManyRecords);
        }
        let id = json.id.map(|id| id.parse()).transpose().map_err(|_| ReplyError::NoOutcome)?;
        let records = json.records.into_owned();
        let outcome = match (json.ok, json.error) {
            (true, None) => Ok(records),
            (false, Some(error)) => Err((Refusal::new(code(&error.code)?, error.text), records)),
            _ => return Err(ReplyError::NoOutcome),
        };
        Ok(Reply { id, outcome })
    }

    fn parse_text(text: &str) -> Result<Reply, ReplyError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let mut head = lines.next().unwrap_or_default();
        let mut id = None;
        if let Some((name, rest)) = head.strip_prefix('#').and_then(|head| head.split_once(' ')) {
            id = Some(name.parse().map_err(|_| ReplyError::NoOutcome)?);
            head = rest;
        }
        let mut records = Vec::new();
        for (index, line) in lines.enumerate() {
            if records.len() == Reply::MAX_RECORDS {
                return Err(ReplyError::TooManyRecords);
            }
            records.push(Record::parse(line).ok_or(ReplyError::BadRecord(index + 2))?);
        }
        if head == "ok" {
            return Ok(Reply { id, outcome: Ok(records) });
        }
        let rest = head.strip_prefix("error ").ok_or(ReplyError::NoOutcome)?;
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        Ok(Reply { id, outcome: Err((Refusal::new(code(word)?, text), records)) })
    }
}

fn code(word: &str) -> Result<Code, ReplyError> {
    Code::from_word(word).ok_or_else(|| ReplyError::UnknownCode(word.chars().take(40).collect()))
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.id {
            write!(f, "#{id} ")?;
        }
        match &self.outcome {
            Ok(_) => f.write_str("ok")?,
            Err((refusal, _)) => {
                write!(f, "error {} ", refusal.code)?;
                // The first line ends the sentence, so no control character of it may reach the wire.
                for character in refusal.text.chars() {
                    f.write_char(if character.is_control() { ' ' } else { character })?;
                }
            }
        }
        for record in self.records() {
            write!(f, "\n{record}")?;
        }
        f.write_char('\n')
    }
}

/// Collects as many records as fit one datagram.
///
/// Once a record did not fit, no later one is taken, so that a page has no gaps.
#[derive(Debug)]
pub struct Page {
    records: Vec<Record>,
    json: bool,
    room: usize,
    full: bool,
}

impl Page {
    /// Octets kept free for the head of the reply (ID, `ok`, the JSON frame).
    const HEAD: usize = 80;
    /// Octets kept free for the record `next=N`.
    const NEXT: usize = 40;

    /// An empty page of a reply in that form.
    pub fn new(json: bool) -> Page {
        Page { records: Vec::new(), json, room: MAX_REPLY - Page::HEAD - Page::NEXT, full: false }
    }

    /// Takes the record, or returns false if it does not fit: then the page is full.
    pub fn push(&mut self, record: Record) -> bool {
        let length = if self.json {
            serde_json::to_string(&record).map_or(usize::MAX, |text| text.len())
        } else {
            record.to_string().len()
        };
        let room = self.room.checked_sub(length.saturating_add(1));
        self.full |= room.is_none();
        if self.full {
            return false;
        }
        self.room = room.unwrap_or(0);
        self.records.push(record);
        true
    }

    /// Whether no record was taken yet.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The reply, with a last record `next=N` if there is more to ask for.
    pub fn finish(mut self, next: Option<u64>) -> Reply {
        if let Some(next) = next {
            self.records.push(Record::new().with("next", next));
        }
        Reply::ok(self.records)
    }
}
