//! Values as text: the quoting rule, written and read.

use alloc::string::String;
use core::fmt::{self, Write};

use super::record::Value;

/// Whether `text` stands without quotes and is still read back as text.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_character) && number(text).is_none()
}

fn is_word_character(character: char) -> bool {
    !character.is_whitespace() && !character.is_control() && !matches!(character, '"' | '\\' | '=')
}

/// The number that `text` is, if it is written as a `u64` prints.
fn number(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|octet| octet.is_ascii_digit()));
    if canonical { text.parse().ok() } else { None }
}

/// Writes text, quoted if it must be.
pub(super) fn write_text(out: &mut impl Write, text: &str) -> fmt::Result {
    if is_word(text) {
        return out.write_str(text);
    }
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            other if other.is_control() => write!(out, "\\u{{{:x}}}", u32::from(other))?,
            other => out.write_char(other)?,
        }
    }
    out.write_char('"')
}

/// Reads one line from left to right.
pub(super) struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    pub(super) fn new(line: &'a str) -> Scan<'a> {
        Scan { rest: line }
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes the one space between two pairs.
    pub(super) fn space(&mut self) -> bool {
        self.take(" ")
    }

    /// What stands before the next `=`, which is passed.
    pub(super) fn key(&mut self) -> Option<&'a str> {
        let (key, rest) = self.rest.split_once('=')?;
        self.rest = rest;
        Some(key)
    }

    /// A value, quoted or not.
    pub(super) fn value(&mut self) -> Option<Value> {
        if self.take("\"") {
            return self.quoted().map(Value::Text);
        }
        let end = self.rest.find(|character| !is_word_character(character)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match number(word) {
            Some(number) => Some(Value::Number(number)),
            None => (!word.is_empty()).then(|| Value::Text(word.into())),
        }
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let character = match self.next()? {
                '"' => return Some(text),
                '\\' => self.escape()?,
                control if control.is_control() => return None,
                other => other,
            };
            text.push(character);
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            '"' => '"',
            '\\' => '\\',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' if self.take("{") => {
                let (digits, rest) = self.rest.split_once('}')?;
                if !(1..=6).contains(&digits.len()) || !digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
                    return None;
                }
                self.rest = rest;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            _ => return None,
        })
    }
}
