//! One value against its shape.

use serde_json::Value as Json;

use super::pattern::matches;
use super::{beyond, wants_list};
use crate::compile::lower_camel::alternatives;
use crate::model::node::MASK;
use crate::model::schema::{Additional, Shape, ShapeType, TypeSchema};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Map, Node, Place, Val};

/// Schemas may refer to themselves; values cannot be deeper than the reader lets them.
const DEPTH: usize = 200;

pub(super) struct Check<'a> {
    pub(super) schema: &'static TypeSchema,
    pub(super) id: &'a str,
    pub(super) type_name: &'a str,
    pub(super) owner: Place,
}

impl Check<'_> {
    /// The properties of a resource.
    pub(super) fn root(&self, properties: &Node, out: &mut Diagnostics) {
        let Some(map) = properties.as_map() else {
            if !properties.is_null() {
                self.complain(
                    "wrong-type",
                    properties.place,
                    format!("properties are a map, this is {}", properties.type_word()),
                    None,
                    out,
                );
            }
            self.required(&self.schema.root, &Map::new(), "", self.owner, out);
            return;
        };
        for (key, entry) in map {
            if let Some(shape) = beyond::property(self.type_name, key) {
                self.value(shape, &entry.node, key, 0, out);
            } else if let Some(shape) = self.schema.root.properties.get(key) {
                if self.schema.is_read_only(key) && !self.schema.is_create_only(key) {
                    let message = format!("`{key}` is set by AWS and cannot be given");
                    self.complain("read-only", entry.key_place, message, Some("leave it out".to_owned()), out);
                } else {
                    self.value(shape, &entry.node, key, 0, out);
                }
            } else if !matches!(self.schema.root.additional, None | Some(Additional::Any(true))) {
                let known = self.schema.writable().chain(beyond::names(self.type_name));
                let message = format!("{} has no property `{key}`", self.type_name);
                self.complain("unknown-property", entry.key_place, message, did_you_mean(key, known), out);
            }
        }
        self.required(&self.schema.root, map, "", self.owner, out);
        self.together(&self.schema.root, map, "", self.owner, out);
    }

    fn complain(&self, code: &'static str, place: Place, message: String, help: Option<String>, out: &mut Diagnostics) {
        out.push(Diagnostic::error(code, place.or(self.owner), format!("`{}`: {message}", self.id)).maybe_help(help));
    }

    fn required(&self, shape: &Shape, map: &Map, path: &str, place: Place, out: &mut Diagnostics) {
        for name in shape.required.iter().filter(|name| !map.contains_key(*name)) {
            let whole = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if !self.schema.is_read_only(&whole) {
                self.complain("missing-property", place, format!("`{whole}` is missing"), None, out);
            }
        }
    }

    fn value(&self, shape: &Shape, node: &Node, path: &str, depth: usize, out: &mut Diagnostics) {
        // What is not known yet is taken to be right; a local artifact stands for where it will be uploaded.
        if depth > DEPTH || node.as_call().is_some() || node.is_null() || is_artifact(node) {
            return;
        }
        let shape = self.schema.resolve(shape);
        let choices = [&shape.one_of, &shape.any_of];
        for choices in choices.into_iter().filter(|choices| !choices.is_empty()) {
            // An alternative that only says which properties go together says nothing of the value's form.
            let formed: Vec<&Shape> = choices.iter().filter(|choice| !is_mere_requirement(choice)).collect();
            if formed.is_empty() {
                continue;
            }
            let fits = formed.iter().any(|choice| {
                let mut trial = Diagnostics::new();
                self.value(choice, node, path, depth + 1, &mut trial);
                !trial.has_errors()
            });
            if !fits {
                // The complaints of the only alternative, or of those for the value's own type, tell the most.
                let near: Vec<&&Shape> = formed.iter().filter(|choice| self.takes(choice, node)).collect();
                match near.as_slice() {
                    [only] => self.value(only, node, path, depth + 1, out),
                    _ => self.complain(
                        "no-alternative",
                        node.place,
                        format!("`{path}` has none of the forms that AWS takes"),
                        None,
                        out,
                    ),
                }
                return;
            }
        }
        for other in &shape.all_of {
            if !is_mere_requirement(other) {
                self.value(other, node, path, depth + 1, out);
            }
        }
        match &node.value {
            Val::Map(map) => self.object(shape, node, map, path, depth, out),
            Val::List(items) => self.list(shape, node, items, path, depth, out),
            _ => self.scalar(shape, node, path, out),
        }
    }

    /// Whether a shape takes values of a node's type at all.
    fn takes(&self, shape: &Shape, node: &Node) -> bool {
        let shape = self.schema.resolve(shape);
        match &node.value {
            Val::Map(_) => shape.allows(ShapeType::Object),
            Val::List(_) => shape.allows(ShapeType::Array),
            _ => {
                shape.types.is_empty() || shape.types.iter().any(|t| !matches!(t, ShapeType::Object | ShapeType::Array))
            }
        }
    }

    fn object(&self, shape: &Shape, node: &Node, map: &Map, path: &str, depth: usize, out: &mut Diagnostics) {
        if !shape.allows(ShapeType::Object) {
            // Policies and other documents may be given as maps where the service takes them as text.
            if !shape.types.contains(&ShapeType::String) || !is_document(path) {
                self.wrong(shape, node, path, out);
            }
            return;
        }
        let mut inner = Vec::new();
        alternatives(self.schema, shape, &mut inner);
        let known = |key: &str| inner.iter().find_map(|shape| shape.properties.get(key));
        let closed = matches!(shape.additional, Some(Additional::Any(false)))
            && inner.iter().all(|shape| shape.pattern_properties.is_empty())
            && inner.iter().any(|shape| !shape.properties.is_empty());
        for (key, entry) in map {
            let below = format!("{path}.{key}");
            if let Some(property) = shape.properties.get(key) {
                self.value(property, &entry.node, &below, depth + 1, out);
            } else if let Some((_, property)) =
                shape.pattern_properties.iter().find(|(pattern, _)| matches(pattern, key))
            {
                self.value(property, &entry.node, &below, depth + 1, out);
            } else if let Some(Additional::Shaped(property)) = &shape.additional {
                self.value(property, &entry.node, &below, depth + 1, out);
            } else if closed && known(key).is_none() {
                let names: Vec<&str> =
                    inner.iter().flat_map(|shape| shape.properties.keys()).map(String::as_str).collect();
                let message = format!("`{path}` has no property `{key}`");
                let help = did_you_mean(key, names.iter().copied())
                    .or_else(|| (names.len() <= 12).then(|| format!("it has {}", names.join(", "))));
                self.complain("unknown-property", entry.key_place, message, help, out);
            }
        }
        self.required(shape, map, path, node.place, out);
        self.together(shape, map, path, node.place, out);
    }

    fn list(&self, shape: &Shape, node: &Node, items: &[Node], path: &str, depth: usize, out: &mut Diagnostics) {
        if !shape.allows(ShapeType::Array) {
            if !(shape.types.contains(&ShapeType::Object) && shape.is_free()) {
                self.wrong(shape, node, path, out);
            }
            return;
        }
        let counted = items.iter().all(|item| item.as_call().is_none());
        if counted && !shape.count.hold(items.len() as f64) {
            let message = format!("`{path}` has {} items; AWS takes {}", items.len(), shape.count.words());
            self.complain("wrong-count", node.place, message, None, out);
        }
        if let Some(item_shape) = shape.items.as_deref() {
            for (index, item) in items.iter().enumerate() {
                self.value(item_shape, item, &format!("{path}[{index}]"), depth + 1, out);
            }
        }
        if shape.unique && counted {
            for (index, item) in items.iter().enumerate() {
                let same = |other: &&Node| other.to_json() == item.to_json();
                if items.iter().take(index).find(same).is_some() {
                    self.complain(
                        "duplicate-item",
                        item.place,
                        format!("`{path}` holds the same item twice"),
                        None,
                        out,
                    );
                }
            }
        }
    }

    fn scalar(&self, shape: &Shape, node: &Node, path: &str, out: &mut Diagnostics) {
        let Some(text) = node.scalar_text() else { return };
        let shown = if node.secret { MASK } else { text.as_str() };
        let fits = |t: &ShapeType| match t {
            ShapeType::String => true,
            ShapeType::Integer => whole(node, &text).is_some(),
            ShapeType::Number => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
            ShapeType::Boolean => {
                matches!(node.value, Val::Bool(_)) || ["true", "false"].contains(&text.to_ascii_lowercase().as_str())
            }
            // A document given as JSON text.
            ShapeType::Object => serde_json::from_str::<Json>(&text).is_ok_and(|json| json.is_object()),
            ShapeType::Array | ShapeType::Null => false,
        };
        if !shape.types.is_empty() && !shape.types.iter().any(fits) {
            self.wrong(shape, node, path, out);
            return;
        }
        let listed = |values: &[Json]| values.iter().map(spelled).any(|value| value == text);
        if let Some(values) = shape.values.as_deref().filter(|values| !listed(values)) {
            let words: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
            let help = did_you_mean(&text, words.iter().copied()).filter(|_| !node.secret).or_else(|| {
                (!words.is_empty() && words.len() <= 16).then(|| format!("possible are {}", words.join(", ")))
            });
            self.complain("bad-value", node.place, format!("`{path}` cannot be `{shown}`"), help, out);
            return;
        }
        if let Some(values) = &shape.values_any_case
            && !values.iter().filter_map(Json::as_str).any(|value| value.eq_ignore_ascii_case(&text))
        {
            self.complain(
                "bad-value",
                node.place,
                format!("`{path}` cannot be `{shown}`"),
                did_you_mean(&text, values.iter().filter_map(Json::as_str)).filter(|_| !node.secret),
                out,
            );
            return;
        }
        let numeric = shape.types.iter().any(|t| matches!(t, ShapeType::Integer | ShapeType::Number));
        if numeric
            && let Ok(number) = text.trim().parse::<f64>()
            && !shape.range.hold(number)
        {
            let message = format!("`{path}` is {shown}; AWS takes {}", shape.range.words());
            self.complain("out-of-range", node.place, message, None, out);
        }
        if shape.types.contains(&ShapeType::String) && !text.contains("{{resolve:") {
            let length = text.chars().count();
            if !shape.length.hold(length as f64) {
                let message = format!("`{path}` has {length} characters; AWS takes {}", shape.length.words());
                self.complain("wrong-length", node.place, message, None, out);
            } else if let Some(pattern) = &shape.pattern
                && !matches(pattern, &text)
            {
                let message = format!("`{path}` cannot be `{shown}`");
                self.complain("bad-value", node.place, message, Some(format!("AWS takes what matches {pattern}")), out);
            }
        }
    }

    fn wrong(&self, shape: &Shape, node: &Node, path: &str, out: &mut Diagnostics) {
        let wanted: Vec<&str> = shape
            .types
            .iter()
            .map(|t| match t {
                ShapeType::String => "a string",
                ShapeType::Integer => "an integer",
                ShapeType::Number => "a number",
                ShapeType::Boolean => "a boolean",
                ShapeType::Object => "a map",
                ShapeType::Array => "a list",
                ShapeType::Null => "null",
            })
            .collect();
        let help = (wants_list(shape) && node.scalar_text().is_some()).then(|| "put it into a list: [...]".to_owned());
        let message = format!("`{path}` is {}; AWS takes {}", node.type_word(), wanted.join(" or "));
        self.complain("wrong-type", node.place, message, help, out);
    }
}

