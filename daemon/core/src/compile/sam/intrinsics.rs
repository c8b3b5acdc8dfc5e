//! What the transform itself must do with intrinsics: look parameters up, read ids out of references, and rewrite
//! references to ids that it generated.

use std::sync::LazyLock;

use indexmap::IndexMap;
use regex::{Captures, Regex};

use crate::model::{Node, Place, Val};

/// `${Name}` and `${Name.Attribute}` as SAM sees them; `${!Literal}` is none.
static SUB_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\{([A-Za-z0-9.]+|AWS::[A-Z][A-Za-z]*)\}").ok());

/// Whether the node is `{"Fn::...": ..}`, `{"Ref": ..}` or `{"Condition": ..}`.
pub(super) fn is_intrinsic(node: &Node) -> bool {
    node.as_call().is_some()
}

/// The argument of a call of `function`.
pub(super) fn call<'a>(node: &'a Node, function: &str) -> Option<&'a Node> {
    node.as_call().filter(|(name, _)| *name == function).map(|(_, argument)| argument)
}

/// The condition and both branches of an `Fn::If`.
pub(super) fn as_if(node: &Node) -> Option<(&Node, &Node, &Node)> {
    match call(node, "Fn::If")?.as_list()? {
        [condition, yes, no] => Some((condition, yes, no)),
        _ => None,
    }
}

/// Whether this is `{"Ref": "AWS::NoValue"}`.
pub(super) fn is_no_value(node: &Node) -> bool {
    call(node, "Ref").and_then(Node::as_str) == Some("AWS::NoValue")
}

/// `{"Ref": "AWS::NoValue"}`
pub(super) fn no_value(place: Place) -> Node {
    Node::reference("AWS::NoValue", place)
}

/// `{"Fn::If": [condition, yes, no]}`
pub(super) fn make_if(condition: &str, yes: Node, no: Node, place: Place) -> Node {
    Node::call("Fn::If", Node::list(vec![Node::str(condition, place), yes, no], place), place)
}

/// `{"Fn::Sub": text}`
pub(super) fn sub(text: impl Into<String>, place: Place) -> Node {
    Node::call("Fn::Sub", Node::str(text, place), place)
}

/// `{"Fn::Sub": [text, variables]}`
pub(super) fn sub_with<K: Into<String>>(
    text: impl Into<String>,
    variables: impl IntoIterator<Item = (K, Node)>,
    place: Place,
) -> Node {
    Node::call("Fn::Sub", Node::list(vec![Node::str(text, place), Node::map(variables, place)], place), place)
}

/// The id in `{"Ref": id}`, `{"Fn::GetAtt": [id, x]}` or `{"Fn::GetAtt": "id.x"}`.
pub(super) fn referenced_id(node: &Node) -> Option<&str> {
    let (function, argument) = node.as_call()?;
    match (function, &argument.value) {
        ("Ref", Val::Str(id)) => Some(id),
        ("Fn::GetAtt", Val::List(parts)) => match parts.as_slice() {
            [id, _] => id.as_str(),
            _ => None,
        },
        ("Fn::GetAtt", Val::Str(text)) => match text.split('.').collect::<Vec<_>>().as_slice() {
            [id, _] => Some(id),
            _ => None,
        },
        _ => None,
    }
}

/// A copy with references to parameters (`Ref`, and `${Name}` in `Sub`'s text) replaced by their values, at every depth.
pub(super) fn resolve(node: &Node, parameters: &IndexMap<String, Node>) -> Node {
    let mut copy = node.clone();
    resolve_in(&mut copy, parameters);
    copy
}

fn resolve_in(node: &mut Node, parameters: &IndexMap<String, Node>) {
    if let Some(name) = call(node, "Ref").and_then(Node::as_str) {
        if let Some(value) = parameters.get(name) {
            *node = Node { place: node.place, ..value.clone() };
        }
        return;
    }
    change_sub(node, &|name| parameters.get(name).filter(|value| !value.has_secret()).and_then(Node::scalar_text));
    children(node, &|child| resolve_in(child, parameters));
}

