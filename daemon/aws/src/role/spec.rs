//! What a role means.
//!
//! Inline and attached policies are maps (by name, by ARN), so that another resource can claim one of them. What
//! nobody claims on a role of ours is a privilege that nobody reviewed: it is drift, and goes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::room;
use crate::call::{Call, retag};
use crate::function_part::function_of;
use crate::values::{insert_some, number, text, text_of, texts};
use crate::version;
use evenkeel_core::plan::diff;
use evenkeel_core::plan::kind::{Facts, Kind, Scope, TagWork, Target, Want, Work};
use evenkeel_core::plan::naming::{NameStyle, Naming};
use evenkeel_core::plan::observation::{Observation, Observed};
use evenkeel_core::plan::step::Step;
use evenkeel_core::plan::{Tags, policy};
use serde_json::{Map, Value as Json, json};

/// AWS's type name.
pub const TYPE: &str = "AWS::IAM::Role";
/// Inline policies: documents by name.
pub const POLICIES: &str = "Policies";
/// Attached policies: `true` by ARN.
pub const MANAGED: &str = "ManagedPolicyArns";

const FUNCTION: &str = "AWS::Lambda::Function";
const TRUST: &str = "AssumeRolePolicyDocument";
const DESCRIPTION: &str = "Description";
const SESSION: &str = "MaxSessionDuration";
const SESSION_DEFAULT: i64 = 3600;
const PATH: &str = "Path";
const BOUNDARY: &str = "PermissionsBoundary";
pub(super) const PROFILES: &str = "InstanceProfiles";

/// The kind.
#[derive(Clone, Copy, Debug)]
pub struct Role;

