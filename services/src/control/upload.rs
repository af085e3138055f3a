//! Uploads of rules: pieces are read as they come, so that nothing but the rules themselves is kept.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use protocols::classification::RuleId;
use protocols::classification::classifier::{Batch, Change, Ruleset};
use protocols::classification::text::{Format, Line, parse_line, parse_rule, parse_setting};
use protocols::control::{Code, Content, Refusal, Upload};
use protocols::time::{Duration, Instant};

/// Uploads at the same time.
const MAX_UPLOADS: usize = 2;
/// How long an upload waits for its next piece.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets of the longest line.
const MAX_LINE: usize = 1024;

/// The uploads that are under way. `P` names a peer.
pub(super) struct Uploads<P> {
    all: Vec<Running<P>>,
    last: u32,
}

struct Running<P> {
    number: u32,
    peer: P,
    upload: Upload,
    /// Octets taken so far, and their checksum.
    received: u32,
    crc: crc32fast::Hasher,
    /// The beginning of a line whose end has not come yet.
    rest: String,
    lines: u32,
    content: Staged,
    /// Why the whole is refused, once it is known.
    refusal: Option<Refusal>,
    until: Instant,
}

enum Staged {
    Rules(Format, Ruleset),
    Changes(Vec<(u32, Change)>),
}

impl<P: Copy + Eq> Uploads<P> {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), last: 0 }
    }

    /// Begins an upload; returns its number.
    pub(super) fn begin(&mut self, peer: P, upload: Upload, now: Instant) -> Result<u32, Refusal> {
        if self.all.len() == MAX_UPLOADS {
            return Err(Refusal::new(Code::Busy, format!("{MAX_UPLOADS} uploads are under way; try again")));
        }
        self.last = self.last.wrapping_add(1).max(1);
        let content = match upload.content {
            Content::Rules(format) => Staged::Rules(format, Ruleset::new()),
            Content::Changes => Staged::Changes(Vec::new()),
        };
        self.all.push(Running {
            number: self.last,
            peer,
            upload,
            received: 0,
            crc: crc32fast::Hasher::new(),
            rest: String::new(),
            lines: 0,
            content,
            refusal: None,
            until: now + PATIENCE,
        });
        Ok(self.last)
    }

    fn find(&mut self, peer: P, number: u32) -> Result<usize, Refusal> {
        let found = self.all.iter().position(|running| running.number == number && running.peer == peer);
        found.ok_or_else(|| Refusal::new(Code::UnknownUpload, format!("there is no upload {number}; begin again")))
    }

    /// Takes a piece; returns how many octets have been taken in all. A piece that was taken already, or that leaves a gap, changes nothing.
    pub(super) fn part(&mut self, peer: P, number: u32, offset: u32, text: &str, now: Instant) -> Result<u32, Refusal> {
        let index = self.find(peer, number)?;
        let running = &mut self.all[index];
        running.until = now + PATIENCE;
        if let Some(refusal) = &running.refusal {
            return Err(refusal.clone());
        }
        let Some(fresh) = running.received.checked_sub(offset).and_then(|taken| text.get(taken as usize..)) else {
            return Ok(running.received);
        };
        let end = running.received as usize + fresh.len();
        let taken = if end > running.upload.length as usize {
            let text =
                format!("upload {number} is longer than the {} octets that were announced", running.upload.length);
            Err(Refusal::new(Code::BadRequest, text))
        } else {
            running.crc.update(fresh.as_bytes());
            running.received = end as u32;
            running.read(fresh)
        };
        match taken {
            Ok(()) => Ok(running.received),
            Err(refusal) => {
                running.refuse(refusal.clone());
                Err(refusal)
            }
        }
    }

    /// Ends an upload; returns what it brought.
    pub(super) fn commit(&mut self, peer: P, number: u32) -> Result<Batch, Refusal> {
        let index = self.find(peer, number)?;
        let running = &self.all[index];
        if running.refusal.is_none() && running.received < running.upload.length {
            let text = format!("upload {number} has {} of {} octets", running.received, running.upload.length);
            return Err(Refusal::new(Code::BadRequest, text));
        }
        let mut running = self.all.swap_remove(index);
        if let Some(refusal) = running.refusal {
            return Err(refusal);
        }
        let crc = core::mem::take(&mut running.crc).finalize();
        if crc != running.upload.crc32 {
            let text =
                format!("the checksum of upload {number} is {crc:08x}, not {:08x}; begin again", running.upload.crc32);
            return Err(Refusal::new(Code::BadRequest, text));
        }
        let last = core::mem::take(&mut running.rest);
        running.line(&last)?;
        Ok(match running.content {
            Staged::Rules(_, rules) => Batch::Replace(rules),
            Staged::Changes(changes) => Batch::Change(changes),
        })
    }

    /// Gives an upload up.
    pub(super) fn abort(&mut self, peer: P, number: u32) -> Result<(), Refusal> {
        let index = self.find(peer, number)?;
        self.all.swap_remove(index);
        Ok(())
    }

    /// Forgets uploads whose next piece does not come.
    pub(super) fn expire(&mut self, now: Instant) {
        self.all.retain(|running| running.until > now);
    }

    /// When [`expire`](Self::expire) has to be called.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.all.iter().map(|running| running.until).min()
    }
}

