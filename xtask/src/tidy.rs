//! Rules of the tree that no compiler checks.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{command, paths, ui};

/// A file longer than this holds more than one idea.
const LONGEST: usize = 500;
/// How far above an unsafe block its `SAFETY:` comment may begin.
const REACH: usize = 12;

/// One broken rule.
type Finding = String;

/// `cargo xtask tidy`.
pub fn command() -> Result<()> {
    let findings = check()?;
    for finding in &findings {
        ui::note(finding);
    }
    if !findings.is_empty() {
        bail!("{} rules of the tree are broken", findings.len());
    }
    Ok(())
}

/// Every broken rule in the checkout.
pub fn check() -> Result<Vec<Finding>> {
    let mut git = Command::new("git");
    git.current_dir(paths::root()).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let list = if command::find("git").is_some() && paths::root().join(".git").exists() {
        command::output(&mut git)?
    } else {
        // No Git, or no checkout (an unpacked archive): everything but what is built and what Git keeps.
        let mut find = Command::new("find");
        find.current_dir(paths::root());
        find.args([".", "(", "-name", "target", "-o", "-name", ".git", ")", "-prune", "-o", "-type", "f", "-print"]);
        command::output(&mut find)?
    };
    let mut files = Vec::new();
    for name in list.lines() {
        // Deleted but not committed, or not text: nothing to check.
        if let Ok(text) = fs::read_to_string(paths::root().join(name)) {
            files.push((name.to_owned(), text));
        }
    }
    let mut findings = Vec::new();
    for (name, text) in &files {
        findings.extend(machine_paths(name, text));
        if name.ends_with(".rs") {
            findings.extend(length(name, text));
            findings.extend(sleeps(name, text));
            findings.extend(undocumented_unsafe(name, text));
        }
    }
    findings.extend(crates_that_could_forbid(&files));
    Ok(findings)
}

fn length(name: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > LONGEST).then(|| format!("{name}: {lines} lines; split it (at most {LONGEST})"))
}

/// Waiting a guessed time is either too short or too long: tests wait for what they need.
fn sleeps(name: &str, text: &str) -> Vec<Finding> {
    let call = concat!("thread::", "sleep");
    // A test is a file of its own, or what follows the attribute in a file of code. A program may well wait between two looks.
    let whole = name.starts_with("xtask/") || Path::new(name).components().any(|part| part.as_os_str() == "tests");
    let whole = whole || name.ends_with("tests.rs");
    let from = text.lines().position(|line| line.trim_start().starts_with("#[cfg(test)]")).unwrap_or(usize::MAX);
    let hits = text.lines().enumerate().filter(|(at, line)| (whole || *at > from) && line.contains(call));
    hits.map(|(at, _)| format!("{name}:{}: sleeps; wait for the event itself", at + 1)).collect()
}

/// Names of places on somebody's machine.
fn machine_paths(name: &str, text: &str) -> Vec<Finding> {
    let places = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/tm", "p/")];
    let foreign = |line: &str| {
        places.iter().any(|place| {
            line.match_indices(place).any(|(at, _)| {
                // Inside a longer path or a word it is something else.
                !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-}/$".contains(before))
            })
        })
    };
    let hits = text.lines().enumerate().filter(|(_, line)| foreign(line));
    hits.map(|(at, _)| format!("{name}:{}: names a path of one machine", at + 1)).collect()
}

/// Whether `line` is code that opens an unsafe block or promises an unsafe trait.
fn opens_unsafe(line: &str) -> bool {
    let code = code_of(line);
    code.match_indices("unsafe").any(|(at, word)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].trim_start();
        before.is_none_or(|c| !c.is_alphanumeric() && !"_(\"`".contains(c))
            && (after.starts_with('{') || after.starts_with("impl"))
    })
}

fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn undocumented_unsafe(name: &str, text: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let documented = |at: usize| {
        // The comment stands above the statement, which may begin some lines earlier; or above a run of such blocks.
        lines[at.saturating_sub(REACH)..=at].iter().any(|line| line.contains("SAFETY:"))
    };
    let hits = lines.iter().enumerate().filter(|(at, line)| opens_unsafe(line) && !documented(*at));
    hits.map(|(at, _)| format!("{name}:{}: unsafe without a SAFETY comment", at + 1)).collect()
}

/// A crate without unsafe code says so, so that none comes in unnoticed.
fn crates_that_could_forbid(files: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, text) in files {
        let Some(dir) = name.strip_suffix("src/lib.rs").or_else(|| name.strip_suffix("src/main.rs")) else { continue };
        let attributes = ["forbid", "deny"].map(|level| format!("#![{level}(unsafe_code)]"));
        if attributes.iter().any(|attribute| text.contains(attribute.as_str())) {
            continue;
        }
        let sources = Path::new(dir).join("src");
        let uses_it = |text: &str| {
            text.lines()
                .any(|line| code_of(line).split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe"))
        };
        let mut own =
            files.iter().filter(|(other, _)| Path::new(other).starts_with(&sources) && other.ends_with(".rs"));
        if !own.any(|(_, text)| uses_it(text)) {
            findings.push(format!("{name}: has no unsafe code and does not forbid it"));
        }
    }
    findings
}

#[cfg(test)]
mod tests;
