//! `CloudWatchLogs`: a subscription filter on a log group.

use crate::model::{Diagnostic, Node};

use super::super::build::Build;
use super::super::intrinsics::sub_with;
use super::super::made::Made;
use super::super::props::{Kind, Property, required};
use super::{Event, Target};

const PROPERTIES: [Property; 2] = [required("LogGroupName", Kind::Str), required("FilterPattern", Kind::Str)];

/// The permission and the filter.
pub(super) fn expand(build: &Build<'_>, event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    const NAME: &str = "__LogGroupName__";
    let props = event.props(&PROPERTIES)?;
    let place = event.place;
    let group = props.take("LogGroupName");
    let arn =
        format!("arn:{}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{NAME}}}:*", build.context.partition);
    let source = sub_with(arn, group.clone().map(|group| (NAME, group)), place);
    let permission = target.permission(&event.id, "logs.amazonaws.com", event).with("SourceArn", source);
    let filter = target
        .make(&event.id, "AWS::Logs::SubscriptionFilter", event)
        .depends_on(Some(Node::list(vec![Node::str(&permission.id, place)], place)))
        .maybe("LogGroupName", group)
        .maybe("FilterPattern", props.take("FilterPattern"))
        .with("DestinationArn", target.arn.clone());
    Ok(vec![permission, filter])
}
