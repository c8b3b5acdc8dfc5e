//! Local artifacts of plain CloudFormation types: a path where AWS wants an S3 location, as `package` commands take
//! it.

use crate::model::{Node, Val};

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
