use std::sync::Arc;

use evenkeel_core::plan::Plan;

use super::*;
use crate::planning::{action, ours, plan_of, world, writes};
use crate::role::spec::Role;

const ARN: &str = "arn:aws:iam::111122223333:policy/reads";

fn kinds() -> [Arc<dyn Kind>; 2] {
    [Arc::new(Role), Arc::new(ManagedPolicy)]
}

fn allow(action: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn there(versions: &[&str]) -> Observed {
    observed(Answer {
        name: "reads".into(),
        arn: ARN.into(),
        path: "/".into(),
        document: allow("s3:GetObject").to_string(),
        default_version: versions.last().map(|v| (*v).to_owned()).unwrap_or_default(),
        versions: versions.iter().map(|v| (*v).to_owned()).collect(),
        tags: ours("reads"),
        ..Answer::default()
    })
}

fn role(attached: &[&str], mine: bool) -> Observed {
    role::spec::observed(role::spec::Answer {
        name: "worker".into(),
        arn: "arn:aws:iam::111122223333:role/worker".into(),
        path: "/".into(),
        trust: allow("sts:AssumeRole").to_string(),
        managed: attached.iter().map(|arn| (*arn).to_owned()).collect(),
        tags: if mine { ours("worker") } else { Tags::new() },
        ..role::spec::Answer::default()
    })
}

fn resources(document: Json) -> [(&'static str, &'static str, Json); 2] {
    [
        (
            "worker",
            role::spec::TYPE,
            json!({"RoleName": "worker", "AssumeRolePolicyDocument": allow("sts:AssumeRole")}),
        ),
        (
            "reads",
            TYPE,
            json!({"ManagedPolicyName": "reads", "PolicyDocument": document, "Roles": [{"Ref": "worker"}]}),
        ),
    ]
}

fn operations(plan: &Plan) -> Vec<&'static str> {
    writes(plan).into_iter().map(|(operation, _)| operation).collect()
}

