//! SQS: attributes that spread slowly, names that are locked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::wire::{Answer, Fault, fault, last, object, page, text, texts};
use super::{ACCOUNT, Cloud, REGION, principals};

const MISSING: &str = "AWS.SimpleQueueService.NonExistentQueue";

/// All queues by name.
#[derive(Default)]
pub struct Store {
    /// Those that are there.
    pub queues: BTreeMap<String, Queue>,
    /// When those that are gone were deleted.
    pub deleted: BTreeMap<String, Duration>,
}

/// A queue.
#[derive(Clone, Default)]
pub struct Queue {
    /// What was set, and SQS's defaults.
    pub attributes: Map<String, Json>,
    /// Tags.
    pub tags: Map<String, Json>,
    /// What was there before the last change, and when that will have spread.
    pub before: Option<(Map<String, Json>, Duration)>,
    /// How long messages were kept before the last change, and when that will have spread.
    pub kept: Option<(Json, Duration)>,
    /// When it was made.
    pub born: Duration,
    /// When a queue that is deleted is gone.
    pub dying: Option<Duration>,
}

impl Queue {
    /// The attributes that Lambda sees: those that have surely spread.
    pub fn spread(&self, now: Duration) -> &Map<String, Json> {
        match &self.before {
            Some((before, until)) if now < *until => before,
            _ => &self.attributes,
        }
    }
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

fn url(name: &str) -> String {
    format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}")
}

