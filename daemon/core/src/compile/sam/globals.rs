//! `Globals`: properties for every resource of a type.

use crate::model::{Diagnostic, Entry, Map, Node, Place, Val};

use super::artifact::is_truthy;
use super::intrinsics::is_intrinsic;
use super::props::{Owner, nearest};

mod supported;

use supported::SECTIONS;

/// Merges `Globals` into the resources and takes the section out.
///
/// A value of the resource wins over that of `Globals`; maps are merged at every depth; lists are joined, those of
/// `Globals` first. Intrinsics count as single values. `IgnoreGlobals` keeps all (`"*"`) or some properties out.
///
/// # Errors
/// A section or property that `Globals` does not know; `IgnoreGlobals` that names what is not there.
pub(super) fn apply(template: &mut Node) -> Result<(), Diagnostic> {
    let Some(globals) = template.remove("Globals") else { return Ok(()) };
    let sections = read(&globals)?;
    let Some(resources) = template.get_mut("Resources").and_then(Node::as_map_mut) else { return Ok(()) };
    for (id, entry) in resources.iter_mut() {
        let type_name = entry.node.get("Type").and_then(Node::as_str);
        let section = type_name.and_then(|name| name.strip_prefix("AWS::Serverless::"));
        let found = section.and_then(|section| sections.iter().find(|(name, _)| name == section));
        let ignored = entry.node.remove("IgnoreGlobals");
        let Some((section, properties)) = found else { continue };
        let properties = ignore(id, entry.key_place, properties, ignored.as_ref())?;
        let place = entry.node.place;
        let own = entry.node.remove("Properties").unwrap_or_else(|| Node::map::<String>([], place));
        let global = Node::new(Val::Map(properties), own.place);
        entry.node.set("Properties", merge(&global, &own, section));
    }
    Ok(())
}

fn invalid(place: Place, message: &str) -> Diagnostic {
    Diagnostic::error("invalid-globals", place, format!("the `Globals` section is invalid: {message}"))
}

fn read(globals: &Node) -> Result<Vec<(String, Map)>, Diagnostic> {
    let Some(map) = globals.as_map() else { return Err(invalid(globals.place, "it must be a map")) };
    let mut sections = Vec::new();
    for (section, entry) in map {
        let Some((_, known)) = SECTIONS.iter().find(|(name, _)| name == section) else {
            let names = SECTIONS.iter().map(|(name, _)| *name);
            let message = format!(
                "`{section}` is not supported; it must be one of {}",
                names.clone().collect::<Vec<_>>().join(", ")
            );
            return Err(invalid(entry.key_place, &message).maybe_help(nearest(section, names)));
        };
        let Some(properties) = entry.node.as_map() else {
            return Err(invalid(entry.node.place, &format!("`{section}` must be a map")));
        };
        if let Some((key, wrong)) = properties.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            let message = format!("`{key}` is not a supported property of `{section}`");
            let help = nearest(key, known.iter().copied())
                .unwrap_or_else(|| format!("it must be one of {}", known.join(", ")));
            return Err(invalid(wrong.key_place, &message).help(help));
        }
        sections.push((section.clone(), properties.clone()));
    }
    Ok(sections)
}

/// The properties without those that the resource's `IgnoreGlobals` keeps out.
fn ignore(id: &str, place: Place, properties: &Map, ignored: Option<&Node>) -> Result<Map, Diagnostic> {
    let owner = Owner::resource(id, place);
    match ignored {
        None => Ok(properties.clone()),
        Some(node) if !is_truthy(node) => Ok(properties.clone()),
        Some(Node { value: Val::Str(text), .. }) if text == "*" => Ok(Map::new()),
        Some(Node { value: Val::List(items), .. }) => {
            let mut rest = properties.clone();
            for item in items {
                let key = item.scalar_text().unwrap_or_default();
                if rest.shift_remove(&key).is_none() {
                    let message = format!("`IgnoreGlobals` names `{key}`, which `Globals` does not have");
                    return Err(owner.error(item.place, message));
                }
            }
            Ok(rest)
        }
        Some(node) => Err(owner.error(node.place, "`IgnoreGlobals` must be \"*\" or a list of property names")),
    }
}

/// Lists that the resource replaces as a whole.
const REPLACED: [&str; 2] = ["Function.Architectures", "CapacityProvider.InstanceRequirements.Architectures"];
/// Maps of which only the resource's own keys survive.
const PRUNED: [&str; 1] = ["CapacityProvider.ManagedResourceTags"];

fn merge(global: &Node, own: &Node, path: &str) -> Node {
    if is_intrinsic(global) || is_intrinsic(own) || REPLACED.contains(&path) {
        return own.clone();
    }
    match (&global.value, &own.value) {
        (Val::List(first), Val::List(second)) => {
            Node { value: Val::List(first.iter().chain(second).cloned().collect()), ..own.clone() }
        }
        (Val::Map(first), Val::Map(second)) => {
            let mut all = if PRUNED.contains(&path) && !second.is_empty() {
                first.iter().filter(|(key, _)| second.contains_key(*key)).map(|(k, e)| (k.clone(), e.clone())).collect()
            } else {
                first.clone()
            };
            for (key, entry) in second {
                let node = match first.get(key) {
                    Some(from) => merge(&from.node, &entry.node, &format!("{path}.{key}")),
                    None => entry.node.clone(),
                };
                all.insert(key.clone(), Entry { key_place: entry.key_place, node });
            }
            Node { value: Val::Map(all), ..own.clone() }
        }
        _ => own.clone(),
    }
}

#[cfg(test)]
mod tests;
