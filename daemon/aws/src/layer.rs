//! `AWS::Lambda::LayerVersion`.
//!
//! A layer carries no tags and a version of it never changes, so a version's mark stands at the end of its
//! description: whose it is, and a hash of its content. What the spec asks for is there when such a version is; else
//! one is published. Superseded ones go when no function uses them any more.

pub mod api;
pub mod mark;
pub mod spec;
#[cfg(test)]
mod tests;

/// AWS's type name.
pub const TYPE: &str = "AWS::Lambda::LayerVersion";

/// The key of a layer's version.
pub fn key(name: &str, version: impl std::fmt::Display) -> String {
    format!("{name}:{version}")
}

/// The layer's name and the version (text: it may be `next`, the version to come) in a key or in an ARN.
pub fn split(key: &str) -> Option<(&str, &str)> {
    let key = match key.split_once(":layer:") {
        Some((_, tail)) => tail,
        None => key,
    };
    key.rsplit_once(':')
}
