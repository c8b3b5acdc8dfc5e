//! Ownership marks: the tags by which evenkeel knows its own.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::short_hash;

/// A resource's tags.
pub type Tags = BTreeMap<String, String>;

/// Every mark's key begins with this.
pub const PREFIX: &str = "evenkeel:";
const SOURCE: &str = "evenkeel:source";
const APP: &str = "evenkeel:app";
const ENV: &str = "evenkeel:env";
const ID: &str = "evenkeel:id";
const KEYS: &str = "evenkeel:keys";
const CODE: &str = "evenkeel:code";
const PARTS: &str = "evenkeel:parts";
const POLICY: &str = "evenkeel:policy";
const PARENT: &str = "evenkeel:parent";
/// The tag of what evenkeel let go of.
pub const RELEASED: &str = "evenkeel-released";
/// How the word of a child ends that is to be retained.
const RETAINED: &str = "/Retain";
/// AWS's limit for a tag's value, in characters.
const VALUE_LIMIT: usize = 256;

/// Who a resource belongs to, and what evenkeel must remember about it where there is no state file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Identity of the spec tree.
    pub source: String,
    /// The application.
    pub app: String,
    /// The environment, where the application has any.
    pub env: Option<String>,
    /// Logical id.
    pub id: String,
    /// Tag keys that the spec manages, so that one that leaves the spec is removed.
    pub keys: BTreeSet<String>,
    /// What the code was made from.
    pub code: Option<CodeMark>,
    /// Words for the untaggable children that evenkeel gave it (`alias`, `url`, ...), so that a sweep reads them only
    /// where there are some. Written before the first such child is made.
    pub parts: BTreeSet<String>,
    /// `DeletionPolicy` where it is not `Delete`: the spec that said so may be gone when it matters.
    pub policy: Option<String>,
    /// Logical id of the resource that a person wrote and this one was generated for.
    pub parent: Option<String>,
}

/// Ties evenkeel's own content hash to the hash that AWS computed of what was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeMark {
    /// evenkeel's hash of the content (independent of the compressor), or the S3 location.
    pub content: String,
    /// AWS's `CodeSha256`.
    pub sha256: String,
}

impl Marks {
    /// Reads the marks off a resource's tags; `None` when it is not evenkeel's.
    pub fn from_tags(tags: &Tags) -> Option<Marks> {
        Some(Marks {
            source: tags.get(SOURCE)?.clone(),
            app: tags.get(APP)?.clone(),
            env: tags.get(ENV).cloned(),
            id: tags.get(ID)?.clone(),
            keys: words(&long_value(tags, KEYS)),
            code: tags.get(CODE).and_then(|value| {
                let (content, sha256) = value.rsplit_once(' ')?;
                Some(CodeMark { content: decode(content), sha256: sha256.to_owned() })
            }),
            parts: words(&long_value(tags, PARTS)),
            policy: tags.get(POLICY).cloned(),
            parent: tags.get(PARENT).cloned(),
        })
    }

    /// The marks as tags.
    pub fn to_tags(&self) -> Tags {
        let mut tags = Tags::new();
        tags.insert(SOURCE.to_owned(), self.source.clone());
        tags.insert(APP.to_owned(), self.app.clone());
        tags.insert(ID.to_owned(), self.id.clone());
        if let Some(env) = &self.env {
            tags.insert(ENV.to_owned(), env.clone());
        }
        put_long_value(&mut tags, KEYS, &join(&self.keys));
        if let Some(code) = &self.code {
            tags.insert(CODE.to_owned(), format!("{} {}", encode(&code.content), code.sha256));
        }
        if !self.parts.is_empty() {
            put_long_value(&mut tags, PARTS, &join(&self.parts));
        }
        if let Some(policy) = &self.policy {
            tags.insert(POLICY.to_owned(), policy.clone());
        }
        if let Some(parent) = &self.parent {
            tags.insert(PARENT.to_owned(), parent.clone());
        }
        tags
    }

    /// What the mark remembers of an untaggable child: its logical id, and whether it is to be retained.
    pub fn child(&self, type_name: &str, key: &str) -> Option<(&str, bool)> {
        let prefix = child_prefix(type_name, key);
        let rest = self.parts.iter().find_map(|word| word.strip_prefix(&prefix))?;
        Some(rest.strip_suffix(RETAINED).map_or((rest, false), |id| (id, true)))
    }

    /// What is left on a resource that evenkeel lets go of: not a mark, but enough to know it again when the spec asks
    /// for it once more.
    pub fn released(&self) -> Tags {
        let words = [Some(&self.source), Some(&self.app), self.env.as_ref(), Some(&self.id)];
        let words: Vec<String> = words.into_iter().flatten().map(|word| encode(word)).collect();
        // One that does not fit is one that a person adopts.
        let value = words.join(" ");
        if value.len() > VALUE_LIMIT { Tags::new() } else { [(RELEASED.to_owned(), value)].into() }
    }

