//! `ScheduleV2`: a schedule of EventBridge Scheduler.

use crate::model::{Diagnostic, Map, Node};

use super::super::artifact::is_truthy;
use super::super::made::Made;
use super::super::policy;
use super::super::props::{Kind, Property, Props, optional, optional_literal, required};
use super::{Event, Target, rule};

pub(in super::super) const PROPERTIES: [Property; 16] = [
    optional("PermissionsBoundary", Kind::Str),
    required("ScheduleExpression", Kind::Str),
    optional("FlexibleTimeWindow", Kind::Map),
    optional("Name", Kind::Str),
    optional("State", Kind::Str),
    optional("Description", Kind::Str),
    optional("StartDate", Kind::Str),
    optional("EndDate", Kind::Str),
    optional("ScheduleExpressionTimezone", Kind::Str),
    optional("GroupName", Kind::Str),
    optional("KmsKeyArn", Kind::Str),
    optional("Input", Kind::Str),
    optional("RoleArn", Kind::Str),
    optional("DeadLetterConfig", Kind::Map),
    optional("RetryPolicy", Kind::Map),
    optional_literal("OmitName", Kind::Bool),
];

/// The schedule of a function, with a role that may invoke it.
pub(super) fn expand(event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let invoke = policy::for_destination("Lambda", &event.id, &target.arn);
    schedule(event, &props, &target.arn, invoke, &target.attributes)
}

/// A schedule for whatever has this ARN; `invoke` is the policy that its role needs.
pub(in super::super) fn schedule(
    event: &Event,
    props: &Props,
    arn: &Node,
    invoke: Option<Node>,
    attributes: &Map,
) -> Result<Vec<Made>, Diagnostic> {
    let place = event.place;
    let text = |text: &str| Node::str(text, place);
    let mut made = Made::new(&event.id, "AWS::Scheduler::Schedule", place)
        .attributes(attributes.clone())
        .maybe("ScheduleExpression", props.take("ScheduleExpression"))
        .maybe("State", props.take("State").filter(is_truthy))
        .with(
            "FlexibleTimeWindow",
            props
                .take("FlexibleTimeWindow")
                .filter(is_truthy)
                .unwrap_or_else(|| Node::map([("Mode", text("OFF"))], place)),
        );
    for name in ["Description", "StartDate", "EndDate", "ScheduleExpressionTimezone", "GroupName", "KmsKeyArn"] {
        if let Some(value) = props.take(name) {
            made.set(name, value);
        }
    }
    let name = props.take("Name").filter(is_truthy);
    match (props.get("OmitName").is_some_and(is_truthy), name) {
        (true, Some(_)) => return Err(props.error("Name", "`Name` cannot be set where `OmitName` is true")),
        (true, None) => {}
        (false, name) => made.set("Name", name.unwrap_or_else(|| text(&event.id))),
    }
    let dead_letters = rule::dead_letters(props, &event.id, attributes, place)?;
    let mut role = None;
    let role_arn = props.take("RoleArn").filter(is_truthy).unwrap_or_else(|| {
        let to_queue =
            dead_letters.as_ref().and_then(|letters| policy::for_destination("SQS", &event.id, &letters.arn));
        let made = Made::new(format!("{}Role", event.id), "AWS::IAM::Role", place)
            .attributes(attributes.clone())
            .with("AssumeRolePolicyDocument", policy::assume_role("scheduler.amazonaws.com", place))
            .with("Policies", Node::list(invoke.into_iter().chain(to_queue).collect(), place))
            .maybe("PermissionsBoundary", props.take("PermissionsBoundary").filter(is_truthy));
        role.insert(made).att("Arn")
    });
    let mut goal = rule::target(props, arn.clone(), dead_letters.as_ref(), &["Input", "RetryPolicy"]);
    goal.set("RoleArn", role_arn);
    made.set("Target", goal);
    let queue = dead_letters.and_then(|letters| letters.queue);
    Ok([Some(made), queue, role].into_iter().flatten().collect())
}
