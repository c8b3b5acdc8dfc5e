//! Which revision of the specs a directory holds.

use std::collections::HashSet;
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
    /// Whether all that was read is what a clean commit holds: only then is an absence in it known to be meant.
    pub committed: bool,
    /// A hash of what was read.
    pub content: String,
}

/// A clean checkout, before its files are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    commit: String,
}

impl Checkout {
    /// What git says of a directory; nothing where it is no checkout, or has changes that nobody committed.
    pub fn of(dir: &Path) -> Option<Checkout> {
        let dirty = git(dir, &["status", "--porcelain", "--", "."])?;
        if !dirty.is_empty() { None } else { Some(Checkout { commit: git(dir, &["rev-parse", "HEAD"])? }) }
    }

    /// Whether the texts that were read since are the commit's: it is still there, still clean, and knows each of their
    /// paths. A checkout that was under way meanwhile gave some files of another one; git is silent about files that it
    /// ignores, however they change.
    fn holds(&self, dir: &Path, mut paths: impl Iterator<Item = impl AsRef<str>>) -> bool {
        let Some(tracked) = git(dir, &["ls-files", "-z", "--recurse-submodules"]) else { return false };
        let tracked: HashSet<&str> = tracked.split('\0').collect();
        paths.all(|path| tracked.contains(path.as_ref())) && Checkout::of(dir).as_ref() == Some(self)
    }
}

/// The revision of texts with their paths relative to a directory: its commit, where it was a clean checkout before they
/// were read and they are what that holds, else a hash.
pub fn of(dir: &Path, before: Option<Checkout>, texts: &[(String, &str)]) -> Revision {
    let mut hash = Sha256::new();
    for (path, text) in texts {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let content: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    match before.filter(|before| before.holds(dir, texts.iter().map(|(path, _)| path))) {
        Some(Checkout { commit }) => Revision { name: commit, committed: true, content },
        None => Revision { name: format!("{PLAIN}{content}"), committed: false, content },
    }
}

/// Whether the commit that a directory stands at has another one among its ancestors. `false` too where git cannot
/// tell: no checkout, or a commit that was never fetched.
pub fn contains(dir: &Path, other: &str) -> bool {
    !other.starts_with('-') && git(dir, &["merge-base", "--is-ancestor", other, "HEAD"]).is_some()
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn repository() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app.yaml"), "one").unwrap();
        fs::write(dir.path().join(".gitignore"), "dist\n").unwrap();
        let path = dir.path();
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "first"],
        ] {
            git(path, args).unwrap();
        }
        dir
    }

    fn texts<'a>(texts: &[(&str, &'a str)]) -> Vec<(String, &'a str)> {
        texts.iter().map(|(path, text)| ((*path).to_owned(), *text)).collect()
    }

    #[test]
    fn a_clean_checkout_is_its_commit() {
        let dir = repository();
        let before = Checkout::of(dir.path());
        let revision = of(dir.path(), before, &texts(&[("app.yaml", "one")]));
        assert!(revision.committed);
        assert_eq!(Some(revision.name), git(dir.path(), &["rev-parse", "HEAD"]));
    }

    #[test]
    fn what_was_read_while_another_commit_was_checked_out_is_no_commit() {
        let dir = repository();
        let before = Checkout::of(dir.path());
        fs::write(dir.path().join("app.yaml"), "two").unwrap();
        let commit = ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-a", "-m", "second"];
        git(dir.path(), &commit).unwrap();
        assert!(Checkout::of(dir.path()).is_some(), "it is clean again");
        assert!(!of(dir.path(), before, &texts(&[("app.yaml", "one")])).committed);
    }

    #[test]
    fn what_git_ignores_is_no_commit_and_an_edit_of_it_is_another_revision() {
        let dir = repository();
        fs::create_dir(dir.path().join("dist")).unwrap();
        fs::write(dir.path().join("dist/app.yaml"), "made").unwrap();
        let of = |text| of(dir.path(), Checkout::of(dir.path()), &texts(&[("dist/app.yaml", text)]));
        assert!(!of("made").committed);
        assert_ne!(of("made"), of("made anew"));
    }
}
