//! SNS: topics that are compared when they are made again, policies that never go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::wire::{Answer, Fault, fault, last, object, page, tag_list, tag_map, text, texts};
use super::{ACCOUNT, Cloud, REGION, principals};

/// All topics and subscriptions.
#[derive(Default)]
pub struct Store {
    /// By name.
    pub topics: BTreeMap<String, Topic>,
    /// By ARN.
    pub subscriptions: BTreeMap<String, Map<String, Json>>,
    /// ARNs of subscriptions whose endpoints have not confirmed.
    pub pending: BTreeSet<String>,
    /// Lines of the list of all subscriptions that stand for nothing any more: of deleted topics, or "Deleted".
    pub ghosts: Vec<Json>,
}

/// A topic.
#[derive(Clone, Default)]
pub struct Topic {
    /// What was set.
    pub attributes: Map<String, Json>,
    /// Tags.
    pub tags: Map<String, Json>,
    /// The data protection policy.
    pub protection: Option<String>,
}

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}")
}

fn missing(what: &str) -> Fault {
    fault("NotFound", 404, format!("{what} does not exist"))
}

fn default_policy(name: &str) -> Json {
    let actions = [
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    ];
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": actions.map(|action| format!("SNS:{action}")),
            "Resource": arn(name),
            "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
        }],
    })
}

fn policy(cloud: &Cloud, value: &str) -> Result<Json, Fault> {
    let refused = || fault("InvalidParameter", 400, "Invalid parameter: Policy Error: PrincipalNotFound");
    let policy: Json = serde_json::from_str(value).map_err(|_| refused())?;
    Ok(json!(principals::kept(cloud, &policy).ok_or_else(refused)?.to_string()))
}

pub(crate) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    if operation.contains("ubscri") {
        return subscriptions(cloud, operation, input);
    }
    let name = last(match text(input, "TopicArn") {
        "" => text(input, "ResourceArn"),
        arn => arn,
    })
    .to_owned();
    match operation {
        "ListTopics" => {
            let topics: Vec<Json> = cloud.sns.topics.keys().map(|name| json!({"TopicArn": arn(name)})).collect();
            let (topics, next) = page(topics, 100, text(input, "NextToken"));
            return Ok(json!({"Topics": topics, "NextToken": next}));
        }
        "CreateTopic" => return create(cloud, input),
        "DeleteTopic" => {
            cloud.sns.topics.remove(&name);
            cloud.sns.subscriptions.retain(|_, it| it.get("TopicArn") != Some(&json!(arn(&name))));
            return Ok(json!({}));
        }
        _ => {}
    }
    let Some(topic) = cloud.sns.topics.get(&name).cloned() else { return Err(missing("Topic")) };
    let kept = match (operation, text(input, "AttributeName")) {
        ("SetTopicAttributes", "Policy") if !text(input, "AttributeValue").is_empty() => {
            Some(policy(cloud, text(input, "AttributeValue"))?)
        }
        _ => None,
    };
    let count = cloud.chance.u8(..);
    let shown = {
        let stored = topic.attributes.get("Policy").and_then(Json::as_str);
        let stored: Json = stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        principals::shown(cloud, &stored)
    };
    let Some(entry) = cloud.sns.topics.get_mut(&name) else { return Err(missing("Topic")) };
    match operation {
        "ListTagsForResource" => Ok(json!({"Tags": tag_list(&entry.tags)})),
        "GetTopicAttributes" => {
            let mut out = topic.attributes.clone();
            out.insert("TopicArn".to_owned(), json!(arn(&name)));
            out.insert("Owner".to_owned(), json!(ACCOUNT));
            out.insert("Policy".to_owned(), json!(shown.to_string()));
            out.insert("EffectiveDeliveryPolicy".to_owned(), json!("{\"http\":{}}"));
            for counter in ["SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted"] {
                // Late, and different each time.
                out.insert(counter.to_owned(), json!(count.to_string()));
            }
            Ok(json!({"Attributes": out}))
        }
        "GetDataProtectionPolicy" => Ok(json!({"DataProtectionPolicy": topic.protection})),
        "PutDataProtectionPolicy" => {
            entry.protection = Some(text(input, "DataProtectionPolicy").to_owned()).filter(|text| !text.is_empty());
            Ok(json!({}))
        }
        "SetTopicAttributes" => {
            let (key, value) = (text(input, "AttributeName"), text(input, "AttributeValue"));
            match (key, value) {
                // There is always a policy: none at all is not heard.
                ("Policy", "") => {}
                ("Policy", _) => {
                    entry.attributes.insert(key.to_owned(), kept.unwrap_or_default());
                }
                ("DisplayName", _) => {
                    entry.attributes.insert(key.to_owned(), json!(value));
                }
                (_, "") => {
                    entry.attributes.shift_remove(key);
                }
                _ => {
                    entry.attributes.insert(key.to_owned(), json!(value));
                }
            }
            Ok(json!({}))
        }
        "TagResource" => {
            entry.tags.extend(tag_map(input, "Tags"));
            Ok(json!({}))
        }
        "UntagResource" => {
            let keys = texts(input, "TagKeys");
            entry.tags.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        }
        other => panic!("nobody simulates sns {other}"),
    }
}

