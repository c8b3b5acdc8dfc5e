//! Attributes that are asked of other resources: whether their types have them.

use crate::model::schema;
use crate::model::suggest::did_you_mean;
use crate::model::{Desired, Diagnostic, Diagnostics, Node, Val};

/// Checks every `Fn::GetAtt` of an application against the schema of the type that it asks. AWS says "Template error:
/// resource X does not support attribute type Y in Fn::GetAtt".
pub fn check_attributes(desired: &Desired, out: &mut Diagnostics) {
    for resource in desired.resources.values() {
        walk(desired, &resource.id, &resource.properties, out);
    }
    for (name, output) in &desired.outputs {
        walk(desired, name, &output.value, out);
    }
}

fn walk(desired: &Desired, id: &str, node: &Node, out: &mut Diagnostics) {
    if let Some(("Fn::GetAtt", argument)) = node.as_call()
        && let [target, attribute] = argument.as_list().unwrap_or_default()
        && let (Some(target), Some(attribute)) = (target.as_str(), attribute.as_str())
    {
        asks(desired, id, node, (target, attribute), out);
        return;
    }
    match &node.value {
        Val::Map(map) => map.values().for_each(|entry| walk(desired, id, &entry.node, out)),
        Val::List(items) => items.iter().for_each(|item| walk(desired, id, item, out)),
        _ => {}
    }
}

fn asks(desired: &Desired, id: &str, node: &Node, (target, attribute): (&str, &str), out: &mut Diagnostics) {
    let Some(resource) = desired.resources.get(target) else { return };
    let Some(schema) = schema::lookup(&resource.type_name) else { return };
    // A custom resource has whatever attributes its function answers with.
    if resource.type_name == "AWS::CloudFormation::CustomResource" || schema.has_attribute(attribute) {
        return;
    }
    let known = schema.attributes();
    let help = did_you_mean(attribute, known.iter().map(String::as_str)).or_else(|| match known.as_slice() {
        [] => Some("it has none".to_owned()),
        few if few.len() <= 12 => Some(format!("it has {}", few.join(", "))),
        _ => None,
    });
    let message = format!("`{id}`: {} has no attribute `{attribute}` (`{target}`)", resource.type_name);
    let place = node.place.or(resource.place);
    out.push(Diagnostic::error("unknown-attribute", place, message).maybe_help(help));
}
