//! Kinds that bring nothing else with them: Layer, Role, LogGroup and Resource.

use super::code::{self, Code};
use super::document::aws;
use super::fields::Fields;
use super::policy;
use super::properties;
use super::world::{Build, Declared, World};
use crate::model::{Diagnostic, Node, Val};

/// Expands a layer: `code` is where its content comes from.
pub(super) fn layer(layer: &Declared, build: &mut Build) {
    let what = layer.what();
    let mut fields = Fields::new(&layer.document.spec, what.as_str(), &mut build.out);
    let code = fields.take("code");
    let mut own = properties::translate(aws::LAYER_VERSION, fields, &mut build.out);
    match code.as_ref().map(|node| (node, code::read(node, &what, &mut build.out))) {
        Some((node, Some(Code::Zip(content)))) if content.get("ZipFile").is_none() => {
            if let Some(other) = own.get("Content") {
                build.out.push(
                    Diagnostic::error("two-codes", node.place, format!("{what} says `code` and `content`"))
                        .related(other.place, "the other one"),
                );
            }
            own.set("Content", content);
        }
        Some((node, Some(_))) => build.out.push(
            Diagnostic::error("bad-code", node.place, format!("{what} can be neither inline text nor an image")).help(
                "write `code: ./folder` or `{s3Bucket: BUCKET, s3Key: KEY}`; for Python the folder holds `python/`",
            ),
        ),
        Some((_, None)) => {}
        None if own.get("Content").is_none() => build.out.push(
            Diagnostic::error("missing-code", layer.place(), format!("{what} needs `code`"))
                .help("write `code: ./folder`; for Python the folder holds `python/`"),
        ),
        None => {}
    }
    properties::add_labels(layer, aws::LAYER_VERSION, &mut own, build);
    build.add(properties::resource(layer, own));
}

/// Expands a role: who may take it on is Lambda where nothing else is said.
pub(super) fn role(role: &Declared, build: &mut Build) {
    let fields = Fields::new(&role.document.spec, role.what(), &mut build.out);
    let mut own = properties::translate(aws::ROLE, fields, &mut build.out);
    if own.get("AssumeRolePolicyDocument").is_none() {
        own.set("AssumeRolePolicyDocument", policy::trust("lambda.amazonaws.com", role.place()));
    }
    properties::add_labels(role, aws::ROLE, &mut own, build);
    build.add(properties::resource(role, own));
}

/// Expands a log group: it keeps events as long as a function's own where nothing else is said.
pub(super) fn log_group(world: &World, group: &Declared, build: &mut Build) {
    let fields = Fields::new(&group.document.spec, group.what(), &mut build.out);
    let mut own = properties::translate(aws::LOG_GROUP, fields, &mut build.out);
    if own.get("RetentionInDays").is_none() {
        own.set("RetentionInDays", Node::new(Val::Int(world.log_retention_days), group.place()));
    }
    properties::add_labels(group, aws::LOG_GROUP, &mut own, build);
    build.add(properties::resource(group, own));
}

/// Expands a resource of any type: its properties are AWS's own, as written.
pub(super) fn resource(resource: &Declared, build: &mut Build) {
    let mut fields = Fields::new(&resource.document.spec, resource.what(), &mut build.out);
    fields.take("type");
    let place = resource.document.spec.place;
    let mut own = fields.take("properties").unwrap_or_else(|| Node::map::<String>([], place));
    fields.finish(&mut build.out);
    if own.as_map().is_none() {
        let message = format!("`properties` of {} must be a map, not {}", resource.what(), own.type_word());
        build.out.error("wrong-type", own.place, message);
        own = Node::map::<String>([], place);
    }
    properties::add_labels(resource, &resource.type_name, &mut own, build);
    build.add(properties::resource(resource, own));
}
