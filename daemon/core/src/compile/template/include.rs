//! `AWS::Include` of local files: inlined before anything else looks at the template.

use std::cell::Cell;

use super::super::intrinsic::{Evaluator, Scope, Strictness};
use super::super::values::Values;
use super::super::yaml::MAX_NODES;
use super::{Files, read};
use crate::model::{Diagnostic, Diagnostics, Map, Node, Place, Val};

/// Most text that includes bring in, bytes: the same file may be included over and over.
const MAX_TEXT: usize = 16 << 20;

/// Files that can be included, and how much of them was.
pub(super) struct Includes<'a> {
    files: &'a dyn Files,
    bytes: Cell<usize>,
    values: Cell<usize>,
}

impl<'a> Includes<'a> {
    /// Nothing is included yet.
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Includes { files, bytes: Cell::new(0), values: Cell::new(0) }
    }
}

/// Inlines includes that the section `Transform` declares; other names stay there.
pub(super) fn top_level(template: &mut Node, files: &Includes<'_>, errors: &mut Diagnostics) {
    let Some(declared) = template.remove("Transform") else { return };
    let place = declared.place;
    let (items, was_list) = match declared.value {
        Val::List(items) => (items, true),
        _ => (vec![declared], false),
    };
    let mut kept = Vec::new();
    for item in items {
        if item.get("Name").and_then(Node::as_str) != Some("AWS::Include") {
            kept.push(item);
            continue;
        }
        let location = item.get("Parameters").and_then(|parameters| parameters.get("Location"));
        let Some(content) = load(location, item.place, files, errors) else { continue };
        match (content.value, template.as_map_mut()) {
            // What the template says itself comes before what it includes.
            (Val::Map(content), Some(map)) => content.into_iter().for_each(|(key, entry)| {
                map.entry(key).or_insert(entry);
            }),
            _ => errors.error("wrong-type", item.place, "a file that a template includes as a whole must hold a map"),
        }
    }
    if !kept.is_empty() {
        let node = if was_list { Node::list(kept, place) } else { kept.remove(0) };
        template.set("Transform", node);
    }
}

/// Inlines every `Fn::Transform` of `AWS::Include` in a template.
pub(super) fn inline(node: &mut Node, files: &Includes<'_>, scope: &Scope, errors: &mut Diagnostics) {
    match &mut node.value {
        Val::List(items) => items.iter_mut().for_each(|item| inline(item, files, scope, errors)),
        Val::Map(map) => {
            for entry in map.values_mut() {
                inline(&mut entry.node, files, scope, errors);
            }
            let call = map.get("Fn::Transform").map(|entry| &entry.node);
            if call.and_then(|call| call.get("Name")).and_then(Node::as_str) != Some("AWS::Include") {
                return;
            }
            let location = call.and_then(|call| call.get("Parameters")?.get("Location"));
            let location = location.map(|location| known(location, scope));
            if let Some(path) = location.as_ref().filter(|_| scope.strictness == Strictness::Lenient)
                && let Some(diagnostic) = remote(path)
            {
                // What is only shown keeps it as written.
                errors.push(scope.strictness.ease(diagnostic));
                return;
            }
            let Some(entry) = map.shift_remove("Fn::Transform") else { return };
            let Some(content) = load(location.as_ref(), entry.key_place, files, errors) else { return };
            match content.value {
                Val::Map(mut content) => {
                    let own: Map = std::mem::take(map);
                    content.extend(own);
                    *map = content;
                }
                _ if map.is_empty() => *node = content,
                _ => errors.error(
                    "wrong-type",
                    entry.key_place,
                    "a file that is included beside other keys must hold a map",
                ),
            }
        }
        _ => {}
    }
}

/// A location with its parameters replaced; as it is where that cannot be told.
fn known(location: &Node, scope: &Scope) -> Node {
    let values = Values::default();
    let mut evaluator = Evaluator::new(scope, &values);
    evaluator.evaluate(location).unwrap_or_else(|| location.clone())
}

/// A complaint about a location that is not beside the template.
fn remote(location: &Node) -> Option<Diagnostic> {
    let path = location.as_str().filter(|path| path.contains("://"))?;
    let message = format!("`{path}` is not a local file");
    let help = "keep the file beside the template and give its path";
    Some(Diagnostic::error("unsupported-include", location.place, message).help(help))
}

fn load(location: Option<&Node>, place: Place, files: &Includes<'_>, errors: &mut Diagnostics) -> Option<Node> {
    let Some(location) = location else {
        errors.error("missing-property", place, "`AWS::Include` has no `Location`");
        return None;
    };
    let Some(path) = location.as_str() else {
        errors.error("wrong-type", location.place, "the `Location` of `AWS::Include` must be known beforehand");
        return None;
    };
    if let Some(diagnostic) = remote(location) {
        errors.push(diagnostic);
        return None;
    }
    if files.bytes.get() > MAX_TEXT || files.values.get() > MAX_NODES {
        // That has been said.
        return None;
    }
    let Some((file, text)) = files.files.text(path) else {
        errors.error("missing-file", location.place, format!("there is no file `{path}` to include"));
        return None;
    };
    files.bytes.set(files.bytes.get() + text.len().max(64));
    if files.bytes.get() > MAX_TEXT {
        let message = format!("includes bring in more than {} MB", MAX_TEXT >> 20);
        errors.error("too-large", location.place, message);
        return None;
    }
    match read(&text, file) {
        Ok((node, warnings)) => {
            errors.extend(warnings);
            files.values.set(files.values.get() + node.count());
            if files.values.get() > MAX_NODES {
                errors.error("too-large", location.place, format!("includes bring in more than {MAX_NODES} values"));
                return None;
            }
            Some(node)
        }
        Err(found) => {
            errors.extend(found);
            None
        }
    }
}
