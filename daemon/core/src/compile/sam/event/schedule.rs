//! `Schedule`: an EventBridge rule with a schedule.

use crate::model::{Diagnostic, Node};

use super::super::made::Made;
use super::super::props::{Kind, Property, optional, required};
use super::{Event, Target, rule};

const PROPERTIES: [Property; 9] = [
    required("Schedule", Kind::Str),
    optional("RuleName", Kind::Str),
    optional("Input", Kind::Str),
    optional("Enabled", Kind::Bool),
    optional("State", Kind::Str),
    optional("Name", Kind::Str),
    optional("Description", Kind::Str),
    optional("DeadLetterConfig", Kind::Map),
    optional("RetryPolicy", Kind::Map),
];

/// The rule, its dead letter queue and the permission.
pub(super) fn expand(event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let made = target
        .make(&event.id, "AWS::Events::Rule", event)
        .maybe("ScheduleExpression", props.take("Schedule"))
        .maybe("State", rule::state(&props)?)
        .maybe("Name", props.take("Name"))
        .maybe("Description", props.take("Description"));
    expand_rule(event, target, &props, made, rule::target_id(&event.id, "LambdaTarget"), &["Input", "RetryPolicy"])
}

/// The rule with its target, its dead letter queue and the permission.
pub(super) fn expand_rule(
    event: &Event,
    target: &Target<'_>,
    props: &super::Props,
    mut made: Made,
    target_id: String,
    names: &[&str],
) -> Result<Vec<Made>, Diagnostic> {
    let place = event.place;
    let arn = made.att("Arn");
    let dead_letters = rule::dead_letters(props, &event.id, &target.attributes, place)?;
    let mut goal = rule::target(props, target.arn.clone(), dead_letters.as_ref(), names);
    goal.set("Id", Node::str(target_id, place));
    made.set("Targets", Node::list(vec![goal], place));
    let mut all = vec![made];
    if let Some(queue) = dead_letters.and_then(|dead_letters| dead_letters.queue) {
        let policy = rule::queue_policy(&event.id, &arn, &queue, &target.attributes);
        all.extend([queue, policy]);
    }
    all.push(target.permission(&event.id, "events.amazonaws.com", event).with("SourceArn", arn));
    Ok(all)
}
