//! `midflight rules …`: the rules of the classifier.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use protocols::classification::text::Format;
use protocols::control::{Content, Reply, RulesVerb, Upload, Verb, crc32};

use crate::client::Client;
use crate::{answer, fail};

/// What to do with rules.
#[derive(Subcommand)]
#[command(after_help = "A rule: PRIORITY MATCHES… STATEMENTS… VERDICT, the lowest priority first, for example
  10 ip saddr 10.0.0.0/8 tcp dport 80-443 tcp flags syn / syn,ack accept
  20 ct state established,related accept
  30 udp dport 7070 limit rate 100/second burst 20 packets accept
  50 oif 0 tcp sport 5201 class 3 accept
  90 reject with icmpx admin-prohibited
A frame meets the first rule that matches; without one it is accepted. Rules with `oif` are for what goes out.
The control port (UDP 7070) meets the rules as everything else does: accept it before you drop the rest.")]
pub enum Command {
    /// The rules in order, with their handles and what they counted.
    List,
    /// Frames and octets by class, by shared counter, and in all.
    Counters,
    /// One more rule, behind those of the same priority.
    Add {
        /// The rule, in one argument or several.
        #[arg(required = true, num_args = 1.., allow_hyphen_values = true)]
        rule: Vec<String>,
    },
    /// One rule less.
    Delete {
        /// Its handle, as `list` shows it.
        handle: u32,
    },
    /// No rules: everything is accepted.
    Flush,
    /// Replaces all rules by those of a file, at once or not at all.
    Load {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// The file has ClassBench's filters instead of rules; each accepts.
        #[arg(long)]
        classbench: bool,
    },
    /// Makes the changes of a file, at once or not at all: lines of `add RULE` or `delete HANDLE`.
    Apply {
        /// The file; `-` is standard input.
        file: PathBuf,
    },
}

/// Does it.
pub fn run(client: &Client, command: Command, json: bool) -> ExitCode {
    let verb = match command {
        Command::List => RulesVerb::List { from: None },
        Command::Counters => RulesVerb::Counters { from: 0 },
        Command::Add { rule } => RulesVerb::Add { rule: rule.join(" ") },
        Command::Delete { handle } => RulesVerb::Delete { handle },
        Command::Flush => RulesVerb::Flush,
        Command::Load { file, classbench: true } => {
            return load(client, &file, Content::Rules(Format::ClassBench), json);
        }
        Command::Load { file, classbench: false } => return load(client, &file, Content::Rules(Format::Rules), json),
        Command::Apply { file } => return load(client, &file, Content::Changes, json),
    };
    let verb = Verb::Rules(verb);
    match client.whole(&verb) {
        Ok(reply) => answer(&verb, &reply, json),
        Err(failure) => fail(&failure),
    }
}

fn read(file: &PathBuf) -> std::io::Result<String> {
    if file.as_os_str() != "-" {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn load(client: &Client, file: &PathBuf, content: Content, json: bool) -> ExitCode {
    let text = match read(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("midflight: {} cannot be read: {error}", file.display());
            return ExitCode::from(2);
        }
    };
    let Ok(length) = u32::try_from(text.len()) else {
        eprintln!("midflight: {} is too long", file.display());
        return ExitCode::from(2);
    };
    match upload(client, &text, Upload { length, crc32: crc32(text.as_bytes()), content }) {
        Ok((verb, reply)) => answer(&verb, &reply, json),
        Err(failure) => fail(&failure),
    }
}

/// Uploads the text and brings it into force; the last request and its reply.
fn upload(client: &Client, text: &str, upload: Upload) -> Result<(Verb, Reply), crate::client::Failure> {
    let begin = Verb::Rules(RulesVerb::Begin(upload));
    let reply = client.ask(begin.clone())?;
    let number = reply.records().iter().find_map(|record| record.number("upload"));
    let Some(number) = number.and_then(|number| u32::try_from(number).ok()) else { return Ok((begin, reply)) };
    let shown = std::io::stderr().is_terminal();
    let refused = client.upload(number, text, &mut |taken| {
        if shown {
            eprint!("\r{:3} %", taken * 100 / text.len().max(1));
            let _ = std::io::stderr().flush();
        }
    })?;
    if shown {
        eprint!("\r      \r");
    }
    match refused {
        Some(reply) => {
            // Whoever is refused may begin again at once.
            let _ = client.ask(Verb::Rules(RulesVerb::Abort { upload: number }));
            Ok((begin, reply))
        }
        None => {
            let commit = Verb::Rules(RulesVerb::Commit { upload: number });
            let reply = client.ask(commit.clone())?;
            Ok((commit, reply))
        }
    }
}
