//! What a topic means.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_core::plan::kind::{Claim, Facts, Instance, Kind, Located, Scope, TagWork, Target, Want, Work};
use evenkeel_core::plan::naming::{self, NameStyle, Naming};
use evenkeel_core::plan::observation::{Found, Observation, Observed};
use evenkeel_core::plan::step::Step;
use evenkeel_core::plan::{Tags, policy};
use serde_json::{Map, Value as Json, json};

use super::policy as own_policy;
use crate::call::{Call, retag};
use crate::subscription;
use crate::values::{boolean, insert_some, is_true, last_part, number, parsed, text, text_of};

/// AWS's type name.
pub const TYPE: &str = "AWS::SNS::Topic";

/// Plain properties that every topic has, with what SNS takes where nothing is given.
const TEXTS: [(&str, &str); 3] = [("DisplayName", ""), ("SignatureVersion", "1"), ("TracingConfig", "PassThrough")];
const MESSAGE_SIZE: &str = "MaximumMessageSize";
const MESSAGE_SIZE_DEFAULT: i64 = 262_144;
const KMS_KEY: &str = "KmsMasterKeyId";
const DEDUPLICATION: &str = "ContentBasedDeduplication";
const THROUGHPUT: &str = "FifoThroughputScope";
const THROUGHPUT_DEFAULT: &str = "Topic";
const ARCHIVE: &str = "ArchivePolicy";
/// Has calls of its own.
pub(super) const PROTECTION: &str = "DataProtectionPolicy";
const LOGGING: &str = "DeliveryStatusLogging";
const SUBSCRIPTIONS: &str = "Subscription";
const POLICY: &str = crate::facet::POLICY;
/// The protocols that can log deliveries: as the property writes them, and as they begin the attributes' names.
const PROTOCOLS: [(&str, &str); 5] = [
    ("http/s", "HTTP"),
    ("sqs", "SQS"),
    ("lambda", "Lambda"),
    ("firehose", "Firehose"),
    ("application", "Application"),
];
const SAMPLE_RATE: &str = "SuccessFeedbackSampleRate";
const FEEDBACK: [&str; 3] = ["SuccessFeedbackRoleArn", SAMPLE_RATE, "FailureFeedbackRoleArn"];

/// The kind.
#[derive(Clone, Copy, Debug)]
pub struct Topic;

