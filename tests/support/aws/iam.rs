//! IAM: roles and policies, which the rest of the account learns of late.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::wire::{Answer, Fault, fault, last, number, page, tag_list, tag_map, text, texts};
use super::{ACCOUNT, Cloud, principals};

/// All roles and policies by name.
#[derive(Default)]
pub struct Store {
    /// Roles.
    pub roles: BTreeMap<String, Role>,
    /// The account's own managed policies.
    pub policies: BTreeMap<String, Policy>,
}

/// A role.
#[derive(Clone, Default)]
pub struct Role {
    /// The id, which a role of the same name made later does not have.
    pub id: String,
    /// The ARN.
    pub arn: String,
    /// The path.
    pub path: String,
    /// Who may assume it.
    pub trust: String,
    /// What it is for.
    pub description: Option<String>,
    /// The longest session, seconds.
    pub session: i64,
    /// The boundary's ARN.
    pub boundary: Option<String>,
    /// Inline policies.
    pub inline: BTreeMap<String, String>,
    /// ARNs of the managed policies.
    pub attached: Vec<String>,
    /// Tags.
    pub tags: Map<String, Json>,
    /// When it was made.
    pub born: Duration,
    /// When its trust or policies last changed.
    pub changed: Duration,
}

/// A managed policy.
#[derive(Clone, Default)]
pub struct Policy {
    /// The ARN.
    pub arn: String,
    /// The id.
    pub id: String,
    /// The path.
    pub path: String,
    /// What it is for.
    pub description: Option<String>,
    /// Documents by version.
    pub versions: BTreeMap<u64, String>,
    /// The version that counts.
    pub default: u64,
    /// Tags.
    pub tags: Map<String, Json>,
}

fn missing(what: &str) -> Fault {
    fault("NoSuchEntity", 404, format!("The {what} cannot be found."))
}

fn encoded(document: &str) -> String {
    form_urlencoded::byte_serialize(document.as_bytes()).collect::<String>().replace('+', "%20")
}

const BORN: &str = "2026-01-01T00:00:00Z";

/// A moment of the account's life as IAM writes it: to the second.
fn date(at: Duration) -> String {
    super::wire::date(at.as_secs()) + "Z"
}

impl Role {
    /// Whether Lambda may run functions with it by now.
    pub fn is_assumable(&self, now: Duration, lag: Duration) -> bool {
        self.trust.contains("lambda.amazonaws.com") && now >= self.born + lag
    }

    /// Whether it may do this by now: by an inline policy that names the action, or a managed one that is known to.
    pub fn may(&self, action: &str, policies: &BTreeMap<String, Policy>, now: Duration, lag: Duration) -> bool {
        let service = action.split(':').next().unwrap_or_default();
        let allows = |document: &str| document.contains(action) || document.contains(&format!("{service}:*"));
        let managed = self.attached.iter().any(|arn| {
            let own = policies.get(last(arn)).and_then(|policy| policy.versions.get(&policy.default));
            let of_aws = match service {
                "sqs" => action != "sqs:SendMessage" && arn.ends_with("AWSLambdaSQSQueueExecutionRole"),
                "kinesis" => arn.ends_with("AWSLambdaKinesisExecutionRole"),
                "dynamodb" => arn.ends_with("AWSLambdaDynamoDBExecutionRole"),
                _ => false,
            };
            own.is_some_and(|document| allows(document)) || of_aws
        });
        now >= self.changed + lag && (managed || self.inline.values().any(|document| allows(document)))
    }

    fn json(&self, name: &str) -> Json {
        json!({
            "RoleName": name, "RoleId": self.id, "Arn": self.arn, "Path": self.path, "CreateDate": date(self.born),
            "AssumeRolePolicyDocument": encoded(&self.trust), "Description": self.description,
            "MaxSessionDuration": self.session, "Tags": tag_list(&self.tags),
            "PermissionsBoundary": self.boundary.as_ref().map(|arn| json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn})),
        })
    }
}

