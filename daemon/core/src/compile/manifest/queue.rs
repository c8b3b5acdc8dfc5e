//! `kind: Queue`: its dead letters, and the one policy that says who may send to it.

use super::document::{Annotations, Document, Kind, aws};
use super::fields::{Fields, Text};
use super::policy::document;
use super::properties;
use super::world::{Build, Common, Declared, World};
use crate::model::{Diagnostic, Diagnostics, Node, Place, Val};

/// How long dead letters are kept where nothing else is said: the longest that SQS can, 14 days, in seconds.
const DEAD_LETTER_RETENTION: i64 = 14 * 24 * 3600;

/// How often a message is tried before it is a dead letter, where nothing else is said. AWS advises at least 5 for
/// queues that feed functions.
const MAX_RECEIVES: i64 = 5;

/// The id of a queue's policy. An explicit policy with another id keeps its own.
pub(super) fn policy_id(queue: &str) -> String {
    format!("{queue}-policy")
}

/// The id of the queue of dead letters that a queue asks for.
pub(super) fn dead_letters_id(queue: &str) -> String {
    format!("{queue}-dead-letters")
}

/// The queue of dead letters that `deadLetter` without a `queue` asks for, as if a person had written it: of the same
/// type (SQS wants that) and encrypted the same way.
pub(super) fn dead_letters(queue: &Declared) -> Option<Declared> {
    let node = queue.document.spec.get("deadLetter").filter(|node| node.as_call().is_none())?;
    let own = node.as_map().filter(|map| map.get("queue").is_none_or(|entry| entry.node.is_null()))?;
    let place = node.place;
    let retention = own.get("messageRetentionPeriod").map(|entry| entry.node.clone());
    let mut spec = Node::map(
        [("messageRetentionPeriod", retention.unwrap_or_else(|| Node::new(Val::Int(DEAD_LETTER_RETENTION), place)))],
        place,
    );
    for word in ["fifoQueue", "kmsMasterKeyId", "kmsDataKeyReusePeriodSeconds", "sqsManagedSseEnabled"] {
        if let Some(value) = queue.document.spec.get(word) {
            spec.set(word, value.clone());
        }
    }
    let annotations = &queue.document.annotations;
    Some(Declared {
        document: Document {
            kind: Kind::Queue,
            name: Text { text: dead_letters_id(queue.id()), place },
            labels: queue.document.labels.clone(),
            annotations: Annotations {
                allow_delete: annotations.allow_delete.clone(),
                renamed_from: annotations.renamed_from.as_deref().map(dead_letters_id),
                ignore_drift: Vec::new(),
            },
            spec,
        },
        type_name: aws::QUEUE.to_owned(),
        common: Common {
            deletion_policy: queue.common.deletion_policy,
            update_replace_policy: queue.common.update_replace_policy,
            ..Common::default()
        },
        parent: Some(queue.id().to_owned()),
    })
}

/// Expands a queue into itself; its dead letters were declared before.
pub(super) fn expand(world: &World, queue: &Declared, build: &mut Build) {
    let mut fields = Fields::new(&queue.document.spec, queue.what(), &mut build.out);
    let dead_letter = fields.take_entry("deadLetter");
    let mut own = properties::translate(aws::QUEUE, fields, &mut build.out);
    if let Some(entry) = dead_letter {
        if let Some(other) = own.get("RedrivePolicy") {
            build.out.push(
                Diagnostic::error(
                    "two-dead-letters",
                    entry.key_place,
                    format!("{} says twice where its dead letters go", queue.what()),
                )
                .related(other.place, "here too"),
            );
        }
        if let Some(policy) = redrive(world, queue, &entry.node, &mut build.out) {
            own.set("RedrivePolicy", policy);
        }
    }
    properties::add_labels(queue, aws::QUEUE, &mut own, build);
    build.add(properties::resource(queue, own));
}

