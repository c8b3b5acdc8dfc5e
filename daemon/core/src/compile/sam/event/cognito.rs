//! `Cognito`: triggers of a user pool of the same template.

use crate::model::{Diagnostic, Node, Val};

use super::super::build::Build;
use super::super::made::Made;
use super::super::props::{Kind, Property, literal, required};
use super::{Event, Target};

const PROPERTIES: [Property; 2] =
    [required("UserPool", Kind::Str), literal("Trigger", Kind::OneOf(&[Kind::Str, Kind::ListOf(&Kind::Str)]))];

/// The permission, and the user pool with its triggers.
pub(super) fn expand(build: &mut Build<'_>, event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let pool = props.get("UserPool").and_then(|node| node.get("Ref")).and_then(Node::as_str);
    let Some(id) = pool.filter(|id| build.type_of(id) == Some("AWS::Cognito::UserPool")) else {
        return Err(props.error("UserPool", "Cognito events must reference a Cognito UserPool in the same template"));
    };
    let permission = target
        .permission(&format!("{}Cognito", target.id), "cognito-idp.amazonaws.com", event)
        .with("SourceArn", Node::get_att(id, "Arn", event.place));
    let names: Vec<&str> = match props.get("Trigger").map(|node| &node.value) {
        Some(Val::Str(name)) => vec![name.as_str()],
        Some(Val::List(names)) => names.iter().filter_map(Node::as_str).collect(),
        _ => Vec::new(),
    };
    let config = build.written_map(id, &["Properties", "LambdaConfig"])?;
    for name in names {
        if config.get(name).is_some() {
            return Err(props.error("Trigger", format!("Cognito trigger `{name}` is defined multiple times")));
        }
        config.set(name, target.arn.clone());
    }
    build.changed(id);
    Ok(vec![permission])
}
