//! The part of the project's README that a job writes: between two marks, so that its figures are always those of the saved result.

use std::path::PathBuf;

/// The project's README.
pub fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))
}

/// `readme` with this as what the job says.
///
/// # Errors
/// The marks are not there.
pub fn renewed(readme: &str, job: &str, says: &str) -> Result<String, String> {
    let (from, to) = place(readme, job)?;
    Ok(format!("{}\n{}\n{}", &readme[..from], says.trim(), &readme[to..]))
}

/// Where the part begins, behind its first mark, and where the last begins.
fn place(readme: &str, job: &str) -> Result<(usize, usize), String> {
    let begin = format!("<!-- {job}: written by `cargo xtask bench {job} --save` -->\n");
    let end = format!("<!-- {job}: end -->\n");
    let from = readme.find(&begin).map(|at| at + begin.len());
    let to = from.and_then(|from| readme[from..].find(&end).map(|at| from + at));
    from.zip(to).ok_or_else(|| format!("the README has no place for this job: {} … {}", begin.trim(), end.trim()))
}

#[cfg(test)]
mod tests {
    use super::{file, renewed};
    use crate::jobs::JOBS;
    use std::fs;

    const README: &str = "before\n<!-- j: written by `cargo xtask bench j --save` -->\nold\n<!-- j: end -->\nafter\n";

    #[test]
    fn what_lies_between_the_marks_is_replaced() {
        let new = renewed(README, "j", "new\n").unwrap();
        assert_eq!(new, README.replace("old", "\nnew"));
        assert_eq!(renewed(&new, "j", "new").unwrap(), new);
    }

    #[test]
    fn a_readme_without_the_marks_is_refused() {
        assert!(renewed(README, "k", "new").is_err());
        assert!(renewed("", "j", "new").is_err());
    }

    /// Whoever changes a figure by hand, or the saved result, or what is made of it, has to renew the README
    /// (`cargo xtask bench --again`).
    #[test]
    fn the_readme_says_what_the_saved_results_say() {
        let readme = fs::read_to_string(file()).unwrap();
        for job in JOBS {
            let Some(markdown) = job.markdown else { continue };
            let renewed = renewed(&readme, job.name, &markdown(&crate::saved(job).unwrap())).unwrap();
            assert!(renewed == readme, "run `cargo xtask bench {} --again`", job.name);
        }
    }
}
