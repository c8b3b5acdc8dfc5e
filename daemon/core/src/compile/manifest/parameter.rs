//! `kind: Parameter`: AWS's properties, and SecureString with its key, which AWS's own schema leaves out.

use super::document::{Document, Kind, aws};
use super::fields::Fields;
use super::properties;
use super::world::{Build, Declared};
use crate::model::{Diagnostic, Diagnostics, Node, Val};

/// The types of the parameter store.
pub(super) const TYPES: &[&str] = &["String", "StringList", "SecureString"];

/// Expands a parameter into itself.
pub(super) fn expand(parameter: &Declared, build: &mut Build) {
    let mut fields = Fields::new(&parameter.document.spec, parameter.what(), &mut build.out);
    let place = parameter.place();
    let value = fields.take("value");
    let kind = fields.text("type", &mut build.out);
    let key = fields.take_entry("keyId");
    let mut own = properties::translate(aws::PARAMETER, fields, &mut build.out);

    let listed = value.as_ref().is_some_and(|value| value.as_list().is_some());
    let type_name = match &kind {
        Some(kind) if TYPES.contains(&kind.text.as_str()) => kind.text.clone(),
        Some(kind) => {
            build.out.push(
                Diagnostic::error("bad-value", kind.place, format!("a parameter has no type `{}`", kind.text))
                    .help(format!("types are {}", TYPES.join(", "))),
            );
            kind.text.clone()
        }
        None => if listed { "StringList" } else { "String" }.to_owned(),
    };
    let secure = type_name == "SecureString";
    own.set("Type", Node::str(type_name, kind.map_or(place, |kind| kind.place)));
    match value {
        Some(value) => {
            let text = text_of(&value, parameter, build);
            own.set("Value", if secure { text.into_secret() } else { text });
        }
        None => build.out.push(
            Diagnostic::error("missing-property", place, format!("{} needs a `value`", parameter.what()))
                .help("a value that differs between environments is a parameter of the App: `value: !Ref NAME`"),
        ),
    }
    if let Some(key) = key {
        if secure {
            own.set("KeyId", key.node);
        } else {
            build.out.push(
                Diagnostic::error("bad-value", key.key_place, "`keyId` encrypts SecureStrings only")
                    .help("add `type: SecureString`"),
            );
        }
    }
    properties::add_labels(parameter, aws::PARAMETER, &mut own, build);
    build.add(properties::resource(parameter, own));
}

/// A value as the text that it is in the store: a list's items with commas between them.
fn text_of(value: &Node, parameter: &Declared, build: &mut Build) -> Node {
    let plain = |text: String| Node { value: Val::Str(text), ..value.clone() };
    if value.as_call().is_some() {
        return value.clone();
    }
    if let Some(text) = value.scalar_text() {
        if text.is_empty() {
            build.out.push(
                Diagnostic::error("bad-value", value.place, format!("the value of {} is empty", parameter.what()))
                    .help("the parameter store takes no empty values"),
            );
        }
        return plain(text);
    }
    let items = value.as_list().map(|list| list.iter().map(Node::scalar_text).collect::<Option<Vec<_>>>());
    match items {
        Some(Some(items)) => plain(items.join(",")),
        _ => {
            let message =
                format!("the value of {} must be text or a list of texts, not {}", parameter.what(), value.type_word());
            build.out.error("wrong-type", value.place, message);
            value.clone()
        }
    }
}

/// A SecureString whose value stands in the spec is no secret to whoever reads the spec.
pub(super) fn warn_of_plain_secret(document: &Document, out: &mut Diagnostics) {
    let spec = &document.spec;
    if document.kind != Kind::Parameter || spec.get("type").and_then(Node::as_str) != Some("SecureString") {
        return;
    }
    if let Some(value) =
        spec.get("value").filter(|value| value.scalar_text().is_some_and(|text| !text.contains("{{resolve:")))
    {
        out.push(
            Diagnostic::warning("secret-in-spec", value.place, format!("the secret of {} stands in the spec", document.what()))
                .help("declare a parameter of the App with `noEcho: true`, write `value: !Ref NAME`, and give it with `--parameter NAME=...`"),
        );
    }
}