impl Policy {
    fn json(&self, name: &str, attachments: usize) -> Json {
        json!({
            "PolicyName": name, "PolicyId": self.id, "Arn": self.arn, "Path": self.path, "Description": self.description,
            "DefaultVersionId": format!("v{}", self.default), "AttachmentCount": attachments,
            "PermissionsBoundaryUsageCount": 0, "IsAttachable": true, "CreateDate": BORN, "UpdateDate": BORN,
            "Tags": tag_list(&self.tags),
        })
    }

    fn versions(&self) -> Json {
        let version = |(number, document): (&u64, &String)| json!({"VersionId": format!("v{number}"), "IsDefaultVersion": *number == self.default, "CreateDate": BORN, "Document": encoded(document)});
        self.versions.iter().map(version).collect()
    }
}

fn listing(items: Vec<Json>, name: &str, size: usize, input: &Json) -> Answer {
    let (items, next) = page(items, size, text(input, "Marker"));
    let mut out = json!({"IsTruncated": !next.is_null(), "Marker": next});
    out[name] = items;
    Ok(out)
}

fn attached(arns: &[String]) -> Vec<Json> {
    arns.iter().map(|arn| json!({"PolicyName": last(arn), "PolicyArn": arn})).collect()
}

pub(crate) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    match operation {
        "GetAccountAuthorizationDetails" => {
            if texts(input, "Filter").contains(&"Role".to_owned()) {
                let inline = |role: &Role| -> Json {
                    role.inline
                        .iter()
                        .map(|(name, text)| json!({"PolicyName": name, "PolicyDocument": encoded(text)}))
                        .collect()
                };
                let roles = cloud.iam.roles.iter().map(|(name, role)| {
                    let mut out = role.json(name);
                    out["RolePolicyList"] = inline(role);
                    out["AttachedManagedPolicies"] = Json::Array(attached(&role.attached));
                    out["InstanceProfileList"] = json!([]);
                    out
                });
                // Pages may be shorter than what was asked for.
                return listing(roles.collect(), "RoleDetailList", 7, input);
            }
            let policies = cloud.iam.policies.iter().map(|(name, policy)| {
                let mut out = policy.json(name, attachments(cloud, &policy.arn));
                out["PolicyVersionList"] = policy.versions();
                out["Tags"] = Json::Null;
                out
            });
            listing(policies.collect(), "Policies", 1000, input)
        }
        "ListRoles" => {
            let roles = cloud.iam.roles.iter().map(|(name, role)| {
                let mut out = role.json(name);
                out["Tags"] = Json::Null;
                out["PermissionsBoundary"] = Json::Null;
                out
            });
            listing(roles.collect(), "Roles", 1000, input)
        }
        _ if operation.contains("Role") => role(cloud, operation, input),
        _ => policy(cloud, operation, input),
    }
}

fn attachments(cloud: &Cloud, arn: &str) -> usize {
    cloud.iam.roles.values().filter(|role| role.attached.iter().any(|it| it == arn)).count()
}

fn trust(cloud: &Cloud, document: &str) -> Result<(), Fault> {
    if document.chars().filter(|sign| !sign.is_whitespace()).count() > 2048 {
        return Err(fault("LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048"));
    }
    let broken = || fault("MalformedPolicyDocument", 400, "This policy contains invalid Json");
    let parsed: Json = serde_json::from_str(document).map_err(|_| broken())?;
    let unknown = || fault("MalformedPolicyDocument", 400, "Invalid principal in policy: \"AWS\"");
    principals::kept(cloud, &parsed).map(drop).ok_or_else(unknown)
}

