//! The App's parameters: what they are called, and what they are worth in an environment.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::app::{App, Environment};
use super::fields::Fields;
use crate::compile::values::Values;
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Node, Place, Val};

/// Where values come from; the later ones win.
pub(super) struct Given<'a> {
    pub app: Option<&'a App>,
    pub environment: Option<&'a Environment>,
    pub name: &'a str,
    pub env: Option<&'a str>,
    pub overrides: &'a BTreeMap<String, String>,
}

/// What every application may refer to beside its own parameters: its name and its environment's (empty where it has
/// none).
pub(super) const OWN: [&str; 2] = ["evenkeel::App", "evenkeel::Env"];

/// A declaration: `LogLevel: INFO`, or a map with these words.
struct Declaration {
    default: Option<Node>,
    secret: bool,
    allowed: Vec<Node>,
    place: Place,
}

/// The value of every declared parameter.
pub(super) fn resolve(given: &Given<'_>, values: &Values, out: &mut Diagnostics) -> IndexMap<String, Node> {
    let mut found = IndexMap::new();
    for (name, value) in OWN.into_iter().zip([given.name, given.env.unwrap_or_default()]) {
        found.insert(name.to_owned(), Node::str(value, Place::NOWHERE));
    }
    let declared = given.app.map(|app| &app.parameters).into_iter().flatten();
    let declared: IndexMap<&str, Declaration> =
        declared.map(|(name, entry)| (name.as_str(), declare(name, entry.key_place, &entry.node, out))).collect();
    let names = || declared.keys().copied();
    for (name, entry) in given.environment.into_iter().flat_map(|environment| &environment.parameters) {
        if !declared.contains_key(name.as_str()) {
            out.push(
                Diagnostic::error(
                    "unknown-parameter",
                    entry.key_place,
                    format!("the App declares no parameter `{name}`"),
                )
                .help(
                    did_you_mean(name, names())
                        .unwrap_or_else(|| "declare it under `spec.parameters` of the App".to_owned()),
                ),
            );
        }
    }
    for name in given.overrides.keys().filter(|name| !declared.contains_key(name.as_str())) {
        out.push(
            Diagnostic::error("unknown-parameter", Place::NOWHERE, format!("the App declares no parameter `{name}`"))
                .help(
                    did_you_mean(name, names())
                        .unwrap_or_else(|| "declare it under `spec.parameters` of the App".to_owned()),
                ),
        );
    }
    for (name, declaration) in declared {
        let node = value_of(name, &declaration, given, values);
        let Some(node) = node else {
            out.push(
                Diagnostic::error("missing-parameter", declaration.place, format!("parameter `{name}` has no value"))
                    .help(format!("give it a default, a value in the environment, or `--parameter {name}=...`")),
            );
            continue;
        };
        if !declaration.allowed.is_empty() && !declaration.allowed.iter().any(|allowed| same(allowed, &node)) {
            let allowed: Vec<String> = declaration.allowed.iter().filter_map(Node::scalar_text).collect();
            let shown = if declaration.secret {
                "its value".to_owned()
            } else {
                format!("`{}`", node.scalar_text().unwrap_or_default())
            };
            out.push(
                Diagnostic::error(
                    "bad-value",
                    node.place.or(declaration.place),
                    format!("parameter `{name}` cannot be {shown}"),
                )
                .help(format!("allowed are {}", allowed.join(", "))),
            );
        }
        found.insert(name.to_owned(), if declaration.secret { node.into_secret() } else { node });
    }
    found
}

fn same(left: &Node, right: &Node) -> bool {
    left.scalar_text() == right.scalar_text()
}

fn value_of(name: &str, declaration: &Declaration, given: &Given<'_>, values: &Values) -> Option<Node> {
    let default = declaration.default.as_ref();
    let outside = given.overrides.get(name).map(|text| Node::str(text.as_str(), Place::NOWHERE));
    let outside = outside.or_else(|| values.parameters.get(name).map(|json| Node::from_json(json, Place::NOWHERE)));
    if let Some(node) = outside {
        return Some(Node { place: declaration.place, ..like(default, node) });
    }
    let environment = given.environment.and_then(|environment| environment.parameters.get(name));
    environment.map(|entry| entry.node.clone()).filter(|node| !node.is_null()).or_else(|| default.cloned())
}

/// Text from a command line as the default's type: a number stays a number, a list is split at its commas.
fn like(default: Option<&Node>, node: Node) -> Node {
    let Some(text) = node.as_str() else { return node };
    let value = match default.map(|default| &default.value) {
        Some(Val::Int(_) | Val::Float(_)) => text.parse().map(Val::Int).or_else(|_| text.parse().map(Val::Float)).ok(),
        Some(Val::Bool(_)) => text.parse().map(Val::Bool).ok(),
        Some(Val::List(_)) => Some(Val::List(text.split(',').map(|item| Node::str(item.trim(), node.place)).collect())),
        _ => None,
    };
    match value {
        Some(value) => Node { value, ..node },
        None => node,
    }
}

fn declare(name: &str, place: Place, node: &Node, out: &mut Diagnostics) -> Declaration {
    let mut declaration = Declaration { default: None, secret: false, allowed: Vec::new(), place };
    if node.as_call().is_some() {
        out.push(
            Diagnostic::error(
                "wrong-type",
                node.place,
                format!("the default of parameter `{name}` must be a plain value"),
            )
            .help("what is computed from parameters is written where it is used"),
        );
        return declaration;
    }
    if node.as_map().is_none() {
        declaration.default = Some(node.clone()).filter(|node| !node.is_null());
        return declaration;
    }
    let mut fields = Fields::new(node, format!("parameter `{name}`"), out);
    declaration.default = fields.take("default");
    declaration.secret = fields.bool("noEcho", out).unwrap_or(false);
    declaration.allowed = fields.list("allowedValues", out);
    fields.text("description", out);
    fields.finish(out);
    declaration
}