    /// Whether this belongs to that application, environment and source.
    pub fn is_at_home(&self, source: &str, app: &str, env: Option<&str>) -> bool {
        self.source == source && self.app == app && self.env.as_deref() == env
    }

    /// What a person calls the owner: `` `charge` of shop/dev, source `default` ``.
    pub fn owner(&self) -> String {
        let home = match &self.env {
            Some(env) => format!("{}/{env}", self.app),
            None => self.app.clone(),
        };
        format!("`{}` of {home}, source `{}`", self.id, self.source)
    }
}

/// The word by which a parent remembers an untaggable child.
pub fn child_word(type_name: &str, key: &str, id: &str, retained: bool) -> String {
    format!("{}{id}{}", child_prefix(type_name, key), if retained { RETAINED } else { "" })
}

fn child_prefix(type_name: &str, key: &str) -> String {
    format!("child/{}/", short_hash(&format!("{type_name}|{key}")))
}

/// Whether a tag is one of ours.
pub fn is_mark(key: &str) -> bool {
    key.starts_with(PREFIX)
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(decode).collect()
}

fn join(words: &BTreeSet<String>) -> String {
    words.iter().map(|word| encode(word)).collect::<Vec<_>>().join(" ")
}

/// Keeps a word whole in a list separated by spaces, within the characters that every service allows in tags.
fn encode(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_ascii_alphanumeric() || "+-._:/@".contains(c) {
            out.push(c);
        } else {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("={byte:02X}"));
            }
        }
    }
    out
}

fn decode(word: &str) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'=').then(|| tail.get(..2)).flatten();
        let byte = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A value that may need more than one tag: `key`, `key.2`, `key.3`, ...
fn long_value(tags: &Tags, key: &str) -> String {
    let mut value = tags.get(key).cloned().unwrap_or_default();
    for part in 2.. {
        match tags.get(&format!("{key}.{part}")) {
            Some(more) => {
                value.push(' ');
                value.push_str(more);
            }
            None => break,
        }
    }
    value
}

fn put_long_value(tags: &mut Tags, key: &str, value: &str) {
    let mut chunks: Vec<String> = Vec::new();
    for word in value.split(' ').filter(|word| !word.is_empty()) {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + 1 + word.len() <= VALUE_LIMIT => {
                chunk.push(' ');
                chunk.push_str(word);
            }
            _ => chunks.push(word.to_owned()),
        }
    }
    for (index, chunk) in chunks.into_iter().enumerate() {
        let key = if index == 0 { key.to_owned() } else { format!("{key}.{}", index + 1) };
        tags.insert(key, chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_survive_the_way_through_tags(
            keys in proptest::collection::btree_set("[ -~éß]{1,60}", 0..12),
            content in "[a-z0-9:/ .=]{1,80}",
            env in proptest::option::of("[a-z]{1,10}"),
        ) {
            let marks = Marks {
                source: "default".into(), app: "shop".into(), env, id: "charge".into(), keys,
                code: Some(CodeMark { content, sha256: "abc=".into() }),
                parts: ["alias".to_owned(), "url".to_owned()].into(),
                policy: Some("Retain".into()), parent: None,
            };
            let tags = marks.to_tags();
            prop_assert!(tags.values().all(|value| value.chars().count() <= VALUE_LIMIT));
            prop_assert_eq!(Marks::from_tags(&tags), Some(marks));
        }
    }

    #[test]
    fn a_child_is_remembered_by_its_key_with_its_id_and_whether_it_stays() {
        let words = [child_word("T::Url", "f|live", "door", true), child_word("T::Invoke", "f|live", "later", false)];
        let marks =
            Marks { source: "s".into(), app: "a".into(), id: "f".into(), parts: words.into(), ..Marks::default() };
        let marks = Marks::from_tags(&marks.to_tags()).unwrap();
        assert_eq!(marks.child("T::Url", "f|live"), Some(("door", true)));
        assert_eq!(marks.child("T::Invoke", "f|live"), Some(("later", false)));
        assert_eq!(marks.child("T::Url", "f|"), None);
    }

    #[test]
    fn what_is_left_on_a_released_resource_tells_whose_it_was_and_is_no_mark() {
        let marks = |env: Option<&str>| Marks {
            source: "s".into(),
            app: "a b".into(),
            env: env.map(str::to_owned),
            id: "logs".into(),
            ..Marks::default()
        };
        let left = marks(Some("dev")).released();
        assert_eq!(left.values().next().map(String::as_str), Some("s a=20b dev logs"));
        assert!(!left.keys().any(|key| is_mark(key)));
        assert_eq!(Marks::from_tags(&left), None);
        assert_ne!(left, marks(None).released());
    }

    #[test]
    fn tags_without_all_of_source_app_and_id_are_nobodys() {
        let mut tags = Tags::new();
        tags.insert("evenkeel:app".into(), "shop".into());
        assert_eq!(Marks::from_tags(&tags), None);
    }
}
