//! `evenkeel.yaml`: settings of a tree of applications.

use super::yaml::read_documents;
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Entry, FileId, Node};

/// The name of the file, at the root of a tree.
pub const FILE_NAME: &str = "evenkeel.yaml";

/// Days that CloudWatch Logs can keep events for.
pub const RETENTION_DAYS: &[i64] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// What a tree says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `sourceId`: who this tree is. AWS resources are marked with it; what carries another tree's is foreign.
    pub source_id: Option<String>,
    /// `logRetentionDays`: how long the log groups of functions keep events, in days. Native functions keep them 30
    /// days without it; functions of templates have a log group of evenkeel's only with it.
    pub log_retention_days: Option<i64>,
    /// `keep`: how many old versions of a function or layer remain.
    pub keep: Option<u32>,
}

/// Reads the text of an `evenkeel.yaml`; an empty one says nothing.
///
/// # Errors
/// Text that is no YAML, an unknown key, a value that cannot be, each with its place.
pub fn read(text: &str, file: FileId) -> Result<Tree, Diagnostics> {
    let documents = read_documents(text, file)?;
    let mut tree = Tree::default();
    let mut out = Diagnostics::new();
    if let Some(second) = documents.get(1) {
        out.error("two-documents", second.place, format!("{FILE_NAME} holds one document"));
    }
    let Some(node) = documents.first().filter(|node| !node.is_null()) else { return done(tree, out) };
    let Some(map) = node.as_map() else {
        out.error("wrong-type", node.place, format!("{FILE_NAME} must be a map, not {}", node.type_word()));
        return done(tree, out);
    };
    for (key, entry) in map {
        match key.as_str() {
            "sourceId" => tree.source_id = source_id(&entry.node, &mut out),
            "logRetentionDays" => tree.log_retention_days = retention(&entry.node, &mut out),
            "keep" => tree.keep = keep(&entry.node, &mut out),
            _ => unknown(key, entry, &mut out),
        }
    }
    done(tree, out)
}

fn done(tree: Tree, out: Diagnostics) -> Result<Tree, Diagnostics> {
    if out.has_errors() { Err(out) } else { Ok(tree) }
}

fn unknown(key: &str, entry: &Entry, out: &mut Diagnostics) {
    const KEYS: [&str; 3] = ["sourceId", "logRetentionDays", "keep"];
    out.push(
        Diagnostic::error("unknown-word", entry.key_place, format!("{FILE_NAME} has no `{key}`"))
            .help(did_you_mean(key, KEYS).unwrap_or_else(|| format!("it has {}", KEYS.join(", ")))),
    );
}

fn source_id(node: &Node, out: &mut Diagnostics) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    let text = node.as_str().filter(|text| (1..=64).contains(&text.len()) && text.chars().all(legal));
    if text.is_none() {
        out.push(
            Diagnostic::error("bad-value", node.place, "`sourceId` cannot be that")
                .help("it is a tag's value: 1 to 64 letters, digits and `-_.:/`"),
        );
    }
    text.map(str::to_owned)
}

fn retention(node: &Node, out: &mut Diagnostics) -> Option<i64> {
    let days = node.as_int().filter(|days| RETENTION_DAYS.contains(days));
    if days.is_none() {
        let all: Vec<String> = RETENTION_DAYS.iter().map(i64::to_string).collect();
        out.push(
            Diagnostic::error("bad-value", node.place, "`logRetentionDays` cannot be that")
                .help(format!("CloudWatch Logs knows {} days", all.join(", "))),
        );
    }
    days
}

fn keep(node: &Node, out: &mut Diagnostics) -> Option<u32> {
    let count = node.as_int().and_then(|count| u32::try_from(count).ok()).filter(|count| *count <= 1000);
    if count.is_none() {
        out.error("bad-value", node.place, "`keep` must be a number of old versions, from 0 to 1000");
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(&'static str, u32, u32)> {
        let complaints = read(text, FileId(0)).unwrap_err();
        complaints.iter().map(|one| (one.code, one.place.line, one.place.column)).collect()
    }

    #[test]
    fn every_setting_is_read_and_an_empty_file_sets_nothing() {
        let tree = read("sourceId: team-a\nlogRetentionDays: 14\nkeep: 3\n", FileId(0)).unwrap();
        assert_eq!(tree, Tree { source_id: Some("team-a".to_owned()), log_retention_days: Some(14), keep: Some(3) });
        assert_eq!(read("# nothing\n", FileId(0)).unwrap(), Tree::default());
    }

    #[test]
    fn an_unknown_key_or_an_impossible_value_is_an_error_at_its_place() {
        assert_eq!(codes("sourceID: x\n"), [("unknown-word", 1, 1)]);
        assert_eq!(codes("keep: -1\nlogRetentionDays: 31\n"), [("bad-value", 1, 7), ("bad-value", 2, 19)]);
        assert_eq!(codes("sourceId: 'a b'\n"), [("bad-value", 1, 11)]);
        assert_eq!(codes("[1]\n"), [("wrong-type", 1, 1)]);
    }
}
