//! Local artifacts: a path where AWS wants an S3 location, as `package` commands take it.

use super::Files;
use crate::model::{Diagnostic, Diagnostics, Node, Val};

/// The property of each type that may be a local path.
const PROPERTIES: &[(&str, &str)] = &[
    ("AWS::Lambda::Function", "Code"),
    ("AWS::Lambda::LayerVersion", "Content"),
    ("AWS::ApiGateway::RestApi", "BodyS3Location"),
    ("AWS::ApiGatewayV2::Api", "BodyS3Location"),
    ("AWS::StepFunctions::StateMachine", "DefinitionS3Location"),
];

/// Turns a local path into `{"LocalPath": path}`.
pub(super) fn localize(type_name: &str, properties: &mut Node) {
    let Some((_, name)) = PROPERTIES.iter().find(|(one, _)| *one == type_name) else { return };
    let Some(node) = properties.get_mut(name) else { return };
    if let Val::Str(path) = &node.value
        && !path.starts_with("s3://")
    {
        let place = node.place;
        *node = Node::map([("LocalPath", Node::str(path, place))], place);
    }
}

/// Endings of files that hold a state machine's definition.
const DEFINITIONS: [&str; 3] = [".json", ".yaml", ".yml"];

/// A state machine's `DefinitionUri` names one document, in S3 or beside the template. Text that does not look like
/// such a file's name, and is none, is an S3 URL that was written wrongly.
pub(super) fn check_definitions(template: &Node, files: &dyn Files, errors: &mut Diagnostics) {
    for (id, entry) in template.get("Resources").and_then(Node::as_map).into_iter().flatten() {
        if entry.node.get("Type").and_then(Node::as_str) != Some("AWS::Serverless::StateMachine") {
            continue;
        }
        let uri = entry.node.get("Properties").and_then(|properties| properties.get("DefinitionUri"));
        let Some((uri, path)) = uri.and_then(|uri| Some((uri, uri.as_str()?))) else { continue };
        let named = path.is_empty() || path.contains("://") || path.contains("{{resolve:");
        if named || DEFINITIONS.iter().any(|ending| path.ends_with(ending)) || files.text(path).is_some() {
            continue;
        }
        let message = format!(
            "Resource `{id}`: `DefinitionUri` is neither an S3 URL of the form `s3://bucket/key` nor a file: there is no `{path}`"
        );
        errors.push(
            Diagnostic::error("missing-file", uri.place, message)
                .help("name the file that holds the definition, in JSON or YAML"),
        );
    }
}