fn create(cloud: &mut Cloud, input: &Json) -> Answer {
    let name = text(input, "Name");
    let (given, tags) = (object(input, "Attributes"), tag_map(input, "Tags"));
    if let Some(topic) = cloud.sns.topics.get(name) {
        let differ = |what: &str| {
            let text = format!(
                "Invalid parameter: {what} Reason: Topic already exists with different {}",
                what.to_lowercase()
            );
            Err(fault("InvalidParameter", 400, text))
        };
        if !tags.is_empty() && topic.tags != tags {
            return differ("Tags");
        }
        return match given.iter().any(|(key, value)| topic.attributes.get(key) != Some(value)) {
            true => differ("Attributes"),
            false => Ok(json!({"TopicArn": arn(name)})),
        };
    }
    let mut attributes = Map::new();
    attributes.insert("DisplayName".to_owned(), json!(""));
    attributes.insert("Policy".to_owned(), json!(default_policy(name).to_string()));
    for (key, value) in given {
        let value = if key == "Policy" { policy(cloud, value.as_str().unwrap_or_default())? } else { value };
        attributes.insert(key, value);
    }
    cloud.sns.topics.insert(name.to_owned(), Topic { attributes, tags, protection: None });
    Ok(json!({"TopicArn": arn(name)}))
}

fn subscriptions(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let subscription_arn = text(input, "SubscriptionArn").to_owned();
    match operation {
        "ListSubscriptions" | "ListSubscriptionsByTopic" => {
            let topic = text(input, "TopicArn");
            if !topic.is_empty() && !cloud.sns.topics.contains_key(last(topic)) {
                return Err(missing("Topic"));
            }
            let all = cloud.sns.subscriptions.iter().filter(|(_, it)| topic.is_empty() || it["TopicArn"] == topic);
            let items = all.map(|(arn, it)| {
                let arn = if cloud.sns.pending.contains(arn) { "PendingConfirmation" } else { arn.as_str() };
                json!({"SubscriptionArn": arn, "Owner": ACCOUNT, "Protocol": it["Protocol"], "Endpoint": it["Endpoint"], "TopicArn": it["TopicArn"]})
            });
            let ghosts = cloud.sns.ghosts.iter().filter(|_| topic.is_empty()).cloned();
            let (items, next) = page(ghosts.chain(items).collect(), 100, text(input, "NextToken"));
            Ok(json!({"Subscriptions": items, "NextToken": next}))
        }
        "Subscribe" => {
            let topic = text(input, "TopicArn").to_owned();
            if !cloud.sns.topics.contains_key(last(&topic)) {
                return Err(missing("Topic"));
            }
            let given = object(input, "Attributes");
            let same = |it: &Map<String, Json>| {
                ["TopicArn", "Protocol", "Endpoint"].iter().all(|name| it.get(*name) == input.get(*name))
            };
            if let Some((arn, it)) = cloud.sns.subscriptions.iter().find(|(_, it)| same(it)) {
                return match given.iter().any(|(key, value)| it.get(key) != Some(value)) {
                    true => Err(fault(
                        "InvalidParameter",
                        400,
                        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
                    )),
                    false => Ok(json!({"SubscriptionArn": arn})),
                };
            }
            let arn = format!("{topic}:{}", cloud.unique());
            let mut it = given;
            for name in ["TopicArn", "Protocol", "Endpoint"] {
                it.insert(name.to_owned(), input[name].clone());
            }
            if !["sqs", "lambda", "firehose", "application", "sms"].contains(&text(input, "Protocol")) {
                cloud.sns.pending.insert(arn.clone());
            }
            cloud.sns.subscriptions.insert(arn.clone(), it);
            Ok(json!({"SubscriptionArn": arn}))
        }
        _ if !subscription_arn.starts_with("arn:") => {
            Err(fault("InvalidParameter", 400, "Invalid parameter: SubscriptionId Reason: Invalid ARN"))
        }
        "Unsubscribe" => {
            cloud.sns.ghosts.retain(|line| line["SubscriptionArn"] != subscription_arn);
            cloud.sns.subscriptions.remove(&subscription_arn);
            Ok(json!({}))
        }
        _ => {
            let Some(it) = cloud.sns.subscriptions.get_mut(&subscription_arn) else {
                return Err(missing("Subscription"));
            };
            if operation == "SetSubscriptionAttributes" {
                let (key, value) = (text(input, "AttributeName"), text(input, "AttributeValue"));
                match value {
                    "" | "{}" => it.shift_remove(key),
                    value => it.insert(key.to_owned(), json!(value)),
                };
                return Ok(json!({}));
            }
            let mut out = it.clone();
            let more = [
                ("SubscriptionArn", subscription_arn.as_str()),
                ("Owner", ACCOUNT),
                ("PendingConfirmation", "false"),
                ("ConfirmationWasAuthenticated", "true"),
            ];
            out.extend(more.map(|(name, value)| (name.to_owned(), json!(value))));
            out.entry("RawMessageDelivery").or_insert(json!("false"));
            if out.contains_key("FilterPolicy") {
                out.entry("FilterPolicyScope").or_insert(json!("MessageAttributes"));
            }
            Ok(json!({"Attributes": out}))
        }
    }
}
