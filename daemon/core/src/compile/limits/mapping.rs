//! Event source mappings: what fits between a queue or a stream and a function.

use super::Check;
use super::known::{self, Known as _};
use crate::model::{Node, Place, Resource};

/// What Lambda waits for a function, seconds, where the spec says nothing.
pub(super) const DEFAULT_TIMEOUT: i64 = 3;
/// How long a received message stays hidden, seconds, where the spec says nothing.
pub(super) const DEFAULT_VISIBILITY: i64 = 30;
/// A batch above this needs a window to gather it, and a FIFO queue takes no more.
const SMALL_BATCH: i64 = 10;

pub(super) fn check(check: &mut Check<'_>) {
    let Some(source) = check.written("EventSourceArn") else { return };
    let queue = check.target(source, &["AWS::SQS::Queue"]);
    if let Some(queue) = queue {
        if matches!(source.as_call(), Some(("Ref", _))) {
            super::destination::needs_arn(check, "EventSourceArn", source, &queue.id);
        }
        visibility(check, queue);
    }
    let service = source.known_text().and_then(|arn| arn.split(':').nth(2));
    let fifo = match queue {
        Some(queue) => known::is_fifo(queue),
        None if service == Some("sqs") => source.known_text().map(|arn| arn.ends_with(".fifo")),
        None => None,
    };
    if queue.is_some() || service == Some("sqs") {
        batch(check, fifo);
        if check.written("StartingPosition").is_some() {
            check.refuse(
                "unsupported-together",
                check.place("StartingPosition"),
                "`StartingPosition` is for streams, and the source is a queue",
                "leave it out",
            );
        }
    }
    let stream = check.target(source, &["AWS::Kinesis::Stream", "AWS::DynamoDB::Table", "AWS::MSK::Cluster"]);
    let is_stream = stream.is_some() || matches!(service, Some("kinesis" | "dynamodb" | "kafka"));
    if is_stream && check.written("StartingPosition").is_none() {
        check.refuse(
            "missing-property",
            check.place("EventSourceArn"),
            "`StartingPosition` is missing",
            "a stream is read from `LATEST`, `TRIM_HORIZON` (its oldest record), or, Kinesis and Kafka, `AT_TIMESTAMP`",
        );
    }
}

/// AWS: "Queue visibility timeout: 60 seconds is less than Function timeout: 180 seconds".
fn visibility(check: &mut Check<'_>, queue: &Resource) {
    let Some(function) = check.written("FunctionName").and_then(|name| known::function(check.desired, name)) else {
        return;
    };
    let seconds = |resource: &Resource, path: &str, default: i64| match known::written(&resource.properties, path) {
        Some(node) => node.known_number().map(|number| (number, node.place.or(resource.place), true)),
        None => Some((default, resource.place, false)),
    };
    let (Some((hidden, queue_place, said)), Some((timeout, function_place, _))) =
        (seconds(queue, "VisibilityTimeout", DEFAULT_VISIBILITY), seconds(function, "Timeout", DEFAULT_TIMEOUT))
    else {
        return;
    };
    if hidden >= timeout {
        return;
    }
    let by_default = if said { "" } else { " (the default)" };
    let message = format!(
        "the queue `{}` hides a message for {hidden} seconds{by_default}, which is less than the timeout of the \
         function `{}`, {timeout} seconds",
        queue.id, function.id
    );
    let complaint = check
        .error("visibility-below-timeout", queue_place, message)
        .help(format!(
            "let `VisibilityTimeout` of `{}` be {timeout} at least; AWS advises six times the timeout, {}",
            queue.id,
            timeout.saturating_mul(6).min(43_200)
        ))
        .related(function_place, "the function's timeout");
    check.push(complaint);
}

fn batch(check: &mut Check<'_>, fifo: Option<bool>) {
    let size = check.number("BatchSize");
    let window = check.written("MaximumBatchingWindowInSeconds");
    let seconds = match window {
        None => Some(0),
        Some(node) => node.known_number(),
    };
    let at = |node: Option<&Node>| node.map_or(Place::NOWHERE, |node| node.place);
    if fifo == Some(true) {
        if let Some(size) = size.filter(|size| *size > SMALL_BATCH) {
            check.refuse(
                "batch-size",
                check.place("BatchSize"),
                format!("`BatchSize` is {size}; a FIFO queue takes at most {SMALL_BATCH}"),
                format!("use {SMALL_BATCH} or less"),
            );
        }
        if seconds.is_some_and(|seconds| seconds > 0) {
            check.refuse(
                "unsupported-together",
                at(window),
                "`MaximumBatchingWindowInSeconds` is for standard queues, and the source is FIFO",
                "leave it out",
            );
        }
    } else if let Some(size) = size.filter(|size| *size > SMALL_BATCH)
        && seconds == Some(0)
    {
        check.refuse(
            "batch-size",
            check.place("BatchSize"),
            format!("`BatchSize` is {size}, which needs a `MaximumBatchingWindowInSeconds` of 1 at least"),
            format!("add `MaximumBatchingWindowInSeconds: 1`, or use {SMALL_BATCH} or less"),
        );
    }
}