fn role(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let name = text(input, "RoleName").to_owned();
    let (now, rules) = (cloud.now, cloud.rules.clone());
    if operation == "CreateRole" {
        if cloud.iam.roles.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
            return Err(fault("EntityAlreadyExists", 409, format!("Role with name {name} already exists.")));
        }
        trust(cloud, text(input, "AssumeRolePolicyDocument"))?;
        let id = format!("AROA{}", cloud.unique().to_uppercase().replace('-', ""));
        let path = Some(text(input, "Path")).filter(|path| !path.is_empty()).unwrap_or("/").to_owned();
        let role = Role {
            id,
            arn: format!("arn:aws:iam::{ACCOUNT}:role{path}{name}"),
            path,
            trust: text(input, "AssumeRolePolicyDocument").to_owned(),
            description: input.get("Description").and_then(Json::as_str).map(str::to_owned),
            session: number(input, "MaxSessionDuration").unwrap_or(3600),
            boundary: input.get("PermissionsBoundary").and_then(Json::as_str).map(str::to_owned),
            tags: tag_map(input, "Tags"),
            born: now,
            changed: now,
            ..Role::default()
        };
        let out = role.json(&name);
        cloud.iam.roles.insert(name, role);
        return Ok(json!({"Role": out}));
    }
    if operation == "UpdateAssumeRolePolicy" {
        trust(cloud, text(input, "PolicyDocument"))?;
    }
    let policy_arn = text(input, "PolicyArn").to_owned();
    let attachable = policy_arn.contains(":aws:policy/") || cloud.iam.policies.contains_key(last(&policy_arn));
    let reading = operation.starts_with("Get") || operation.starts_with("List");
    let Some(role) = cloud.iam.roles.get_mut(&name) else { return Err(missing(&format!("role with name {name}"))) };
    if reading && now < role.born + rules.iam_reads {
        return Err(missing(&format!("role with name {name}")));
    }
    let policy_name = text(input, "PolicyName").to_owned();
    let given = |name: &str| input.get(name).and_then(Json::as_str).map(str::to_owned);
    match operation {
        "GetRole" => {
            let mut out = role.json(&name);
            if now < role.born + rules.iam_reads * 2 {
                // Not everywhere in IAM is known yet what it is called.
                out["Arn"] = json!(role.id);
            }
            return Ok(json!({"Role": out}));
        }
        "ListRolePolicies" => {
            return listing(role.inline.keys().map(|name| json!(name)).collect(), "PolicyNames", 100, input);
        }
        "GetRolePolicy" => {
            let document = role.inline.get(&policy_name).ok_or_else(|| missing("role policy"))?;
            return Ok(json!({"RoleName": name, "PolicyName": policy_name, "PolicyDocument": encoded(document)}));
        }
        "ListAttachedRolePolicies" => return listing(attached(&role.attached), "AttachedPolicies", 100, input),
        "UpdateAssumeRolePolicy" => {
            role.trust = text(input, "PolicyDocument").to_owned();
            role.changed = now;
        }
        "UpdateRole" => {
            role.description = given("Description").or(role.description.take());
            role.session = number(input, "MaxSessionDuration").unwrap_or(role.session);
        }
        "PutRolePermissionsBoundary" => role.boundary = given("PermissionsBoundary"),
        "DeleteRolePermissionsBoundary" => role.boundary = None,
        "PutRolePolicy" => {
            let size = |text: &str| text.chars().filter(|sign| !sign.is_whitespace()).count();
            let others = role.inline.iter().filter(|(other, _)| **other != policy_name);
            let all = others.map(|(_, text)| size(text)).sum::<usize>() + size(text(input, "PolicyDocument"));
            if all > 10_240 {
                let text = format!("Maximum policy size of 10240 bytes exceeded for role {name}");
                return Err(fault("LimitExceeded", 409, text));
            }
            role.inline.insert(policy_name, text(input, "PolicyDocument").to_owned());
            role.changed = now;
        }
        "DeleteRolePolicy" => {
            role.inline.remove(&policy_name).ok_or_else(|| missing("role policy"))?;
        }
        "AttachRolePolicy" => {
            if !attachable {
                let text = format!("Policy {policy_arn} does not exist or is not attachable.");
                return Err(fault("NoSuchEntity", 404, text));
            }
            role.attached.retain(|arn| *arn != policy_arn);
            if role.attached.len() >= rules.policies {
                let text = format!("Cannot exceed quota for PoliciesPerRole: {}", rules.policies);
                return Err(fault("LimitExceeded", 409, text));
            }
            role.attached.push(policy_arn);
            role.changed = now;
        }
        "DetachRolePolicy" => role.attached.retain(|arn| *arn != policy_arn),
        "TagRole" => role.tags.extend(tag_map(input, "Tags")),
        "UntagRole" => {
            let keys = texts(input, "TagKeys");
            role.tags.retain(|key, _| !keys.contains(key));
        }
        "DeleteRole" => {
            let conflict = |text: &str| Err(fault("DeleteConflict", 409, text));
            if !role.attached.is_empty() {
                return conflict("Cannot delete entity, must detach all policies first.");
            }
            if !role.inline.is_empty() {
                return conflict("Cannot delete entity, must delete policies first.");
            }
            cloud.iam.roles.remove(&name);
        }
        other => panic!("nobody simulates iam {other}"),
    }
    Ok(json!({}))
}

