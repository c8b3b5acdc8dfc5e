//! What EventBridge rules and schedules have in common: their state, their dead letter queue, their target.

use crate::model::{Diagnostic, Map, Node, Place, Val};

use super::super::artifact::is_truthy;
use super::super::made::Made;
use super::super::props::Props;

/// `State` from `State` or `Enabled`, of which one may be given.
pub(in super::super) fn state(props: &Props) -> Result<Option<Node>, Diagnostic> {
    let state = props.take("State").filter(is_truthy);
    match (state, props.get("Enabled")) {
        (Some(_), Some(_)) => Err(props.error("Enabled", "`State` and `Enabled` cannot both be specified")),
        (None, Some(enabled)) => {
            Ok(Some(Node::str(if is_truthy(enabled) { "ENABLED" } else { "DISABLED" }, enabled.place)))
        }
        (state, None) => Ok(state),
    }
}

/// Where what cannot be delivered goes: the queue's ARN, and the queue where SAM generates it.
pub(in super::super) struct DeadLetters {
    pub arn: Node,
    pub queue: Option<Made>,
}

/// `DeadLetterConfig`: the ARN of a queue, or `Type: SQS` for a generated one.
pub(in super::super) fn dead_letters(
    props: &Props,
    id: &str,
    attributes: &Map,
    place: Place,
) -> Result<Option<DeadLetters>, Diagnostic> {
    let Some(config) = props.get("DeadLetterConfig") else { return Ok(None) };
    let refuse = |message: &str| props.error("DeadLetterConfig", message);
    let arn = config.get("Arn").filter(|arn| arn.value != Val::Null);
    match (config.get("Arn"), config.get("Type").map(Node::as_str)) {
        (Some(_), Some(_)) => return Err(refuse("`DeadLetterConfig` takes either `Arn` or `Type`, not both")),
        (None, None) => return Err(refuse("`DeadLetterConfig` requires `Arn` or `Type`")),
        (None, Some(kind)) if kind != Some("SQS") => {
            return Err(refuse("the only valid value for `Type` of `DeadLetterConfig` is SQS"));
        }
        _ => {}
    }
    if let Some(arn) = arn {
        return Ok(Some(DeadLetters { arn: arn.clone(), queue: None }));
    }
    let name = match config.get("QueueLogicalId").filter(|node| node.value != Val::Null) {
        None => format!("{id}Queue"),
        Some(name) => match name.as_str() {
            Some(name) if !name.is_empty() => name.to_owned(),
            Some(_) => format!("{id}Queue"),
            None => return Err(refuse("`QueueLogicalId` must be a string")),
        },
    };
    let queue = Made::new(name, "AWS::SQS::Queue", place).attributes(attributes.clone());
    Ok(Some(DeadLetters { arn: queue.att("Arn"), queue: Some(queue) }))
}

/// A policy that lets a rule send to the queue.
pub(in super::super) fn queue_policy(id: &str, rule: &Node, queue: &Made, attributes: &Map) -> Made {
    let place = queue.place;
    let principal = Node::map([("Service", Node::str("events.amazonaws.com", place))], place);
    allow_sending(format!("{id}QueuePolicy"), principal, rule, queue.att("Arn"), queue.reference())
        .attributes(attributes.clone())
}

/// A queue policy that lets `source` send messages.
pub(super) fn allow_sending(
    id: impl Into<String>,
    principal: Node,
    source: &Node,
    queue_arn: Node,
    queue_url: Node,
) -> Made {
    let place = principal.place;
    let text = |text: &str| Node::str(text, place);
    let condition = Node::map([("ArnEquals", Node::map([("aws:SourceArn", source.clone())], place))], place);
    let statement = Node::map(
        [
            ("Action", text("sqs:SendMessage")),
            ("Effect", text("Allow")),
            ("Principal", principal),
            ("Resource", queue_arn),
            ("Condition", condition),
        ],
        place,
    );
    let document =
        Node::map([("Version", text("2012-10-17")), ("Statement", Node::list(vec![statement], place))], place);
    Made::new(id, "AWS::SQS::QueuePolicy", place)
        .with("PolicyDocument", document)
        .with("Queues", Node::list(vec![queue_url], place))
}

/// The longest id that a target may have.
const TARGET_ID_LENGTH: usize = 64;

/// The id of a rule's target: that of the rule and a suffix, cut to what EventBridge takes.
pub(in super::super) fn target_id(id: &str, suffix: &str) -> String {
    let keep = TARGET_ID_LENGTH.saturating_sub(suffix.len()).min(id.len());
    format!("{}{suffix}", id.get(..keep).unwrap_or(id))
}

/// Properties of a target that are handed over as written.
pub(in super::super) fn target(props: &Props, arn: Node, dead_letters: Option<&DeadLetters>, names: &[&str]) -> Node {
    let place = arn.place;
    let mut target = Node::map([("Arn", arn)], place);
    for name in names {
        if let Some(value) = props.take(name) {
            target.set(name, value);
        }
    }
    if let Some(dead_letters) = dead_letters {
        target.set("DeadLetterConfig", Node::map([("Arn", dead_letters.arn.clone())], place));
    }
    target
}
