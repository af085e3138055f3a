//! The verbs about rules.
//!
//! A change that does not fit a datagram is uploaded: `rules begin` says how long it is and its CRC-32 (ISO-HDLC, as zlib computes it), `rules
//! part` brings a piece of it, `rules commit` brings the whole into force, or nothing of it. A part is answered with how much
//! has been taken so far, so it may be sent again, and several may be on their way.

use alloc::string::String;
use core::fmt;

use super::Refusal;
use super::request::{Words, bad, option, parse, shown};
use crate::classification::text::Format;

/// The longest upload, octets.
pub const MAX_UPLOAD: u32 = 32 << 20;

/// What is asked about rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesVerb {
    /// The rules in order, with what they counted.
    List {
        /// The handle of the first rule of the page: what `next=` of the page before said.
        from: Option<u32>,
    },
    /// What was counted by class, by shared counter, and in all.
    Counters {
        /// The first line of the page.
        from: u64,
    },
    /// One rule more.
    Add {
        /// The rule, in the text form of [`classification::text`](crate::classification::text).
        rule: String,
    },
    /// One rule less.
    Delete {
        /// Its handle.
        handle: u32,
    },
    /// No rules at all, and no settings of the way out.
    Flush,
    /// How the way out is shared.
    Shares,
    /// One thing of the way out set anew.
    Set {
        /// The setting, in the text form of [`classification::text`](crate::classification::text).
        setting: String,
    },
    /// An upload begins.
    Begin(Upload),
    /// A piece of an upload.
    Part {
        /// The upload, as the reply to `begin` named it.
        upload: u32,
        /// Where the piece belongs, in octets from the beginning.
        offset: u32,
        /// The piece: everything after the request's first line.
        text: String,
    },
    /// The upload is complete and shall come into force.
    Commit {
        /// The upload.
        upload: u32,
    },
    /// The upload is given up.
    Abort {
        /// The upload.
        upload: u32,
    },
}

/// What an upload will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Octets, at most [`MAX_UPLOAD`].
    pub length: u32,
    /// CRC-32 of them.
    pub crc32: u32,
    /// What they are.
    pub content: Content,
}

/// What an upload consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Rules that replace all that are there.
    Rules(Format),
    /// Changes, one a line: `add RULE`, `delete HANDLE`, or a setting of the way out.
    Changes,
}

impl Content {
    const ALL: [(&'static str, Content); 3] = [
        ("rules", Content::Rules(Format::Rules)),
        ("classbench", Content::Rules(Format::ClassBench)),
        ("changes", Content::Changes),
    ];
}

/// The CRC-32 of an upload.
pub fn crc32(octets: &[u8]) -> u32 {
    crc32fast::hash(octets)
}

impl RulesVerb {
    /// What follows `rules`; `body` is what stands after the first line.
    pub(super) fn rules(words: &mut Words<'_>, body: Option<&str>) -> Result<Self, Refusal> {
        let Some(word) = words.next() else { return Ok(Self::List { from: None }) };
        Ok(match word {
            "flush" => Self::Flush,
            "begin" => Self::Begin(begin(words)?),
            "part" => {
                let (upload, offset) = (words.needed("UPLOAD")?, words.needed("OFFSET")?);
                let text = body.ok_or_else(|| bad("`rules part` needs the piece after its first line"))?;
                Self::Part { upload, offset, text: text.into() }
            }
            "commit" => Self::Commit { upload: words.needed("UPLOAD")? },
            "abort" => Self::Abort { upload: words.needed("UPLOAD")? },
            from => Self::List { from: Some(parse(from, "FROM")?) },
        })
    }

    /// What follows `class`, or `egress`.
    pub(super) fn set(name: &str, words: &mut Words<'_>) -> Self {
        let rest = words.rest();
        if rest.is_empty() && name == "class" {
            Self::Shares
        } else {
            Self::Set { setting: alloc::format!("{name} {rest}") }
        }
    }

    /// What follows `rule`.
    pub(super) fn rule(words: &mut Words<'_>) -> Result<Self, Refusal> {
        match words.next() {
            Some("add") => Ok(Self::Add { rule: words.rest() }),
            Some("delete") => Ok(Self::Delete { handle: words.needed("HANDLE")? }),
            Some(other) => Err(bad(alloc::format!(
                "{} is not understood; say `rule add RULE` or `rule delete HANDLE`",
                shown(other)
            ))),
            None => Err(bad("say `rule add RULE` or `rule delete HANDLE`")),
        }
    }
}

fn begin(words: &mut Words<'_>) -> Result<Upload, Refusal> {
    let (mut length, mut crc, mut content) = (None, None, Content::Rules(Format::Rules));
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some(("length", _)) => length = Some(option(word, "length", "octets")?),
            Some(("crc32", digits)) => {
                let hexadecimal =
                    (1..=8).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
                let number = if hexadecimal { u32::from_str_radix(digits, 16).ok() } else { None };
                crc = Some(
                    number
                        .ok_or_else(|| bad(alloc::format!("{} is no hexadecimal number of 32 bits", shown(digits))))?,
                );
            }
            Some(("content", name)) => {
                let known = Content::ALL.iter().find(|(known, _)| *known == name);
                content = known.map(|(_, content)| *content).ok_or_else(|| {
                    bad(alloc::format!("{} is no content; there are rules, classbench and changes", shown(name)))
                })?;
            }
            _ => {
                return Err(bad(alloc::format!(
                    "{} is not understood; say length=, crc32= and perhaps content=",
                    shown(word)
                )));
            }
        }
    }
    let (Some(length), Some(crc32)) = (length, crc) else {
        return Err(bad("`rules begin` needs length=OCTETS and crc32=HEXADECIMAL"));
    };
    if length > MAX_UPLOAD {
        return Err(Refusal::new(super::Code::Limit, alloc::format!("an upload has at most {MAX_UPLOAD} octets")));
    }
    Ok(Upload { length, crc32, content })
}

impl fmt::Display for RulesVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List { from: None } => f.write_str("rules"),
            Self::List { from: Some(from) } => write!(f, "rules {from}"),
            Self::Counters { from: 0 } => f.write_str("counters"),
            Self::Counters { from } => write!(f, "counters {from}"),
            Self::Add { rule } => write!(f, "rule add {rule}"),
            Self::Delete { handle } => write!(f, "rule delete {handle}"),
            Self::Flush => f.write_str("rules flush"),
            Self::Shares => f.write_str("class"),
            Self::Set { setting } => f.write_str(setting),
            Self::Begin(Upload { length, crc32, content }) => {
                write!(f, "rules begin length={length} crc32={crc32:08x}")?;
                let name = Content::ALL.iter().find(|(_, known)| known == content).map_or("rules", |(name, _)| name);
                write!(f, " content={name}")
            }
            Self::Part { upload, offset, text } => write!(f, "rules part {upload} {offset}\n{text}"),
            Self::Commit { upload } => write!(f, "rules commit {upload}"),
            Self::Abort { upload } => write!(f, "rules abort {upload}"),
        }
    }
}
