//! Where the code of a function or layer comes from, and how an unchanged one is known without uploading it again.
//!
//! AWS tells only the hash of a package's bytes. For a package that evenkeel makes, the hash is known beforehand. For
//! one in S3 it is not, so the mark remembers which location AWS's hash came from. That mark is written before the
//! upload, as *pending from* the hash and the modification time seen then: a crash before the upload leaves both as
//! they were, and the upload is made again; after it, at least the time has moved, and the mark is completed. So no
//! update is lost, and an object with the same bytes is not uploaded for ever.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evenkeel_core::compile::sam::LOCAL_IMAGE_REPOSITORY;
use evenkeel_core::model::archive::{ArchiveEntry, ArchiveError, content_hash, zip};
use evenkeel_core::plan::marks::CodeMark;
use evenkeel_core::plan::{Observed, Scope};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::document::{Input, properties};

/// AWS takes packages of up to this many bytes directly.
pub const UPLOAD_LIMIT: u64 = 52_428_800;
/// A location longer than this stands in a mark as its hash: a tag's value holds 256 characters.
const LOCATION_LIMIT: usize = 64;
const PENDING: &str = "pending:";
/// What no code is made from.
const TAKEN_BACK: &str = "none";

/// Where code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A local folder or file, by its path as written.
    Local(String),
    /// Text in the spec, and the name of the file that it becomes.
    Inline {
        /// `index.py` or `index.js`.
        file: &'static str,
        /// Its content.
        text: String,
    },
    /// An object in S3.
    S3 {
        /// The bucket, in the function's region.
        bucket: String,
        /// The key.
        key: String,
        /// The object's version, where the spec names one.
        version: Option<String>,
        /// `REFERENCE`, where the object is not to be copied.
        mode: Option<String>,
    },
    /// A container image.
    Image(String),
}

impl Code {
    /// From a function's `Code` or a layer's `Content`; `runtime` names inline code's file.
    pub fn of(property: Option<&Json>, runtime: Option<&str>) -> Option<Code> {
        let input = Input(property?);
        if let Some(path) = input.text("LocalPath") {
            return Some(Code::Local(path));
        }
        if let Some(text) = input.text("ZipFile") {
            let file =
                if runtime.is_some_and(|runtime| runtime.starts_with("nodejs")) { "index.js" } else { "index.py" };
            return Some(Code::Inline { file, text });
        }
        if let Some(uri) = input.text("ImageUri") {
            return Some(Code::Image(uri));
        }
        Some(Code::S3 {
            bucket: input.text("S3Bucket")?,
            key: input.text("S3Key")?,
            version: input.text("S3ObjectVersion"),
            mode: input.text("S3ObjectStorageMode").filter(|mode| mode != "COPY"),
        })
    }

