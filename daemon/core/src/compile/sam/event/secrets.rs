//! `SourceAccessConfigurations`: secrets and networks that a source is read with.

use crate::model::{Diagnostic, Node, Place};

use super::super::artifact::is_truthy;
use super::super::intrinsics::sub;
use super::super::policy::allow_all;
use super::super::props::Props;

const NAME: &str = "SourceAccessConfigurations";

/// The entries: each with its `Type` and `URI`.
pub(super) fn entries(props: &Props) -> Result<Vec<(Node, Option<Node>)>, Diagnostic> {
    let missing = || props.error(NAME, format!("`{NAME}` is required"));
    let node = props.get(NAME).filter(|node| is_truthy(node)).ok_or_else(missing)?;
    let Some(items) = node.as_list() else {
        return Err(props.error(NAME, format!("`{NAME}` should be a list")));
    };
    let entry = |item: &Node| {
        if item.as_map().is_none() {
            return Err(props.owner().error(item.place, format!("each entry of `{NAME}` should be a map")));
        }
        let Some(kind) = item.get("Type").filter(|kind| kind.as_str().is_some()) else {
            return Err(props.owner().error(item.place, format!("each entry of `{NAME}` requires a `Type` in text")));
        };
        Ok((kind.clone(), item.get("URI").filter(|uri| is_truthy(uri)).cloned()))
    };
    items.iter().map(entry).collect()
}

/// The URI of the one entry of type `needed`, where all are of `known` types.
pub(super) fn only(props: &Props, known: &[&str], needed: &str) -> Result<Node, Diagnostic> {
    let mut found = None;
    for (kind, uri) in entries(props)? {
        let word = kind.as_str().unwrap_or_default();
        if !known.contains(&word) {
            let message = format!("there is no `Type` `{word}` in `{NAME}` here: it is one of {}", known.join(", "));
            return Err(props.owner().error(kind.place, message));
        }
        if word == needed {
            if found.is_some() {
                return Err(props.owner().error(kind.place, format!("`{NAME}` has more than one {needed}")));
            }
            let missing = || props.owner().error(kind.place, format!("{needed} in `{NAME}` has no `URI`"));
            found = Some(uri.ok_or_else(missing)?);
        }
    }
    found.ok_or_else(|| props.error(NAME, format!("`{NAME}` has no {needed}")))
}

/// The ARN of the key that a secret is encrypted with.
pub(super) fn decrypt(props: &Props) -> Result<Option<Node>, Diagnostic> {
    const KEY: &str = "SecretsManagerKmsKeyId";
    let Some(node) = props.get(KEY).filter(|node| is_truthy(node)) else { return Ok(None) };
    match node.as_str() {
        Some(id) => Ok(Some(sub(
            format!("arn:${{AWS::Partition}}:kms:${{AWS::Region}}:${{AWS::AccountId}}:key/{id}"),
            node.place,
        ))),
        None => Err(props.error(KEY, format!("property `{KEY}` should be a string"))),
    }
}

/// What a mapping inside of a VPC needs.
pub(super) fn network_interfaces(place: Place) -> Node {
    allow_all(
        &[
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeVpcs",
            "ec2:DescribeSubnets",
            "ec2:DescribeSecurityGroups",
        ],
        Node::str("*", place),
    )
}
