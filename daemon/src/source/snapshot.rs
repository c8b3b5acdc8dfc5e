//! One reading of a spec directory. What was read is never read again half-way.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::revision::{self, Checkout, Revision};

/// A text file larger than this is no spec, bytes.
const LARGEST_TEXT: u64 = 10 * 1024 * 1024;
/// How deep below the root applications are looked for.
const DEPTH: usize = 6;
/// Where `sam build` puts its template and the code that the template names.
pub const BUILD_FOLDER: &str = ".aws-sam/build";
/// What `sam build` calls its template.
pub const BUILT_TEMPLATE: &str = "template.yaml";

/// One reading of a spec directory.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The directory, as given.
    pub root: PathBuf,
    /// Its folders that hold spec files directly, by path relative to the root (empty for the root itself).
    pub folders: BTreeMap<PathBuf, Folder>,
    /// Which revision it is.
    pub revision: Revision,
    /// `evenkeel.yaml` of the folder above, where the directory is one application out of a tree.
    pub above: Option<String>,
    /// What could not be read: path and reason. Never an absence.
    pub unreadable: Vec<(PathBuf, String)>,
    /// The directory with links resolved: it stays the same tree when a link is swapped.
    real: PathBuf,
    /// Texts that specs include from further below, each read once.
    included: Arc<Mutex<BTreeMap<PathBuf, Option<Arc<str>>>>>,
}

/// The spec files that lie directly in a folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Texts by file name.
    pub files: BTreeMap<String, String>,
    /// Texts of the templates that samconfig names, by their paths relative to the folder.
    pub named: BTreeMap<String, String>,
    /// What `sam build` left below the folder, where it holds a template.
    pub built: Option<Built>,
}

/// A template that `sam build` wrote: its local paths are relative to [`BUILD_FOLDER`].
#[derive(Clone, Debug)]
pub struct Built {
    /// Its text.
    pub text: String,
    /// When it was written, where the file system knows.
    pub modified: Option<SystemTime>,
}

/// Why there is no snapshot at all.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The directory is not there (yet).
    #[error("{0} is not there: name the directory of specs, or a folder with a template.yaml")]
    Missing(PathBuf),
    /// The path is not a directory.
    #[error("{0} is not a directory")]
    NotADirectory(PathBuf),
    /// It could not be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
}

impl Snapshot {
    /// Reads a directory.
    ///
    /// # Errors
    /// [`SnapshotError`] where there is no directory to read. Files that cannot be read are listed instead.
    pub fn read(root: &Path) -> Result<Self, SnapshotError> {
        Snapshot::read_as(root, true)
    }

    /// As [`Snapshot::read`], without asking git which commit it is: for who only looks at the texts, and is done
    /// before git has started.
    ///
    /// # Errors
    /// [`SnapshotError`] where there is no directory to read.
    pub fn read_texts(root: &Path) -> Result<Self, SnapshotError> {
        Snapshot::read_as(root, false)
    }

