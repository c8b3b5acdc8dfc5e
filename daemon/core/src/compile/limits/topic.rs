//! Topics and their subscriptions.

use super::fifo::Fifo;
use super::known::{self, Known as _};
use super::queue::{dead_letter, policy_size, words};
use super::{Check, listed};
use crate::model::Node;

/// Source: SNS, CreateTopic.
const FIFO: Fifo = Fifo {
    noun: "topics",
    name: "TopicName",
    flag: "FifoTopic",
    limit: 256,
    only: &["ContentBasedDeduplication", "ArchivePolicy", "FifoThroughputScope"],
};
/// Source: SNS, CreateTopic.
const DISPLAY_NAME_LIMIT: usize = 100;
/// Source: SNS policy reference, bytes.
const POLICY_LIMIT: usize = 30 * 1024;
/// Source: SNS filter policy constraints.
const FILTER_KEYS: usize = 5;
const PROTOCOLS: [&str; 9] =
    ["http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"];
/// Protocols that can leave SNS's envelope off.
const RAW: [&str; 4] = ["sqs", "http", "https", "firehose"];

pub(super) fn check(check: &mut Check<'_>) {
    let fifo = FIFO.check(check);
    words(check, "TracingConfig", &["PassThrough", "Active"]);
    words(check, "FifoThroughputScope", &["Topic", "MessageGroup"]);
    if let Some(name) = check.text("DisplayName") {
        let count = name.chars().count();
        if count > DISPLAY_NAME_LIMIT {
            check.refuse(
                "wrong-length",
                check.place("DisplayName"),
                format!("`DisplayName` has {count} characters; AWS takes {DISPLAY_NAME_LIMIT}"),
                "shorten it",
            );
        }
    }
    // A topic's own list of subscriptions follows the rules of `AWS::SNS::Subscription`.
    for entry in check.known("Subscription").and_then(Node::as_list).unwrap_or_default() {
        if entry.as_call().is_none() {
            subscription(check, entry, "Subscription.", fifo);
        }
    }
}

pub(super) fn check_policy(check: &mut Check<'_>) {
    policy_size(check, POLICY_LIMIT, "a topic");
}

pub(super) fn check_subscription(check: &mut Check<'_>) {
    words(check, "FilterPolicyScope", &["MessageAttributes", "MessageBody"]);
    let topic = check.written("TopicArn");
    let fifo = match topic.and_then(|topic| check.target(topic, &["AWS::SNS::Topic"])) {
        Some(topic) => known::is_fifo(topic),
        None => {
            topic.and_then(Node::known_text).filter(|arn| arn.starts_with("arn:")).map(|arn| arn.ends_with(".fifo"))
        }
    };
    subscription(check, &check.resource.properties, "", fifo);
    if let Some(document) = check.written("RedrivePolicy").and_then(known::document) {
        dead_letter(check, "RedrivePolicy", &document, fifo, "dead letters of the subscription's topic");
    }
    raw_delivery(check);
    filter(check);
}

fn subscription(check: &mut Check<'_>, node: &Node, prefix: &str, fifo: Option<bool>) {
    let Some(protocol_node) = known::at(node, "Protocol") else { return };
    let Some(protocol) = protocol_node.known_text() else { return };
    let protocol = protocol.to_owned();
    if !PROTOCOLS.contains(&protocol.as_str()) {
        let help = crate::model::suggest::did_you_mean(&protocol, PROTOCOLS)
            .unwrap_or_else(|| format!("possible are {}", PROTOCOLS.join(", ")));
        let message = format!("`{prefix}Protocol` cannot be `{protocol}`");
        check.refuse("bad-value", protocol_node.place, message, help);
        return;
    }
    if fifo == Some(true) && protocol != "sqs" {
        check.refuse(
            "fifo-mismatch",
            protocol_node.place,
            format!("a FIFO topic cannot deliver to `{protocol}`"),
            "FIFO topics deliver to queues; let a queue feed the rest",
        );
    }
    let Some(endpoint) = known::written(node, "Endpoint") else {
        check.refuse(
            "missing-property",
            protocol_node.place,
            format!("`{prefix}Endpoint` is missing"),
            "say where messages go",
        );
        return;
    };
    let queue = known::target(check.desired, endpoint, &["AWS::SQS::Queue"]);
    match (protocol.as_str(), queue) {
        ("sqs", Some(queue)) => {
            if matches!(endpoint.as_call(), Some(("Ref", _))) {
                super::destination::needs_arn(check, &format!("{prefix}Endpoint"), endpoint, &queue.id);
            }
            if fifo == Some(false) && known::is_fifo(queue) == Some(true) {
                let complaint = check
                    .error(
                        "fifo-mismatch",
                        endpoint.place,
                        format!("the queue `{}` is FIFO and cannot subscribe to a standard topic", queue.id),
                    )
                    .help("let both be FIFO, or the queue standard")
                    .related(queue.place, "the queue");
                check.push(complaint);
            }
        }
        ("sqs", None) if endpoint.known_text().is_some_and(|text| text.starts_with("http")) => check.refuse(
            "not-an-arn",
            endpoint.place,
            format!("`{prefix}Endpoint` wants the queue's ARN, and this is a URL"),
            "an ARN looks like `arn:aws:sqs:REGION:ACCOUNT:NAME`",
        ),
        _ => {}
    }
}

/// SNS: "Delivery protocol [lambda] does not support raw message delivery."
fn raw_delivery(check: &mut Check<'_>) {
    if let Some(protocol) = check.text("Protocol")
        && check.is_true("RawMessageDelivery")
        && PROTOCOLS.contains(&protocol)
        && !RAW.contains(&protocol)
    {
        check.refuse(
            "unsupported-together",
            check.place("RawMessageDelivery"),
            format!("`RawMessageDelivery` is not for the protocol `{protocol}`"),
            format!("leave it out; it is for {}", listed(&RAW)),
        );
    }
}

fn filter(check: &mut Check<'_>) {
    let Some(policy) = check.known("FilterPolicy") else { return };
    let Some(document) = known::document(policy) else { return };
    let Some(map) = document.as_map() else { return };
    // What scope an intrinsic will name is not known.
    let by_attributes =
        check.written("FilterPolicyScope").is_none_or(|scope| scope.known_text() == Some("MessageAttributes"));
    for (key, entry) in map {
        let node = &entry.node;
        let fits = node.as_list().is_some()
            || node.as_call().is_some()
            || node.secret
            || (node.as_map().is_some() && !by_attributes);
        if !fits {
            let help = if node.as_map().is_some() {
                "it wants a list; keys within keys need `FilterPolicyScope: MessageBody`"
            } else {
                "it wants a list of values: put it into [...]"
            };
            check.refuse(
                "wrong-type",
                node.place,
                format!("`FilterPolicy.{key}` is {}; AWS takes a list", node.type_word()),
                help,
            );
        }
    }
    let keys = map.keys().filter(|key| *key != "$or").count();
    if by_attributes && keys > FILTER_KEYS {
        check.refuse(
            "wrong-count",
            policy.place,
            format!("`FilterPolicy` has {keys} keys; AWS takes {FILTER_KEYS}"),
            "filter by fewer attributes, or by the message body",
        );
    }
}
