//! Functions and their aliases: layers, environment, memory and time.

use std::collections::BTreeMap;

use super::Check;
use super::known::{self, Known as _};
use crate::model::{Node, Place, Val};

/// Keys and values together as JSON, bytes. Source: Lambda quotas.
const ENVIRONMENT_LIMIT: usize = 4096;
/// Source: Lambda quotas; the service's models allow more only on a capacity provider.
const ON_DEMAND: [(&str, i64, &str); 3] =
    [("Timeout", 900, "seconds"), ("MemorySize", 10_240, "MB"), ("EphemeralStorage.Size", 10_240, "MB")];
const MOST_LAYERS: usize = 5;

/// Names that Lambda sets itself. Source: Lambda's developer guide, "Defined runtime environment variables".
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

pub(super) fn check(check: &mut Check<'_>) {
    on_demand(check);
    layers(check);
    environment(check);
    logging(check);
    super::destination::dead_letter(check);
}

fn on_demand(check: &mut Check<'_>) {
    if check.written("CapacityProviderConfig").is_some() {
        return;
    }
    for (path, most, unit) in ON_DEMAND {
        if let Some(number) = check.number(path).filter(|number| *number > most) {
            check.refuse(
                "out-of-range",
                check.place(path),
                format!("`{path}` is {number}; a function without a capacity provider takes at most {most} {unit}"),
                format!("use {most} or less"),
            );
        }
    }
}

fn layers(check: &mut Check<'_>) {
    let Some(layers) = check.known("Layers").and_then(Node::as_list) else { return };
    // The schema counts a list of plain values itself.
    let symbolic = layers.iter().any(|layer| layer.as_call().is_some());
    if layers.len() > MOST_LAYERS && symbolic {
        let place = layers.get(MOST_LAYERS).map_or(Place::NOWHERE, |layer| layer.place);
        check.refuse(
            "too-many-layers",
            place,
            format!("`Layers` has {} layers; AWS takes {MOST_LAYERS}", layers.len()),
            "put the content of some into one layer",
        );
    }
    let mut seen: BTreeMap<String, (&Node, bool)> = BTreeMap::new();
    for layer in layers {
        let Some(name) = layer_name(check, layer) else { continue };
        let plain = layer.as_call().is_none();
        if let Some((first, first_plain)) = seen.get(&name) {
            let same = first.to_json() == layer.to_json();
            // The schema tells plain repetitions in a plain list.
            if !(same && plain && *first_plain && !symbolic) {
                let what = if same { "the same layer twice" } else { "two versions of one layer" };
                let complaint = check
                    .error("same-layer-twice", layer.place, format!("`Layers` holds {what}"))
                    .help("AWS takes each layer once in a function: leave one of them out")
                    .related(first.place, "the other one");
                check.push(complaint);
            }
            continue;
        }
        seen.insert(name, (layer, plain));
    }
}

/// What tells layers apart: the ARN without its version, the explicit name of a layer of this application, or its id.
fn layer_name(check: &Check<'_>, layer: &Node) -> Option<String> {
    if let Some((id, _)) = known::reference(layer) {
        let resource = check.desired.resources.get(id)?;
        if resource.type_name != "AWS::Lambda::LayerVersion" {
            return None;
        }
        let explicit = known::at(&resource.properties, "LayerName").and_then(|name| name.known_text());
        return Some(explicit.map_or_else(|| format!("id {id}"), |name| format!("name {name}")));
    }
    layer.known_text()?.rsplit_once(':').map(|(name, _)| name.to_owned())
}

fn environment(check: &mut Check<'_>) {
    let Some(variables) = check.known("Environment.Variables") else { return };
    let Some(map) = variables.as_map() else { return };
    for (name, entry) in map {
        if RESERVED.contains(&name.as_str()) {
            check.refuse(
                "reserved-name",
                entry.key_place,
                format!("the environment variable `{name}` is one that Lambda sets itself"),
                "choose another name",
            );
        } else if !is_variable_name(name) {
            check.refuse(
                "bad-name",
                entry.key_place,
                format!("an environment variable cannot be called `{name}`"),
                "a name has two characters or more, begins with a letter, and goes on with letters, digits and `_`",
            );
        }
        if entry.node.as_call().is_none() && matches!(entry.node.value, Val::List(_) | Val::Map(_)) {
            check.refuse(
                "wrong-type",
                entry.node.place,
                format!("the environment variable `{name}` is {}; AWS takes text", entry.node.type_word()),
                "write it as text, JSON for instance",
            );
        }
    }
    let size = environment_size(map);
    if size > ENVIRONMENT_LIMIT {
        check.refuse(
            "environment-too-large",
            variables.place,
            format!("the environment has at least {size} bytes as JSON; AWS takes {ENVIRONMENT_LIMIT} (4 KB)"),
            "keep large values in a parameter or a file of the code, and read them from there",
        );
    }
}

/// As Lambda counts: every value is text in JSON. What an intrinsic will be counts for nothing.
fn environment_size(map: &crate::model::Map) -> usize {
    let entries = map.iter().map(|(name, entry)| {
        let value = match entry.node.scalar_text() {
            Some(text) => known::json_size(&Node::str(text, Place::NOWHERE), true),
            None => known::json_size(&entry.node, true),
        };
        name.len() + 3 + value
    });
    2 + map.len().saturating_sub(1) + entries.sum::<usize>()
}

fn is_variable_name(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn logging(check: &mut Check<'_>) {
    let is_text = check.known("LoggingConfig").is_some()
        && match check.written("LoggingConfig.LogFormat") {
            None => true,
            Some(format) => format.known_text() == Some("Text"),
        };
    for level in ["ApplicationLogLevel", "SystemLogLevel"] {
        let path = format!("LoggingConfig.{level}");
        if is_text && check.written(&path).is_some() {
            check.refuse(
                "unsupported-together",
                check.place(&path),
                format!("`{path}` needs `LoggingConfig.LogFormat: JSON`"),
                "logs as plain text have no levels: say `LogFormat: JSON` or leave the level out",
            );
        }
    }
}

/// An alias's name is not a number, and it sends traffic to one extra version at most.
pub(super) fn check_alias(check: &mut Check<'_>) {
    if let Some(name) = check.text("Name") {
        let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !fits || name.chars().all(|c| c.is_ascii_digit()) {
            check.refuse(
                "bad-name",
                check.place("Name"),
                format!("an alias cannot be called `{name}`"),
                "a name has letters, digits, `-` and `_`, and is not a number",
            );
        }
    }
    let weights = check.known("RoutingConfig.AdditionalVersionWeights").and_then(Node::as_list);
    if let Some(weights) = weights.filter(|weights| weights.len() > 1) {
        check.refuse(
            "too-many-versions",
            check.place("RoutingConfig.AdditionalVersionWeights"),
            format!("`RoutingConfig` names {} extra versions; AWS takes 1", weights.len()),
            "an alias sends traffic to its own version and one other",
        );
    }
    let latest = check.text("FunctionVersion").is_some_and(|version| version == "$LATEST");
    if latest && weights.is_some_and(|weights| !weights.is_empty()) {
        check.refuse(
            "unsupported-together",
            check.place("RoutingConfig.AdditionalVersionWeights"),
            "an alias of `$LATEST` cannot share its traffic",
            "let `FunctionVersion` be a published version",
        );
    }
}