/// References that stand for something else in the result.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// Ids that changed as a whole: `Ref`, `GetAtt`, `Sub` and `DependsOn` follow.
    pub ids: IndexMap<String, String>,
    /// `Id.Property` (such as `Function.Alias`) to the id of the resource generated for it.
    pub properties: IndexMap<(String, String), String>,
}

impl Renames {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.properties.is_empty()
    }

    /// Rewrites the references in a node, at every depth.
    pub fn apply(&self, node: &mut Node) {
        let place = node.place;
        match node.as_call() {
            Some(("Ref", argument)) => {
                if let Some(id) = argument.as_str().and_then(|text| self.reference(text)) {
                    *node = Node::reference(&id, place);
                }
            }
            Some(("Fn::GetAtt", argument)) => {
                let at = argument.place;
                if let Some(parts) = self.get_att(argument) {
                    let parts = parts.into_iter().map(|part| Node::str(part, at)).collect();
                    *node = Node::call("Fn::GetAtt", Node::list(parts, at), place);
                }
            }
            _ => {
                change_sub(node, &|name| self.path(name).map(|path| format!("${{{path}}}")));
                children(node, &|child| self.apply(child));
            }
        }
    }

    fn reference(&self, text: &str) -> Option<String> {
        match text.split_once('.') {
            None => self.ids.get(text).cloned(),
            Some((id, property)) => self.properties.get(&(id.to_owned(), property.to_owned())).cloned(),
        }
    }

    fn get_att(&self, argument: &Node) -> Option<Vec<String>> {
        let joined = match &argument.value {
            Val::Str(text) => text.clone(),
            Val::List(parts) if parts.len() >= 2 => {
                parts.iter().map(Node::as_str).collect::<Option<Vec<_>>>()?.join(".")
            }
            _ => return None,
        };
        let path = self.path(&joined)?;
        Some(match path.split_once('.') {
            Some((id, rest)) => vec![id.to_owned(), rest.to_owned()],
            None => vec![path],
        })
    }

    /// `Id.Property.Attribute` or `Id.Attribute` with its first parts replaced.
    fn path(&self, path: &str) -> Option<String> {
        let (id, rest) = match path.split_once('.') {
            Some((id, rest)) => (id, Some(rest)),
            None => (path, None),
        };
        if let Some(rest) = rest {
            let (property, attribute) = rest.split_once('.').map_or((rest, None), |(p, a)| (p, Some(a)));
            if let Some(new) = self.properties.get(&(id.to_owned(), property.to_owned())) {
                return Some(attribute.map_or_else(|| new.clone(), |attribute| format!("{new}.{attribute}")));
            }
        }
        let new = self.ids.get(id)?;
        Some(rest.map_or_else(|| new.clone(), |rest| format!("{new}.{rest}")))
    }
}

/// Changes the names in a `Sub`'s text, where this is a `Sub`.
fn change_sub(node: &mut Node, replace: &dyn Fn(&str) -> Option<String>) {
    if call(node, "Fn::Sub").is_none() {
        return;
    }
    let text = match node.get_mut("Fn::Sub") {
        Some(Node { value: Val::List(items), .. }) => items.first_mut(),
        other => other,
    };
    if let Some(text) = text
        && let Some(new) = text.as_str().and_then(|text| text_of_sub(text, replace))
    {
        text.value = Val::Str(new);
    }
}

fn children(node: &mut Node, each: &dyn Fn(&mut Node)) {
    match &mut node.value {
        Val::List(items) => items.iter_mut().for_each(each),
        Val::Map(map) => map.values_mut().for_each(|entry| each(&mut entry.node)),
        _ => {}
    }
}

/// Text of a `Sub` with each `${Name}` replaced where `replace` knows it; `None` where none was.
fn text_of_sub(text: &str, replace: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let pattern = SUB_NAME.as_ref()?;
    let changed = pattern.replace_all(text, |found: &Captures<'_>| {
        let whole = found.get(0).map_or("", |m| m.as_str());
        found.get(1).and_then(|name| replace(name.as_str())).unwrap_or_else(|| whole.to_owned())
    });
    (changed != text).then(|| changed.into_owned())
}

#[cfg(test)]
mod tests;
