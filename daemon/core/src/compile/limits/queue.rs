//! Queues: names, FIFO, dead letters, encryption.

use super::Check;
use super::fifo::Fifo;
use super::known::{self, Known as _};
use crate::model::{Node, Place, Val};

/// Source: SQS quotas. A FIFO queue's suffix counts.
const FIFO: Fifo = Fifo {
    noun: "queues",
    name: "QueueName",
    flag: "FifoQueue",
    limit: 80,
    only: &["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"],
};
/// Source: SQS quotas, bytes.
const POLICY_LIMIT: usize = 8192;
/// Source: SQS, `maxReceiveCount`.
const RECEIVES: std::ops::RangeInclusive<i64> = 1..=1000;
/// Source: SQS, `sourceQueueArns`.
const MOST_SOURCES: usize = 10;

pub(super) fn check(check: &mut Check<'_>) {
    let fifo = FIFO.check(check);
    words(check, "DeduplicationScope", &["messageGroup", "queue"]);
    words(check, "FifoThroughputLimit", &["perQueue", "perMessageGroupId"]);
    let per_group = check.text("FifoThroughputLimit") == Some("perMessageGroupId");
    let scope = check.written("DeduplicationScope");
    if per_group && scope.is_none_or(|scope| scope.known_text() == Some("queue")) {
        check.refuse(
            "unsupported-together",
            check.place("FifoThroughputLimit"),
            "`FifoThroughputLimit: perMessageGroupId` needs `DeduplicationScope: messageGroup`",
            "high throughput takes both",
        );
    }
    encryption(check);
    redrive(check, fifo);
    redrive_allow(check);
}

/// A property that takes some words only, which the schema does not list.
pub(super) fn words(check: &mut Check<'_>, path: &str, allowed: &[&str]) {
    if let Some(word) = check.text(path).filter(|word| !allowed.contains(word)) {
        let help = crate::model::suggest::did_you_mean(word, allowed.iter().copied())
            .unwrap_or_else(|| format!("possible are {}", allowed.join(", ")));
        check.refuse("bad-value", check.place(path), format!("`{path}` cannot be `{word}`"), help);
    }
}

/// AWS: "You can use one type of server-side encryption (SSE) at one time."
fn encryption(check: &mut Check<'_>) {
    let key = check.written("KmsMasterKeyId").filter(|key| key.as_str() != Some(""));
    if key.is_some() && check.is_true("SqsManagedSseEnabled") {
        check.refuse(
            "two-encryptions",
            check.place("SqsManagedSseEnabled"),
            "`SqsManagedSseEnabled` and `KmsMasterKeyId` are two kinds of encryption; AWS takes one",
            "leave one of them out",
        );
    }
}

fn redrive(check: &mut Check<'_>, fifo: Option<bool>) {
    let Some(policy) = check.written("RedrivePolicy") else { return };
    let Some(document) = known::document(policy) else { return };
    dead_letter(check, "RedrivePolicy", &document, fifo, "a queue's dead letters");
    match known::written(&document, "maxReceiveCount") {
        None => check.refuse(
            "missing-property",
            policy.place,
            "`RedrivePolicy.maxReceiveCount` is missing",
            "say how often a message is tried before it counts as dead",
        ),
        Some(count) => {
            if let Some(number) = count.known_number().filter(|number| !RECEIVES.contains(number)) {
                check.refuse(
                    "out-of-range",
                    count.place,
                    format!("`RedrivePolicy.maxReceiveCount` is {number}; AWS takes 1 to 1000"),
                    "5 is a good beginning",
                );
            }
        }
    }
}

