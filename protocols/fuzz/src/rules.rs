//! Lines of rules, in our own form and in ClassBench's.

use protocols::classification::text::{Format, Line, Printed, PrintedSetting, parse_line, parse_rule, parse_setting};
use protocols::classification::{Rule, RuleTable};

/// The longest message: it has to fit a reply of the control port beside what else that says.
const MESSAGE: usize = 400;

/// Reads lines; the first octet chooses the form.
///
/// # Panics
/// If what was read prints as something else, does not fit a table, or an error does not say where on the line it is.
pub fn run(octets: &[u8]) {
    let Some((form, text)) = octets.split_first() else { return };
    let format = if form & 1 == 0 { Format::Rules } else { Format::ClassBench };
    let text = String::from_utf8_lossy(text);
    for (number, line) in (1..).zip(text.split('\n')) {
        match parse_line(number, line, format) {
            Ok(None) => {}
            Ok(Some(Line::Rule(rule))) => reads_back(rule),
            Ok(Some(Line::Setting(setting))) => {
                let printed = PrintedSetting(setting).to_string();
                assert_eq!(parse_setting(&printed), Ok(setting), "{printed}");
            }
            Err(error) => {
                assert_eq!(error.line, number);
                assert!((1..=line.chars().count() as u32 + 1).contains(&error.column), "{error:?} of `{line}`");
                let message = error.to_string();
                assert!(message.len() <= MESSAGE && !message.contains(char::is_control), "{message:?}");
            }
        }
    }
}

fn reads_back(rule: Rule) {
    let printed = Printed(&rule).to_string();
    assert_eq!(parse_rule(&printed), Ok(rule), "{printed}");
    let refusal = RuleTable::new(1).insert(rule).err();
    assert_eq!(refusal, None, "{printed}");
}
