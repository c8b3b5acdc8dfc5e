//! `IoTRule`: messages of AWS IoT that a statement selects.

use crate::model::{Diagnostic, Node, Val};

use super::super::artifact::is_truthy;
use super::super::build::Build;
use super::super::intrinsics::{sub, sub_with};
use super::super::made::Made;
use super::super::props::{Kind, Property, optional, required};
use super::{Event, Target};

const PROPERTIES: [Property; 2] = [required("Sql", Kind::Str), optional("AwsIotSqlVersion", Kind::Str)];

/// The permission and the rule.
pub(super) fn expand(build: &Build<'_>, event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let place = event.place;
    let arn = format!("arn:{}:iot:${{AWS::Region}}:${{AWS::AccountId}}:rule/${{RuleName}}", build.context.partition);
    let permission = target
        .permission(&event.id, "iot.amazonaws.com", event)
        .with("SourceArn", sub_with(arn, [("RuleName", Node::reference(&event.id, place))], place))
        .with("SourceAccount", sub("${AWS::AccountId}", place));
    let action = Node::map([("Lambda", Node::map([("FunctionArn", target.arn.clone())], place))], place);
    let mut payload = Node::map(
        [
            ("Sql", props.take("Sql").unwrap_or(Node::str("", place))),
            ("RuleDisabled", Node::new(Val::Bool(false), place)),
            ("Actions", Node::list(vec![action], place)),
        ],
        place,
    );
    if let Some(version) = props.take("AwsIotSqlVersion").filter(is_truthy) {
        payload.set("AwsIotSqlVersion", version);
    }
    let rule = target.make(&event.id, "AWS::IoT::TopicRule", event).with("TopicRulePayload", payload);
    Ok(vec![permission, rule])
}
