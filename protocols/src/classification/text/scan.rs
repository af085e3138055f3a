//! The words of a line, each with its place.

use core::str::FromStr;

use super::error::{Fault, TextError};

/// Characters of a word that an error shows.
const SHOWN: usize = 40;

/// Goes through a line word by word.
#[derive(Clone)]
pub(super) struct Scan<'a> {
    line: &'a str,
    /// Where the rest begins, in octets.
    at: usize,
    /// Where the word began that was taken last.
    last: usize,
}

impl<'a> Scan<'a> {
    pub fn new(line: &'a str) -> Self {
        Self { line, at: 0, last: 0 }
    }

    /// The next word; it stays there. A `/` after a space, and what follows it, are two words.
    pub fn peek(&self) -> Option<&'a str> {
        self.clone().next()
    }

    /// Takes the next word.
    pub fn next(&mut self) -> Option<&'a str> {
        let rest = self.line.get(self.at..)?;
        let start = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
        let word = &rest[start..];
        let end = match word.strip_prefix('/') {
            // A slash that stands apart from what is before it is a word by itself.
            Some(_) => 1,
            None => word.find(|c: char| c.is_ascii_whitespace()).unwrap_or(word.len()),
        };
        self.last = self.at + start;
        self.at = self.last + end.min(word.len());
        (!word.is_empty()).then(|| &word[..end])
    }

    /// Takes the next word if it is this one.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        if found {
            self.next();
        }
        found
    }

    /// Takes the next word, which must be there.
    pub fn word(&mut self, what: &'static str) -> Result<&'a str, TextError> {
        match self.next() {
            Some(word) => Ok(word),
            None => Err(self.fail(Fault::Ended(what))),
        }
    }

    /// Takes the next word, which must be a decimal number from `range`.
    pub fn number(&mut self, what: &'static str, range: (u64, u64)) -> Result<u64, TextError> {
        let word = self.word(what)?;
        self.within(word, what, range)
    }

    /// `text`, a part of the word taken last, as a decimal number from `range`.
    pub fn within(&self, text: &str, what: &'static str, range: (u64, u64)) -> Result<u64, TextError> {
        let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        let number = digits.then(|| u64::from_str(text).unwrap_or(u64::MAX));
        let found = number.ok_or_else(|| self.expected(what))?;
        if found < range.0 || found > range.1 {
            return Err(self.fail(Fault::Range { what, found, range }));
        }
        Ok(found)
    }

    /// Something else than the word taken last was expected.
    pub fn expected(&self, what: &'static str) -> TextError {
        let found = self.line.get(self.last..).unwrap_or_default();
        let word = found.split_ascii_whitespace().next().unwrap_or_default();
        let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        self.fail(Fault::Expected(what, word.chars().take(SHOWN).map(shown).collect()))
    }

    /// The word taken last is at fault.
    pub fn fail(&self, fault: Fault) -> TextError {
        let before = self.line.get(..self.last).unwrap_or(self.line);
        TextError::at(before.chars().count() as u32 + 1, fault)
    }
}
