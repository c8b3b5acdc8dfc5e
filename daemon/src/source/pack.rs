//! Local artifacts: folders and files become deterministic zips, known by their hashes.
//!
//! Only the hashes are kept. The bytes are made again when a step uploads them, and must then still have the same
//! hash: a folder that changed under a plan fails the step instead of uploading what nobody planned.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use evenkeel_core::model::archive::{self, ArchiveEntry};
use evenkeel_core::plan::{Artifact, Artifacts};
use ignore::WalkBuilder;
use sha2::{Digest, Sha256};

/// The ignore file's name; its syntax is `.gitignore`'s.
pub const IGNORE_FILE: &str = ".evenkeelignore";

/// Why an artifact could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is nothing at the path.
    #[error("{0} is not there")]
    Missing(PathBuf),
    /// A folder without a file in it.
    #[error("{0} holds no files")]
    Empty(PathBuf),
    /// It could not be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, String),
}

/// What tells cheaply whether a tree is still the same: path, size and time of each file.
type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Packs the artifacts of one application.
#[derive(Debug)]
pub struct Packer {
    base: PathBuf,
    known: Mutex<HashMap<String, (Stamp, Artifact)>>,
}

impl Packer {
    /// A packer for paths relative to `base`.
    pub fn new(base: PathBuf) -> Self {
        Packer { base, known: Mutex::new(HashMap::new()) }
    }

    /// The directory that paths are relative to.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The artifact at a path as written in a spec.
    ///
    /// # Errors
    /// [`PackError`] where there is nothing to pack.
    pub fn artifact(&self, local_path: &str) -> Result<Artifact, PackError> {
        let path = self.base.join(local_path);
        let files = list(&path)?;
        let stamp: Stamp = files.iter().map(|file| (file.path.clone(), file.size, file.modified)).collect();
        let known = |known: &Mutex<HashMap<String, (Stamp, Artifact)>>| {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(local_path).filter(|(before, _)| *before == stamp).map(|(_, artifact)| artifact.clone())
        };
        if let Some(artifact) = known(&self.known) {
            return Ok(artifact);
        }
        let (artifact, _) = pack(&path, &files)?;
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(local_path.to_owned(), (stamp, artifact.clone()));
        Ok(artifact)
    }
}

impl Artifacts for Packer {
    fn bytes(&self, local_path: &str, sha256: &str) -> Result<Arc<[u8]>, String> {
        let path = self.base.join(local_path);
        let files = list(&path).map_err(|error| error.to_string())?;
        let (artifact, bytes) = pack(&path, &files).map_err(|error| error.to_string())?;
        if artifact.sha256 != sha256 {
            return Err(format!("{} changed after it was planned", path.display()));
        }
        Ok(bytes.into())
    }
}

struct File {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
    mode: u32,
}

