//! Replaces references by values, as far as they are known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::diff::Unknown;
use crate::model::node::{Node, Val};

/// Answers `Ref` (attribute `None`) and `Fn::GetAtt`.
pub trait Lookup {
    /// The value and whether it is secret; `None` while it is not known.
    fn value(&self, id: &str, attribute: Option<&str>) -> Option<(Json, bool)>;

    /// Answers `Fn::ImportValue`: the value and whether it is secret; `None` while it is not known.
    fn import(&self, name: &str) -> Option<(Json, bool)>;
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A resource of the same application, by its id.
    Resource(String),
    /// What another application exports, by its name.
    Export(String),
}

/// Properties with references replaced.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// Known values.
    pub properties: Map<String, Json>,
    /// Paths of values that are not known yet.
    pub unknown: BTreeMap<String, Unknown>,
    /// Paths of secret values.
    pub secrets: BTreeSet<String>,
    /// Paths whose value came from elsewhere; a text may be made of several.
    pub derived: Vec<(String, Origin)>,
}

/// Replaces every reference in a resource's properties.
pub fn resolve(properties: &Node, lookup: &dyn Lookup) -> Resolved {
    let mut out = Resolved::default();
    if let Some(map) = properties.as_map() {
        for (key, entry) in map {
            if let Some(value) = walk(&entry.node, key, lookup, &mut out) {
                out.properties.insert(key.clone(), value);
            }
        }
    }
    out
}

fn walk(node: &Node, path: &str, lookup: &dyn Lookup, out: &mut Resolved) -> Option<Json> {
    if node.secret {
        out.secrets.insert(path.to_owned());
    }
    if let Some((function, argument)) = node.as_call() {
        if let Some(reference) = reference(function, argument) {
            return referred(&reference, path, lookup, out);
        }
        if function == "Fn::ImportValue"
            && let Some(name) = argument.scalar_text()
        {
            return imported(name, path, lookup, out);
        }
        if function == "Fn::Join" {
            return join(argument, path, lookup, out);
        }
        if function.starts_with("Fn::") {
            return call(function, argument, path, lookup, out);
        }
    }
    match &node.value {
        Val::List(items) => {
            let values: Vec<Option<Json>> =
                items.iter().enumerate().map(|(i, item)| walk(item, &format!("{path}[{i}]"), lookup, out)).collect();
            Some(Json::Array(values.into_iter().map(|value| value.unwrap_or(Json::Null)).collect()))
        }
        Val::Map(map) => {
            let mut values = Map::new();
            for (key, entry) in map {
                if let Some(value) = walk(&entry.node, &format!("{path}.{key}"), lookup, out) {
                    values.insert(key.clone(), value);
                }
            }
            Some(Json::Object(values))
        }
        _ => Some(node.to_json()),
    }
}

/// A reference to another resource.
struct Reference {
    id: String,
    attribute: Option<String>,
}

fn reference(function: &str, argument: &Node) -> Option<Reference> {
    match function {
        "Ref" => Some(Reference { id: argument.as_str()?.to_owned(), attribute: None }),
        "Fn::GetAtt" => {
            let [id, attribute] = argument.as_list()? else { return None };
            Some(Reference { id: id.as_str()?.to_owned(), attribute: Some(attribute.as_str()?.to_owned()) })
        }
        _ => None,
    }
}

fn referred(reference: &Reference, path: &str, lookup: &dyn Lookup, out: &mut Resolved) -> Option<Json> {
    out.derived.push((path.to_owned(), Origin::Resource(reference.id.clone())));
    match lookup.value(&reference.id, reference.attribute.as_deref()) {
        Some((value, secret)) => {
            if secret {
                out.secrets.insert(path.to_owned());
            }
            Some(value)
        }
        None => {
            let after = match &reference.attribute {
                Some(attribute) => format!("{}.{attribute}", reference.id),
                None => reference.id.clone(),
            };
            out.unknown.insert(path.to_owned(), Unknown { after });
            None
        }
    }
}

fn imported(name: String, path: &str, lookup: &dyn Lookup, out: &mut Resolved) -> Option<Json> {
    let known = lookup.import(&name);
    match &known {
        Some((_, true)) => {
            out.secrets.insert(path.to_owned());
        }
        Some(_) => {}
        None => {
            out.unknown.insert(path.to_owned(), Unknown { after: format!("the export `{name}`") });
        }
    }
    out.derived.push((path.to_owned(), Origin::Export(name)));
    known.map(|(value, _)| value)
}

fn join(argument: &Node, path: &str, lookup: &dyn Lookup, out: &mut Resolved) -> Option<Json> {
    let [delimiter, items] = argument.as_list()? else { return None };
    let delimiter = delimiter.as_str().unwrap_or("");
    let items = items.as_list()?;
    let mut texts = Vec::with_capacity(items.len());
    let mut known = true;
    for item in items {
        // A part of a text has the text's path: there is no finer place to speak of.
        match walk(item, path, lookup, out) {
            Some(value) => texts.push(text(&value)),
            None => known = false,
        }
    }
    known.then(|| Json::String(texts.join(delimiter)))
}

/// A function that had to wait for its arguments.
fn call(function: &str, argument: &Node, path: &str, lookup: &dyn Lookup, out: &mut Resolved) -> Option<Json> {
    let before = out.unknown.len();
    let value = walk(argument, path, lookup, out)?;
    if out.unknown.len() > before {
        return None;
    }
    let result = match (function, &value) {
        ("Fn::Select", Json::Array(pair)) => match pair.as_slice() {
            [index, Json::Array(items)] => {
                let index = index.as_u64().or_else(|| index.as_str()?.parse().ok())?;
                items.get(usize::try_from(index).ok()?).cloned()
            }
            _ => None,
        },
        ("Fn::Split", Json::Array(pair)) => match pair.as_slice() {
            [Json::String(delimiter), Json::String(whole)] if !delimiter.is_empty() => {
                Some(Json::Array(whole.split(delimiter.as_str()).map(|part| Json::String(part.to_owned())).collect()))
            }
            _ => None,
        },
        ("Fn::Base64", Json::String(plain)) => {
            use base64::Engine as _;
            Some(Json::String(base64::engine::general_purpose::STANDARD.encode(plain)))
        }
        ("Fn::ToJsonString", any) => Some(Json::String(any.to_string())),
        ("Fn::Length", Json::Array(items)) => Some(Json::from(items.len())),
        _ => None,
    };
    if result.is_none() {
        out.unknown.insert(path.to_owned(), Unknown { after: function.to_owned() });
    }
    result
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The ids that properties refer to.
pub fn references(node: &Node, out: &mut BTreeSet<String>) {
    if let Some((function, argument)) = node.as_call()
        && let Some(reference) = reference(function, argument)
    {
        out.insert(reference.id);
        return;
    }
    match &node.value {
        Val::List(items) => items.iter().for_each(|item| references(item, out)),
        Val::Map(map) => map.values().for_each(|entry| references(&entry.node, out)),
        _ => {}
    }
}
