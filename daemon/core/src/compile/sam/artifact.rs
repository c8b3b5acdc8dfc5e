//! Where code and documents lie: in S3, or in a local file or folder.

use crate::model::{Diagnostic, Node, Val};

use super::intrinsics::is_intrinsic;
use super::props::Props;

/// Names of the parts of an S3 location in a type's property, in the order bucket, key, version.
pub(super) struct Names(pub [&'static str; 3]);

/// As in `Code` and `Content`.
pub(super) const LAMBDA: Names = Names(["S3Bucket", "S3Key", "S3ObjectVersion"]);
/// As in `BodyS3Location` and `DefinitionS3Location`.
pub(super) const DOCUMENT: Names = Names(["Bucket", "Key", "Version"]);

/// The value of a property such as `Code` for a `CodeUri`: an S3 URL or a map of Bucket, Key and Version gives an S3
/// location; any other text is a path: `{"LocalPath": "as written"}`.
///
/// # Errors
/// Anything else, and a dynamic reference to SSM where SAM refuses it.
pub(super) fn location(props: &Props, name: &str, value: &Node, names: &Names) -> Result<Node, Diagnostic> {
    let found = parse(props, name, value, names)?;
    Ok(if value.secret { found.into_secret() } else { found })
}

fn parse(props: &Props, name: &str, value: &Node, names: &Names) -> Result<Node, Diagnostic> {
    let place = value.place;
    let [bucket, key, version] = names.0;
    match &value.value {
        Val::Str(text) if text.contains("{{resolve:") => {
            Err(props
                .error(name, format!("`{name}` cannot be a dynamic reference: write it as a map of Bucket and Key")))
        }
        Val::Str(text) if text.contains("://") && !text.starts_with("s3://") => Err(props.error(
            name,
            format!("`{name}` is not an S3 URL of the form `s3://bucket/key?versionId=..` and not a path"),
        )),
        Val::Str(text) => match text.strip_prefix("s3://") {
            None => Ok(Node::map([("LocalPath", Node::str(if text.is_empty() { "." } else { text }, place))], place)),
            Some(rest) => {
                let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
                let Some((host, path)) = path.split_once('/').filter(|(host, _)| !host.is_empty()) else {
                    return Err(props
                        .error(name, format!("`{name}` is not an S3 URL of the form `s3://bucket/key?versionId=..`")));
                };
                let mut node = Node::map(
                    [(bucket, Node::str(host, place)), (key, Node::str(path.trim_start_matches('/'), place))],
                    place,
                );
                let found = query.split('&').find_map(|pair| pair.strip_prefix("versionId="));
                if let Some(found) = found.filter(|found| !found.is_empty()) {
                    node.set(version, Node::str(found, place));
                }
                Ok(node)
            }
        },
        Val::Map(map) if !is_intrinsic(value) => {
            let part = |name: &str| map.get(name).map(|entry| &entry.node).filter(|node| is_truthy(node)).cloned();
            let (Some(found_bucket), Some(found_key)) = (part("Bucket"), part("Key")) else {
                return Err(props.error(name, format!("`{name}` requires Bucket and Key")));
            };
            let mut node = Node::map([(bucket, found_bucket), (key, found_key)], place);
            if let Some(found) = part("Version") {
                node.set(version, found);
            }
            if let (Some(mode), "S3Bucket") = (part("StorageMode"), bucket) {
                node.set("S3ObjectStorageMode", mode);
            }
            Ok(node)
        }
        Val::Map(_) => Err(props.error(
            name,
            format!("`{name}` requires Bucket and Key, or a path: an intrinsic is allowed inside of them only"),
        )),
        _ => Err(props.error(name, format!("`{name}` must be a path, an S3 URL or a map, not {}", value.type_word()))),
    }
}

/// Whether Python, and so SAM where it says "if the property is set", would take the value for true.
pub(super) fn is_truthy(node: &Node) -> bool {
    match &node.value {
        Val::Null => false,
        Val::Bool(value) => *value,
        Val::Int(value) => *value != 0,
        Val::Float(value) => *value != 0.0,
        Val::Str(text) => !text.is_empty(),
        Val::List(items) => !items.is_empty(),
        Val::Map(map) => !map.is_empty(),
    }
}