fn policy(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let name = match text(input, "PolicyArn") {
        "" => text(input, "PolicyName").to_owned(),
        arn => last(arn).to_owned(),
    };
    match operation {
        "ListPolicies" => {
            let policies = cloud.iam.policies.iter().map(|(name, it)| it.json(name, attachments(cloud, &it.arn)));
            return listing(policies.collect(), "Policies", 1000, input);
        }
        "CreatePolicy" => {
            if cloud.iam.policies.contains_key(&name) {
                let text = format!("A policy called {name} already exists. Duplicate names are not allowed.");
                return Err(fault("EntityAlreadyExists", 409, text));
            }
            let path = Some(text(input, "Path")).filter(|path| !path.is_empty()).unwrap_or("/").to_owned();
            let policy = Policy {
                arn: format!("arn:aws:iam::{ACCOUNT}:policy{path}{name}"),
                id: format!("ANPA{}", cloud.unique().to_uppercase().replace('-', "")),
                path,
                description: input.get("Description").and_then(Json::as_str).map(str::to_owned),
                versions: BTreeMap::from([(1, text(input, "PolicyDocument").to_owned())]),
                default: 1,
                tags: tag_map(input, "Tags"),
            };
            let out = policy.json(&name, 0);
            cloud.iam.policies.insert(name, policy);
            return Ok(json!({"Policy": out}));
        }
        _ => {}
    }
    let Some(it) = cloud.iam.policies.get(&name) else { return Err(missing(&format!("policy {name}"))) };
    let used = attachments(cloud, &it.arn);
    let Some(it) = cloud.iam.policies.get_mut(&name) else { return Err(missing("policy")) };
    let version: u64 = text(input, "VersionId").trim_start_matches('v').parse().unwrap_or_default();
    match operation {
        "GetPolicy" => return Ok(json!({"Policy": it.json(&name, used)})),
        "GetPolicyVersion" => {
            let document = it.versions.get(&version).ok_or_else(|| missing("policy version"))?;
            return Ok(
                json!({"PolicyVersion": {"VersionId": format!("v{version}"), "IsDefaultVersion": version == it.default, "CreateDate": BORN, "Document": encoded(document)}}),
            );
        }
        "ListPolicyVersions" => {
            let versions = it.versions().as_array().cloned().unwrap_or_default();
            return listing(versions, "Versions", 100, input);
        }
        "CreatePolicyVersion" => {
            if it.versions.len() >= 5 {
                return Err(fault("LimitExceeded", 409, "A managed policy can have up to 5 versions."));
            }
            let next = it.versions.keys().max().map_or(1, |newest| newest + 1);
            it.versions.insert(next, text(input, "PolicyDocument").to_owned());
            if input["SetAsDefault"] == "true" {
                it.default = next;
            }
        }
        "DeletePolicyVersion" => {
            if version == it.default {
                return Err(fault("DeleteConflict", 409, "Cannot delete the default version of a policy."));
            }
            it.versions.remove(&version).ok_or_else(|| missing("policy version"))?;
        }
        "TagPolicy" => it.tags.extend(tag_map(input, "Tags")),
        "UntagPolicy" => {
            let keys = texts(input, "TagKeys");
            it.tags.retain(|key, _| !keys.contains(key));
        }
        "DeletePolicy" => {
            if used > 0 || it.versions.len() > 1 {
                return Err(fault(
                    "DeleteConflict",
                    409,
                    "Cannot delete a policy attached to entities or with other versions.",
                ));
            }
            cloud.iam.policies.remove(&name);
        }
        other => panic!("nobody simulates iam {other}"),
    }
    Ok(json!({}))
}