/// Dead letters go to a queue's ARN, FIFO to FIFO and standard to standard.
pub(super) fn dead_letter(check: &mut Check<'_>, path: &str, document: &Node, fifo: Option<bool>, whose: &str) {
    let whole = format!("{path}.deadLetterTargetArn");
    let Some(target) = known::written(document, "deadLetterTargetArn") else {
        check.refuse("missing-property", document.place, format!("`{whole}` is missing"), "name the queue by its ARN");
        return;
    };
    let found = known::target(check.desired, target, &["AWS::SQS::Queue"]);
    if let (Some(queue), Some(("Ref", _))) = (found, target.as_call()) {
        super::destination::needs_arn(check, &whole, target, &queue.id);
    }
    let theirs = match (found, target.known_text()) {
        (Some(queue), _) => known::is_fifo(queue),
        (None, Some(arn)) if arn.starts_with("arn:") => Some(arn.ends_with(".fifo")),
        _ => None,
    };
    if let (Some(ours), Some(theirs)) = (fifo, theirs)
        && ours != theirs
    {
        let word = |fifo: bool| if fifo { "FIFO" } else { "standard" };
        let mut complaint = check
            .error(
                "fifo-mismatch",
                target.place,
                format!("{whose} are {} and go to a {} queue", word(ours), word(theirs)),
            )
            .help("dead letters go from FIFO to FIFO, and from standard to standard");
        if let Some(queue) = found {
            complaint = complaint.related(queue.place, "the queue for dead letters");
        }
        check.push(complaint);
    }
}

fn redrive_allow(check: &mut Check<'_>) {
    let Some(policy) = check.written("RedriveAllowPolicy") else { return };
    let Some(document) = known::document(policy) else { return };
    let permission = known::at(&document, "redrivePermission").and_then(|node| node.known_text().map(str::to_owned));
    let allowed = ["allowAll", "denyAll", "byQueue"];
    let Some(permission) = permission else { return };
    if !allowed.contains(&permission.as_str()) {
        let help = crate::model::suggest::did_you_mean(&permission, allowed)
            .unwrap_or_else(|| format!("possible are {}", allowed.join(", ")));
        let message = format!("`RedriveAllowPolicy.redrivePermission` cannot be `{permission}`");
        check.refuse("bad-value", policy.place, message, help);
        return;
    }
    let sources = known::written(&document, "sourceQueueArns");
    let count = sources.and_then(Node::as_list).map(<[Node]>::len);
    match (permission.as_str(), sources) {
        ("byQueue", None) => check.refuse(
            "missing-property",
            policy.place,
            "`RedriveAllowPolicy.sourceQueueArns` is missing",
            "`byQueue` names the queues whose dead letters may come",
        ),
        ("byQueue", Some(node)) if count.is_some_and(|count| count > MOST_SOURCES) => check.refuse(
            "wrong-count",
            node.place,
            format!("`RedriveAllowPolicy.sourceQueueArns` has {} queues; AWS takes {MOST_SOURCES}", count.unwrap_or(0)),
            "with more, say `redrivePermission: allowAll`",
        ),
        ("byQueue", _) => {}
        (_, Some(node)) => check.refuse(
            "unsupported-together",
            node.place,
            format!("`RedriveAllowPolicy.sourceQueueArns` goes with `byQueue`, not with `{permission}`"),
            "leave it out, or say `redrivePermission: byQueue`",
        ),
        _ => {}
    }
}

/// The whole policy of a queue.
pub(super) fn check_policy(check: &mut Check<'_>) {
    policy_size(check, POLICY_LIMIT, "a queue");
    // `Queues` are URLs.
    let queues = check.known("Queues").and_then(Node::as_list).unwrap_or_default();
    for queue in queues {
        if let Some((id, Some("Arn"))) = known::reference(queue)
            && matches!(queue.as_call(), Some(("Fn::GetAtt", _)))
            && check.desired.resources.get(id).is_some_and(|target| target.type_name == "AWS::SQS::Queue")
        {
            check.refuse(
                "not-a-url",
                queue.place,
                format!("`Queues` wants URLs, and this is the ARN of `{id}`"),
                format!("say `!Ref {id}`"),
            );
        }
    }
}

/// A resource policy's size.
pub(super) fn policy_size(check: &mut Check<'_>, limit: usize, whose: &str) {
    let Some(node) = check.known("PolicyDocument") else { return };
    let size = match &node.value {
        Val::Str(text) => text.len(),
        _ => known::json_size(node, true),
    };
    if size > limit {
        let place = if node.place.is_known() { node.place } else { Place::NOWHERE };
        check.refuse(
            "policy-too-large",
            place,
            format!("the policy has at least {size} bytes; AWS takes {limit} for {whose}"),
            "put statements together, or use wildcards in `Condition`",
        );
    }
}