/// A listed value as a person writes it.
fn spelled(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A whole number, also where it is written as text or as `3.0`.
fn whole(node: &Node, text: &str) -> Option<i64> {
    match &node.value {
        Val::Int(number) => Some(*number),
        Val::Float(number) if number.fract() == 0.0 => Some(*number as i64),
        _ => text.trim().parse().ok(),
    }
}

fn is_artifact(node: &Node) -> bool {
    node.as_map().is_some_and(|map| map.len() == 1 && map.contains_key("LocalPath"))
}

/// Whether text at a path is a document that people write as a map.
fn is_document(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    [
        "Policy",
        "Document",
        "Body",
        "Definition",
        "DefinitionString",
        "Input",
        "EventPattern",
        "Pattern",
        "Template",
        "Schema",
        "Json",
        "Config",
        "Configuration",
        "Value",
    ]
    .iter()
    .any(|ending| last.ends_with(ending))
}

/// An alternative that only lists required properties.
pub(super) fn is_mere_requirement(shape: &Shape) -> bool {
    shape.types.is_empty()
        && shape.properties.is_empty()
        && shape.reference.is_none()
        && shape.items.is_none()
        && shape.values.is_none()
        && shape.pattern.is_none()
        && shape.any_of.is_empty()
        && shape.one_of.is_empty()
}
