//! What a subscription means.
//!
//! It is told by topic, protocol and endpoint, and carries no tags. It is ours when the topic's mark has its word,
//! else when the endpoint is ours (a function or a queue).

use std::collections::BTreeMap;

use evenkeel_core::plan::diff::Unknown;
use evenkeel_core::plan::kind::{Facts, Instance, Kind, Located, Parent, Scope, Target, Want, Work};
use evenkeel_core::plan::naming::short_hash;
use evenkeel_core::plan::observation::{Observation, Observed};
use evenkeel_core::plan::{Marks, step::Step};
use serde_json::{Map, Value as Json, json};

use super::filter;
use crate::values::{boolean, insert_some, last_part, parsed, text, text_of};
use crate::{queue, topic};

/// AWS's type name.
pub const TYPE: &str = "AWS::SNS::Subscription";
/// What stands for the ARN of a subscription whose endpoint has not confirmed yet.
pub const PENDING: &str = "PendingConfirmation";

const FUNCTION: &str = "AWS::Lambda::Function";
const FILTER: &str = "FilterPolicy";
const FILTER_SCOPE: &str = "FilterPolicyScope";
const FILTER_SCOPE_DEFAULT: &str = "MessageAttributes";
const RAW: &str = "RawMessageDelivery";
const DELIVERY: &str = "DeliveryPolicy";
/// Other JSON documents.
const DOCUMENTS: [&str; 2] = ["RedrivePolicy", "ReplayPolicy"];
const ROLE: &str = "SubscriptionRoleArn";

/// The kind.
#[derive(Clone, Copy, Debug)]
pub struct Subscription;

/// The key of a subscription.
pub fn key(topic_arn: &str, protocol: &str, endpoint: &str) -> String {
    format!("{topic_arn}|{protocol}|{endpoint}")
}

/// Topic ARN, protocol and endpoint of a key.
pub fn parts(key: &str) -> Option<(&str, &str, &str)> {
    let (topic, rest) = key.split_once('|')?;
    let (protocol, endpoint) = rest.split_once('|')?;
    Some((topic, protocol, endpoint))
}

/// One `Subscribe`. With the ARN asked for, a subscription that waits for its confirmation has one too.
pub(crate) fn subscribe(topic_arn: &str, protocol: &str, endpoint: &str, attributes: Map<String, Json>) -> Step {
    let key = key(topic_arn, protocol, endpoint);
    let input = json!({"TopicArn": topic_arn, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes});
    Step { type_name: TYPE, operation: "Subscribe", input, refresh: (TYPE, key) }
}

impl Kind for Subscription {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 80, holds_data: false, taggable: false, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, _world: &Observation) -> Option<String> {
        let region = want.text("Region").or_else(|| want.text("TopicArn")?.split(':').nth(3));
        if let Some(region) = region.filter(|region| !region.is_empty() && *region != scope.region) {
            return Some(format!(
                "the topic is in {region}; evenkeel subscribes only to topics of the application's own region, {}",
                scope.region
            ));
        }
        let no_endpoint = !want.properties.contains_key("Endpoint") && want.unknown_below("Endpoint").is_none();
        no_endpoint.then(|| "a subscription needs an `Endpoint`".to_owned())
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        for property in ["TopicArn", "Protocol", "Endpoint"] {
            if let Some(unknown) = want.unknown_below(property) {
                return Located { instances: Vec::new(), waits: Some(Unknown { after: unknown.after.clone() }) };
            }
        }
        let identity = (want.text("TopicArn"), want.text("Protocol"), want.text("Endpoint"));
        let (Some(topic), Some(protocol), Some(endpoint)) = identity else { return Located::default() };
        let key = key(topic, protocol, endpoint);
        Located { instances: vec![Instance { found: world.table(TYPE).look(&key), key }], waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let given = &want.properties;
        let mut out = Map::new();
        out.insert(RAW.to_owned(), given.get(RAW).map_or(Json::Bool(false), boolean));
        if let Some(filter) = given.get(FILTER).and_then(filter::canonical) {
            out.insert(FILTER.to_owned(), filter);
            let scope = text_of(given, FILTER_SCOPE).unwrap_or_else(|| FILTER_SCOPE_DEFAULT.to_owned());
            out.insert(FILTER_SCOPE.to_owned(), Json::from(scope));
        }
        for name in DOCUMENTS {
            insert_some(&mut out, name, given.get(name).and_then(document));
        }
        insert_some(&mut out, DELIVERY, given.get(DELIVERY).and_then(delivery));
        insert_some(&mut out, ROLE, text_of(given, ROLE).map(Json::from));
        out
    }

