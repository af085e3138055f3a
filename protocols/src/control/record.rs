//! One line of a reply: pairs of key and value, in order.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{self, Scan};

/// A key: 1 to [`Record::MAX_KEY`] characters of `a-z 0-9 _ . -`.
pub type Key = Cow<'static, str>;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A count, a size, a time.
    Number(u64),
    /// Anything else.
    Text(String),
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(value) => text::write_text(f, value),
        }
    }
}

/// Pairs of key and value in the order in which they were added. No key occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pairs: Vec<(Key, Value)>,
}

impl Record {
    /// Octets of the longest key.
    pub const MAX_KEY: usize = 40;
    /// Pairs of the longest record that is read.
    pub const MAX_PAIRS: usize = 64;

    /// A record without pairs.
    pub fn new() -> Record {
        Record::default()
    }

    /// The record with one more pair. An existing key gets the new value.
    ///
    /// # Panics
    /// If `key` is no key. Keys are names in the source, so this is a fault of the program.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Record {
        let key = key.into();
        assert!(Record::is_key(&key), "`{key}` is no key of a record");
        let value = value.into();
        match self.pairs.iter_mut().find(|(present, _)| *present == key) {
            Some((_, present)) => *present = value,
            None => self.pairs.push((key, value)),
        }
        self
    }

    /// Whether a record can have this key.
    pub fn is_key(key: &str) -> bool {
        let good =
            |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || matches!(octet, b'_' | b'.' | b'-');
        (1..=Record::MAX_KEY).contains(&key.len()) && key.bytes().all(good)
    }

    /// The pairs in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.pairs.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.pairs.iter().find(|(present, _)| present == key).map(|(_, value)| value)
    }

    /// The value of a key, if it is a number.
    pub fn number(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
        }
    }

    /// The value of a key, if it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }

    /// Whether the record has no pairs.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Reads one line. `None` if it is no record.
    pub(super) fn parse(line: &str) -> Option<Record> {
        let mut scan = Scan::new(line);
        let mut record = Record::new();
        while let Some(key) = scan.key() {
            record.push(key, scan.value()?)?;
            if !scan.space() {
                break;
            }
        }
        (scan.at_end() && !record.is_empty()).then_some(record)
    }

    /// Adds a pair that was received. `None` if it is no key, is there already, or is one too many.
    fn push(&mut self, key: &str, value: Value) -> Option<()> {
        if !Record::is_key(key) || self.get(key).is_some() || self.pairs.len() == Record::MAX_PAIRS {
            return None;
        }
        self.pairs.push((Cow::Owned(key.into()), value));
        Some(())
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, value)) in self.pairs.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(f, "{space}{key}={value}")?;
        }
        Ok(())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Number(number) => serializer.serialize_u64(*number),
            Value::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        struct ValueVisitor;
        impl Visitor<'_> for ValueVisitor {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an unsigned number of 64 bits")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.into()))
            }
        }
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.pairs.len()))?;
        for (key, value) in &self.pairs {
            map.serialize_entry(key.as_ref(), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Record, D::Error> {
        struct RecordVisitor;
        impl<'de> Visitor<'de> for RecordVisitor {
            type Value = Record;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings and numbers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut record = Record::new();
                while let Some((key, value)) = map.next_entry::<Cow<'de, str>, Value>()? {
                    if record.push(&key, value).is_none() {
                        return Err(de::Error::custom("a key that is bad, repeated or one too many"));
                    }
                }
                Ok(record)
            }
        }
        deserializer.deserialize_map(RecordVisitor)
    }
}
