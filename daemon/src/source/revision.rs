//! Which revision of the specs a directory holds.

use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

/// How the name of a revision begins that nobody committed.
pub const PLAIN: &str = "tree:";

/// A revision, and whether it is one that somebody committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// A commit's hash, or `tree:` and a hash of what was read.
    pub name: String,
    /// Whether it is a clean commit: only then is an absence in it known to be meant.
    pub committed: bool,
}

/// The revision of texts: the git commit of their directory where one is given and is a clean checkout, else a hash.
pub fn of<'a>(dir: Option<&Path>, texts: impl Iterator<Item = (&'a str, &'a str)>) -> Revision {
    let mut hash = Sha256::new();
    for (path, text) in texts {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let tree: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    match dir.and_then(commit) {
        Some(commit) => Revision { name: commit, committed: true },
        None => Revision { name: format!("{PLAIN}{tree}"), committed: false },
    }
}

/// Whether the commit that a directory stands at has another one among its ancestors. `false` too where git cannot
/// tell: no checkout, or a commit that was never fetched.
pub fn contains(dir: &Path, other: &str) -> bool {
    !other.starts_with('-') && git(dir, &["merge-base", "--is-ancestor", other, "HEAD"]).is_some()
}

fn commit(dir: &Path) -> Option<String> {
    let dirty = git(dir, &["status", "--porcelain", "--", "."])?;
    if !dirty.is_empty() { None } else { git(dir, &["rev-parse", "HEAD"]) }
}

fn git(dir: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(args)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