    fn read_as(root: &Path, ask_git: bool) -> Result<Self, SnapshotError> {
        let real = fs::canonicalize(root).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SnapshotError::Missing(root.to_owned()),
            _ => SnapshotError::Unreadable(root.to_owned(), error),
        })?;
        if !real.is_dir() {
            return Err(SnapshotError::NotADirectory(root.to_owned()));
        }
        let mut folders = BTreeMap::new();
        let mut unreadable = Vec::new();
        let before = if ask_git { Checkout::of(&real) } else { None };
        // The resolved path is read to the end, so that a link that is swapped meanwhile does not mix two trees.
        walk(&real, Path::new(""), 0, &mut folders, &mut unreadable)
            .map_err(|error| SnapshotError::Unreadable(root.to_owned(), error))?;
        let texts = folders
            .iter()
            .flat_map(|(dir, folder): (&PathBuf, &Folder)| {
                let built =
                    folder.built.iter().map(|built| (Path::new(BUILD_FOLDER).join(BUILT_TEMPLATE), &built.text));
                let written = folder.files.iter().chain(&folder.named);
                let written = written.map(|(name, text)| (PathBuf::from(name), text));
                written.chain(built).map(move |(name, text)| (plain(&dir.join(name)), text.as_str()))
            })
            .collect::<Vec<_>>();
        let revision = revision::of(&real, before, &texts);
        // One application out of a tree belongs to the tree, whose settings say whose everything is.
        let alone = folders.get(Path::new("")).is_some_and(|folder: &Folder| {
            !folder.files.contains_key(crate::apps::TREE_FILE) && crate::apps::is_app(folder)
        });
        let tree_file = real.parent().filter(|_| alone).map(|tree| tree.join(crate::apps::TREE_FILE));
        let above = match tree_file.as_deref().map(fs::read_to_string) {
            None => None,
            Some(Ok(text)) => Some(text),
            Some(Err(error)) if is_absent(&error) => None,
            Some(Err(error)) => {
                unreadable.push((Path::new("..").join(crate::apps::TREE_FILE), error.to_string()));
                None
            }
        };
        Ok(Snapshot { root: root.to_owned(), above, folders, revision, unreadable, real, included: Arc::default() })
    }

    /// The text of a file that a spec includes, by path relative to the root; `None` where there is none within it.
    pub fn text(&self, relative: &Path) -> Option<Arc<str>> {
        let mut plain = PathBuf::new();
        for part in relative.components() {
            match part {
                Component::Normal(name) => plain.push(name),
                Component::CurDir => {}
                Component::ParentDir if plain.pop() => {}
                // Nothing outside the specs is a spec.
                _ => return None,
            }
        }
        let known = || {
            let folder = self.folders.get(plain.parent()?)?;
            folder.files.get(plain.file_name()?.to_str()?).map(|text| Arc::from(text.as_str()))
        };
        let mut included = self.included.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = included.get(&plain) {
            return text.clone();
        }
        let path = self.real.join(&plain);
        let read = || {
            let small = fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST_TEXT);
            small.then(|| fs::read_to_string(&path).ok()).flatten().map(Arc::from)
        };
        let text = known().or_else(read);
        included.insert(plain, text.clone());
        text
    }

    /// The name of a folder, the root's included.
    pub fn name(&self, relative: &Path) -> Option<String> {
        let path = if relative.as_os_str().is_empty() { &self.root } else { relative };
        let name = path.file_name().or_else(|| self.real.file_name())?;
        Some(name.to_string_lossy().into_owned())
    }

    /// The path of a folder or file for messages.
    pub fn show(&self, relative: &Path) -> String {
        if relative.as_os_str().is_empty() {
            self.root.display().to_string()
        } else {
            self.root.join(relative).display().to_string()
        }
    }
}

fn walk(
    real: &Path,
    relative: &Path,
    depth: usize,
    folders: &mut BTreeMap<PathBuf, Folder>,
    unreadable: &mut Vec<(PathBuf, String)>,
) -> io::Result<()> {
    let mut folder = Folder::default();
    let mut below = Vec::new();
    let mut entries = fs::read_dir(real.join(relative))?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = relative.join(&name);
        // Follows links: git-sync and editors put links where files and folders are meant.
        let meta = match fs::metadata(entry.path()) {
            Ok(meta) => meta,
            Err(error) => {
                if is_spec(&name) {
                    unreadable.push((path, error.to_string()));
                }
                continue;
            }
        };
        if meta.is_dir() {
            if !is_skipped(&name) && depth < DEPTH {
                below.push(path);
            }
        } else if is_spec(&name) && meta.len() > LARGEST_TEXT {
            if is_app_at_its_beginning(&name, &entry.path()) {
                unreadable.push((path, format!("it is larger than {} MB", LARGEST_TEXT >> 20)));
            }
        } else if is_spec(&name) {
            match fs::read(entry.path()).map(String::from_utf8) {
                Ok(Ok(text)) => {
                    folder.files.insert(name, text);
                }
                Ok(Err(_)) => unreadable.push((path, "is not UTF-8 text".to_owned())),
                Err(error) => unreadable.push((path, error.to_string())),
            }
        }
    }
    let named: Vec<String> =
        folder.files.iter().flat_map(|(name, text)| crate::apps::sam::named_templates(name, text)).collect();
    for name in named {
        let path = relative.join(&name);
        let inside = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        match fs::metadata(real.join(&path)) {
            Ok(meta) if inside && meta.is_file() && meta.len() <= LARGEST_TEXT => {
                match fs::read_to_string(real.join(&path)) {
                    Ok(text) => {
                        folder.named.insert(name, text);
                    }
                    Err(error) => unreadable.push((path, error.to_string())),
                }
            }
            // That it is not there is said where it is named.
            _ => {}
        }
    }
    if folder.files.keys().any(|name| crate::apps::is_template(name)) {
        let path = relative.join(BUILD_FOLDER).join(BUILT_TEMPLATE);
        match built(&real.join(&path)) {
            Ok(built) => folder.built = built,
            Err(error) => unreadable.push((path, error.to_string())),
        }
    }
    // What lies below an application's folder is its code, unless a template or manifest says otherwise; only the
    // folders of a tree are looked through.
    let is_app = folder.files.iter().any(|(name, text)| crate::apps::looks_like_app(name, text));
    if !folder.files.is_empty() {
        folders.insert(relative.to_owned(), folder);
    }
    if !is_app {
        for path in below {
            if let Err(error) = walk(real, &path, depth + 1, folders, unreadable) {
                unreadable.push((path, error.to_string()));
            }
        }
    }
    Ok(())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a file that is too large to be read is a spec by its first part: data may lie beside specs.
