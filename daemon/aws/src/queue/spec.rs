//! What a queue means.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::{Call, retag};
use crate::values::{boolean, insert_some, is_true, last_part, number, parsed, sorted, text, text_of};
use evenkeel_core::plan::kind::{Facts, Kind, Scope, TagWork, Target, Want, Work};
use evenkeel_core::plan::naming::{NameStyle, Naming};
use evenkeel_core::plan::observation::Observed;
use evenkeel_core::plan::step::Step;
use evenkeel_core::plan::{Tags, policy};
use serde_json::{Map, Value as Json, json};

/// AWS's type name.
pub const TYPE: &str = "AWS::SQS::Queue";

/// Numbers, with what SQS takes where nothing is given. The largest message has been 1 MiB since August 2025.
const NUMBERS: [(&str, i64); 5] = [
    ("DelaySeconds", 0),
    (MESSAGE_SIZE, 1_048_576),
    (RETENTION, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0),
    ("VisibilityTimeout", 30),
];
const MESSAGE_SIZE: &str = "MaximumMessageSize";
/// The largest message of a queue of which nothing was said when it was made, which was before [`NEW_SIZE`].
const OLD_MESSAGE_SIZE: i64 = 262_144;
/// The end of August 2025, in Unix seconds: since then nothing but a person makes a queue of the old size.
const NEW_SIZE: i64 = 1_756_684_800;
/// When the queue was made, in Unix seconds.
const CREATED: &str = "CreatedTimestamp";
const RETENTION: &str = "MessageRetentionPeriod";
/// What only FIFO queues have, with SQS's defaults.
const FIFO: [(&str, &str); 3] =
    [("ContentBasedDeduplication", "false"), ("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")];
const KMS_KEY: &str = "KmsMasterKeyId";
const KMS_REUSE: &str = "KmsDataKeyReusePeriodSeconds";
const KMS_REUSE_DEFAULT: i64 = 300;
const MANAGED_SSE: &str = "SqsManagedSseEnabled";
/// Texts and documents that an empty text clears.
const CLEARABLE: [&str; 4] = ["Policy", "RedrivePolicy", "RedriveAllowPolicy", KMS_KEY];
/// What waits in a queue, by SQS's three counters.
const COUNTERS: [&str; 3] =
    ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
/// Where the sum of the counters is remembered.
const MESSAGES: &str = "Messages";

/// The kind.
#[derive(Clone, Copy, Debug)]
pub struct Queue;