    /// Why it cannot be used, where it cannot.
    pub fn refusal(&self, scope: &Scope) -> Option<String> {
        match self {
            Code::Local(path) => match scope.artifacts.get(path) {
                None => Some(format!("the local artifact `{path}` is not there")),
                Some(artifact) if artifact.zip_bytes > UPLOAD_LIMIT => Some(format!(
                    "`{path}` is {} bytes as a zip, and AWS takes at most {UPLOAD_LIMIT} directly: put it into S3, or make it smaller",
                    artifact.zip_bytes
                )),
                Some(_) => None,
            },
            Code::Inline { text, .. } => inline(text, "index.py").err().map(|error| error.to_string()),
            // What `render` shows where nobody has named an image yet.
            Code::Image(uri) if uri.contains(&format!("/{LOCAL_IMAGE_REPOSITORY}:")) => Some(
                "its image has no repository: push it, and name it with ImageUri, or its repository with image_repositories in samconfig"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The canonical property: what is compared.
    pub fn canonical(&self, scope: &Scope) -> Map<String, Json> {
        match self {
            Code::Local(_) | Code::Inline { .. } => {
                properties([("CodeSha256", Json::from(self.known(scope).map(|m| m.sha256)))])
            }
            Code::S3 { bucket, key, version, mode } => properties([
                ("S3Bucket", json!(bucket)),
                ("S3Key", json!(key)),
                ("S3ObjectVersion", json!(version)),
                ("S3ObjectStorageMode", json!(mode)),
            ]),
            Code::Image(uri) => properties([("ImageUri", json!(uri))]),
        }
    }

    /// What a step uploads, in AWS's API names; a local artifact as `{LocalPath, Sha256}`.
    pub fn input(&self, scope: &Scope) -> Map<String, Json> {
        match self {
            Code::Local(path) => properties([
                ("LocalPath", json!(path)),
                ("Sha256", json!(scope.artifacts.get(path).map(|artifact| artifact.sha256.as_str()))),
            ]),
            Code::Inline { file, text } => {
                properties([("ZipFile", Json::from(inline(text, file).ok().map(|(bytes, _)| STANDARD.encode(bytes))))])
            }
            Code::S3 { .. } | Code::Image(_) => self.canonical(scope),
        }
    }

    /// Content hash and `CodeSha256`, where evenkeel makes the package itself.
    pub fn known(&self, scope: &Scope) -> Option<CodeMark> {
        match self {
            Code::Local(path) => {
                let artifact = scope.artifacts.get(path)?;
                Some(CodeMark { content: artifact.content.clone(), sha256: artifact.sha256.clone() })
            }
            Code::Inline { file, text } => {
                let (bytes, content) = inline(text, file).ok()?;
                Some(CodeMark { content, sha256: STANDARD.encode(Sha256::digest(bytes)) })
            }
            Code::S3 { .. } | Code::Image(_) => None,
        }
    }

    /// A short text that tells contents apart: the content's hash, or the location.
    pub fn content(&self, scope: &Scope) -> String {
        if let Some(known) = self.known(scope) {
            return known.content;
        }
        let location = match self {
            Code::S3 { bucket, key, version, mode } => {
                let version = version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
                let mode = mode.as_ref().map(|mode| format!(":{mode}")).unwrap_or_default();
                format!("s3:{bucket}/{key}{version}{mode}")
            }
            Code::Image(uri) => uri.clone(),
            Code::Local(path) => path.clone(),
            Code::Inline { text, .. } => text.clone(),
        };
        if location.len() <= LOCATION_LIMIT { location } else { hex(&Sha256::digest(location.as_bytes())) }
    }

    /// The mark as it should be now.
    pub fn mark(&self, scope: &Scope, observed: Option<&Observed>) -> Option<CodeMark> {
        let old = observed.and_then(|observed| observed.marks.as_ref()).and_then(|marks| marks.code.as_ref());
        let hash = observed.and_then(sha256);
        match self {
            Code::Image(_) => None,
            Code::Local(_) | Code::Inline { .. } => {
                let known = self.known(scope)?;
                match old {
                    // The same content in another compressor's bytes is left as it is.
                    Some(old) if old.content == known.content && Some(old.sha256.as_str()) == hash => Some(old.clone()),
                    _ => Some(known),
                }
            }
            Code::S3 { .. } => {
                let content = self.content(scope);
                let Some(observed) = observed else {
                    return Some(CodeMark { content, sha256: format!("{PENDING}-") });
                };
                let hash = hash.unwrap_or_default();
                Some(match old {
                    Some(old) if old.content == content && is_pending(old) && is_done(old, observed) => {
                        CodeMark { content, sha256: hash.to_owned() }
                    }
                    Some(old) if old.content == content && (is_pending(old) || old.sha256 == hash) => old.clone(),
                    _ => CodeMark { content, sha256: format!("{PENDING}{}", stamp(observed)) },
                })
            }
        }
    }

    /// The mark where an update that is not the code's comes first, and moves the time that a pending mark goes by: one
    /// that is not done is taken back, so that the upload is announced and made after it.
    pub fn mark_before_another_update(
        &self,
        old: Option<CodeMark>,
        scope: &Scope,
        observed: Option<&Observed>,
    ) -> Option<CodeMark> {
        match (self, old, observed) {
            (Code::S3 { .. }, Some(old), Some(observed)) if is_pending(&old) && !is_done(&old, observed) => {
                let sha256 = sha256(observed).unwrap_or_default().to_owned();
                Some(CodeMark { content: TAKEN_BACK.to_owned(), sha256 })
            }
            (Code::S3 { .. }, Some(old), Some(_)) if !is_pending(&old) => Some(old),
            _ => self.mark(scope, observed),
        }
    }

    /// Makes both sides comparable: what the mark knows about the code that is there takes the place of its hash.
    pub fn align(
        &self,
        scope: &Scope,
        desired: &mut Map<String, Json>,
        seen: &mut Map<String, Json>,
        observed: &Observed,
    ) {
        let old = observed.marks.as_ref().and_then(|marks| marks.code.as_ref());
        let hash = sha256(observed).unwrap_or_default();
        match self {
            Code::Image(_) => {}
            Code::Local(_) | Code::Inline { .. } => {
                if let (Some(old), Some(known)) = (old, self.known(scope))
                    && old.content == known.content
                    && old.sha256 == hash
                {
                    desired.insert("CodeSha256".to_owned(), Json::from(hash));
                }
            }
            Code::S3 { .. } => {
                let same = old.filter(|old| old.content == self.content(scope));
                let Some(old) = same else { return };
                let wanted =
                    if is_pending(old) { if is_done(old, observed) { hash } else { "pending" } } else { &old.sha256 };
                for (name, value) in desired.clone() {
                    seen.insert(name, value);
                }
                desired.insert("CodeSha256".to_owned(), Json::from(wanted));
            }
        }
    }
}

/// `CodeSha256` of what is there.
pub fn sha256(observed: &Observed) -> Option<&str> {
    observed.attributes.get("CodeSha256").and_then(Json::as_str)
}

/// What moves with every upload, even one of the same bytes.
fn stamp(observed: &Observed) -> String {
    let modified = observed.attributes.get("LastModified").and_then(Json::as_str).unwrap_or_default();
    format!("{}/{modified}", sha256(observed).unwrap_or_default())
}

fn is_pending(mark: &CodeMark) -> bool {
    mark.sha256.starts_with(PENDING)
}

/// Whether the upload that a pending mark announces has happened.
fn is_done(mark: &CodeMark, observed: &Observed) -> bool {
    mark.sha256.strip_prefix(PENDING) != Some(&stamp(observed))
}

/// Inline code as a zip, and its content's hash.
fn inline(text: &str, file: &str) -> Result<(Vec<u8>, String), ArchiveError> {
    let entry = ArchiveEntry { path: file.to_owned(), mode: 0o644, bytes: text.as_bytes().to_vec() };
    let content = content_hash([entry.clone()]);
    Ok((zip([entry])?, content))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
