//! Roles and policies: their sizes. IAM does not count white space.

use super::Check;
use super::known::{self, json_size};
use crate::model::{Node, Place, Resource, Val};

/// All inline policies of one role together. Source: IAM quotas.
const INLINE_LIMIT: usize = 10_240;
/// Source: IAM quotas.
const MANAGED_LIMIT: usize = 6_144;
/// Trust policies: the quota, and what it can be raised to. Source: IAM quotas.
const TRUST_QUOTA: usize = 2_048;
const TRUST_LIMIT: usize = 4_096;
/// Managed policies of a role: the quota, and what it can be raised to. Source: IAM quotas.
const ATTACHED_QUOTA: usize = 10;
const ATTACHED_LIMIT: usize = 25;

pub(super) fn check_role(check: &mut Check<'_>) {
    let mut total = 0;
    let mut last = Place::NOWHERE;
    let mut names: Vec<(String, Place)> = Vec::new();
    for (name, document) in inline_policies(check) {
        total += size(document);
        last = document.place;
        if let Some(name) = name.and_then(Node::as_str) {
            let place = document.place;
            if let Some((_, first)) = names.iter().find(|(known, _)| known == name) {
                let complaint = check
                    .error("duplicate-name", place, format!("two of its inline policies are called `{name}`"))
                    .help("the second would take the first one's place: give it another name")
                    .related(*first, "the other one");
                check.push(complaint);
            }
            names.push((name.to_owned(), place));
        }
    }
    if total > INLINE_LIMIT {
        check.refuse(
            "policy-too-large",
            last,
            format!("its inline policies have at least {total} characters together; AWS takes {INLINE_LIMIT}"),
            "move some into an `AWS::IAM::ManagedPolicy`, or use wildcards",
        );
    }
    if let Some(trust) = check.written("AssumeRolePolicyDocument") {
        let size = size(trust);
        if size > TRUST_LIMIT {
            check.refuse(
                "policy-too-large",
                trust.place,
                format!("the trust policy has at least {size} characters; AWS takes {TRUST_LIMIT} at most"),
                "trust fewer principals, or trust them by a condition",
            );
        } else if size > TRUST_QUOTA {
            check.warn(
                "policy-too-large",
                trust.place,
                format!("the trust policy has at least {size} characters; AWS takes {TRUST_QUOTA}"),
                format!("the quota can be raised to {TRUST_LIMIT}"),
            );
        }
    }
    attached(check);
}

fn attached(check: &mut Check<'_>) {
    let Some(list) = check.known("ManagedPolicyArns").and_then(Node::as_list) else { return };
    let (count, place) = (list.len(), check.place("ManagedPolicyArns"));
    if count > ATTACHED_LIMIT {
        check.refuse(
            "wrong-count",
            place,
            format!("`ManagedPolicyArns` has {count} policies; AWS takes {ATTACHED_LIMIT} at most"),
            "put your own policies together",
        );
    } else if count > ATTACHED_QUOTA {
        check.warn(
            "wrong-count",
            place,
            format!("`ManagedPolicyArns` has {count} policies; AWS takes {ATTACHED_QUOTA}"),
            format!("the quota can be raised to {ATTACHED_LIMIT}"),
        );
    }
}

/// The inline policies of the role under check, with their names: its own, and those that other resources add.
fn inline_policies<'a>(check: &Check<'a>) -> Vec<(Option<&'a Node>, &'a Node)> {
    let mut found = Vec::new();
    for policy in check.known("Policies").and_then(Node::as_list).unwrap_or_default() {
        if let Some(document) = known::written(policy, "PolicyDocument") {
            found.push((policy.get("PolicyName"), document));
        }
    }
    for other in check.desired.resources.values() {
        let roles: Vec<&Node> = match other.type_name.as_str() {
            "AWS::IAM::RolePolicy" => known::written(&other.properties, "RoleName").into_iter().collect(),
            "AWS::IAM::Policy" => {
                known::at(&other.properties, "Roles").and_then(Node::as_list).unwrap_or_default().iter().collect()
            }
            _ => continue,
        };
        let ours = |role: &&Node| {
            is(check.desired.resources.get(&check.resource.id), known::target(check.desired, role, &["AWS::IAM::Role"]))
        };
        if roles.iter().any(ours)
            && let Some(document) = known::written(&other.properties, "PolicyDocument")
        {
            found.push((other.properties.get("PolicyName"), document));
        }
    }
    found
}

fn is(one: Option<&Resource>, other: Option<&Resource>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if std::ptr::eq(one, other))
}

pub(super) fn check_managed(check: &mut Check<'_>) {
    let Some(document) = check.written("PolicyDocument") else { return };
    let size = size(document);
    if size > MANAGED_LIMIT {
        check.refuse(
            "policy-too-large",
            document.place,
            format!("the policy has at least {size} characters; AWS takes {MANAGED_LIMIT}"),
            "divide it, or use wildcards",
        );
    }
}

/// The characters of a policy that are sure to be there, white space left out.
fn size(document: &Node) -> usize {
    match &document.value {
        Val::Str(text) => text.chars().filter(|c| !c.is_whitespace()).count(),
        _ => json_size(document, false),
    }
}