    fn align(
        &self,
        _scope: &Scope,
        _want: &Want,
        desired: &mut Map<String, Json>,
        seen: &mut Map<String, Json>,
        observed: &Observed,
    ) {
        if observed.physical_id == PENDING {
            // Neither readable nor writable before the endpoint confirms; what was given at creation stands.
            seen.clone_from(desired);
        }
        // SNS fills a delivery policy up with defaults: only what the spec says is held against it.
        if let (Some(want), Some(have)) = (desired.get(DELIVERY), seen.get_mut(DELIVERY)) {
            keep_named(want, have);
        }
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        let arn = target.observed.map(|observed| observed.physical_id.as_str()).filter(|arn| *arn != PENDING)?;
        matches!(attribute, None | Some("Arn")).then(|| Json::from(arn))
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        let (topic, _, _) = parts(key)?;
        Some(Parent { type_name: topic::spec::TYPE, key: last_part(topic).to_owned(), part: "" })
    }

    /// A function or queue that is gone loses what a topic still sends to it, and one that the topic may not reach yet.
    fn feeds(&self, key: &str) -> Option<(&'static str, String)> {
        let (topic, protocol, endpoint) = parts(key)?;
        // `arn`, partition, service, region, account.
        let home = |arn: &str| arn.split(':').skip(3).take(2).map(str::to_owned).collect::<Vec<_>>();
        if home(topic) != home(endpoint) {
            return None;
        }
        match protocol {
            "lambda" => {
                let name = endpoint.split_once(":function:")?.1.split(':').next()?;
                Some((FUNCTION, name.to_owned()))
            }
            "sqs" => Some((queue::spec::TYPE, last_part(endpoint).to_owned())),
            _ => None,
        }
    }

    fn part_word(&self, key: &str) -> Option<String> {
        let (_, protocol, endpoint) = parts(key)?;
        Some(format!("s{}", short_hash(&format!("{protocol}|{endpoint}"))))
    }

    /// Topic, protocol and endpoint are all there is to a subscription: one that is there is the one that is wanted,
    /// and `Subscribe` would answer with it as well.
    fn adopts_unmarked(&self, _scope: &Scope, _want: &Want, _world: &Observation) -> bool {
        true
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let Some((topic, protocol, endpoint)) = parts(work.key) else { return Vec::new() };
        let mut attributes = Map::new();
        for (name, value) in work.desired {
            if *value != Json::Bool(false) {
                attributes.insert(name.clone(), Json::from(as_attribute(name, value, work.want)));
            }
        }
        vec![subscribe(topic, protocol, endpoint, attributes)]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let Some(observed) = work.observed else { return Vec::new() };
        let mut names: Vec<&str> = vec![RAW, DELIVERY, DOCUMENTS[0], DOCUMENTS[1], ROLE];
        // A policy with nested keys is accepted only under MessageBody, and the way back only with a flat one.
        let body = work.desired.get(FILTER_SCOPE).is_some_and(|scope| scope == "MessageBody");
        names.extend(if body { [FILTER_SCOPE, FILTER] } else { [FILTER, FILTER_SCOPE] });
        let mut steps = Vec::new();
        for name in names.into_iter().filter(|name| work.changed(name)) {
            let value = match work.desired.get(name) {
                Some(value) => as_attribute(name, value, work.want),
                // The scope means nothing without a filter.
                None if name == FILTER_SCOPE => continue,
                None if name == FILTER => "{}".to_owned(),
                None => String::new(),
            };
            let input =
                json!({"SubscriptionArn": observed.physical_id, "AttributeName": name, "AttributeValue": value});
            steps.push(step("SetSubscriptionAttributes", input, work.key));
        }
        steps
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![step("Unsubscribe", json!({"SubscriptionArn": observed.physical_id}), &observed.key)]
    }
}

/// A subscription as the list tells it: its ARN, and whose it is.
pub fn listed(key: &str, arn: &str, wanted: bool, world: &Observation) -> Observed {
    let mut out = Observed::new(key, arn);
    // One that was never confirmed cannot be removed: it goes by itself after some days, and is nobody's until then.
    if wanted || arn != PENDING {
        out.marks = owner(key, world);
    }
    out
}

