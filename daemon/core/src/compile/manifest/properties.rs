//! From specs to AWS's properties, and the words that all kinds share.

use super::fields::Fields;
use super::retain::holds_data;
use super::world::{Build, Declared};
use crate::compile::lower_camel::to_aws_case_beside;
use crate::compile::validate::{canonicalise, validate_resource};
use crate::model::schema::{self, ShapeType};
use crate::model::suggest::did_you_mean;
use crate::model::{DeletionPolicy, Diagnostic, Diagnostics, Entry, Node, Origin, Resource, Val};

/// A compiled resource of what a person declared.
pub(super) fn resource(declared: &Declared, properties: Node) -> Resource {
    let annotations = &declared.document.annotations;
    let mut resource = Resource::new(declared.id(), declared.type_name.as_str(), properties, declared.place());
    if let Some(parent) = &declared.parent {
        resource.origin = Origin::Generated { parent: parent.clone() };
    }
    resource.depends_on.clone_from(&declared.common.depends_on);
    resource.ignore_drift.clone_from(&annotations.ignore_drift);
    resource.renamed_from.clone_from(&annotations.renamed_from);
    resource.allow_delete.clone_from(&annotations.allow_delete);
    resource.metadata.clone_from(&declared.common.metadata);
    resource.update_replace_policy = declared.common.update_replace_policy;
    retain_by_default(&mut resource, declared.common.deletion_policy);
    resource
}

/// What holds data stays unless its spec says `deletionPolicy: Delete`; `written` is what the spec says. A policy for
/// deletion counts for replacement too where that has none of its own.
pub(super) fn retain_by_default(resource: &mut Resource, written: Option<DeletionPolicy>) {
    let default = holds_data(&resource.type_name).then_some(DeletionPolicy::Retain);
    resource.deletion_policy = written.or(default);
    resource.update_replace_policy = resource.update_replace_policy.or(resource.deletion_policy.filter(|policy| {
        // CloudFormation knows no `RetainExceptOnCreate` for replacements.
        *policy != DeletionPolicy::RetainExceptOnCreate
    }));
}

/// Reads `deletionPolicy` or `updateReplacePolicy`.
pub(super) fn read_policy(fields: &mut Fields, word: &'static str, out: &mut Diagnostics) -> Option<DeletionPolicy> {
    let text = fields.text(word, out)?;
    let words: &[&str] =
        if word == "deletionPolicy" { &["Delete", "Retain", "RetainExceptOnCreate"] } else { &["Delete", "Retain"] };
    let found = words.contains(&text.text.as_str()).then(|| DeletionPolicy::parse(&text.text)).flatten();
    if found.is_none() {
        out.push(
            Diagnostic::error("bad-value", text.place, format!("`{word}` cannot be `{}`", text.text)).help(
                did_you_mean(&text.text, words.iter().copied())
                    .unwrap_or_else(|| format!("possible are {}", words.join(", "))),
            ),
        );
    }
    found
}

/// Adds a person's labels to the tags of a resource.
pub(super) fn add_labels(declared: &Declared, type_name: &str, properties: &mut Node, build: &mut Build) {
    let labels = &declared.document.labels;
    if labels.is_empty() {
        return;
    }
    let own = declared.type_name == type_name;
    let Some(shape) = tag_shape(type_name) else {
        if own && declared.parent.is_none() {
            let first = labels.values().next().map_or(declared.place(), |label| label.place);
            build.out.push(
                Diagnostic::warning(
                    "no-tags",
                    first,
                    format!("{} cannot carry tags, so its labels stay in the spec", declared.what()),
                )
                .help("AWS has no tags for this type"),
            );
        }
        return;
    };
    let place = labels.values().next().map_or(declared.place(), |label| label.place);
    let written = properties.get(shape.property).cloned();
    let mut tags = written.unwrap_or_else(|| match shape.map {
        true => Node::map::<String>([], place),
        false => Node::list(Vec::new(), place),
    });
    for (key, value) in labels {
        let Some(text) = label_text(key, value, own, &mut build.out) else { continue };
        let clash = match &tags.value {
            Val::Map(map) => map.get(key).map(|entry| entry.key_place),
            Val::List(list) => {
                list.iter().find(|tag| tag.get("Key").and_then(Node::as_str) == Some(key)).map(|tag| tag.place)
            }
            _ => None,
        };
        if let Some(clash) = clash {
            build.out.push(
                Diagnostic::error(
                    "duplicate-tag",
                    value.place,
                    format!("`{key}` is a label and a tag of {}", declared.what()),
                )
                .related(clash, "the tag"),
            );
            continue;
        }
        match &mut tags.value {
            Val::Map(map) => {
                map.insert(key.clone(), Entry { key_place: value.place, node: text });
            }
            Val::List(list) => {
                list.push(Node::map([("Key", Node::str(key.as_str(), value.place)), ("Value", text)], value.place));
            }
            _ => {}
        }
    }
    properties.set(shape.property, tags);
}

/// A label's value as a tag's; complaints are made once, for the resource itself.
pub(super) fn label_text(key: &str, value: &Node, complain: bool, out: &mut Diagnostics) -> Option<Node> {
    let mut wrong = |message: String, help: &str| {
        if complain {
            out.push(Diagnostic::error("bad-label", value.place, message).help(help));
        }
        None
    };
    if key.starts_with("evenkeel:") || key.to_lowercase().starts_with("aws:") {
        return wrong(
            format!("a label cannot be called `{key}`"),
            "`evenkeel:` marks what evenkeel owns, `aws:` is AWS's",
        );
    }
    if key.is_empty() || key.chars().count() > 128 {
        return wrong(
            format!("a label's name has 1 to 128 characters, not {}", key.chars().count()),
            "labels become tags",
        );
    }
    if value.as_call().is_some() {
        return Some(value.clone());
    }
    match value.scalar_text() {
        Some(text) if text.chars().count() <= 256 => Some(Node { value: Val::Str(text), ..value.clone() }),
        Some(_) => wrong(format!("label `{key}` is longer than 256 characters"), "labels become tags"),
        None => wrong(format!("label `{key}` must be text, not {}", value.type_word()), "labels become tags"),
    }
}

/// How a type carries tags.
struct TagShape {
    /// The property that holds them.
    property: &'static str,
    /// Whether they are a map; a list of `Key` and `Value` otherwise.
    map: bool,
}

fn tag_shape(type_name: &str) -> Option<TagShape> {
    let schema = schema::lookup(type_name)?;
    let property = schema.tagging.as_ref()?.property.as_str();
    let shape = schema.property(property)?;
    Some(TagShape { property, map: !shape.allows(ShapeType::Array) })
}

/// What is left of a spec once our words are taken, as AWS's properties.
pub(super) fn translate(type_name: &str, fields: Fields, out: &mut Diagnostics) -> Node {
    let (what, words, rest) = fields.into_parts();
    to_aws_case_beside(type_name, &what, &words, &rest, out)
}

/// Gives every value its one spelling and holds every resource against AWS's schema of its type.
pub(super) fn validate(build: &mut Build) {
    let Build { resources, broken, out, .. } = build;
    for resource in resources.values_mut() {
        canonicalise(&resource.type_name, &mut resource.properties);
        let mut found = Diagnostics::new();
        validate_resource(resource, &mut found);
        let whole = !broken.contains(&resource.id);
        found.iter().filter(|one| whole || one.code != "missing-property").for_each(|one| out.push(one.clone()));
    }
}
