//! The wire format of the control port: UDP port [`PORT`], one request and one reply per datagram, UTF-8 text.
//!
//! ```text
//! request = [ "#" ID " " ] [ "json " ] VERB *( " " ARGUMENT )
//! reply   = [ "#" ID " " ] ( "ok" | "error " CODE " " TEXT ) *( LF RECORD ) [ LF ]
//! RECORD  = KEY "=" VALUE *( " " KEY "=" VALUE )
//! VALUE   = number / word / quoted
//! ```
//!
//! A `number` is what a `u64` prints: decimal digits without a leading zero. A `word` is text of printable characters
//! without space, `"`, `\` and `=` that does not look like a number. Any other text is `quoted`: between `"`, with the
//! escapes `\"`, `\\`, `\n`, `\r`, `\t` and `\u{HEX}` (for control characters). So each value is read back as what it was.
//!
//! With `json`, the reply is one object, and the records keep the order of their keys:
//!
//! ```text
//! {"id":"7","ok":true,"records":[{"object":"congestion","implementation":"cubic"}]}
//! {"ok":false,"error":{"code":"busy","text":"a swap of congestion is under way"},"records":[]}
//! ```
//!
//! ```
//! use protocols::control::{Reply, Request, Verb};
//!
//! let request = Request::parse(b"#7 swap congestion reno deadline=250").unwrap();
//! assert_eq!(request.to_string(), "#7 swap congestion reno deadline=250");
//! assert!(matches!(request.verb, Verb::Swap { deadline_ms: Some(250), .. }));
//!
//! let reply = Reply::parse(b"#7 ok\nresult=unchanged object=congestion\n").unwrap();
//! assert_eq!(reply.outcome.unwrap()[0].text("result"), Some("unchanged"));
//! ```

mod answers;
mod error;
mod id;
mod record;
mod reply;
mod request;
mod rules;
mod text;

pub use answers::{ConnectionRecord, MissingKey, TraceRecord};
pub use error::{Code, Refusal};
pub use id::Id;
pub use record::{Key, Record, Value};
pub use reply::{Page, Reply, ReplyError};
pub use request::{Request, Verb, shown};
pub use rules::{Content, MAX_UPLOAD, RulesVerb, Upload, crc32};

/// The UDP port of the control service.
pub const PORT: u16 = 7070;

/// Octets of the longest request that is read; a longer one is refused with [`Code::TooLong`].
pub const MAX_REQUEST: usize = 512;

/// Octets of the longest request that brings a piece of an upload: what fits one Ethernet frame of 1500 octets after the headers of IPv4
/// and UDP.
pub const MAX_PART: usize = 1472;

/// Octets of the longest reply: what fits one Ethernet frame of 1500 octets after the headers of IPv4 and UDP.
pub const MAX_REPLY: usize = 1472;

#[cfg(test)]
mod tests;
