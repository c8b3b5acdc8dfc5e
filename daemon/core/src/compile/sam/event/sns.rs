//! `SNS`: a topic, directly or by way of a queue.

use crate::model::{Diagnostic, Node, Val};

use super::super::artifact::is_truthy;
use super::super::build::Build;
use super::super::intrinsics::referenced_id;
use super::super::made::Made;
use super::super::props::{Kind, Property, Props, optional, required};
use super::{Event, Target, mapping, rule, sqs};

const PROPERTIES: [Property; 6] = [
    required("Topic", Kind::Str),
    optional("Region", Kind::Str),
    optional("FilterPolicy", Kind::Any),
    optional("FilterPolicyScope", Kind::Any),
    optional("SqsSubscription", Kind::OneOf(&[Kind::Bool, Kind::Map])),
    optional("RedrivePolicy", Kind::Map),
];

/// The subscription; with `SqsSubscription` a queue, its policy and its mapping stand between.
pub(super) fn expand(build: &Build<'_>, event: &Event, target: &mut Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let place = event.place;
    let topic = props.take("Topic").unwrap_or(Node::str("", place));
    let Some(queue) = props.get("SqsSubscription").filter(|node| is_truthy(node)) else {
        let permission = target.permission(&event.id, "sns.amazonaws.com", event).with("SourceArn", topic);
        return Ok(vec![permission, subscription(event, target, &props, "lambda", target.arn.clone())]);
    };
    if queue.as_bool().is_some() {
        let mut made = target.make(format!("{}Queue", event.id), "AWS::SQS::Queue", event);
        if let Some(fifo) = fifo(build, &topic) {
            made.set("FifoQueue", fifo);
        }
        let through = Through { arn: made.att("Arn"), url: made.reference(), policy: None, batch: None };
        let mut all = through_queue(build, event, target, &props, &topic, through)?;
        all.push(made);
        return Ok(all);
    }
    let (Some(arn), Some(url)) =
        (queue.get("QueueArn").filter(|n| is_truthy(n)), queue.get("QueueUrl").filter(|n| is_truthy(n)))
    else {
        return Err(props.error("SqsSubscription", "`SqsSubscription` requires `QueueArn` and `QueueUrl`"));
    };
    let through = Through {
        arn: arn.clone(),
        url: url.clone(),
        policy: queue.get("QueuePolicyLogicalId").and_then(Node::as_str),
        batch: queue.get("BatchSize").filter(|n| is_truthy(n)),
    };
    through_queue(build, event, target, &props, &topic, through)
}

/// The queue between topic and function.
struct Through<'a> {
    arn: Node,
    url: Node,
    policy: Option<&'a str>,
    batch: Option<&'a Node>,
}

fn through_queue(
    build: &Build<'_>,
    event: &Event,
    target: &mut Target<'_>,
    props: &Props,
    topic: &Node,
    queue: Through<'_>,
) -> Result<Vec<Made>, Diagnostic> {
    let place = event.place;
    let inner = Event {
        id: format!("{}EventSourceMapping", event.id),
        type_name: "SQS".to_owned(),
        properties: Node::map(
            [
                ("Queue", queue.arn.clone()),
                ("BatchSize", queue.batch.cloned().unwrap_or(Node::new(Val::Int(10), place))),
                ("Enabled", Node::new(Val::Bool(true), place)),
            ],
            place,
        ),
        ..event.clone()
    };
    let inner_props = mapping::props(&inner, &[required("Queue", Kind::Any), optional("BatchSize", Kind::Any)])?;
    let source = sqs::source(build, &inner, Some(queue.arn.clone()));
    let mut all = mapping::expand(&inner, &inner_props, target, source)?;
    let id = queue.policy.map_or_else(|| format!("{}QueuePolicy", event.id), str::to_owned);
    let policy = rule::allow_sending(id, Node::str("*", place), topic, queue.arn.clone(), queue.url);
    all.push(policy.attributes(target.attributes.clone()));
    all.push(subscription(event, target, props, "sqs", queue.arn));
    Ok(all)
}

fn subscription(event: &Event, target: &Target<'_>, props: &Props, protocol: &str, endpoint: Node) -> Made {
    let mut made = target
        .make(&event.id, "AWS::SNS::Subscription", event)
        .with("Endpoint", endpoint)
        .with("Protocol", Node::str(protocol, event.place))
        .maybe("TopicArn", props.take("Topic"));
    for name in ["Region", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy"] {
        if let Some(value) = props.take(name) {
            made.set(name, value);
        }
    }
    made
}

/// `FifoTopic` of a topic of the same template: its queue must then be one too.
fn fifo(build: &Build<'_>, topic: &Node) -> Option<Node> {
    let properties = build.written_node(referenced_id(topic)?)?.get("Properties")?;
    properties.get("FifoTopic").map(|fifo| build.resolve(fifo)).filter(is_truthy)
}