#[test]
fn an_attachment_is_claimed_on_the_role() {
    let world = world([(TYPE, vec![there(&["v1"])]), (role::spec::TYPE, vec![role(&[ARN], true)])]);
    let plan = plan_of(&kinds(), &resources(allow("s3:GetObject")), &world);
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn a_missing_attachment_is_made() {
    let world = world([(TYPE, vec![there(&["v1"])]), (role::spec::TYPE, vec![role(&[], true)])]);
    let plan = plan_of(&kinds(), &resources(allow("s3:GetObject")), &world);
    assert_eq!(writes(&plan), [("AttachRolePolicy", json!({"RoleName": "worker", "PolicyArn": ARN}))]);
}

/// The policy with these words in its mark, attached to these users.
fn on_users(words: &[&str], users: &[&str]) -> Observed {
    observed(Answer {
        name: "reads".into(),
        arn: ARN.into(),
        path: "/".into(),
        document: allow("s3:GetObject").to_string(),
        default_version: "v1".into(),
        versions: vec!["v1".into()],
        tags: crate::planning::marks("reads", words).to_tags(),
        users: users.iter().map(|user| (*user).to_owned()).collect(),
        ..Answer::default()
    })
}

fn for_users(users: Json) -> [(&'static str, &'static str, Json); 1] {
    let properties =
        json!({"ManagedPolicyName": "reads", "PolicyDocument": allow("s3:GetObject"), "Users": users, "Groups": []});
    [("reads", TYPE, properties)]
}

#[test]
fn users_are_marked_before_they_get_the_policy_and_detached_when_they_leave_the_spec() {
    let plan = |users: Json, there: Observed| plan_of(&kinds(), &for_users(users), &world([(TYPE, vec![there])]));
    let first = plan(json!(["ann"]), on_users(&[], &[]));
    assert_eq!(operations(&first), ["TagPolicy", "AttachUserPolicy"]);
    assert_eq!(writes(&first)[1].1, json!({"UserName": "ann", "PolicyArn": ARN}));
    assert!(plan(json!(["ann"]), on_users(&["user:ann"], &["ann"])).is_converged());
    // The word stays until the user is seen without the policy.
    assert_eq!(operations(&plan(json!([]), on_users(&["user:ann"], &["ann"]))), ["DetachUserPolicy"]);
    assert_eq!(operations(&plan(json!([]), on_users(&["user:ann"], &[]))), ["UntagPolicy"]);
    // Whom somebody else gave it, keeps it.
    assert!(plan(json!(["ann"]), on_users(&["user:ann"], &["ann", "bob"])).is_converged());
}

#[test]
fn a_policy_goes_off_its_own_people_with_itself_and_stays_while_others_have_it() {
    let gone = |users: &[&str]| {
        plan_of(&kinds(), &[], &world([(TYPE, vec![on_users(&["user:ann"], users)]), (role::spec::TYPE, vec![])]))
    };
    assert_eq!(operations(&gone(&["ann"])), ["DetachUserPolicy", "DeletePolicy"]);
    assert!(operations(&gone(&["ann", "bob"])).is_empty());
}

#[test]
fn a_new_document_is_a_new_version_and_the_oldest_makes_room() {
    let tables =
        |versions: &[&str]| world([(TYPE, vec![there(versions)]), (role::spec::TYPE, vec![role(&[ARN], true)])]);
    let plan = plan_of(&kinds(), &resources(allow("s3:*")), &tables(&["v1"]));
    assert_eq!(operations(&plan), ["CreatePolicyVersion"]);
    let plan = plan_of(&kinds(), &resources(allow("s3:*")), &tables(&["v10", "v9", "v8", "v7", "v11"]));
    assert_eq!(operations(&plan), ["DeletePolicyVersion", "CreatePolicyVersion"]);
    assert_eq!(writes(&plan)[0].1["VersionId"], "v7");
}

#[test]
fn a_policy_that_left_the_spec_is_detached_first_and_then_goes() {
    let worker = &resources(Json::Null)[..1];
    let attached = world([(TYPE, vec![there(&["v1", "v2"])]), (role::spec::TYPE, vec![role(&[ARN], true)])]);
    assert_eq!(operations(&plan_of(&kinds(), worker, &attached)), ["DetachRolePolicy"]);
    let free = world([(TYPE, vec![there(&["v1", "v2"])]), (role::spec::TYPE, vec![role(&[], true)])]);
    assert_eq!(operations(&plan_of(&kinds(), worker, &free)), ["DeletePolicyVersion", "DeletePolicy"]);
}

#[test]
fn a_foreign_role_gets_nothing_attached() {
    let world = world([(TYPE, vec![]), (role::spec::TYPE, vec![role(&[], false)])]);
    let mut given = resources(allow("s3:GetObject"))[1].clone();
    given.2["Roles"] = json!(["worker"]);
    let plan = plan_of(&kinds(), &[given], &world);
    assert!(writes(&plan).is_empty());
    assert!(action(&plan, "reads").reason.as_deref().unwrap_or_default().contains("role `worker`"));
}

#[test]
fn the_arn_is_known_beforehand() {
    let want = crate::planning::want("reads", TYPE, json!({"Path": "/app/"}));
    let target = Target { want: &want, key: "reads", observed: None };
    let arn = ManagedPolicy.attribute(&crate::planning::scope(), target, None);
    assert_eq!(arn, Some(json!("arn:aws:iam::111122223333:policy/app/reads")));
}

#[test]
fn every_property_that_aws_documents_is_managed_or_refused() {
    crate::planning::says_something(
        &ManagedPolicy,
        &json!({"PolicyDocument": allow("s3:GetObject")}),
        &json!({"ManagedPolicyName": "other", "PolicyDocument": allow("*"), "Description": "x", "Path": "/x/",
            "Roles": ["worker"], "Users": ["ann"], "Groups": ["staff"]}),
    );
}

#[test]
fn a_policy_stays_while_it_is_not_known_which_roles_have_it() {
    let policy = Observed::new("reader", "arn:aws:iam::111122223333:policy/reader");
    let mut world = Observation::new();
    assert_eq!(ManagedPolicy.still_used(&policy, &world), None);
    let failure = Some("throttled".to_owned());
    world.swept(role::spec::TYPE, evenkeel_core::plan::Seen { failure, ..Default::default() });
    assert!(ManagedPolicy.still_used(&policy, &world).is_some_and(|reason| reason.contains("not known")));
}

#[test]
fn a_policy_that_kept_its_name_keeps_its_attachment() {
    let [worker, mut reads] = resources(allow("s3:GetObject"));
    // It was named by the spec once; a name made now would be another.
    reads.2.as_object_mut().unwrap().shift_remove("ManagedPolicyName");
    let world = world([(TYPE, vec![there(&["v1"])]), (role::spec::TYPE, vec![role(&[ARN], true)])]);
    let plan = plan_of(&kinds(), &[worker, reads], &world);
    assert!(!operations(&plan).contains(&"DetachRolePolicy"), "{:?}", plan.actions);
}

#[test]
fn a_policy_that_somebody_else_has_is_not_replaced_and_nothing_is_detached() {
    let [worker, mut reads] = resources(allow("s3:GetObject"));
    reads.2["Description"] = json!("new words, which can only be given at creation");
    let mut theirs = role(&[ARN], false);
    theirs.key = "theirs".into();
    let mut there = there(&["v1"]);
    there.attributes.insert(ROLES.into(), json!(["worker", "theirs"]));
    let world = world([(TYPE, vec![there]), (role::spec::TYPE, vec![role(&[ARN], true), theirs])]);
    let plan = plan_of(&kinds(), &[worker, reads], &world);
    assert!(writes(&plan).is_empty(), "{:?}", operations(&plan));
    let reason = action(&plan, "reads").reason.as_deref().unwrap_or_default();
    assert!(reason.contains("role `theirs` still has it"), "{reason}");
}