impl<P> Running<P> {
    /// From now on the answer is always this; what was read so far is not needed any more.
    fn refuse(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        self.rest = String::new();
        self.content = Staged::Changes(Vec::new());
    }

    /// Reads the lines that end in this text.
    fn read(&mut self, text: &str) -> Result<(), Refusal> {
        let mut lines = text.split('\n');
        let Some(mut open) = lines.next() else { return Ok(()) };
        for next in lines {
            let mut line = core::mem::take(&mut self.rest);
            line.push_str(open);
            self.line(&line)?;
            open = next;
        }
        self.rest.push_str(open);
        if self.rest.len() > MAX_LINE {
            let text = format!("line {}: has more than {MAX_LINE} octets", self.lines + 1);
            return Err(Refusal::new(Code::BadRule, text));
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), Refusal> {
        self.lines += 1;
        let number = self.lines;
        match &mut self.content {
            Staged::Rules(format, rules) => match parse_line(number, line, *format).map_err(|error| bad(&error))? {
                Some(Line::Rule(rule)) => {
                    rules.insert(rule).map_err(|error| bad(&format_args!("line {number}: {error}")))?;
                }
                Some(Line::Setting(setting)) => rules.set(setting),
                None => {}
            },
            Staged::Changes(changes) => {
                if changes.len() > Batch::CHANGES {
                    return Err(bad(&format_args!("line {number}: more than {} changes in one batch", Batch::CHANGES)));
                }
                changes.extend(change(number, line)?.map(|change| (number, change)));
            }
        }
        Ok(())
    }
}

/// `add RULE`, `delete HANDLE` or a setting, perhaps with a comment; or nothing.
fn change(number: u32, line: &str) -> Result<Option<Change>, Refusal> {
    let line = line.split('#').next().unwrap_or_default();
    let trimmed = line.trim();
    let (word, rest) = trimmed.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((trimmed, ""));
    match word {
        "" => Ok(None),
        "add" => {
            // Columns count from the beginning of the line.
            let before = line.len() - line.trim_start().len() + "add".len();
            let mut spaced = " ".repeat(before);
            spaced.push_str(line.trim_start().get("add".len()..).unwrap_or_default());
            match parse_rule(&spaced) {
                Ok(rule) => Ok(Some(Change::Add(rule))),
                Err(error) => Err(bad(&format_args!("line {number}, {error}"))),
            }
        }
        "delete" => match rest.trim().parse() {
            Ok(handle) => Ok(Some(Change::Delete(RuleId(handle)))),
            Err(_) => {
                Err(bad(&format_args!("line {number}: `delete` needs the handle of a rule, as `rules` shows it")))
            }
        },
        "class" | "egress" => match parse_setting(line) {
            Ok(setting) => Ok(Some(Change::Set(setting))),
            Err(error) => Err(bad(&format_args!("line {number}, {error}"))),
        },
        _ => Err(bad(&format_args!("line {number}: a change begins with `add`, `delete`, `class` or `egress`"))),
    }
}

fn bad(error: &dyn core::fmt::Display) -> Refusal {
    Refusal::new(Code::BadRule, format!("{error}"))
}
