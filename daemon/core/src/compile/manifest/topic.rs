//! `kind: Topic` and subscriptions, from the topic's side and from a function's.

use super::document::aws;
use super::fields::Fields;
use super::policy::sid;
use super::properties;
use super::world::{Build, Declared, Target, World, short_hash};
use crate::compile::lower_camel::lower_camel;
use crate::model::{Diagnostic, Node, Place};

/// Who hears a topic.
pub(super) enum Subscriber<'a> {
    /// A function of this application.
    Function(&'a Declared),
    /// A queue of this application.
    Queue(&'a Declared),
    /// Anything else: the protocol and its endpoint.
    Endpoint(&'static str, Node),
}

/// Words of `subscriptions` and the protocol that each stands for.
pub(super) const PROTOCOLS: &[(&str, &str)] = &[
    ("queue", "sqs"),
    ("function", "lambda"),
    ("email", "email"),
    ("emailJson", "email-json"),
    ("http", "http"),
    ("https", "https"),
    ("sms", "sms"),
    ("firehose", "firehose"),
    ("application", "application"),
];

/// Expands a topic into itself and its subscriptions.
pub(super) fn expand(world: &World, topic: &Declared, build: &mut Build) {
    let mut fields = Fields::new(&topic.document.spec, topic.what(), &mut build.out);
    let subscriptions = fields.list("subscriptions", &mut build.out);
    let mut own = properties::translate(aws::TOPIC, fields, &mut build.out);
    properties::add_labels(topic, aws::TOPIC, &mut own, build);
    build.add(properties::resource(topic, own));
    for subscription in &subscriptions {
        let mut fields = Fields::new(subscription, format!("a subscription of {}", topic.what()), &mut build.out);
        if subscription.as_map().is_none() {
            continue;
        }
        let named: Vec<(&'static str, &'static str, Node)> =
            PROTOCOLS.iter().filter_map(|(word, protocol)| Some((*word, *protocol, fields.take(word)?))).collect();
        let [(word, protocol, node)] = named.as_slice() else {
            let words: Vec<&str> = PROTOCOLS.iter().map(|(word, _)| *word).collect();
            build.out.push(
                Diagnostic::error(
                    "bad-subscription",
                    subscription.place,
                    "a subscription names exactly one subscriber",
                )
                .help(format!("possible are {}", words.join(", "))),
            );
            continue;
        };
        let found = match *word {
            "queue" => world.target("queue", aws::QUEUE, node, &mut build.out),
            "function" => world.target("function", aws::FUNCTION, node, &mut build.out),
            _ => Some(Target::Arn(node.clone())),
        };
        let subscriber = match (*word, found) {
            (_, None) => continue,
            ("queue", Some(Target::Own(queue))) => Subscriber::Queue(queue),
            ("function", Some(Target::Own(function))) => Subscriber::Function(function),
            (_, Some(target)) => Subscriber::Endpoint(protocol, target.arn(node.place)),
        };
        subscribe(world, topic, &Target::Own(topic), subscriber, fields, node.place, build);
    }
}

/// Subscribes to `topic`; `asker` is who wrote it. `fields` holds the subscription's own properties.
pub(super) fn subscribe(
    world: &World,
    asker: &Declared,
    topic: &Target<'_>,
    subscriber: Subscriber<'_>,
    mut fields: Fields,
    place: Place,
    build: &mut Build,
) {
    let dead_letter = fields.take("deadLetter");
    let mut subscription = properties::translate(aws::SUBSCRIPTION, fields, &mut build.out);
    for property in ["TopicArn", "Protocol", "Endpoint"] {
        if let Some(written) = subscription.get(property) {
            build.out.error(
                "bad-subscription",
                written.place,
                format!("`{}` of a subscription follows from who subscribes to what", lower_camel(property)),
            );
        }
    }
    check(topic, &subscriber, &subscription, place, build);
    let topic_arn = topic.arn(place);
    let mut depends = Vec::new();
    let (id, protocol, endpoint) = match &subscriber {
        Subscriber::Function(function) => {
            let id = format!("{}-from-{}", function.id(), topic.slug());
            let permission = Node::map(
                [
                    ("Action", Node::str("lambda:InvokeFunction", place)),
                    ("FunctionName", function.invoke_name(place)),
                    ("Principal", Node::str("sns.amazonaws.com", place)),
                    ("SourceArn", topic_arn.clone()),
                ],
                place,
            );
            let permission_id = format!("{id}-permission");
            build.generate(asker, permission_id.clone(), aws::PERMISSION, permission, place);
            depends.push(permission_id);
            (id, "lambda", function.invoke_arn(place))
        }
        Subscriber::Queue(queue) => {
            let id = format!("{}-from-{}", queue.id(), topic.slug());
            depends.push(allow_sender(queue, &["from", &topic.slug()], topic_arn.clone(), place, build));
            (id, "sqs", queue.arn(place))
        }
        Subscriber::Endpoint(protocol, endpoint) => {
            (format!("{}-to-{protocol}-{}", topic.slug(), short_hash(endpoint)), *protocol, endpoint.clone())
        }
    };
    if let Some(node) = dead_letter {
        if let Some(other) = subscription.get("RedrivePolicy") {
            build.out.push(
                Diagnostic::error(
                    "two-dead-letters",
                    node.place,
                    "a subscription says `deadLetter` or `redrivePolicy`, not both",
                )
                .related(other.place, "the other one"),
            );
        }
        if let Some(queue) = world.target("queue", aws::QUEUE, &node, &mut build.out) {
            if let Target::Own(queue) = queue {
                let words = ["dead letters of", &id];
                depends.push(allow_sender(queue, &words, topic_arn.clone(), node.place, build));
            }
            let arn = queue.arn(node.place);
            subscription.set("RedrivePolicy", Node::map([("deadLetterTargetArn", arn)], node.place));
        }
    }
    subscription.set("TopicArn", topic_arn);
    subscription.set("Protocol", Node::str(protocol, place));
    subscription.set("Endpoint", endpoint);
    if let Some(resource) = build.generate(asker, id, aws::SUBSCRIPTION, subscription, place) {
        resource.depends_on = depends;
    }
}

/// What SNS refuses, or accepts and then never delivers.
fn check(topic: &Target<'_>, subscriber: &Subscriber<'_>, subscription: &Node, place: Place, build: &mut Build) {
    if let Target::Own(topic) = topic {
        let fifo = topic.flag("FifoTopic");
        match subscriber {
            Subscriber::Queue(queue) if queue.flag("FifoQueue") && !fifo => build.out.push(
                Diagnostic::error(
                    "fifo-mismatch",
                    place,
                    format!("{} is FIFO and cannot hear a standard topic", queue.what()),
                )
                .related(topic.place(), "this topic is not FIFO"),
            ),
            Subscriber::Queue(_) => {}
            _ if fifo => build.out.push(
                Diagnostic::error("fifo-mismatch", place, format!("{} is FIFO: only queues can hear it", topic.what()))
                    .help("subscribe a queue, and let the queue trigger the function"),
            ),
            _ => {}
        }
    }
    let raw = subscription.get("RawMessageDelivery");
    let can_raw =
        matches!(subscriber, Subscriber::Queue(_) | Subscriber::Endpoint("sqs" | "http" | "https" | "firehose", _));
    if let Some(raw) = raw.filter(|raw| raw.as_bool() == Some(true) && !can_raw) {
        build.out.push(
            Diagnostic::error(
                "bad-subscription",
                raw.place,
                "`rawMessageDelivery` works for queues, http, https and firehose only",
            )
            .help("a function always gets the message inside SNS's envelope: `Records[].Sns.Message`"),
        );
    }
    if let Subscriber::Queue(queue) = subscriber
        && let Some(key) = queue.property("KmsMasterKeyId")
        && key.as_str().is_some_and(|key| key.contains("alias/aws/sqs"))
    {
        build.out.push(
            Diagnostic::error("sns-cannot-use-key", place, format!("SNS may not use AWS's own key of {}", queue.what()))
                .related(key.place, "messages would be lost without a word")
                .help("leave `kmsMasterKeyId` out (SQS then encrypts with its own keys), or use a key whose policy lets sns.amazonaws.com use it"),
        );
    }
}

/// Notes that a topic may send to a queue; gives the id of the policy that will say so.
fn allow_sender(queue: &Declared, words: &[&str], topic: Node, place: Place, build: &mut Build) -> String {
    let sid = format!("Evenkeel{}", sid(words));
    let statement = Node::map(
        [
            ("Sid", Node::str(sid.as_str(), place)),
            ("Effect", Node::str("Allow", place)),
            ("Principal", Node::map([("Service", Node::str("sns.amazonaws.com", place))], place)),
            ("Action", Node::str("sqs:SendMessage", place)),
            ("Resource", queue.arn(place)),
            ("Condition", Node::map([("ArnEquals", Node::map([("aws:SourceArn", topic)], place))], place)),
        ],
        place,
    );
    let statements = build.queue_statements.entry(queue.id().to_owned()).or_default();
    statements.push(statement);
    super::queue::policy_id(queue.id())
}
