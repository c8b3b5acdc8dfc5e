//! CloudWatch Logs: groups, whose ARNs end in `:*` in one place and not in another.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::wire::{Answer, Fault, fault, object, page, text, texts};
use super::{ACCOUNT, Cloud, REGION};

const RETENTION: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// All groups by name.
#[derive(Default)]
pub struct Store {
    /// Those that are there.
    pub groups: BTreeMap<String, Group>,
    /// The retention that a policy of the account puts in place of each group's own.
    pub account_retention: Option<i64>,
}

/// A group.
#[derive(Clone, Default)]
pub struct Group {
    /// What describes it.
    pub entry: Map<String, Json>,
    /// Tags.
    pub tags: Map<String, Json>,
    /// Its field index policy.
    pub index: Option<String>,
}

fn missing() -> Fault {
    fault("ResourceNotFoundException", 400, "The specified log group does not exist.")
}

pub(crate) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let name = ["logGroupName", "logGroupIdentifier"].map(|key| text(input, key)).concat();
    match operation {
        "DescribeLogGroups" => {
            let prefix = text(input, "logGroupNamePrefix");
            let all = cloud.logs.groups.iter().filter(|(name, _)| name.starts_with(prefix));
            let shown = |group: &Group| {
                let mut entry = group.entry.clone();
                if let Some(days) = cloud.logs.account_retention {
                    entry.insert("retentionInDays".to_owned(), json!(days));
                }
                Json::Object(entry)
            };
            let entries = all.map(|(_, group)| shown(group)).collect();
            let (entries, next) = page(entries, 50, text(input, "nextToken"));
            Ok(json!({"logGroups": entries, "nextToken": next}))
        }
        "DescribeIndexPolicies" => {
            let names = texts(input, "logGroupIdentifiers");
            let group = names.first().and_then(|name| cloud.logs.groups.get(name)).ok_or_else(missing)?;
            let own = group.index.iter().map(|text| json!({"policyDocument": text, "source": "LOG_GROUP"}));
            // One page is empty and not the last.
            if text(input, "nextToken").is_empty() {
                return Ok(json!({"indexPolicies": [], "nextToken": "1"}));
            }
            Ok(json!({"indexPolicies": own.collect::<Vec<_>>()}))
        }
        "DescribeResourcePolicies" => Ok(json!({"resourcePolicies": []})),
        "CreateLogGroup" => {
            if cloud.logs.groups.contains_key(&name) {
                return Err(fault("ResourceAlreadyExistsException", 400, "The specified log group already exists"));
            }
            let arn = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}");
            let mut entry = json!({
                "logGroupName": name, "creationTime": 1_700_000_000_000_i64, "metricFilterCount": 0, "storedBytes": 0,
                "arn": format!("{arn}:*"), "logGroupArn": arn,
                "logGroupClass": input.get("logGroupClass").cloned().unwrap_or(json!("STANDARD")),
            });
            if let Some(key) = input.get("kmsKeyId") {
                entry["kmsKeyId"] = key.clone();
            }
            let entry = entry.as_object().cloned().unwrap_or_default();
            cloud.logs.groups.insert(name, Group { entry, tags: object(input, "tags"), index: None });
            Ok(json!({}))
        }
        "ListTagsForResource" | "TagResource" | "UntagResource" => {
            let arn = text(input, "resourceArn");
            if arn.ends_with(":*") {
                return Err(fault("InvalidParameterException", 400, "The resource ARN is not valid."));
            }
            let name = arn.split(":log-group:").nth(1).unwrap_or_default();
            let group = cloud.logs.groups.get_mut(name).ok_or_else(missing)?;
            match operation {
                "ListTagsForResource" => return Ok(json!({"tags": group.tags})),
                "TagResource" => group.tags.extend(object(input, "tags")),
                _ => {
                    let keys = texts(input, "tagKeys");
                    group.tags.retain(|key, _| !keys.contains(key));
                }
            }
            Ok(json!({}))
        }
        "DeleteLogGroup" => {
            let protected = |group: &Group| group.entry.get("deletionProtectionEnabled") == Some(&json!(true));
            if cloud.logs.groups.get(&name).is_some_and(protected) {
                let text = "The log group cannot be deleted because deletion protection is enabled.";
                return Err(fault("ValidationException", 400, text));
            }
            cloud.logs.groups.remove(&name).map(|_| json!({})).ok_or_else(missing)
        }
        _ => {
            let group = cloud.logs.groups.get_mut(&name).ok_or_else(missing)?;
            match operation {
                "PutRetentionPolicy" => {
                    let days = input["retentionInDays"].as_i64().unwrap_or_default();
                    if !RETENTION.contains(&days) {
                        return Err(fault("InvalidParameterException", 400, "The retention period is not valid."));
                    }
                    group.entry.insert("retentionInDays".to_owned(), json!(days));
                }
                "DeleteRetentionPolicy" => {
                    group.entry.shift_remove("retentionInDays");
                }
                "PutIndexPolicy" => group.index = Some(text(input, "policyDocument").to_owned()),
                "DeleteIndexPolicy" => group.index = None,
                "PutLogGroupDeletionProtection" => {
                    let on = input["deletionProtectionEnabled"].clone();
                    group.entry.insert("deletionProtectionEnabled".to_owned(), on);
                }
                "AssociateKmsKey" => {
                    group.entry.insert("kmsKeyId".to_owned(), input["kmsKeyId"].clone());
                }
                "DisassociateKmsKey" => {
                    group.entry.shift_remove("kmsKeyId");
                }
                other => panic!("nobody simulates logs {other}"),
            }
            Ok(json!({}))
        }
    }
}
