//! `EventBridgeRule`, and `CloudWatchEvent` as it was called before: events of a bus that match a pattern.

use crate::model::{Diagnostic, Node};

use super::super::made::Made;
use super::super::props::{Kind, Property, optional};
use super::{Event, Target, rule, schedule};

const PROPERTIES: [Property; 11] = [
    optional("EventBusName", Kind::Str),
    optional("RuleName", Kind::Str),
    optional("Pattern", Kind::Map),
    optional("DeadLetterConfig", Kind::Map),
    optional("RetryPolicy", Kind::Map),
    optional("Input", Kind::Str),
    optional("InputPath", Kind::Str),
    optional("Target", Kind::Map),
    optional("Enabled", Kind::Bool),
    optional("State", Kind::Str),
    optional("InputTransformer", Kind::Map),
];

/// The rule, its dead letter queue and the permission.
pub(super) fn expand(event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let made = target
        .make(&event.id, "AWS::Events::Rule", event)
        .maybe("EventBusName", props.take("EventBusName"))
        .maybe("EventPattern", props.take("Pattern"))
        .maybe("Name", props.take("RuleName"))
        .maybe("State", rule::state(&props)?);
    let id = props.get("Target").and_then(|target| target.get("Id")).and_then(Node::as_str);
    let id = id.map_or_else(|| rule::target_id(&event.id, "LambdaTarget"), str::to_owned);
    schedule::expand_rule(event, target, &props, made, id, &["Input", "InputPath", "RetryPolicy", "InputTransformer"])
}