impl Kind for Queue {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: true,
            rank: 20,
            // Messages are looked for before a queue goes, see `data_at_risk`.
            holds_data: false,
            taggable: true,
            naming: Some(Naming { property: "QueueName", limit: 80, style: NameStyle::StackFifo("FifoQueue") }),
            reads: TYPE,
        }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let given = &want.properties;
        let mut out = Map::new();
        for (name, default) in NUMBERS {
            out.insert(name.to_owned(), given.get(name).map_or_else(|| Json::from(default), number));
        }
        let fifo = is_true(given, "FifoQueue");
        out.insert("FifoQueue".to_owned(), Json::Bool(fifo));
        for (name, default) in FIFO {
            match given.get(name).map(boolean) {
                // `false` on a standard queue says nothing, and SQS refuses to hear it.
                Some(value) if fifo || value != Json::Bool(false) => {
                    out.insert(name.to_owned(), value);
                }
                None if fifo => {
                    out.insert(name.to_owned(), boolean(&Json::from(default)));
                }
                _ => {}
            }
        }
        match text_of(given, KMS_KEY).filter(|key| !key.is_empty()) {
            Some(key) => {
                out.insert(KMS_KEY.to_owned(), Json::from(key));
                let reuse = given.get(KMS_REUSE).map_or_else(|| Json::from(KMS_REUSE_DEFAULT), number);
                out.insert(KMS_REUSE.to_owned(), reuse);
                out.insert(MANAGED_SSE.to_owned(), given.get(MANAGED_SSE).map_or(Json::Bool(false), boolean));
            }
            None => {
                out.insert(MANAGED_SSE.to_owned(), given.get(MANAGED_SSE).map_or(Json::Bool(true), boolean));
            }
        }
        insert_some(&mut out, "RedrivePolicy", given.get("RedrivePolicy").and_then(redrive));
        insert_some(&mut out, "RedriveAllowPolicy", given.get("RedriveAllowPolicy").and_then(redrive_allow));
        out
    }

    fn align(
        &self,
        _scope: &Scope,
        want: &Want,
        desired: &mut Map<String, Json>,
        seen: &mut Map<String, Json>,
        observed: &Observed,
    ) {
        // A queue of before August 2025 has the default of then.
        let old = observed.attributes.get(CREATED).and_then(Json::as_i64).is_some_and(|created| created < NEW_SIZE);
        let silent = !want.properties.contains_key(MESSAGE_SIZE);
        if old && silent && seen.get(MESSAGE_SIZE) == Some(&Json::from(OLD_MESSAGE_SIZE)) {
            desired.insert(MESSAGE_SIZE.to_owned(), Json::from(OLD_MESSAGE_SIZE));
        }
        // SQS always answers it; a stand-in that does not know it cannot be held to it.
        if !seen.contains_key(MANAGED_SSE) {
            desired.shift_remove(MANAGED_SSE);
        }
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            // The URL's host is the endpoint's business: only the service knows it.
            None | Some("QueueUrl") => Some(Json::from(target.observed?.physical_id.as_str())),
            Some("Arn") => Some(Json::from(scope.arn("sqs", target.key))),
            Some("QueueName") => Some(Json::from(target.key)),
            Some(_) => None,
        }
    }

    /// Attributes need up to a minute; meanwhile SQS answers the old and the new ones in turn. A queue may not be found
    /// right after its creation, and be found for a minute after its deletion.
    /// How long messages are kept takes a quarter of an hour.
    fn spreads(&self, step: &Step) -> Duration {
        let retention = step.input.get("Attributes").is_some_and(|given| given.get(RETENTION).is_some());
        let minutes = if step.operation == "SetQueueAttributes" && retention { 15 } else { 1 };
        Duration::from_secs(minutes * 60)
    }

    /// SQS locks the name of a deleted queue for a minute.
    fn rests(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn data_at_risk(&self, observed: &Observed) -> Option<String> {
        match observed.attributes.get(MESSAGES).and_then(Json::as_u64) {
            Some(0) | None => None,
            Some(1) => Some("about 1 message still waits in it".to_owned()),
            Some(many) => Some(format!("about {many} messages still wait in it")),
        }
    }

    /// Messages that are older than what a queue keeps them for are gone at once.
    fn loses(&self, desired: &Map<String, Json>, observed: &Observed) -> Option<String> {
        let risk = self.data_at_risk(observed)?;
        let (from, to) = (observed.properties.get(RETENTION)?.as_i64()?, desired.get(RETENTION)?.as_i64()?);
        (to < from).then(|| format!("it would keep messages for {to} s instead of {from} s, and {risk}"))
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let standard = defaults(is_true(work.desired, "FifoQueue"), work.desired.contains_key(KMS_KEY));
        let mut attributes = Map::new();
        for (name, value) in work.desired {
            if standard.get(name) != Some(value) {
                attributes.insert(name.clone(), Json::from(as_attribute(name, value, work.want)));
            }
        }
        vec![step(
            "CreateQueue",
            json!({"QueueName": work.key, "Attributes": attributes, "Tags": work.tags.all}),
            work.key,
        )]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let Some(observed) = work.observed else { return Vec::new() };
        let mut attributes = Map::new();
        let names = work.desired.keys().chain(observed.properties.keys().filter(|k| !work.desired.contains_key(*k)));
        for name in names.filter(|name| work.changed(name)) {
            match work.desired.get(name) {
                // A KMS key switches SQS's own encryption off; naming both is refused.
                Some(Json::Bool(false)) if name == MANAGED_SSE && work.desired.contains_key(KMS_KEY) => {}
                Some(value) => {
                    attributes.insert(name.clone(), Json::from(as_attribute(name, value, work.want)));
                }
                None if CLEARABLE.contains(&name.as_str()) => {
                    attributes.insert(name.clone(), Json::from(""));
                }
                None => {}
            }
        }
        // What spreads more slowly is a call of its own: each is then waited for as long as it needs.
        let slow = attributes.shift_remove(RETENTION).map(|value| Map::from_iter([(RETENTION.to_owned(), value)]));
        let calls = [attributes, slow.unwrap_or_default()].into_iter().filter(|attributes| !attributes.is_empty());
        calls.map(|attributes| set_attributes(&observed.physical_id, attributes, work.key)).collect()
    }

    fn without(&self, steps: &[Step], path: &str) -> Vec<Step> {
        let mut steps = steps.to_vec();
        steps.retain_mut(|step| match step.input.get_mut("Attributes").and_then(Json::as_object_mut) {
            Some(attributes) if step.operation == "SetQueueAttributes" => {
                attributes.shift_remove(path);
                !attributes.is_empty()
            }
            _ => true,
        });
        steps
    }

    fn retag(&self, _scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let target = Call::new().with("QueueUrl", observed.physical_id.as_str());
        retag((TYPE, &observed.key), target, ("TagQueue", "Tags"), ("UntagQueue", "TagKeys"), tags)
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![step("DeleteQueue", json!({"QueueUrl": observed.physical_id}), &observed.key)]
    }
}

