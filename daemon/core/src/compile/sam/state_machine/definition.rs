//! A state machine's definition: in the template, or in a file.
//!
//! One in the template becomes JSON text. Intrinsics in it cannot stand in text: each becomes a substitution
//! `${definition_substitution_N}`, numbered in the order of sorted keys, as Step Functions is told in
//! `DefinitionSubstitutions`.

use super::super::artifact;
use super::super::intrinsics::is_intrinsic;
use super::super::made::Made;
use super::super::make::{At, Outcome, truthy};
use super::super::props::Props;
use crate::model::{Node, Val};

/// Sets the definition and its substitutions.
///
/// # Errors
/// Both, or neither of the two ways to give it.
pub(super) fn set(props: &Props, machine: &mut Made, at: At) -> Outcome<()> {
    let inline = props.get("Definition").filter(|definition| truthy(definition));
    let uri = props.get("DefinitionUri").filter(|uri| truthy(uri));
    let mut substitutions = props.take("DefinitionSubstitutions").filter(truthy).unwrap_or_else(|| at.empty());
    match (inline, uri) {
        (Some(_), Some(_)) => {
            let message = "Specify either 'Definition' or 'DefinitionUri' property and not both";
            return Err(props.error("DefinitionUri", message));
        }
        (None, None) => {
            let message = "Either 'Definition' or 'DefinitionUri' property must be specified";
            return Err(props.error("Definition", message));
        }
        (Some(definition), None) => {
            let mut found = Vec::new();
            let mut definition = definition.clone();
            take_dynamic(&mut definition, &mut found);
            for (name, value) in found {
                substitutions.set(&name, value);
            }
            let mut text = String::new();
            write(&definition, 0, &mut text);
            machine.set("DefinitionString", Node::str(text, definition.place));
        }
        (None, Some(uri)) => {
            machine.set("DefinitionS3Location", artifact::location(props, "DefinitionUri", uri, &artifact::DOCUMENT)?);
        }
    }
    if truthy(&substitutions) {
        machine.set("DefinitionSubstitutions", substitutions);
    }
    Ok(())
}

/// Puts a substitution in the place of every intrinsic and dynamic reference.
fn take_dynamic(node: &mut Node, found: &mut Vec<(String, Node)>) {
    let mut children: Vec<(&str, &mut Node)> = match &mut node.value {
        Val::Map(map) => map.iter_mut().map(|(key, entry)| (key.as_str(), &mut entry.node)).collect(),
        Val::List(items) => items.iter_mut().map(|item| ("", item)).collect(),
        _ => return,
    };
    children.sort_by_key(|(key, _)| *key);
    for (_, child) in children {
        if is_intrinsic(child) || child.as_str().is_some_and(is_dynamic_reference) {
            let name = format!("definition_substitution_{}", found.len() + 1);
            let key = Node::str(format!("${{{name}}}"), child.place);
            found.push((name, std::mem::replace(child, key)));
        } else {
            take_dynamic(child, found);
        }
    }
}

/// Whether the text is one `{{resolve:service:key}}`.
fn is_dynamic_reference(text: &str) -> bool {
    let inner = text.strip_prefix("{{resolve:").and_then(|rest| rest.strip_suffix("}}"));
    inner.and_then(|inner| inner.split_once(':')).is_some_and(|(service, key)| {
        !key.is_empty() && !service.is_empty() && service.chars().all(|c| c.is_ascii_lowercase() || c == '-')
    })
}

/// JSON with sorted keys, four spaces a level and nothing but ASCII: SAM's form.
fn write(node: &Node, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&" ".repeat(4 * depth));
    };
    match &node.value {
        Val::Map(map) if !map.is_empty() => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, entry)) in entries.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(depth + 1, out);
                out.push_str(&super::super::logical_id::quoted(key));
                out.push_str(": ");
                write(&entry.node, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Val::List(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(depth + 1, out);
                write(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Val::Str(text) => out.push_str(&super::super::logical_id::quoted(text)),
        _ => out.push_str(&node.to_json().to_string()),
    }
}