impl Kind for Topic {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: true,
            rank: 20,
            holds_data: false,
            taggable: true,
            naming: Some(Naming { property: "TopicName", limit: 256, style: NameStyle::StackFifo("FifoTopic") }),
            reads: TYPE,
        }
    }

    /// By name, with the inline subscriptions that are there: SNS does not count them among the topic's attributes.
    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        let mut located = naming::locate_named(&self.facts(), scope, want, world);
        let wanted = want.properties.get(SUBSCRIPTIONS).and_then(Json::as_array);
        let (Some(instance), Some(wanted)) = (located.instances.first_mut(), wanted) else { return located };
        let Found::Present(topic) = &instance.found else { return located };
        let table = world.table(subscription::spec::TYPE);
        let mut there = Map::new();
        for (protocol, endpoint) in wanted.iter().filter_map(protocol_and_endpoint) {
            // What could not be read is not missing.
            if !matches!(table.look(&subscription::spec::key(&topic.physical_id, protocol, endpoint)), Found::Absent) {
                there.insert(format!("{protocol}|{endpoint}"), Json::Bool(true));
            }
        }
        let mut topic = Observed::clone(topic);
        topic.properties.insert(SUBSCRIPTIONS.to_owned(), Json::Object(there));
        instance.found = Found::Present(Arc::new(topic));
        located
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let given = &want.properties;
        let mut out = Map::new();
        for (name, default) in TEXTS {
            out.insert(name.to_owned(), Json::from(text_of(given, name).unwrap_or_else(|| default.to_owned())));
        }
        let size = given.get(MESSAGE_SIZE).map_or_else(|| Json::from(MESSAGE_SIZE_DEFAULT), number);
        out.insert(MESSAGE_SIZE.to_owned(), size);
        if let Some(key) = text_of(given, KMS_KEY).filter(|key| !key.is_empty()) {
            out.insert(KMS_KEY.to_owned(), Json::from(key));
        }
        let fifo = is_true(given, "FifoTopic");
        out.insert("FifoTopic".to_owned(), Json::Bool(fifo));
        if fifo || is_true(given, DEDUPLICATION) {
            out.insert(DEDUPLICATION.to_owned(), Json::Bool(is_true(given, DEDUPLICATION)));
        }
        if let Some(scope) = text_of(given, THROUGHPUT).or_else(|| fifo.then(|| THROUGHPUT_DEFAULT.to_owned())) {
            out.insert(THROUGHPUT.to_owned(), Json::from(scope));
        }
        insert_some(&mut out, ARCHIVE, given.get(ARCHIVE).and_then(document));
        insert_some(&mut out, PROTECTION, given.get(PROTECTION).and_then(document).map(|it| policy::canonical(&it)));
        let entries = given.get(LOGGING).and_then(Json::as_array).into_iter().flatten();
        let logging = entries.filter_map(|entry| {
            let protocol = entry.get("Protocol")?.as_str()?;
            let entry = FEEDBACK.iter().filter_map(|name| {
                let value = entry.get(*name).map(text)?;
                is_said(name, &value).then(|| ((*name).to_owned(), Json::from(value)))
            });
            Some((protocol.to_owned(), Json::Object(entry.collect())))
        });
        insert_map(&mut out, LOGGING, logging.collect());
        let inline = given.get(SUBSCRIPTIONS).and_then(Json::as_array).into_iter().flatten();
        let inline = inline.filter_map(protocol_and_endpoint);
        insert_map(&mut out, SUBSCRIPTIONS, inline.map(|(p, e)| (format!("{p}|{e}"), Json::Bool(true))).collect());
        out
    }

    fn claims(&self, scope: &Scope, want: &Want, at: &[Instance]) -> Vec<Claim> {
        let inline = want.properties.get(SUBSCRIPTIONS).and_then(Json::as_array);
        let (Some(inline), Some(topic)) = (inline, at.first()) else { return Vec::new() };
        let arn = scope.arn("sns", &topic.key);
        let claim = |(protocol, endpoint): (&str, &str)| Claim {
            type_name: TYPE,
            key: topic.key.clone(),
            path: subscription::spec::key(&arn, protocol, endpoint),
        };
        inline.iter().filter_map(protocol_and_endpoint).map(claim).collect()
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None | Some("TopicArn") => Some(Json::from(scope.arn("sns", target.key))),
            Some("TopicName") => Some(Json::from(target.key)),
            Some(_) => None,
        }
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let arn = work.scope.arn("sns", work.key);
        let fifo = is_true(work.desired, "FifoTopic");
        let attributes = if fifo { json!({"FifoTopic": "true"}) } else { json!({}) };
        let input = json!({"Name": work.key, "Attributes": attributes, "Tags": work.tags.all});
        let mut steps = vec![step("CreateTopic", input, work.key)];
        let fresh = attributes_of(&fresh(fifo));
        for (name, value) in attributes_of(work.desired) {
            if fresh.get(&name) != Some(&value) {
                steps.push(put(&arn, &name, &value, work));
            }
        }
        steps.extend(subscribe(&arn, work, None));
        steps
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let Some(observed) = work.observed else { return Vec::new() };
        let arn = observed.physical_id.as_str();
        let have = attributes_of(&kept(&observed.properties, work));
        let want = attributes_of(&kept(work.desired, work));
        let mut steps = Vec::new();
        for (name, value) in want.iter().filter(|(name, value)| have.get(*name) != Some(*value)) {
            steps.push(put(arn, name, value, work));
        }
        for name in have.keys().filter(|name| !want.contains_key(*name)) {
            let nothing = match name.as_str() {
                POLICY => own_policy::default(arn, &work.scope.account).to_string(),
                ARCHIVE => "{}".to_owned(),
                rate if rate.ends_with(SAMPLE_RATE) => "0".to_owned(),
                _ => String::new(),
            };
            steps.push(put(arn, name, &nothing, work));
        }
        if work.changed(SUBSCRIPTIONS) {
            steps.extend(subscribe(arn, work, observed.properties.get(SUBSCRIPTIONS)));
        }
        steps
    }

    fn retag(&self, _scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let target = Call::new().with("ResourceArn", observed.physical_id.as_str());
        retag((TYPE, &observed.key), target, ("TagResource", "Tags"), ("UntagResource", "TagKeys"), tags)
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let arn = observed.physical_id.as_str();
        let mut steps = Vec::new();
        if observed.properties.contains_key(ARCHIVE) {
            // SNS does not delete a topic that still archives.
            steps.push(set_attribute(arn, ARCHIVE, "{}", &observed.key));
        }
        steps.push(step("DeleteTopic", json!({"TopicArn": arn}), &observed.key));
        steps
    }
}