/// A queue as SQS tells it: attribute values are all text.
pub fn observed(url: &str, attributes: &BTreeMap<String, String>, tags: Tags) -> Observed {
    let mut out = Observed::new(last_part(url), url).with_tags(tags);
    let answer = |name: &str| attributes.get(name).filter(|value| !value.is_empty()).map(|v| Json::from(v.as_str()));
    for (name, _) in NUMBERS {
        insert_some(&mut out.properties, name, answer(name).map(|value| number(&value)));
    }
    let fifo = attributes.get("FifoQueue").is_some_and(|value| value == "true");
    out.properties.insert("FifoQueue".to_owned(), Json::Bool(fifo));
    if fifo {
        for (name, default) in FIFO {
            let value = answer(name).unwrap_or_else(|| Json::from(default));
            out.properties.insert(name.to_owned(), boolean(&value));
        }
    }
    // A queue has one encryption: under a key of KMS it is not SQS's own, whatever is answered.
    let own = |value: Json| if answer(KMS_KEY).is_some() { Json::Bool(false) } else { boolean(&value) };
    insert_some(&mut out.properties, MANAGED_SSE, answer(MANAGED_SSE).map(own));
    if let Some(key) = answer(KMS_KEY) {
        out.properties.insert(KMS_KEY.to_owned(), key);
        let reuse = answer(KMS_REUSE).map_or_else(|| Json::from(KMS_REUSE_DEFAULT), |value| number(&value));
        out.properties.insert(KMS_REUSE.to_owned(), reuse);
    }
    insert_some(&mut out.properties, "RedrivePolicy", answer("RedrivePolicy").and_then(|v| redrive(&v)));
    insert_some(
        &mut out.properties,
        "RedriveAllowPolicy",
        answer("RedriveAllowPolicy").and_then(|v| redrive_allow(&v)),
    );
    insert_some(&mut out.properties, "Policy", answer("Policy").map(|value| policy::canonical(&value)));
    let messages: u64 =
        COUNTERS.iter().filter_map(|name| attributes.get(*name)).filter_map(|v| v.parse::<u64>().ok()).sum();
    out.attributes.insert(MESSAGES.to_owned(), Json::from(messages));
    insert_some(&mut out.attributes, CREATED, answer(CREATED).map(|value| number(&value)));
    insert_some(&mut out.attributes, "Arn", answer("QueueArn"));
    out
}

/// One `SetQueueAttributes`.
pub(super) fn set_attributes(url: &str, attributes: Map<String, Json>, key: &str) -> Step {
    step("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": attributes}), key)
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, key.to_owned()) }
}

/// What SQS gives a queue of which nothing is said.
fn defaults(fifo: bool, kms: bool) -> Map<String, Json> {
    let mut out: Map<String, Json> =
        NUMBERS.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect();
    if fifo {
        out.extend(FIFO.iter().map(|(name, value)| ((*name).to_owned(), boolean(&Json::from(*value)))));
    } else {
        out.insert("FifoQueue".to_owned(), Json::Bool(false));
    }
    if kms {
        out.insert(KMS_REUSE.to_owned(), Json::from(KMS_REUSE_DEFAULT));
    }
    out.insert(MANAGED_SSE.to_owned(), Json::Bool(!kms));
    out
}

/// The text that SQS takes: documents as the spec writes them.
fn as_attribute(name: &str, value: &Json, want: &Want) -> String {
    match name {
        "RedriveAllowPolicy" => want.properties.get(name).map_or_else(|| text(value), text),
        _ => text(value),
    }
}

/// `maxReceiveCount` may be text; an empty policy is none.
fn redrive(value: &Json) -> Option<Json> {
    let Json::Object(mut policy) = parsed(value) else { return Some(value.clone()) };
    if policy.is_empty() {
        return None;
    }
    if let Some(count) = policy.get_mut("maxReceiveCount") {
        *count = number(count);
    }
    policy.sort_keys();
    Some(Json::Object(policy))
}

/// Source queues are a set; allowing all is what SQS does without a policy.
fn redrive_allow(value: &Json) -> Option<Json> {
    let Json::Object(mut policy) = parsed(value) else { return Some(value.clone()) };
    if policy.is_empty() || (policy.len() == 1 && policy.get("redrivePermission") == Some(&Json::from("allowAll"))) {
        return None;
    }
    if let Some(sources) = policy.get_mut("sourceQueueArns") {
        *sources = sorted(sources);
    }
    policy.sort_keys();
    Some(Json::Object(policy))
}

#[cfg(test)]
mod tests;
