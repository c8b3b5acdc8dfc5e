//! Systems Manager: parameters whose versions count every write.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::wire::{Answer, Fault, fault, page, tag_list, tag_map, text, texts};
use super::{ACCOUNT, Cloud, REGION};

/// All parameters by name.
#[derive(Default)]
pub struct Store {
    /// Those that are there.
    pub parameters: BTreeMap<String, Parameter>,
    /// When those that are gone were deleted.
    pub deleted: BTreeMap<String, Duration>,
    /// What is answered where the value of a SecureString is asked for: the key is closed to the caller.
    pub sealed: Option<Fault>,
}

/// A parameter.
#[derive(Clone, Default)]
pub struct Parameter {
    /// What describes it.
    pub metadata: Map<String, Json>,
    /// Its value.
    pub value: String,
    /// Its version.
    pub version: u64,
    /// Tags.
    pub tags: Map<String, Json>,
    /// When it was made.
    pub born: Duration,
    /// What comes when its image has been looked up.
    pub coming: Option<(Duration, Box<Parameter>)>,
}

fn missing() -> Fault {
    fault("ParameterNotFound", 400, "")
}

/// Takes in what was written a while ago, where the image was found meanwhile.
fn looked_up(cloud: &mut Cloud) {
    let now = cloud.now;
    for it in cloud.ssm.parameters.values_mut() {
        if it.coming.as_ref().is_some_and(|(at, _)| *at <= now)
            && let Some((_, new)) = it.coming.take()
        {
            *it = *new;
        }
    }
}

pub(crate) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let now = cloud.now;
    let name = match text(input, "Name") {
        "" => text(input, "ResourceId").to_owned(),
        name => name.to_owned(),
    };
    looked_up(cloud);
    let (appears, listed, image) = (cloud.rules.parameter_appears, cloud.rules.parameter_listed, cloud.rules.image);
    match operation {
        "DescribeParameters" => {
            let filter = input.pointer("/ParameterFilters/0").map(|filter| texts(filter, "Values"));
            let wanted = |name: &String| filter.as_ref().is_none_or(|names| names.contains(name));
            let all = cloud
                .ssm
                .parameters
                .iter()
                .filter(|(name, it)| wanted(name) && it.version > 0 && (it.version > 1 || now >= it.born + listed));
            let all = all.map(|(_, it)| {
                let mut entry = it.metadata.clone();
                entry.insert("Version".to_owned(), json!(it.version));
                Json::Object(entry)
            });
            let (items, next) = page(all.collect(), 50, text(input, "NextToken"));
            Ok(json!({"Parameters": items, "NextToken": next}))
        }
        "GetParameters" => {
            let (mut there, mut absent) = (Vec::new(), Vec::new());
            for name in texts(input, "Names") {
                match cloud.ssm.parameters.get(&name).filter(|it| it.version > 0 && now >= it.born + appears) {
                    Some(it) if it.metadata["Type"] == "SecureString" && cloud.ssm.sealed.is_some() => {
                        return Err(cloud.ssm.sealed.clone().unwrap_or_else(missing));
                    }
                    Some(it) => there.push(
                        json!({"Name": name, "Type": it.metadata["Type"], "Value": it.value, "Version": it.version, "DataType": it.metadata["DataType"], "LastModifiedDate": it.metadata.get("LastModifiedDate")}),
                    ),
                    None => absent.push(name),
                }
            }
            // Not in the order of the question.
            there.reverse();
            Ok(json!({"Parameters": there, "InvalidParameters": absent}))
        }
        "PutParameter" => {
            let overwrite = input["Overwrite"] == true;
            let tags = tag_map(input, "Tags");
            if overwrite && !tags.is_empty() {
                let text = "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.";
                return Err(fault("ValidationException", 400, text));
            }
            let old = cloud.ssm.parameters.get(&name);
            if old.is_some() && !overwrite {
                return Err(fault("ParameterAlreadyExists", 400, "The parameter already exists."));
            }
            let kind =
                input.get("Type").cloned().or_else(|| old?.metadata.get("Type").cloned()).unwrap_or(json!("String"));
            if let Some(old) = old {
                let was = &old.metadata["Type"];
                if was != &kind && (kind == "SecureString" || was == "SecureString") {
                    return Err(fault("HierarchyTypeMismatch", 400, "The type of a parameter can't be changed."));
                }
                if old.metadata["Tier"] == "Advanced" && input["Tier"] == "Standard" {
                    return Err(fault(
                        "ValidationException",
                        400,
                        "You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.",
                    ));
                }
            }
            let mut it = old.cloned().unwrap_or(Parameter { tags, born: now, ..Parameter::default() });
            for key in ["Description", "AllowedPattern", "KeyId", "DataType", "Tier", "Policies"] {
                match input.get(key) {
                    Some(value) if value == "" => it.metadata.shift_remove(key),
                    Some(value) => it.metadata.insert(key.to_owned(), value.clone()),
                    None => None,
                };
            }
            if it.metadata.get("Tier").is_none_or(|tier| tier == "Intelligent-Tiering") {
                it.metadata.insert("Tier".to_owned(), json!("Standard"));
            }
            if kind == "SecureString" {
                it.metadata.entry("KeyId").or_insert(json!("alias/aws/ssm"));
            }
            it.metadata.entry("DataType").or_insert(json!("text"));
            let arn = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/'));
            it.metadata.insert("Name".to_owned(), json!(name));
            it.metadata.insert("ARN".to_owned(), json!(arn));
            it.metadata.insert("Type".to_owned(), kind);
            it.metadata.insert("LastModifiedDate".to_owned(), json!(now.as_secs()));
            it.value = text(input, "Value").to_owned();
            it.version += 1;
            let answer = json!({"Version": it.version, "Tier": it.metadata["Tier"]});
            if it.metadata["DataType"] == "aws:ec2:image" && !image.is_zero() {
                let mut before = cloud.ssm.parameters.remove(&name).unwrap_or(Parameter { born: now, ..it.clone() });
                before.version = it.version - 1;
                before.coming = Some((now + image, Box::new(Parameter { coming: None, ..it })));
                it = before;
            }
            cloud.ssm.parameters.insert(name, it);
            Ok(answer)
        }
        "DeleteParameter" => {
            cloud.ssm.parameters.remove(&name).ok_or_else(missing)?;
            cloud.ssm.deleted.insert(name, now);
            Ok(json!({}))
        }
        _ => {
            let unknown = || fault("InvalidResourceId", 400, "The resource ID is not valid.");
            let it = cloud.ssm.parameters.get_mut(&name).ok_or_else(unknown)?;
            match operation {
                "ListTagsForResource" => return Ok(json!({"TagList": tag_list(&it.tags)})),
                "AddTagsToResource" => it.tags.extend(tag_map(input, "Tags")),
                "RemoveTagsFromResource" => {
                    let keys = texts(input, "TagKeys");
                    it.tags.retain(|key, _| !keys.contains(key));
                }
                other => panic!("nobody simulates ssm {other}"),
            }
            Ok(json!({}))
        }
    }
}
