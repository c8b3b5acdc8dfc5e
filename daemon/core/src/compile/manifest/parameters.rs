//! The App's parameters: what they are called, and what they are worth in an environment.

use indexmap::IndexMap;

use super::app::{App, Environment};
use super::fields::Fields;
use crate::compile::intrinsic::Strictness;
use crate::compile::template::parameters as template;
use crate::compile::values::{Needs, Values};
use crate::model::{Diagnostic, Diagnostics, Entry, Map, Node, Place, Val};

/// What every application may refer to beside its own parameters: its name and its environment's (empty where it has
/// none).
const OWN: [&str; 2] = ["evenkeel::App", "evenkeel::Env"];

/// The words of a parameter that is declared with more than its default, and what a template calls them.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("type", "Type"),
    ("default", "Default"),
    ("description", "Description"),
    ("noEcho", "NoEcho"),
    ("allowedValues", "AllowedValues"),
    ("allowedPattern", "AllowedPattern"),
    ("constraintDescription", "ConstraintDescription"),
    ("minLength", "MinLength"),
    ("maxLength", "MaxLength"),
    ("minValue", "MinValue"),
    ("maxValue", "MaxValue"),
];

/// Who asks for values, and where they come from.
pub(super) struct Given<'a> {
    pub app: Option<&'a App>,
    pub environment: Option<&'a Environment>,
    pub name: &'a str,
    pub env: Option<&'a str>,
    pub values: &'a Values,
    pub strictness: Strictness,
}

/// The value of every declared parameter, as a template's would be.
pub(super) fn resolve(given: &Given<'_>, needs: &mut Needs, out: &mut Diagnostics) -> IndexMap<String, Node> {
    let declared: Map = given
        .app
        .into_iter()
        .flat_map(|app| &app.parameters)
        .map(|(name, entry)| {
            (name.clone(), Entry { key_place: entry.key_place, node: declare(name, &entry.node, out) })
        })
        .collect();
    let overrides = given.environment.into_iter().flat_map(|environment| &environment.parameters);
    let overrides = overrides.map(|(name, entry)| {
        // The place of the name is what a complaint about an undeclared one should show.
        let place = if declared.contains_key(name) { entry.node.place } else { entry.key_place };
        (name.clone(), Node { place, ..entry.node.clone() })
    });
    let section = Node::new(Val::Map(declared.clone()), Place::NOWHERE);
    let mut found = template::resolve(
        Some(&section),
        &template::Given {
            values: given.values,
            overrides: &overrides.filter(|(_, node)| !node.is_null()).collect(),
            strictness: given.strictness,
            declares: "the App",
            place: given.app.map_or(Place::NOWHERE, |app| app.name.place),
            remedy: "give it a default, a value in the environment",
        },
        needs,
        out,
    );
    for (name, node) in &mut found {
        // Templates know no truth values, YAML does: what is declared with one stays one.
        let truth =
            declared.get(name).and_then(|entry| entry.node.get("Default")).is_some_and(|node| node.as_bool().is_some());
        if let (true, Some(value)) = (truth, node.as_str().and_then(|text| text.parse().ok())) {
            node.value = Val::Bool(value);
        }
    }
    for (name, value) in OWN.into_iter().zip([given.name, given.env.unwrap_or_default()]) {
        found.insert(name.to_owned(), Node::str(value, Place::NOWHERE));
    }
    found
}

/// A parameter's declaration as a template has it. `LogLevel: INFO` is short for its default.
fn declare(name: &str, node: &Node, out: &mut Diagnostics) -> Node {
    if node.as_call().is_some() {
        out.push(
            Diagnostic::error(
                "wrong-type",
                node.place,
                format!("the default of parameter `{name}` must be a plain value"),
            )
            .help("what is computed from parameters is written where it is used"),
        );
    }
    let mut declaration = Node::map::<String>([], node.place);
    if node.as_map().is_some() {
        let mut fields = Fields::new(node, format!("parameter `{name}`"), out);
        for (word, key) in WORDS {
            if let Some(value) = fields.take(word) {
                declaration.set(key, value);
            }
        }
        fields.finish(out);
    } else if !node.is_null() {
        declaration.set("Default", node.clone());
    }
    if declaration.get("Type").is_none() {
        let type_name = match declaration.get("Default").map(|default| &default.value) {
            Some(Val::Int(_) | Val::Float(_)) => "Number",
            Some(Val::List(_)) => "CommaDelimitedList",
            _ => "String",
        };
        declaration.set("Type", Node::str(type_name, node.place));
    }
    declaration
}