/// The files of an artifact, sorted by path. Ignored: what the ignore file names, `.git` and Python's caches.
fn list(root: &Path) -> Result<Vec<File>, PackError> {
    let meta = fs::metadata(root).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PackError::Missing(root.to_owned()),
        _ => PackError::Unreadable(root.to_owned(), error.to_string()),
    })?;
    if meta.is_file() {
        return Ok(vec![File {
            path: root.to_owned(),
            size: meta.len(),
            modified: meta.modified().ok(),
            mode: mode(&meta),
        }]);
    }
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .follow_links(true)
        .filter_entry(|entry| {
            let name = entry.file_name();
            name != ".git" && name != "__pycache__" && name != IGNORE_FILE && name != ".DS_Store"
        })
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| PackError::Unreadable(root.to_owned(), error.to_string()))?;
        let meta =
            entry.metadata().map_err(|error| PackError::Unreadable(entry.path().to_owned(), error.to_string()))?;
        if meta.is_file() {
            files.push(File {
                path: entry.path().to_owned(),
                size: meta.len(),
                modified: meta.modified().ok(),
                mode: mode(&meta),
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if files.is_empty() { Err(PackError::Empty(root.to_owned())) } else { Ok(files) }
}

/// Only whether a file can be executed matters: the rest differs between machines.
#[cfg(unix)]
fn mode(meta: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    if meta.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 }
}

fn pack(root: &Path, files: &[File]) -> Result<(Artifact, Vec<u8>), PackError> {
    let read =
        |file: &File| fs::read(&file.path).map_err(|error| PackError::Unreadable(file.path.clone(), error.to_string()));
    let is_zip = |path: &Path| {
        path.extension().is_some_and(|ending| ["zip", "jar"].iter().any(|known| ending.eq_ignore_ascii_case(known)))
    };
    if let [only] = files
        && only.path == root
        && is_zip(root)
    {
        let bytes = read(only)?;
        let artifact = Artifact {
            content: hex(&Sha256::digest(&bytes)),
            sha256: base64(&Sha256::digest(&bytes)),
            zip_bytes: bytes.len() as u64,
            unzipped_bytes: archive::unzipped_size(&bytes).unwrap_or(bytes.len() as u64),
        };
        return Ok((artifact, bytes));
    }
    let mut entries = Vec::with_capacity(files.len());
    for file in files {
        let path = match file.path.strip_prefix(root) {
            Ok(inner) if !inner.as_os_str().is_empty() => inner.to_string_lossy().into_owned(),
            _ => file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        };
        entries.push(ArchiveEntry { path, mode: file.mode, bytes: read(file)? });
    }
    let unzipped_bytes = entries.iter().map(|entry| entry.bytes.len() as u64).sum();
    let content = archive::content_hash(entries.iter().cloned());
    let bytes = archive::zip(entries).map_err(|error| PackError::Unreadable(root.to_owned(), error.to_string()))?;
    let sha256 = base64(&Sha256::digest(&bytes));
    Ok((Artifact { content, sha256, zip_bytes: bytes.len() as u64, unzipped_bytes }, bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("fn")).unwrap();
        fs::write(dir.path().join("fn/app.py"), "def handler(e, c): return 1\n").unwrap();
        dir
    }

    #[test]
    fn the_same_content_has_the_same_bytes_whenever_it_was_written() {
        let (a, b) = (folder(), folder());
        let past = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(b.path().join("fn/app.py")).unwrap().set_modified(past).unwrap();
        let (a, b) = (Packer::new(a.path().to_owned()), Packer::new(b.path().to_owned()));
        assert_eq!(a.artifact("fn").unwrap(), b.artifact("fn").unwrap());
    }

    #[test]
    fn ignored_files_do_not_count_and_others_do() {
        let dir = folder();
        let packer = Packer::new(dir.path().to_owned());
        fs::write(dir.path().join("fn").join(IGNORE_FILE), "*.log\n").unwrap();
        let before = packer.artifact("fn").unwrap();
        fs::write(dir.path().join("fn/debug.log"), "noise").unwrap();
        assert_eq!(packer.artifact("fn").unwrap(), before);
        fs::write(dir.path().join("fn/more.py"), "x = 1\n").unwrap();
        assert_ne!(packer.artifact("fn").unwrap(), before);
    }

    #[test]
    fn bytes_of_a_folder_that_changed_after_the_plan_are_refused() {
        let dir = folder();
        let packer = Packer::new(dir.path().to_owned());
        let planned = packer.artifact("fn").unwrap();
        assert!(packer.bytes("fn", &planned.sha256).is_ok());
        fs::write(dir.path().join("fn/app.py"), "def handler(e, c): return 2\n").unwrap();
        assert!(packer.bytes("fn", &planned.sha256).unwrap_err().contains("changed after it was planned"));
    }

    #[test]
    fn an_empty_folder_and_a_missing_one_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("empty")).unwrap();
        let packer = Packer::new(dir.path().to_owned());
        assert!(matches!(packer.artifact("empty"), Err(PackError::Empty(_))));
        assert!(matches!(packer.artifact("none"), Err(PackError::Missing(_))));
    }
}