impl Kind for Role {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts {
            // Usable only once IAM has spread it; nothing tells when. Who uses it too early is told to wait.
            settles_at_once: true,
            rank: 30,
            holds_data: false,
            taggable: true,
            naming: Some(Naming { property: "RoleName", limit: 64, style: NameStyle::StackRegion }),
            reads: TYPE,
        }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let given = &want.properties;
        let mut out = Map::new();
        insert_some(&mut out, TRUST, given.get(TRUST).map(policy::canonical));
        out.insert(DESCRIPTION.to_owned(), Json::from(text_of(given, DESCRIPTION).unwrap_or_default()));
        out.insert(SESSION.to_owned(), given.get(SESSION).map_or_else(|| Json::from(SESSION_DEFAULT), number));
        out.insert(PATH.to_owned(), Json::from(text_of(given, PATH).unwrap_or_else(|| "/".to_owned())));
        insert_some(&mut out, BOUNDARY, text_of(given, BOUNDARY).map(Json::from));
        let inline = inline(want).map(|(name, document)| (name.to_owned(), policy::canonical(document)));
        out.insert(POLICIES.to_owned(), Json::Object(inline.collect()));
        let managed = texts(given.get(MANAGED)).into_iter().map(|arn| (arn.to_owned(), Json::Bool(true)));
        out.insert(MANAGED.to_owned(), Json::Object(managed.collect()));
        out
    }

    /// IAM itself may not find for seconds what it has just made, and tell what was before.
    fn spreads(&self, _step: &Step) -> Duration {
        Duration::from_secs(20)
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None | Some("RoleName") => Some(Json::from(target.key)),
            Some("Arn") => Some(Json::from(arn(scope, target.want, target.key))),
            Some(other) => target.observed?.attributes.get(other).filter(|_| other == "RoleId").cloned(),
        }
    }

    fn held_by(&self, observed: &Observed, _world: &Observation) -> Option<String> {
        // Profiles are nobody's whom evenkeel knows: what runs on them would lose its credentials.
        let profile = texts(observed.attributes.get(PROFILES)).into_iter().next()?;
        Some(format!("instance profile `{profile}` holds it"))
    }

    fn still_used(&self, observed: &Observed, world: &Observation) -> Option<String> {
        if let Some(holder) = self.held_by(observed, world) {
            return Some(holder);
        }
        let arn = observed.attributes.get("Arn")?;
        let functions = world.table(FUNCTION);
        if functions.has_gaps() {
            return Some("which functions run with it is not known".to_owned());
        }
        if let Some(user) = functions.items().find(|function| function.properties.get("Role") == Some(arn)) {
            return Some(format!("function `{}` runs with it", user.key));
        }
        // A published version keeps the role that it was published with.
        let stays = |key: &str| functions.get(function_of(key)).is_some();
        let versions = world.table(version::TYPE).items();
        let user = versions.filter(|item| item.attributes.get("Role") == Some(arn)).find(|item| stays(&item.key))?;
        Some(format!("version `{}` runs with it", user.physical_id))
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let given = &work.want.properties;
        let mut input = Map::new();
        input.insert("RoleName".to_owned(), Json::from(work.key));
        insert_some(&mut input, TRUST, given.get(TRUST).map(|document| Json::from(text(document))));
        for name in [DESCRIPTION, PATH, SESSION, BOUNDARY] {
            insert_some(&mut input, name, work.desired.get(name).filter(|value| **value != "").cloned());
        }
        input.insert("Tags".to_owned(), json!(work.tags.all));
        let mut steps = vec![step("CreateRole", Json::Object(input), work.key)];
        steps.extend(inline(work.want).map(|(name, document)| put_inline(work.key, name, document)));
        steps.extend(texts(given.get(MANAGED)).into_iter().map(|arn| attach(work.key, arn)));
        steps
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let Some(observed) = work.observed else { return Vec::new() };
        let role = work.key;
        let mut steps = Vec::new();
        if work.changed(TRUST)
            && let Some(document) = work.want.properties.get(TRUST)
        {
            let input = json!({"RoleName": role, "PolicyDocument": text(document)});
            steps.push(step("UpdateAssumeRolePolicy", input, role));
        }
        if work.changed(DESCRIPTION) || work.changed(SESSION) {
            let input = json!({
                "RoleName": role,
                "Description": work.desired.get(DESCRIPTION),
                "MaxSessionDuration": work.desired.get(SESSION),
            });
            steps.push(step("UpdateRole", input, role));
        }
        if work.changed(BOUNDARY) {
            steps.push(match work.desired.get(BOUNDARY) {
                Some(boundary) => {
                    step("PutRolePermissionsBoundary", json!({"RoleName": role, "PermissionsBoundary": boundary}), role)
                }
                None => step("DeleteRolePermissionsBoundary", json!({"RoleName": role}), role),
            });
        }
        let there = |name: &str| member(&observed.properties, POLICIES, name);
        let mut put = Vec::new();
        for (name, document) in inline(work.want) {
            let path = format!("{POLICIES}.{name}");
            let differs = member(work.desired, POLICIES, name) != there(name);
            if differs && work.changes.iter().any(|change| diff::is_below(&change.path, &path)) {
                put.push((room::size(document) - there(name).map_or(0, room::size), put_inline(role, name, document)));
            }
        }
        let changed = |property: &str, name: &str| {
            let path = format!("{property}.{name}");
            work.changes.iter().any(|change| change.path == path)
        };
        let goes = |property: &'static str| {
            let leaves = move |name: &&str| member(work.desired, property, name).is_none() && changed(property, name);
            members(&observed.properties, property).filter(leaves)
        };
        let delete = goes(POLICIES).map(|name| (-there(name).map_or(0, room::size), delete_inline(role, name)));
        let have = members(&observed.properties, POLICIES).filter_map(there).map(room::size).sum();
        let (inline, old_inline) = room::in_order(put, delete.collect(), have, room::INLINE);
        let wanted = texts(work.want.properties.get(MANAGED)).into_iter().filter(|arn| changed(MANAGED, arn));
        let attach = wanted.map(|arn| (1, attach(role, arn))).collect();
        let detach = goes(MANAGED).map(|arn| (-1, detach(role, arn))).collect();
        let have = members(&observed.properties, MANAGED).fold(0, |count, _| count + 1);
        let (managed, old_managed) = room::in_order(attach, detach, have, room::MANAGED);
        steps.extend([inline, managed, old_inline, old_managed].into_iter().flatten());
        steps
    }

    fn retag(&self, _scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let target = Call::new().with("RoleName", observed.key.as_str());
        retag((TYPE, &observed.key), target, ("TagRole", "Tags"), ("UntagRole", "TagKeys"), tags)
    }

    fn takes_away(&self, operation: &str) -> bool {
        matches!(operation, "DeleteRolePolicy" | "DetachRolePolicy")
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let role = observed.key.as_str();
        let mut steps: Vec<Step> = members(&observed.properties, MANAGED).map(|arn| detach(role, arn)).collect();
        steps.extend(members(&observed.properties, POLICIES).map(|name| delete_inline(role, name)));
        steps.push(step("DeleteRole", json!({"RoleName": role}), role));
        steps
    }
}

