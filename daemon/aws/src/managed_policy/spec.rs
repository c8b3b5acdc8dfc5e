//! What a managed policy means.
//!
//! `Roles` are attachments: read off the roles' observations, and claimed there. Users and groups are nobody's own: the
//! policy's mark names those that evenkeel attached it to, and only these are ever detached.

use std::sync::Arc;

use evenkeel_core::plan::kind::{Claim, Facts, Instance, Kind, Located, Scope, TagWork, Target, Want, Work};
use evenkeel_core::plan::naming::{self, NameStyle, Naming};
use evenkeel_core::plan::observation::{Found, Observation, Observed};
use evenkeel_core::plan::step::Step;
use evenkeel_core::plan::{Tags, policy};
use serde_json::{Map, Value as Json, json};

use crate::call::{Call, retag};
use crate::facet::foreign_parent;
use crate::role;
use crate::role::people::People;
use crate::values::{insert_some, text, text_of, texts};

/// AWS's type name.
pub const TYPE: &str = "AWS::IAM::ManagedPolicy";

const NAME: &str = "ManagedPolicyName";
const DOCUMENT: &str = "PolicyDocument";
const DESCRIPTION: &str = "Description";
const PATH: &str = "Path";
const ROLES: &str = "Roles";
/// Versions that are not the default, oldest first.
const SPARE: &str = "SpareVersions";
/// How many versions IAM keeps of a policy.
const MOST_VERSIONS: usize = 5;

/// The kind.
#[derive(Clone, Copy, Debug)]
pub struct ManagedPolicy;