fn defaults() -> Map<String, Json> {
    let pairs = [
        ("DelaySeconds", "0"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("VisibilityTimeout", "30"),
        ("SqsManagedSseEnabled", "true"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

fn missing() -> Fault {
    fault(MISSING, 400, "The specified queue does not exist.")
}

/// The attributes as they are after a change, or why they cannot be changed so.
fn changed(
    cloud: &Cloud,
    old: &Map<String, Json>,
    new: &Map<String, Json>,
    fifo: bool,
) -> Result<Map<String, Json>, Fault> {
    let mut out = old.clone();
    for (name, value) in new {
        let value = value.as_str().unwrap_or_default();
        match name.as_str() {
            "FifoQueue" | "ContentBasedDeduplication" if !fifo => {
                return Err(fault("InvalidAttributeName", 400, format!("Unknown Attribute {name}.")));
            }
            "DeduplicationScope" | "FifoThroughputLimit" if !fifo => {
                let text = format!("You can specify the {name} only when FifoQueue is set to true.");
                return Err(fault("InvalidAttributeValue", 400, text));
            }
            "SqsManagedSseEnabled"
                if new.contains_key("KmsMasterKeyId")
                    && !text(&Json::Object(new.clone()), "KmsMasterKeyId").is_empty() =>
            {
                let text = "You can use one type of server-side encryption (SSE) at one time.";
                return Err(fault("InvalidAttributeName", 400, text));
            }
            "KmsMasterKeyId" if !value.is_empty() => {
                out.insert("SqsManagedSseEnabled".to_owned(), json!("false"));
                out.entry("KmsDataKeyReusePeriodSeconds").or_insert(json!("300"));
            }
            "KmsMasterKeyId" => {
                out.shift_remove("KmsDataKeyReusePeriodSeconds");
            }
            "Policy" if !value.is_empty() => {
                let refused = || fault("InvalidAttributeValue", 400, "Invalid value for the parameter Policy.");
                let policy: Json = serde_json::from_str(value).map_err(|_| refused())?;
                let kept = principals::kept(cloud, &policy).ok_or_else(refused)?;
                out.insert(name.clone(), json!(kept.to_string()));
                continue;
            }
            "RedrivePolicy" if !value.is_empty() => {
                let policy: Json = serde_json::from_str(value).unwrap_or_default();
                let target = last(text(&policy, "deadLetterTargetArn")).to_owned();
                let there =
                    cloud.sqs.queues.get(&target).filter(|queue| cloud.now >= queue.born + cloud.rules.queue_appears);
                if there.is_none_or(|_| target.ends_with(".fifo") != fifo) {
                    let text = format!(
                        "Value {value} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."
                    );
                    return Err(fault("InvalidParameterValue", 400, text));
                }
            }
            _ => {}
        }
        match value {
            "" => out.shift_remove(name),
            value => out.insert(name.clone(), json!(value)),
        };
    }
    Ok(out)
}

pub(crate) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (now, rules) = (cloud.now, cloud.rules.clone());
    let name = match text(input, "QueueName") {
        "" => last(text(input, "QueueUrl")).to_owned(),
        name => name.to_owned(),
    };
    cloud.sqs.queues.retain(|_, queue| queue.dying.is_none_or(|gone| now < gone));
    match operation {
        "ListQueues" => {
            let urls: Vec<Json> = cloud.sqs.queues.keys().map(|name| json!(url(name))).collect();
            // A token is given only where a size was asked for.
            let size = input.get("MaxResults").and_then(Json::as_u64);
            let (urls, next) = page(urls, size.map_or(1000, |size| size as usize), text(input, "NextToken"));
            let next = if size.is_some() { next } else { Json::Null };
            return Ok(json!({"QueueUrls": urls, "NextToken": next}));
        }
        "CreateQueue" => return create(cloud, &name, input),
        _ => {}
    }
    let found = cloud.sqs.queues.get(&name).filter(|queue| now >= queue.born + rules.queue_appears);
    let Some(queue) = found.cloned() else { return Err(missing()) };
    match operation {
        "GetQueueUrl" => Ok(json!({"QueueUrl": url(&name)})),
        "ListQueueTags" => Ok(json!({"Tags": queue.tags})),
        "GetQueueAttributes" => {
            // Some of the servers know the change, others do not yet.
            let stale = queue.before.as_ref().filter(|(_, until)| now < *until && cloud.chance.bool());
            let mut out = stale.map_or(&queue.attributes, |(before, _)| before).clone();
            if let Some((kept, until)) = &queue.kept
                && now < *until
                && cloud.chance.bool()
            {
                out.insert("MessageRetentionPeriod".to_owned(), kept.clone());
            }
            if let Some(policy) = out.get("Policy").and_then(Json::as_str) {
                let policy: Json = serde_json::from_str(policy).unwrap_or_default();
                out.insert("Policy".to_owned(), json!(principals::shown(cloud, &policy).to_string()));
            }
            out.insert("QueueArn".to_owned(), json!(arn(&name)));
            for counter in ["", "NotVisible", "Delayed"] {
                out.entry(format!("ApproximateNumberOfMessages{counter}")).or_insert(json!("0"));
            }
            Ok(json!({"Attributes": out}))
        }
        "SetQueueAttributes" => {
            let old = queue.spread(now).clone();
            let attributes = changed(cloud, &queue.attributes, &object(input, "Attributes"), name.ends_with(".fifo"))?;
            let until = now + rules.queue_attributes.mul_f64(0.4 + 0.6 * cloud.chance.f64());
            let queue = cloud.sqs.queues.get_mut(&name).ok_or_else(missing)?;
            let kept = |of: &Map<String, Json>| of.get("MessageRetentionPeriod").cloned();
            if kept(&queue.attributes) != kept(&attributes) {
                queue.kept = kept(&queue.attributes).map(|old| (old, now + rules.queue_retention));
            }
            queue.attributes = attributes;
            queue.before = Some((old, until));
            Ok(json!({}))
        }
        "TagQueue" => {
            cloud.sqs.queues.get_mut(&name).ok_or_else(missing)?.tags.extend(object(input, "Tags"));
            Ok(json!({}))
        }
        "UntagQueue" => {
            let keys = texts(input, "TagKeys");
            cloud.sqs.queues.get_mut(&name).ok_or_else(missing)?.tags.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        }
        "DeleteQueue" => {
            let queue = cloud.sqs.queues.get_mut(&name).ok_or_else(missing)?;
            queue.dying.get_or_insert(now + rules.queue_lingers);
            cloud.sqs.deleted.insert(name, now);
            Ok(json!({}))
        }
        other => panic!("nobody simulates sqs {other}"),
    }
}

fn create(cloud: &mut Cloud, name: &str, input: &Json) -> Answer {
    let given = object(input, "Attributes");
    if let Some(queue) = cloud.sqs.queues.get(name).filter(|queue| queue.dying.is_none()) {
        // Only what is said is compared.
        return match given.iter().find(|(key, value)| queue.attributes.get(*key) != Some(value)) {
            None => Ok(json!({"QueueUrl": url(name)})),
            Some((key, _)) => {
                let text =
                    format!("A queue already exists with the same name and a different value for attribute {key}");
                Err(fault("QueueAlreadyExists", 400, text))
            }
        };
    }
    if cloud.sqs.deleted.get(name).is_some_and(|at| cloud.now < *at + cloud.rules.queue_name) {
        let text = "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
        return Err(fault("AWS.SimpleQueueService.QueueDeletedRecently", 400, text));
    }
    let fifo = name.ends_with(".fifo");
    let mut attributes = defaults();
    if fifo {
        for (key, value) in [
            ("ContentBasedDeduplication", "false"),
            ("DeduplicationScope", "queue"),
            ("FifoThroughputLimit", "perQueue"),
        ] {
            attributes.insert(key.to_owned(), json!(value));
        }
    }
    let attributes = changed(cloud, &attributes, &given, fifo)?;
    let queue = Queue { attributes, tags: object(input, "tags"), born: cloud.now, ..Queue::default() };
    // The SDK writes the member in lower case; older ones did not.
    let tags = object(input, "Tags");
    let queue = Queue { tags: if tags.is_empty() { queue.tags } else { tags }, ..queue };
    cloud.sqs.queues.insert(name.to_owned(), queue);
    Ok(json!({"QueueUrl": url(name)}))
}