/// A role as IAM tells it, whichever calls told it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its unique id.
    pub id: String,
    /// When it was made, in UTC; empty where that is not known.
    pub made: String,
    /// Its path.
    pub path: String,
    /// Who may assume it: JSON, URL-encoded as IAM answers it.
    pub trust: String,
    /// Its description.
    pub description: Option<String>,
    /// The longest session, seconds.
    pub session: Option<i64>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Inline policies by name: JSON, URL-encoded as IAM answers it.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub managed: Vec<String>,
    /// Instance profiles that hold it.
    pub profiles: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

/// The observation for an answer.
pub fn observed(answer: Answer) -> Observed {
    let mut out = Observed::new(answer.name.as_str(), answer.name.as_str()).with_tags(answer.tags);
    let properties = &mut out.properties;
    properties.insert(TRUST.to_owned(), policy::canonical(&document(&answer.trust)));
    properties.insert(DESCRIPTION.to_owned(), Json::from(answer.description.unwrap_or_default()));
    properties.insert(SESSION.to_owned(), Json::from(answer.session.unwrap_or(SESSION_DEFAULT)));
    properties.insert(PATH.to_owned(), Json::from(answer.path));
    insert_some(properties, BOUNDARY, answer.boundary.map(Json::from));
    let inline = answer.inline.iter().map(|(name, text)| (name.clone(), policy::canonical(&document(text))));
    properties.insert(POLICIES.to_owned(), Json::Object(inline.collect()));
    let managed = answer.managed.into_iter().map(|arn| (arn, Json::Bool(true)));
    properties.insert(MANAGED.to_owned(), Json::Object(managed.collect()));
    out.attributes.insert("Arn".to_owned(), Json::from(answer.arn));
    out.attributes.insert("RoleId".to_owned(), Json::from(answer.id));
    out.attributes.insert("CreateDate".to_owned(), Json::from(answer.made));
    if !answer.profiles.is_empty() {
        out.attributes.insert(PROFILES.to_owned(), Json::from(answer.profiles));
    }
    out
}

/// A policy document as IAM answers it: JSON, URL-encoded.
pub(crate) fn document(encoded: &str) -> Json {
    let text = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Json::from(text.into_owned()))
}

/// One `PutRolePolicy`.
pub(super) fn put_inline(role: &str, name: &str, document: &Json) -> Step {
    let input = json!({"RoleName": role, "PolicyName": name, "PolicyDocument": text(document)});
    step("PutRolePolicy", input, role)
}

/// One `DeleteRolePolicy`.
pub(super) fn delete_inline(role: &str, name: &str) -> Step {
    step("DeleteRolePolicy", json!({"RoleName": role, "PolicyName": name}), role)
}

/// One `AttachRolePolicy`.
pub(crate) fn attach(role: &str, arn: &str) -> Step {
    step("AttachRolePolicy", json!({"RoleName": role, "PolicyArn": arn}), role)
}

/// One `DetachRolePolicy`.
pub(crate) fn detach(role: &str, arn: &str) -> Step {
    step("DetachRolePolicy", json!({"RoleName": role, "PolicyArn": arn}), role)
}

/// Whether a policy is attached to a role.
pub(crate) fn is_attached(role: &Observed, arn: &str) -> bool {
    member(&role.properties, MANAGED, arn).is_some()
}

fn step(operation: &'static str, input: Json, role: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, role.to_owned()) }
}

fn arn(scope: &Scope, want: &Want, name: &str) -> String {
    scope.iam_arn(&format!("role{}{name}", text_of(&want.properties, PATH).unwrap_or_else(|| "/".to_owned())))
}

/// Inline policies as the spec writes them.
fn inline(want: &Want) -> impl Iterator<Item = (&str, &Json)> {
    let list = want.properties.get(POLICIES).and_then(Json::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|entry| Some((entry.get("PolicyName")?.as_str()?, entry.get("PolicyDocument")?)))
}

fn members<'a>(properties: &'a Map<String, Json>, property: &str) -> impl Iterator<Item = &'a str> {
    properties.get(property).and_then(Json::as_object).into_iter().flat_map(|map| map.keys().map(String::as_str))
}

fn member<'a>(properties: &'a Map<String, Json>, property: &str, name: &str) -> Option<&'a Json> {
    properties.get(property)?.get(name)
}

#[cfg(test)]
mod tests;