/// `RedrivePolicy` from `deadLetter`: `{maxReceiveCount: 5}`, `{queue: NAME, maxReceiveCount: 5}` or a queue's name.
fn redrive(world: &World, queue: &Declared, node: &Node, out: &mut Diagnostics) -> Option<Node> {
    let place = node.place;
    if node.as_map().is_none() || node.as_call().is_some() {
        let target = world.target("queue", aws::QUEUE, node, out)?;
        return Some(redrive_policy(target.arn(place), MAX_RECEIVES, place));
    }
    let mut fields = Fields::new(node, format!("`deadLetter` of {}", queue.what()), out);
    let named = fields.take("queue");
    let count = fields.int("maxReceiveCount", out);
    if named.is_none() {
        // Went into the generated queue.
        fields.take("messageRetentionPeriod");
    }
    fields.finish(out);
    if let Some((count, place)) = count.filter(|(count, _)| !(1..=1000).contains(count)) {
        out.error("out-of-range", place, format!("`maxReceiveCount` must be from 1 to 1000, not {count}"));
    }
    let count = count.map_or(MAX_RECEIVES, |(count, _)| count);
    let Some(named) = named else {
        return Some(redrive_policy(Node::get_att(&dead_letters_id(queue.id()), "Arn", place), count, place));
    };
    let target = world.target("queue", aws::QUEUE, &named, out)?;
    if let super::world::Target::Own(other) = &target
        && other.flag("FifoQueue") != queue.flag("FifoQueue")
    {
        out.push(
            Diagnostic::error(
                "fifo-mismatch",
                named.place,
                "a queue and its dead letters must both be FIFO or both standard",
            )
            .related(other.place(), "the queue for the dead letters"),
        );
    }
    Some(redrive_policy(target.arn(place), count, place))
}

fn redrive_policy(arn: Node, count: i64, place: Place) -> Node {
    Node::map([("deadLetterTargetArn", arn), ("maxReceiveCount", Node::new(Val::Int(count), place))], place)
}

/// Merges what was noted about senders into one policy a queue: a new one, or the one that a person wrote.
pub(super) fn add_policies(world: &World, build: &mut Build) {
    for (queue, statements) in std::mem::take(&mut build.queue_statements) {
        let Some(declared) = world.declared.get(&queue) else { continue };
        let place = statements.first().map_or(declared.place(), |statement| statement.place);
        match written_policy(&queue, build) {
            Some(id) => merge(&queue, &id, statements, build),
            None => {
                let policy = Node::map(
                    [
                        ("Queues", Node::list(vec![Node::reference(&queue, place)], place)),
                        ("PolicyDocument", document(statements, place)),
                    ],
                    place,
                );
                build.generate(declared, policy_id(&queue), aws::QUEUE_POLICY, policy, place);
            }
        }
    }
}

/// The id of the QueuePolicy that a person wrote for this queue.
fn written_policy(queue: &str, build: &Build) -> Option<String> {
    let names_it = |node: &Node| matches!(node.as_call(), Some(("Ref", id)) if id.as_str() == Some(queue));
    let policies = build.resources.values().filter(|resource| resource.type_name == aws::QUEUE_POLICY);
    policies
        .filter(|policy| {
            policy.properties.get("Queues").and_then(Node::as_list).is_some_and(|list| list.iter().any(names_it))
        })
        .map(|policy| policy.id.clone())
        .next()
}

fn merge(queue: &str, id: &str, statements: Vec<Node>, build: &mut Build) {
    let generated = policy_id(queue);
    let Some(policy) = build.resources.get_mut(id) else { return };
    let shared = policy.properties.get("Queues").and_then(Node::as_list).is_none_or(|list| list.len() != 1);
    let list = policy.properties.get_mut("PolicyDocument").and_then(|document| document.get_mut("Statement"));
    match list.map(|node| &mut node.value) {
        Some(Val::List(list)) if !shared => list.extend(statements),
        _ => build.out.push(
            Diagnostic::error("two-queue-policies", policy.place, format!("`{id}` is the policy of more than queue `{queue}`, or has no list of statements"))
                .help(format!("give queue `{queue}` a policy of its own with a list of statements: a subscription adds its statement to it")),
        ),
    }
    for resource in build.resources.values_mut() {
        for need in resource.depends_on.iter_mut().filter(|need| **need == generated) {
            id.clone_into(need);
        }
    }
}
