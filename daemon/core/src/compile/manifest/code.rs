//! `code`: where the code of a function or the content of a layer comes from.

use super::fields::Fields;
use crate::model::{Diagnostic, Diagnostics, Node};

/// What `code` says.
pub(super) enum Code {
    /// A zip: a local path, inline text or an object in S3. Holds AWS's `Code` or `Content`.
    Zip(Node),
    /// A container image. Holds AWS's `Code`.
    Image(Node),
}

/// Reads `code`: a local path, `{inline}`, `{s3Bucket, s3Key, s3ObjectVersion}` or `{image}`.
pub(super) fn read(node: &Node, what: &str, out: &mut Diagnostics) -> Option<Code> {
    let place = node.place;
    if let Some(path) = node.as_str() {
        if path.trim().is_empty() {
            out.error("bad-code", place, format!("`code` of {what} is an empty path"));
            return None;
        }
        if path.contains("://") {
            out.push(
                Diagnostic::error("bad-code", place, format!("`code` of {what} is not a local path: `{path}`")).help(
                    "an object in S3 is written `code: {s3Bucket: BUCKET, s3Key: KEY}`, an image `code: {image: URI}`",
                ),
            );
            return None;
        }
        return Some(Code::Zip(Node::map([("LocalPath", node.clone())], place)));
    }
    if node.as_map().is_none() || node.as_call().is_some() {
        out.push(
            Diagnostic::error(
                "wrong-type",
                place,
                format!("`code` of {what} must be a local path or a map, not {}", node.type_word()),
            )
            .help("write `code: ./folder`, `{inline: TEXT}`, `{s3Bucket: BUCKET, s3Key: KEY}` or `{image: URI}`"),
        );
        return None;
    }
    let mut fields = Fields::new(node, format!("`code` of {what}"), out);
    let inline = fields.take("inline");
    let image = fields.take("image");
    let s3: Vec<(&str, Node)> = [("s3Bucket", "S3Bucket"), ("s3Key", "S3Key"), ("s3ObjectVersion", "S3ObjectVersion")]
        .into_iter()
        .filter_map(|(word, property)| Some((property, fields.take(word)?)))
        .collect();
    fields.finish(out);
    let found = match (inline, image, s3.is_empty()) {
        (Some(text), None, true) => Some(Code::Zip(Node::map([("ZipFile", text)], place))),
        (None, Some(uri), true) => Some(Code::Image(Node::map([("ImageUri", uri)], place))),
        (None, None, false) if s3.len() >= 2 && s3[0].0 == "S3Bucket" && s3[1].0 == "S3Key" => {
            Some(Code::Zip(Node::map(s3, place)))
        }
        _ => None,
    };
    if found.is_none() {
        out.push(
            Diagnostic::error("bad-code", place, format!("`code` of {what} must say one source"))
                .help("write `code: ./folder`, `{inline: TEXT}`, `{s3Bucket: BUCKET, s3Key: KEY}` or `{image: URI}`"),
        );
    }
    found
}