fn is_app_at_its_beginning(name: &str, path: &Path) -> bool {
    let mut part = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut part));
    read.is_err() || crate::apps::looks_like_app(name, &String::from_utf8_lossy(&part))
}

/// What `sam build` wrote, where it ran. It empties its folder first and writes the template last: in between, what is
/// there is neither the sources nor what is built of them.
fn built(path: &Path) -> io::Result<Option<Built>> {
    let meta = match fs::metadata(path) {
        Err(error) if is_absent(&error) && path.parent().is_some_and(Path::is_dir) => {
            return Err(io::Error::other(
                "`sam build` has begun and not ended there; run it again, or remove .aws-sam to have the sources taken as they are",
            ));
        }
        Err(error) if is_absent(&error) => return Ok(None),
        other => other?,
    };
    if meta.len() > LARGEST_TEXT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "is larger than 10 MB"));
    }
    Ok(Some(Built { text: fs::read_to_string(path)?, modified: meta.modified().ok() }))
}

/// The first file at or below `path` that was written after `moment`: code that was changed after it was built.
pub fn newer_than(path: &Path, moment: SystemTime) -> Option<PathBuf> {
    let meta = fs::metadata(path).ok()?;
    if meta.is_file() {
        return meta.modified().is_ok_and(|modified| modified > moment).then(|| path.to_owned());
    }
    let mut entries: Vec<_> = fs::read_dir(path).ok()?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    entries.into_iter().find_map(|entry| {
        // A link to a folder may lead round in circles.
        let round = entry.file_type().is_ok_and(|kind| kind.is_symlink()) && entry.path().is_dir();
        let skipped = entry.file_name().to_str().is_none_or(is_skipped);
        if round || skipped { None } else { newer_than(&entry.path(), moment) }
    })
}

/// A path below the root as git writes it.
fn plain(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

fn is_spec(name: &str) -> bool {
    !name.starts_with('.')
        && [".yaml", ".yml", ".json", ".toml", ".template"].iter().any(|ending| name.ends_with(ending))
}

fn is_skipped(name: &str) -> bool {
    name.starts_with('.') || ["node_modules", "__pycache__", "target", "venv"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_directory_is_said_to_be_missing_and_an_empty_one_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Snapshot::read(&dir.path().join("none")), Err(SnapshotError::Missing(_))));
        let snapshot = Snapshot::read(dir.path()).unwrap();
        assert!(snapshot.folders.is_empty());
        assert!(!snapshot.revision.committed);
    }

    #[test]
    fn text_that_is_not_utf8_is_listed_and_not_taken_for_absent() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app.yaml"), [0xff, 0xfe, 0x00]).unwrap();
        let snapshot = Snapshot::read(dir.path()).unwrap();
        assert_eq!(snapshot.unreadable.len(), 1);
    }
}
