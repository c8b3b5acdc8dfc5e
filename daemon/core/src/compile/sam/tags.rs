//! SAM writes tags as a map, most of CloudFormation as a list.

use crate::model::{Node, Val};

/// `{a: b}` as `[{Key: a, Value: b}]`. Anything but a map stays as it is.
pub(super) fn list(tags: &Node) -> Node {
    let Some(map) = tags.as_map() else { return tags.clone() };
    let items = map
        .iter()
        .map(|(key, entry)| {
            let value = match entry.node.value {
                Val::Null => Node::str("", entry.node.place),
                _ => entry.node.clone(),
            };
            Node::map([("Key", Node::str(key, entry.key_place)), ("Value", value)], entry.key_place)
        })
        .collect();
    Node::list(items, tags.place)
}
