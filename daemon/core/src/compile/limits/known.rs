//! What is known of a value before anything runs.

use serde_json::Value as Json;

use crate::model::{Desired, Node, Resource, Val};

/// The value at a dotted path; `None` where it is absent, null, or hidden behind an intrinsic.
pub(super) fn at<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    written(node, path).filter(|node| node.as_call().is_none())
}

/// The value at a dotted path, which may itself be an intrinsic; `None` where it is absent or null, or where something
/// on the way is an intrinsic.
pub(super) fn written<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    let found = path.split('.').try_fold(node, |node, key| match node.as_call() {
        Some(_) => None,
        None => node.get(key),
    })?;
    (!found.is_null()).then_some(found)
}

/// Readings of a value that is not an intrinsic, lenient as CloudFormation is. A secret has none: what is read here may
/// stand in a complaint.
pub(super) trait Known {
    /// Text that holds nothing which AWS is still to resolve.
    fn known_text(&self) -> Option<&str>;
    /// A whole number, be it written as text.
    fn known_number(&self) -> Option<i64>;
    /// A truth value, be it written as text.
    fn known_flag(&self) -> Option<bool>;
}

impl Known for Node {
    fn known_text(&self) -> Option<&str> {
        self.as_str().filter(|text| !self.secret && !text.contains("{{resolve:"))
    }

    fn known_number(&self) -> Option<i64> {
        match &self.value {
            _ if self.secret => None,
            Val::Int(number) => Some(*number),
            Val::Str(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn known_flag(&self) -> Option<bool> {
        match &self.value {
            Val::Bool(flag) => Some(*flag),
            Val::Str(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Val::Str(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

/// A document that is written as a map, or as JSON text.
pub(super) fn document(node: &Node) -> Option<Node> {
    match &node.value {
        Val::Map(_) if node.as_call().is_none() => Some(node.clone()),
        Val::Str(text) if !node.secret => {
            let json: Json = serde_json::from_str(text).ok()?;
            json.is_object().then(|| Node::from_json(&json, node.place))
        }
        _ => None,
    }
}

/// The logical id that an intrinsic refers to, with the attribute where it is `Fn::GetAtt`.
pub(super) fn reference(node: &Node) -> Option<(&str, Option<&str>)> {
    match node.as_call()? {
        ("Ref", id) => Some((id.as_str()?, None)),
        ("Fn::GetAtt", argument) => match &argument.value {
            Val::List(parts) => match parts.as_slice() {
                [id, attribute] => Some((id.as_str()?, Some(attribute.as_str()?))),
                _ => None,
            },
            Val::Str(text) => text.split_once('.').map(|(id, attribute)| (id, Some(attribute))),
            _ => None,
        },
        // An ARN or a name put together around one reference: `arn:...:function:${Charge}`.
        ("Fn::Join", argument) => {
            let parts = argument.as_list()?.get(1)?.as_list()?;
            let own = |part: &&Node| reference(part).is_some_and(|(id, _)| !id.starts_with("AWS::"));
            let at = parts.iter().position(|part| own(&part))?;
            // Nothing may follow that makes another name of it; a qualifier may.
            let rest = parts.get(at + 1..)?;
            let ends = rest.first().is_none_or(|next| next.as_str().is_some_and(|text| text.starts_with(':')));
            (ends && !rest.iter().any(|part| own(&part))).then(|| reference(parts.get(at)?)).flatten()
        }
        _ => None,
    }
}

/// The resource of the application that a value stands for: by reference, or by the explicit name (the last part of an
/// ARN) of a resource of one of the types.
pub(super) fn target<'a>(desired: &'a Desired, node: &Node, types: &[&str]) -> Option<&'a Resource> {
    let fits = |resource: &&Resource| types.contains(&resource.type_name.as_str());
    if let Some((id, _)) = reference(node) {
        return desired.resources.get(id).filter(fits);
    }
    let name = node.known_text()?.rsplit([':', '/']).next()?;
    desired.resources.values().filter(fits).find(|resource| {
        let names = ["FunctionName", "QueueName", "TopicName", "RoleName"];
        names.iter().filter_map(|property| at(&resource.properties, property)?.known_text()).any(|known| known == name)
    })
}

/// The function that a function's name, ARN, alias or version stands for.
pub(super) fn function<'a>(desired: &'a Desired, node: &Node) -> Option<&'a Resource> {
    let found = target(desired, node, &["AWS::Lambda::Function", "AWS::Lambda::Alias", "AWS::Lambda::Version"])?;
    if found.type_name == "AWS::Lambda::Function" {
        return Some(found);
    }
    target(desired, found.properties.get("FunctionName")?, &["AWS::Lambda::Function"])
}

/// Whether a queue or a topic is first-in-first-out; `None` where that is not known.
pub(super) fn is_fifo(resource: &Resource) -> Option<bool> {
    let property = if resource.type_name == "AWS::SNS::Topic" { "FifoTopic" } else { "FifoQueue" };
    match written(&resource.properties, property) {
        None => Some(false),
        Some(node) => node.known_flag(),
    }
}

/// The characters of a value as compact JSON that are sure to be there: what an intrinsic will add is not known and
/// counts for nothing. `spaces` says whether white space within texts counts.
pub(super) fn json_size(node: &Node, spaces: bool) -> usize {
    if let Some((name, argument)) = node.as_call() {
        let parts = match name {
            "Fn::Join" => argument.as_list().and_then(|list| list.get(1)?.as_list()),
            _ => None,
        };
        let literal = |part: &Node| part.as_str().map_or(0, |text| text_size(text, spaces));
        return 2 + parts.map_or(0, |parts| parts.iter().map(literal).sum());
    }
    match &node.value {
        Val::Null => 4,
        Val::Str(text) => 2 + text_size(text, spaces),
        Val::List(items) => {
            2 + items.len().saturating_sub(1) + items.iter().map(|item| json_size(item, spaces)).sum::<usize>()
        }
        Val::Map(map) => {
            let entries = map.iter().map(|(key, entry)| 3 + text_size(key, spaces) + json_size(&entry.node, spaces));
            2 + map.len().saturating_sub(1) + entries.sum::<usize>()
        }
        Val::Bool(_) | Val::Int(_) | Val::Float(_) => node.scalar_text().map_or(0, |text| text.len()),
    }
}

/// The bytes of a text within JSON, its quotes left out.
fn text_size(text: &str, spaces: bool) -> usize {
    let kept: String = text.chars().filter(|c| spaces || !c.is_whitespace()).collect();
    Json::String(kept).to_string().len().saturating_sub(2)
}
