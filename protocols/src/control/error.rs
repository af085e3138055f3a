//! Why a request is refused.

use alloc::string::String;
use core::fmt;

/// The machine-readable part of an `error` reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request does not follow the grammar.
    BadRequest,
    /// There is no such verb.
    UnknownVerb,
    /// There is no object of that name.
    UnknownObject,
    /// The object has no implementation of that name.
    UnknownImplementation,
    /// Something of the same kind is under way; try again.
    Busy,
    /// The swap was undone; what was in place before is in place again.
    Undone,
    /// The request is longer than [`MAX_REQUEST`](super::MAX_REQUEST) octets.
    TooLong,
    /// A table is full.
    Limit,
    /// A rule does not follow its grammar, or a change is impossible; nothing of it was done.
    BadRule,
    /// There is no upload of that number.
    UnknownUpload,
    /// A fault of the system itself.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 11] = [
        Code::BadRequest,
        Code::UnknownVerb,
        Code::UnknownObject,
        Code::UnknownImplementation,
        Code::Busy,
        Code::Undone,
        Code::TooLong,
        Code::Limit,
        Code::BadRule,
        Code::UnknownUpload,
        Code::Internal,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::BadRequest => "bad-request",
            Code::UnknownVerb => "unknown-verb",
            Code::UnknownObject => "unknown-object",
            Code::UnknownImplementation => "unknown-implementation",
            Code::Busy => "busy",
            Code::Undone => "undone",
            Code::TooLong => "too-long",
            Code::Limit => "limit",
            Code::BadRule => "bad-rule",
            Code::UnknownUpload => "unknown-upload",
            Code::Internal => "internal",
        }
    }

    /// The code with this word on the wire.
    pub fn from_word(word: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.as_str() == word)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: the code, and one sentence for a person. The sentence is kept to one line when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal.
    pub code: Code,
    /// What happened, with which value, and what to do.
    pub text: String,
}

impl Refusal {
    /// A refusal with this sentence.
    pub fn new(code: Code, text: impl Into<String>) -> Refusal {
        Refusal { code, text: text.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl core::error::Error for Refusal {}