/// A topic as SNS tells it; `protection` is the answer to `GetDataProtectionPolicy`, where that was asked.
pub fn observed(arn: &str, attributes: &BTreeMap<String, String>, protection: Option<&str>, tags: Tags) -> Observed {
    let mut out = Observed::new(last_part(arn), arn).with_tags(tags);
    let answer = |name: &str| attributes.get(name).filter(|value| !value.is_empty()).map(|v| Json::from(v.as_str()));
    let fifo = attributes.get("FifoTopic").is_some_and(|value| value == "true");
    out.properties = fresh(fifo);
    for (name, _) in TEXTS {
        insert_some(&mut out.properties, name, answer(name));
    }
    insert_some(&mut out.properties, MESSAGE_SIZE, answer(MESSAGE_SIZE).map(|value| number(&value)));
    insert_some(&mut out.properties, KMS_KEY, answer(KMS_KEY));
    if fifo {
        insert_some(&mut out.properties, DEDUPLICATION, answer(DEDUPLICATION).map(|value| boolean(&value)));
        insert_some(&mut out.properties, THROUGHPUT, answer(THROUGHPUT));
    }
    insert_some(&mut out.properties, ARCHIVE, answer(ARCHIVE).as_ref().and_then(document));
    let protection = protection.map(Json::from).as_ref().and_then(document);
    insert_some(&mut out.properties, PROTECTION, protection.map(|it| policy::canonical(&it)));
    let mut logging = Map::new();
    for (protocol, prefix) in PROTOCOLS {
        let mut entry = Map::new();
        for name in FEEDBACK {
            let value = attributes.get(&format!("{prefix}{name}")).filter(|value| is_said(name, value));
            insert_some(&mut entry, name, value.map(|value| Json::from(value.as_str())));
        }
        insert_map(&mut logging, protocol, entry);
    }
    insert_map(&mut out.properties, LOGGING, logging);
    let account = arn.split(':').nth(4).unwrap_or_default();
    if let Some(document) = answer(POLICY) {
        let whole = policy::canonical(&document);
        if own_policy::is_default(&document, arn, account) {
            out.attributes.insert(POLICY.to_owned(), whole);
        } else {
            out.properties.insert(POLICY.to_owned(), whole);
        }
    }
    out
}

/// One `SetTopicAttributes`.
pub(super) fn set_attribute(arn: &str, name: &str, value: &str, key: &str) -> Step {
    let input = json!({"TopicArn": arn, "AttributeName": name, "AttributeValue": value});
    step("SetTopicAttributes", input, key)
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, key.to_owned()) }
}

/// Writes one attribute: documents as the spec writes them.
fn put(arn: &str, name: &str, value: &str, work: Work<'_>) -> Step {
    let written = || work.want.properties.get(name).filter(|_| work.desired.contains_key(name));
    match name {
        PROTECTION => {
            let value = written().map_or_else(|| value.to_owned(), text);
            step("PutDataProtectionPolicy", json!({"ResourceArn": arn, "DataProtectionPolicy": value}), work.key)
        }
        ARCHIVE => set_attribute(arn, name, &written().map_or_else(|| value.to_owned(), text), work.key),
        _ => set_attribute(arn, name, value, work.key),
    }
}

/// Subscribes what the spec lists inline and is not there.
fn subscribe(arn: &str, work: Work<'_>, there: Option<&Json>) -> Vec<Step> {
    let inline = work.want.properties.get(SUBSCRIPTIONS).and_then(Json::as_array).into_iter().flatten();
    inline
        .filter_map(protocol_and_endpoint)
        .filter(|(protocol, endpoint)| there.and_then(|it| it.get(format!("{protocol}|{endpoint}"))).is_none())
        .map(|(protocol, endpoint)| subscription::spec::subscribe(arn, protocol, endpoint, Map::new()))
        .collect()
}

/// What SNS gives a topic of which nothing is said.
fn fresh(fifo: bool) -> Map<String, Json> {
    let mut out: Map<String, Json> =
        TEXTS.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect();
    out.insert(MESSAGE_SIZE.to_owned(), Json::from(MESSAGE_SIZE_DEFAULT));
    out.insert("FifoTopic".to_owned(), Json::Bool(fifo));
    if fifo {
        out.insert(DEDUPLICATION.to_owned(), Json::Bool(false));
        out.insert(THROUGHPUT.to_owned(), Json::from(THROUGHPUT_DEFAULT));
    }
    out
}

/// The properties that differ, out of all.
fn kept(properties: &Map<String, Json>, work: Work<'_>) -> Map<String, Json> {
    properties.iter().filter(|(name, _)| work.changed(name)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// SNS's attributes for properties.
fn attributes_of(properties: &Map<String, Json>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (name, value) in properties {
        match name.as_str() {
            SUBSCRIPTIONS | "FifoTopic" => {}
            LOGGING => {
                for (protocol, entry) in value.as_object().into_iter().flatten() {
                    let Some((_, prefix)) = PROTOCOLS.iter().find(|(name, _)| name == protocol) else { continue };
                    for (name, value) in entry.as_object().into_iter().flatten() {
                        out.insert(format!("{prefix}{name}"), text(value));
                    }
                }
            }
            _ => {
                out.insert(name.clone(), text(value));
            }
        }
    }
    out
}

/// Whether a feedback attribute says anything: an empty role and a rate of nothing do not.
fn is_said(name: &str, value: &str) -> bool {
    !(value.is_empty() || (name == SAMPLE_RATE && value == "0"))
}

fn protocol_and_endpoint(entry: &Json) -> Option<(&str, &str)> {
    Some((entry.get("Protocol")?.as_str()?, entry.get("Endpoint")?.as_str()?))
}

/// A document; none where it is empty.
fn document(value: &Json) -> Option<Json> {
    let value = parsed(value);
    let empty = value.as_object().is_some_and(Map::is_empty) || value.as_str() == Some("");
    (!empty).then_some(value)
}

fn insert_map(map: &mut Map<String, Json>, name: &str, value: Map<String, Json>) {
    if !value.is_empty() {
        map.insert(name.to_owned(), Json::Object(value));
    }
}

#[cfg(test)]
mod tests;