impl Kind for ManagedPolicy {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: true,
            rank: 40,
            holds_data: false,
            taggable: true,
            naming: Some(Naming { property: NAME, limit: 128, style: NameStyle::StackRegion }),
            reads: TYPE,
        }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        let mut roles = texts(want.properties.get(ROLES)).into_iter();
        roles.find_map(|name| foreign_parent(scope, world, role::spec::TYPE, "role", name))
    }

    /// By name, with the roles of ours that it is attached to.
    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        let mut located = naming::locate_named(&self.facts(), scope, want, world);
        let Some(instance) = located.instances.first_mut() else { return located };
        let Found::Present(observed) = &instance.found else { return located };
        let mut observed = Observed::clone(observed);
        let wanted = texts(want.properties.get(ROLES));
        let mut attached = Map::new();
        for role in world.table(role::spec::TYPE).items() {
            let ours = role
                .marks
                .as_ref()
                .is_some_and(|marks| marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref()));
            if ours && role::spec::is_attached(role, &observed.physical_id) {
                attached.insert(role.key.clone(), Json::Bool(true));
            }
        }
        let seen = attached.iter().filter(|(name, _)| wanted.contains(&name.as_str()));
        observed.properties.insert(ROLES.to_owned(), Json::Object(seen.map(|(k, v)| (k.clone(), v.clone())).collect()));
        observed.attributes.insert(ROLES.to_owned(), attached.keys().cloned().collect());
        for people in People::ALL {
            let wanted = texts(want.properties.get(people.property()));
            let ours = observed.marks.as_ref().map(|marks| marks.parts.clone()).unwrap_or_default();
            let there = texts(observed.attributes.get(people.property())).into_iter();
            let seen = there.filter(|name| wanted.contains(name) || ours.contains(&people.tagged(name)));
            let seen = seen.map(|name| (name.to_owned(), Json::Bool(true))).collect();
            observed.properties.insert(people.property().to_owned(), Json::Object(seen));
        }
        instance.found = Found::Present(Arc::new(observed));
        located
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let given = &want.properties;
        let mut out = Map::new();
        insert_some(&mut out, DOCUMENT, given.get(DOCUMENT).map(policy::canonical));
        out.insert(DESCRIPTION.to_owned(), Json::from(text_of(given, DESCRIPTION).unwrap_or_default()));
        out.insert(PATH.to_owned(), Json::from(path(want)));
        let roles = texts(given.get(ROLES)).into_iter().map(|role| (role.to_owned(), Json::Bool(true)));
        out.insert(ROLES.to_owned(), Json::Object(roles.collect()));
        for people in People::ALL {
            let names = texts(given.get(people.property())).into_iter().map(|name| (name.to_owned(), Json::Bool(true)));
            out.insert(people.property().to_owned(), Json::Object(names.collect()));
        }
        out
    }

    fn claims(&self, scope: &Scope, want: &Want, at: &[Instance]) -> Vec<Claim> {
        let Some(policy) = at.first() else { return Vec::new() };
        let arn = match &policy.found {
            Found::Present(there) => there.physical_id.clone(),
            _ => arn(scope, want, &policy.key),
        };
        let claim = |role: &str| Claim {
            type_name: role::spec::TYPE,
            key: role.to_owned(),
            path: format!("{}.{arn}", role::spec::MANAGED),
        };
        texts(want.properties.get(ROLES)).into_iter().map(claim).collect()
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None | Some("PolicyArn") => Some(Json::from(arn(scope, target.want, target.key))),
            Some(other) => target.observed?.attributes.get(other).filter(|_| ANSWERED.contains(&other)).cloned(),
        }
    }

    /// Names of users and groups: written before the policy is attached, and kept until it is detached.
    fn own_parts(&self, want: &Want, observed: Option<&Observed>) -> Vec<String> {
        let wanted = |people: People| texts(want.properties.get(people.property()));
        let wanted =
            People::ALL.into_iter().flat_map(|people| wanted(people).into_iter().map(move |n| people.tagged(n)));
        let there = observed.into_iter().flat_map(attached_by_us);
        wanted.chain(there.map(|(people, name)| people.tagged(name))).collect()
    }

    /// Roles of ours that leave the spec let go of it themselves; anybody else's keep it alive.
    fn still_used(&self, observed: &Observed, world: &Observation) -> Option<String> {
        if let Some(holder) = self.held_by(observed, world) {
            return Some(holder);
        }
        let roles = world.table(role::spec::TYPE);
        if roles.has_gaps() {
            return Some("which roles have it is not known".to_owned());
        }
        roles
            .items()
            .find(|role| role::spec::is_attached(role, &observed.physical_id))
            .map(|role| format!("role `{}` still has it", role.key))
    }

    /// Whom its deletion does not take it from: people, and roles that nobody marked.
    fn held_by(&self, observed: &Observed, world: &Observation) -> Option<String> {
        let ours: Vec<_> = attached_by_us(observed).collect();
        let people = People::ALL.into_iter().find_map(|people| {
            let mut names = texts(observed.attributes.get(people.property())).into_iter();
            Some(format!("{} `{}`", people.word(), names.find(|name| !ours.contains(&(people, name)))?))
        });
        let mut roles = world.table(role::spec::TYPE).items();
        let role = || {
            let role =
                roles.find(|role| role.marks.is_none() && role::spec::is_attached(role, &observed.physical_id))?;
            Some(format!("role `{}`", role.key))
        };
        people.or_else(role).map(|holder| format!("{holder} still has it, and evenkeel did not attach it"))
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let document = work.want.properties.get(DOCUMENT).map(text).unwrap_or_default();
        let mut input = Map::new();
        input.insert("PolicyName".to_owned(), Json::from(work.key));
        input.insert(DOCUMENT.to_owned(), Json::from(document));
        for name in [DESCRIPTION, PATH] {
            insert_some(&mut input, name, work.desired.get(name).filter(|value| **value != "").cloned());
        }
        input.insert("Tags".to_owned(), json!(work.tags.all));
        let mut steps = vec![step("CreatePolicy", Json::Object(input), work.key)];
        let arn = arn(work.scope, work.want, work.key);
        steps.extend(texts(work.want.properties.get(ROLES)).into_iter().map(|role| role::spec::attach(role, &arn)));
        for people in People::ALL {
            let names = texts(work.want.properties.get(people.property())).into_iter();
            steps.extend(names.map(|name| attach(people, name, &arn, work.key)));
        }
        steps
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let Some(observed) = work.observed else { return Vec::new() };
        let arn = observed.physical_id.as_str();
        let mut steps = Vec::new();
        if work.changed(DOCUMENT)
            && let Some(document) = work.want.properties.get(DOCUMENT)
        {
            let spare = texts(observed.attributes.get(SPARE));
            if spare.len() + 1 >= MOST_VERSIONS
                && let Some(oldest) = spare.first()
            {
                steps.push(delete_version(observed, oldest));
            }
            let input = json!({"PolicyArn": arn, "PolicyDocument": text(document), "SetAsDefault": true});
            steps.push(step("CreatePolicyVersion", input, work.key));
        }
        for role in texts(work.want.properties.get(ROLES)) {
            let path = format!("{ROLES}.{role}");
            if work.changes.iter().any(|change| change.path == path) {
                steps.push(role::spec::attach(role, arn));
            }
        }
        for people in People::ALL {
            let property = people.property();
            for change in work.changes {
                let Some(name) = change.path.strip_prefix(property).and_then(|rest| rest.strip_prefix('.')) else {
                    continue;
                };
                let wanted = texts(work.want.properties.get(property)).contains(&name);
                let make = if wanted { attach } else { detach };
                steps.push(make(people, name, arn, work.key));
            }
        }
        steps
    }

    fn retag(&self, _scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let target = Call::new().with("PolicyArn", observed.physical_id.as_str());
        retag((TYPE, &observed.key), target, ("TagPolicy", "Tags"), ("UntagPolicy", "TagKeys"), tags)
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let arn = observed.physical_id.as_str();
        let roles = texts(observed.attributes.get(ROLES));
        let mut steps: Vec<Step> = roles.into_iter().map(|role| role::spec::detach(role, arn)).collect();
        steps.extend(attached_by_us(observed).map(|(people, name)| detach(people, name, arn, &observed.key)));
        steps
            .extend(texts(observed.attributes.get(SPARE)).into_iter().map(|version| delete_version(observed, version)));
        steps.push(step("DeletePolicy", json!({"PolicyArn": arn}), &observed.key));
        steps
    }
}

