//! Tells when a directory may have changed. It may cry wolf; it must not stay silent.
//!
//! Editors rename, git-sync swaps a link, a directory may appear later: notifications are taken from everything on the
//! way to the directory, and its resolved path is looked at twice a second as well.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

/// A change is reported once nothing more has happened for this long ...
const QUIET: Duration = Duration::from_millis(120);
/// ... but not later than this after the first event.
const LATEST: Duration = Duration::from_millis(600);
/// How often the resolved path is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Watches `root` until the receiver is dropped; each item says that something may have changed.
pub fn watch(root: PathBuf) -> mpsc::Receiver<()> {
    let (changed, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let (events, mut event) = mpsc::channel::<()>(1);
        let mut target = resolve(&root);
        let mut watcher = start(&root, target.as_deref(), &events);
        let mut look = tokio::time::interval(LOOK);
        loop {
            let fired = tokio::select! {
                received = event.recv() => received.is_some(),
                _ = look.tick() => false,
            };
            let now = resolve(&root);
            let moved = now != target;
            if moved {
                debug!(root = %root.display(), "the directory is another one now");
                target = now;
                watcher = start(&root, target.as_deref(), &events);
            }
            if fired || moved {
                settle(&mut event).await;
                if changed.send(()).await.is_err() {
                    break;
                }
            }
            if changed.is_closed() {
                break;
            }
        }
        drop(watcher);
    });
    receiver
}

/// Waits until a burst of events is over.
async fn settle(event: &mut mpsc::Receiver<()>) {
    let latest = Instant::now() + LATEST;
    loop {
        let until = (Instant::now() + QUIET).min(latest);
        match tokio::time::timeout_at(until, event.recv()).await {
            Ok(Some(())) if Instant::now() < latest => {}
            _ => break,
        }
    }
}

fn resolve(root: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(root).ok()
}

fn start(root: &Path, target: Option<&Path>, events: &mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let events = events.clone();
    let own: Vec<PathBuf> = [target.map(Path::to_owned), std::path::absolute(root).ok(), Some(root.to_owned())]
        .into_iter()
        .flatten()
        .collect();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let concerns = match &event {
            // Reading is no change: a scan of the tree must not wake itself.
            Ok(event) if event.kind.is_access() => false,
            // Neither is what happens beside the directory: a log that evenkeel itself writes there would wake it for
            // ever.
            Ok(event) if !event.paths.is_empty() => {
                event.paths.iter().any(|path| !is_bookkeeping(path) && own.iter().any(|own| path.starts_with(own)))
            }
            _ => true,
        };
        if concerns {
            // A full channel already holds the news.
            let _ = events.try_send(());
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => {
            warn!(%error, "file notifications are not available; the specs are read again at each resync");
            return None;
        }
    };
    let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for (path, mode) in [(target, RecursiveMode::Recursive), (Some(parent), RecursiveMode::NonRecursive)] {
        if let Some(path) = path
            && path.exists()
            && let Err(error) = watcher.watch(path, mode)
        {
            warn!(path = %path.display(), %error, "cannot be watched; changes there are seen at the next resync");
        }
    }
    Some(watcher)
}

/// Whether a path is of git's own files and says nothing of what is checked out: a fetch is no edit, a commit of what
/// lies there already is one.
fn is_bookkeeping(path: &Path) -> bool {
    let mut parts = path.components();
    if !parts.any(|part| part.as_os_str() == ".git") {
        return false;
    }
    let own = parts.as_path();
    !matches!(own.to_str(), Some("" | "HEAD" | "index" | "packed-refs")) && !own.starts_with("refs/heads")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn expect_change(receiver: &mut mpsc::Receiver<()>) {
        let change = tokio::time::timeout(Duration::from_secs(5), receiver.recv()).await;
        assert_eq!(change, Ok(Some(())), "no change was reported");
        // Whatever belongs to the same change may be reported once more.
        while tokio::time::timeout(Duration::from_millis(900), receiver.recv()).await.is_ok() {}
    }

    #[tokio::test]
    async fn a_file_beside_the_directory_wakes_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("specs");
        std::fs::create_dir(&root).unwrap();
        let mut changes = watch(root.clone());
        tokio::time::sleep(Duration::from_millis(300)).await;
        std::fs::write(dir.path().join("evenkeel.log"), "a line").unwrap();
        let change = tokio::time::timeout(Duration::from_millis(1200), changes.recv()).await;
        assert!(change.is_err(), "a log beside the specs is no edit");
        std::fs::write(root.join("app.yaml"), "edited").unwrap();
        expect_change(&mut changes).await;
    }

    #[test]
    fn a_fetch_is_no_edit_and_a_commit_is_one() {
        for silent in [".git/FETCH_HEAD", ".git/objects/ab/cdef", ".git/refs/remotes/origin/main", ".git/index.lock"] {
            assert!(is_bookkeeping(&Path::new("/specs").join(silent)), "{silent}");
        }
        for telling in [".git", ".git/HEAD", ".git/index", ".git/refs/heads/main", "app.yaml", "src/app.py"] {
            assert!(!is_bookkeeping(&Path::new("/specs").join(telling)), "{telling}");
        }
    }

    #[tokio::test]
    async fn an_editors_rename_a_swapped_link_and_a_late_directory_are_all_seen() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("current");
        let mut changes = watch(link.clone());
        tokio::time::sleep(Duration::from_millis(100)).await;
        for revision in ["one", "two"] {
            let tree = dir.path().join(revision);
            std::fs::create_dir(&tree).unwrap();
            std::fs::write(tree.join("app.yaml"), revision).unwrap();
            std::os::unix::fs::symlink(&tree, dir.path().join("next")).unwrap();
            std::fs::rename(dir.path().join("next"), &link).unwrap();
            expect_change(&mut changes).await;
        }
        let tree = dir.path().join("two");
        std::fs::write(tree.join("app.yaml~"), "edited").unwrap();
        std::fs::rename(tree.join("app.yaml~"), tree.join("app.yaml")).unwrap();
        expect_change(&mut changes).await;
    }
}
