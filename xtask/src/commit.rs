//! The commit that a result names: what is published must be what that commit has.

use anyhow::{Result, bail};

use crate::{command, paths};

/// What recording writes itself, and no figure depends on.
const NOT_MEASURED: [&str; 2] = [":(exclude)bench/results", ":(exclude)*.md"];

/// Its name, with `-dirty` behind it if files that are measured differ from it. Empty in an archive without Git, where there is none.
pub fn name() -> String {
    let name = git(&["describe", "--always"]).unwrap_or_default().trim().to_owned();
    match changed() {
        Ok(files) if !files.is_empty() => name + "-dirty",
        _ => name,
    }
}

/// Refuses to record for the repository, before anything is measured, if the result would name a commit that does not have what was measured.
pub fn require_clean() -> Result<()> {
    // Without Git no commit is named.
    let files = changed().unwrap_or_default();
    if !files.is_empty() {
        bail!(
            "a result that the repository keeps names its commit, from which {} differ: commit or stash them first (`bench` without --save measures as things are)",
            files.join(", ")
        );
    }
    Ok(())
}

/// Files under version control that differ from the commit.
fn changed() -> Result<Vec<String>> {
    let status = [&["status", "--porcelain", "--untracked-files=no", "--", "."][..], &NOT_MEASURED].concat();
    Ok(git(&status)?.lines().filter_map(|line| line.get(3..)).map(str::to_owned).collect())
}

fn git(words: &[&str]) -> Result<String> {
    command::output(command::tethered("git").current_dir(paths::root()).args(words))
}
