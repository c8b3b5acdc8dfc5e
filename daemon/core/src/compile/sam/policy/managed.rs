//! AWS managed policies by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::props;
use crate::model::{Node, Place};

/// Name to path, such as `AWSLambdaBasicExecutionRole` to `service-role/`.
static PATHS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut path = "";
    let mut paths = HashMap::new();
    for line in include_str!("managed.txt").lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(next) => path = next,
            None => paths.extend(line.split_whitespace().map(|name| (name, path))),
        }
    }
    paths
});

/// The ARN of a managed policy by its path and name, such as `service-role/AWSLambdaBasicExecutionRole`.
pub(in crate::compile::sam) fn arn(partition: &str, name: &str, place: Place) -> Node {
    Node::str(format!("arn:{partition}:iam::aws:policy/{name}"), place)
}

/// A policy's ARN where the text is the name of a managed policy; anything else as it is.
pub(super) fn of(policy: &Node, partition: &str) -> Node {
    match policy.as_str().and_then(|name| Some((name, PATHS.get(name)?))) {
        Some((name, path)) => arn(partition, &format!("{path}{name}"), policy.place),
        None => policy.clone(),
    }
}

/// Whether AWS has a managed policy of this name.
pub(super) fn exists(name: &str) -> bool {
    PATHS.contains_key(name)
}

/// "did you mean `X`?"
pub(super) fn nearest(name: &str) -> Option<String> {
    props::nearest(name, PATHS.keys().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_an_arn_with_its_path_and_partition() {
        let of = |name: &str| of(&Node::str(name, Place::NOWHERE), "aws-cn").to_json();
        assert_eq!(of("AmazonS3ReadOnlyAccess"), "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess");
        assert_eq!(
            of("AWSLambdaVPCAccessExecutionRole"),
            "arn:aws-cn:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
        );
        assert_eq!(of("arn:aws:iam::aws:policy/X"), "arn:aws:iam::aws:policy/X");
    }
}