/// Adds what `GetSubscriptionAttributes` answered.
pub fn describe(out: &mut Observed, attributes: &BTreeMap<String, String>) {
    let answer = |name: &str| attributes.get(name).filter(|value| !value.is_empty()).map(|v| Json::from(v.as_str()));
    out.properties.insert(RAW.to_owned(), answer(RAW).map_or(Json::Bool(false), |value| boolean(&value)));
    if let Some(filter) = answer(FILTER).as_ref().and_then(filter::canonical) {
        out.properties.insert(FILTER.to_owned(), filter);
        let scope = answer(FILTER_SCOPE).unwrap_or_else(|| Json::from(FILTER_SCOPE_DEFAULT));
        out.properties.insert(FILTER_SCOPE.to_owned(), scope);
    }
    for name in DOCUMENTS {
        insert_some(&mut out.properties, name, answer(name).as_ref().and_then(document));
    }
    insert_some(&mut out.properties, DELIVERY, answer(DELIVERY).as_ref().and_then(delivery));
    insert_some(&mut out.properties, ROLE, answer(ROLE));
}

/// Whose a subscription is: the topic's where the topic's mark has its word, else the endpoint's.
///
/// The word comes first: an application that subscribes another one's function to its own topic owns the
/// subscription.
fn owner(key: &str, world: &Observation) -> Option<Marks> {
    let (topic_arn, protocol, endpoint) = parts(key)?;
    let topic = world.table(topic::spec::TYPE).get(last_part(topic_arn));
    let topic = topic.filter(|topic| topic.physical_id == topic_arn).and_then(|topic| topic.marks.as_ref());
    let word = Subscription.part_word(key)?;
    if let Some(marks) = topic.filter(|marks| marks.parts.contains(&word)) {
        return Some(part_of(marks));
    }
    let arn: Vec<&str> = endpoint.splitn(8, ':').collect();
    let topic_home: Vec<&str> = topic_arn.splitn(6, ':').collect();
    // Names are unique only within an account and a region: those of the tables are the topic's, as far as this
    // subscription can be listed at all.
    if arn.get(3..5) != topic_home.get(3..5) {
        return None;
    }
    let endpoint = match (protocol, arn.as_slice()) {
        ("sqs", [.., name]) => world.table(queue::spec::TYPE).get(name),
        ("lambda", [_, _, _, _, _, "function", name, ..]) => world.table(FUNCTION).get(name),
        _ => None,
    };
    endpoint.and_then(|endpoint| endpoint.marks.as_ref()).map(part_of)
}

fn part_of(marks: &Marks) -> Marks {
    Marks {
        source: marks.source.clone(),
        app: marks.app.clone(),
        env: marks.env.clone(),
        id: marks.id.clone(),
        parent: Some(marks.parent.clone().unwrap_or_else(|| marks.id.clone())),
        ..Marks::default()
    }
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, key.to_owned()) }
}

/// The text that SNS takes: documents as the spec writes them.
fn as_attribute(name: &str, value: &Json, want: &Want) -> String {
    match name {
        FILTER_SCOPE | RAW => text(value),
        _ => want.properties.get(name).map_or_else(|| text(value), text),
    }
}

fn document(value: &Json) -> Option<Json> {
    match parsed(value) {
        Json::Object(map) if map.is_empty() => None,
        Json::Null => None,
        Json::String(text) if text.is_empty() => None,
        Json::Object(mut map) => {
            map.sort_keys();
            Some(Json::Object(map))
        }
        other => Some(other),
    }
}

/// Without the parts that SNS answers to say that they are not there.
fn delivery(value: &Json) -> Option<Json> {
    let Some(Json::Object(map)) = document(value) else { return None };
    let said = map.into_iter().filter(|(name, value)| !(value.is_null() || (name == "guaranteed" && *value == false)));
    let said: Map<String, Json> = said.collect();
    (!said.is_empty()).then_some(Json::Object(said))
}

fn keep_named(want: &Json, have: &mut Json) {
    if let (Json::Object(want), Json::Object(have)) = (want, have) {
        have.retain(|name, _| want.contains_key(name));
        for (name, have) in have.iter_mut() {
            keep_named(&want[name], have);
        }
    }
}

#[cfg(test)]
mod tests;
