//! `triggers`: what calls a function.

use super::document::aws;
use super::fields::Fields;
use super::function::poll;
use super::properties;
use super::topic::{self, Subscriber};
use super::world::{Build, Declared, World};
use crate::model::{Diagnostic, Map, Node, Val};

/// What other people call triggers, and how each is written until it is a word here.
const LATER: &[&str] = &[
    "schedule", "api", "http", "url", "bucket", "s3", "table", "dynamodb", "stream", "kinesis", "event", "rule",
    "kafka", "mq",
];

/// Expands a function's triggers; gives the statements that its role needs for them.
pub(super) fn expand(world: &World, function: &Declared, triggers: &[Node], build: &mut Build) -> Vec<Node> {
    let mut statements = Vec::new();
    for trigger in triggers {
        let mut fields = Fields::new(trigger, format!("a trigger of {}", function.what()), &mut build.out);
        let Some(map) = trigger.as_map() else { continue };
        let queue = fields.take("queue");
        let topic = fields.take("topic");
        match (queue, topic) {
            (Some(queue), None) => statements.extend(from_queue(world, function, &queue, fields, build)),
            (None, Some(topic)) => from_topic(world, function, &topic, fields, build),
            (Some(_), Some(_)) => {
                build.out.error("bad-trigger", trigger.place, "a trigger names a queue or a topic, not both");
            }
            (None, None) => complain(trigger, map, build),
        }
    }
    statements
}

fn complain(trigger: &Node, map: &Map, build: &mut Build) {
    let later = map.iter().find(|(key, _)| LATER.contains(&key.to_lowercase().as_str()));
    let (place, message) = match later {
        Some((key, entry)) => (entry.key_place, format!("`{key}` is not a trigger yet")),
        None => (trigger.place, "a trigger must name its `queue` or its `topic`".to_owned()),
    };
    build.out.push(Diagnostic::error("unknown-trigger", place, message).help(
        "possible are `{queue: NAME, batchSize: 10}` and `{topic: NAME}`; anything else can be written as `kind: Resource`, \
         such as AWS::Events::Rule with AWS::Lambda::Permission",
    ));
}

/// A queue that feeds a function: a mapping, with all of its AWS properties in lower camel case, and `filters`.
fn from_queue(world: &World, function: &Declared, queue: &Node, mut fields: Fields, build: &mut Build) -> Vec<Node> {
    let place = queue.place;
    let filters = fields.take_entry("filters");
    let mut mapping = properties::translate(aws::EVENT_SOURCE_MAPPING, fields, &mut build.out);
    for (property, word) in [("FunctionName", "functionName"), ("EventSourceArn", "eventSourceArn")] {
        if let Some(written) = mapping.get(property) {
            let message = format!("`{word}` of a trigger follows from the function and its `queue`");
            build.out.error("bad-trigger", written.place, message);
        }
    }
    let Some(target) = world.target("queue", aws::QUEUE, queue, &mut build.out) else { return Vec::new() };
    mapping.set("EventSourceArn", target.arn(place));
    mapping.set("FunctionName", function.invoke_name(place));
    if let Some(filters) = filters {
        if let Some(other) = mapping.get("FilterCriteria") {
            build.out.push(
                Diagnostic::error(
                    "two-filters",
                    filters.key_place,
                    "a trigger says `filters` or `filterCriteria`, not both",
                )
                .related(other.place, "the other one"),
            );
        }
        let patterns = patterns(&filters.node, build);
        mapping.set(
            "FilterCriteria",
            Node::map([("Filters", Node::list(patterns, filters.node.place))], filters.node.place),
        );
    }
    properties::add_labels(function, aws::EVENT_SOURCE_MAPPING, &mut mapping, build);
    let id = format!("{}-from-{}", function.id(), target.slug());
    build.generate(function, id, aws::EVENT_SOURCE_MAPPING, mapping, place);
    poll(world, &target, place)
}

/// Filters as AWS wants them: each a JSON text.
fn patterns(node: &Node, build: &mut Build) -> Vec<Node> {
    let one = std::slice::from_ref(node);
    let entries = match &node.value {
        Val::List(entries) => entries.as_slice(),
        _ => one,
    };
    let mut patterns = Vec::new();
    for entry in entries {
        let text = match &entry.value {
            Val::Str(text) => text.clone(),
            Val::Map(_) if !super::intrinsic::has_symbolic(entry) => entry.to_json().to_string(),
            _ => {
                build.out.push(
                    Diagnostic::error("bad-filter", entry.place, "a filter must be a pattern that is known beforehand")
                        .help("write it as a map, such as `{body: {kind: [order]}}`, or as JSON text"),
                );
                continue;
            }
        };
        patterns.push(Node::map([("Pattern", Node::str(text, entry.place))], entry.place));
    }
    patterns
}

/// A topic that calls a function: a subscription and the permission that it needs.
fn from_topic(world: &World, function: &Declared, node: &Node, fields: Fields, build: &mut Build) {
    let Some(target) = world.target("topic", aws::TOPIC, node, &mut build.out) else { return };
    let place = node.place;
    topic::subscribe(world, function, &target, Subscriber::Function(function), fields, place, build);
}
