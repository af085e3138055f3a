//! Settings of the way out: `class 3 weight 10`, `egress rate 50mbit`.

use core::fmt::{self, Display, Formatter};

use super::MAX_CLASS;
use super::error::TextError;
use super::scan::Scan;
use crate::classification::{MAX_RATE, MAX_WEIGHT, MIN_RATE, Setting};
use crate::sim;

/// Whether the text is meant to be a setting.
pub(super) fn begins(text: &str) -> bool {
    matches!(Scan::new(text).next(), Some("class" | "egress"))
}

/// Reads one setting, without comment. See the [grammar](super).
///
/// # Errors
/// Where it stops making sense, and why; the line is left at 0.
pub fn parse_setting(text: &str) -> Result<Setting, TextError> {
    const WHAT: &str = "`class` or `egress`";
    let mut scan = Scan::new(text);
    let setting = match scan.word(WHAT)? {
        "class" => {
            let class = scan.number("a class", (0, MAX_CLASS.into()))? as u8;
            keyword(&mut scan, "weight", "`weight`")?;
            Setting::Weight { class, weight: scan.number("a weight", (1, MAX_WEIGHT.into()))? as u8 }
        }
        "egress" => {
            keyword(&mut scan, "rate", "`rate`")?;
            Setting::Rate(rate(&mut scan)?)
        }
        _ => return Err(scan.expected(WHAT)),
    };
    match scan.next() {
        Some(_) => Err(scan.expected("the end of the setting")),
        None => Ok(setting),
    }
}

fn keyword(scan: &mut Scan<'_>, word: &str, what: &'static str) -> Result<(), TextError> {
    if scan.word(what)? == word { Ok(()) } else { Err(scan.expected(what)) }
}

/// As tc(8) writes it; `None` for `none`.
fn rate(scan: &mut Scan<'_>) -> Result<Option<u64>, TextError> {
    const WHAT: &str = "a rate such as 50mbit (8kbit to 1000gbit), or `none`";
    let word = scan.word(WHAT)?;
    if word == "none" {
        return Ok(None);
    }
    let found = sim::parse_rate(word).filter(|found| (MIN_RATE..=MAX_RATE).contains(found));
    found.map(Some).ok_or_else(|| scan.expected(WHAT))
}

/// A setting as [`parse_setting`] reads it.
#[derive(Clone, Copy, Debug)]
pub struct PrintedSetting(pub Setting);

impl Display for PrintedSetting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Setting::Weight { class, weight } => write!(f, "class {class} weight {weight}"),
            Setting::Rate(None) => f.write_str("egress rate none"),
            Setting::Rate(Some(octets)) => {
                let bits = octets * 8;
                let units = [(1_000_000_000, "gbit"), (1_000_000, "mbit"), (1_000, "kbit")];
                let (factor, unit) = units.into_iter().find(|(factor, _)| bits % factor == 0).unwrap_or((1, "bit"));
                write!(f, "egress rate {}{unit}", bits / factor)
            }
        }
    }
}