/// Attributes that IAM answers.
const ANSWERED: [&str; 7] = [
    "AttachmentCount",
    "CreateDate",
    "DefaultVersionId",
    "IsAttachable",
    "PermissionsBoundaryUsageCount",
    "PolicyId",
    "UpdateDate",
];

/// A managed policy as IAM tells it, whichever calls told it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its unique id.
    pub id: String,
    /// Its path.
    pub path: String,
    /// Its description.
    pub description: Option<String>,
    /// The default version's document: JSON, URL-encoded as IAM answers it.
    pub document: String,
    /// The default version.
    pub default_version: String,
    /// All versions.
    pub versions: Vec<String>,
    /// How many users, groups and roles have it.
    pub attachments: i32,
    /// How many use it as a boundary.
    pub boundaries: i32,
    /// Whether it can be attached.
    pub attachable: bool,
    /// When it was made, ISO 8601.
    pub created: Option<String>,
    /// When it was changed last, ISO 8601.
    pub updated: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Users that have it, where its mark names any people.
    pub users: Vec<String>,
    /// Groups that have it, where its mark names any people.
    pub groups: Vec<String>,
}

/// The observation for an answer.
pub fn observed(answer: Answer) -> Observed {
    let mut out = Observed::new(answer.name.as_str(), answer.arn.as_str()).with_tags(answer.tags);
    let document = policy::canonical(&role::spec::document(&answer.document));
    out.properties.insert(DOCUMENT.to_owned(), document);
    out.properties.insert(DESCRIPTION.to_owned(), Json::from(answer.description.unwrap_or_default()));
    out.properties.insert(PATH.to_owned(), Json::from(answer.path));
    let mut spare = answer.versions;
    spare.retain(|version| *version != answer.default_version);
    spare.sort_by_key(|version| version.trim_start_matches('v').parse::<u64>().unwrap_or(u64::MAX));
    let attributes = &mut out.attributes;
    attributes.insert(SPARE.to_owned(), Json::from(spare));
    attributes.insert("DefaultVersionId".to_owned(), Json::from(answer.default_version));
    attributes.insert("PolicyId".to_owned(), Json::from(answer.id));
    attributes.insert("AttachmentCount".to_owned(), Json::from(answer.attachments));
    attributes.insert("PermissionsBoundaryUsageCount".to_owned(), Json::from(answer.boundaries));
    attributes.insert("IsAttachable".to_owned(), Json::from(answer.attachable));
    attributes.insert(People::User.property().to_owned(), Json::from(answer.users));
    attributes.insert(People::Group.property().to_owned(), Json::from(answer.groups));
    insert_some(attributes, "CreateDate", answer.created.map(Json::from));
    insert_some(attributes, "UpdateDate", answer.updated.map(Json::from));
    out
}

/// Whether a mark says that the policy was ever attached to users or groups: only then are they read.
pub fn names_people(tags: &Tags) -> bool {
    let prefixes = People::ALL.map(|people| people.tagged(""));
    evenkeel_core::plan::Marks::from_tags(tags)
        .is_some_and(|marks| marks.parts.iter().any(|word| prefixes.iter().any(|prefix| word.starts_with(prefix))))
}

/// Users and groups that have the policy and are named by its mark.
fn attached_by_us(observed: &Observed) -> impl Iterator<Item = (People, &str)> {
    let ours = |people: People, name: &str| {
        observed.marks.as_ref().is_some_and(|marks| marks.parts.contains(&people.tagged(name)))
    };
    let there = People::ALL.into_iter().flat_map(|people| {
        texts(observed.attributes.get(people.property())).into_iter().map(move |name| (people, name))
    });
    there.filter(move |(people, name)| ours(*people, name))
}

fn attach(people: People, name: &str, arn: &str, key: &str) -> Step {
    let operation = match people {
        People::User => "AttachUserPolicy",
        People::Group => "AttachGroupPolicy",
    };
    step(operation, json!({people.member(): name, "PolicyArn": arn}), key)
}

fn detach(people: People, name: &str, arn: &str, key: &str) -> Step {
    let operation = match people {
        People::User => "DetachUserPolicy",
        People::Group => "DetachGroupPolicy",
    };
    step(operation, json!({people.member(): name, "PolicyArn": arn}), key)
}

fn delete_version(observed: &Observed, version: &str) -> Step {
    step("DeletePolicyVersion", json!({"PolicyArn": observed.physical_id, "VersionId": version}), &observed.key)
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, key.to_owned()) }
}

fn path(want: &Want) -> String {
    text_of(&want.properties, PATH).unwrap_or_else(|| "/".to_owned())
}

fn arn(scope: &Scope, want: &Want, name: &str) -> String {
    scope.iam_arn(&format!("policy{}{name}", path(want)))
}

#[cfg(test)]
mod tests;
