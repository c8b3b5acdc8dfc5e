use std::sync::Arc;

use evenkeel_core::plan::{Plan, Verb};

use super::*;
use crate::planning::{action, ours, plan_of, world, writes};
use crate::role::policy::{POLICY, ROLE_POLICY};

const BASIC: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

fn kinds() -> [Arc<dyn Kind>; 3] {
    [Arc::new(Role), Arc::new(POLICY), Arc::new(ROLE_POLICY)]
}

fn trust() -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
        "Principal": {"Service": ["lambda.amazonaws.com"]}}]})
}

fn allow(action: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn encoded(document: &Json) -> String {
    percent_encoding::utf8_percent_encode(&document.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn answer() -> Answer {
    Answer {
        name: "worker".into(),
        arn: "arn:aws:iam::111122223333:role/worker".into(),
        id: "AROAEXAMPLE".into(),
        path: "/".into(),
        // As IAM keeps it: what was one is one.
        trust: encoded(&json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"}}})),
        session: Some(3600),
        tags: ours("worker"),
        ..Answer::default()
    }
}

fn role() -> (&'static str, &'static str, Json) {
    ("worker", TYPE, json!({"RoleName": "worker", "AssumeRolePolicyDocument": trust()}))
}

fn plan_for(more: Json, answer: Answer) -> Plan {
    let (id, type_name, mut properties) = role();
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    plan_of(&kinds(), &[(id, type_name, properties)], &world([(TYPE, vec![observed(answer)])]))
}

fn operations(plan: &Plan) -> Vec<&'static str> {
    writes(plan).into_iter().map(|(operation, _)| operation).collect()
}

#[test]
fn a_role_as_written_is_no_drift() {
    let mut there = answer();
    there.inline.insert("read.only".into(), encoded(&allow("s3:GetObject")));
    there.managed.push(BASIC.into());
    let said = json!({"Policies": [{"PolicyName": "read.only", "PolicyDocument": allow("s3:GetObject")}],
        "ManagedPolicyArns": [BASIC]});
    let plan = plan_for(said, there);
    assert!(plan.is_converged(), "{:?}", plan.actions);
}

#[test]
fn privileges_that_nobody_wrote_are_taken_away_after_new_ones_are_given() {
    let mut there = answer();
    there.inline.insert("extra".into(), encoded(&allow("*")));
    there.inline.insert("kept".into(), encoded(&allow("s3:GetObject")));
    there.managed.push("arn:aws:iam::aws:policy/AdministratorAccess".into());
    let said = json!({"Policies": [{"PolicyName": "kept", "PolicyDocument": allow("s3:PutObject")}],
        "ManagedPolicyArns": [BASIC]});
    let plan = plan_for(said, there);
    assert_eq!(operations(&plan), ["PutRolePolicy", "AttachRolePolicy", "DeleteRolePolicy", "DetachRolePolicy"]);
    assert_eq!(writes(&plan)[2].1, json!({"RoleName": "worker", "PolicyName": "extra"}));
}

#[test]
fn trust_description_session_and_boundary_are_changed_in_place() {
    let mut there = answer();
    there.trust = encoded(&allow("sts:AssumeRole"));
    there.boundary = Some("arn:aws:iam::aws:policy/ReadOnlyAccess".into());
    let plan = plan_for(json!({"Description": "Works", "MaxSessionDuration": "7200"}), there);
    assert_eq!(operations(&plan), ["UpdateAssumeRolePolicy", "UpdateRole", "DeleteRolePermissionsBoundary"]);
    assert_eq!(writes(&plan)[1].1, json!({"RoleName": "worker", "Description": "Works", "MaxSessionDuration": 7200}));
}

#[test]
fn a_new_role_comes_with_its_policies() {
    let (id, type_name, mut properties) = role();
    properties["Policies"] = json!([{"PolicyName": "p", "PolicyDocument": allow("s3:GetObject")}]);
    properties["ManagedPolicyArns"] = json!([BASIC]);
    let plan = plan_of(&kinds(), &[(id, type_name, properties)], &world([(TYPE, vec![])]));
    assert_eq!(operations(&plan), ["CreateRole", "PutRolePolicy", "AttachRolePolicy"]);
    let input = &writes(&plan)[0].1;
    assert_eq!(input["Path"], "/");
    assert!(input.get("Description").is_none());
    assert_eq!(input["Tags"]["evenkeel:id"], "worker");
}

#[test]
fn a_role_loses_everything_that_hangs_on_it_before_it_goes() {
    let mut there = answer();
    there.inline.insert("p".into(), encoded(&allow("s3:GetObject")));
    there.managed.push(BASIC.into());
    there.profiles.push("old".into());
    let plan = plan_of(&kinds(), &[], &world([(TYPE, vec![observed(there)])]));
    assert_eq!(
        operations(&plan),
        ["DetachRolePolicy", "DeleteRolePolicy", "RemoveRoleFromInstanceProfile", "DeleteRole"]
    );
}

#[test]
fn a_role_that_a_function_runs_with_is_left_alone() {
    let mut function = Observed::new("charge", "charge");
    function.properties.insert("Role".into(), json!("arn:aws:iam::111122223333:role/worker"));
    let world = world([(TYPE, vec![observed(answer())]), (FUNCTION, vec![function])]);
    assert!(writes(&plan_of(&kinds(), &[], &world)).is_empty());
}

fn policy_beside() -> [(&'static str, &'static str, Json); 2] {
    [
        role(),
        (
            "reads",
            "AWS::IAM::Policy",
            json!({"PolicyName": "read.only", "Roles": [{"Ref": "worker"}],
            "PolicyDocument": allow("s3:GetObject")}),
        ),
    ]
}

#[test]
fn a_policy_beside_the_role_claims_its_name_there() {
    let mut there = answer();
    there.inline.insert("read.only".into(), encoded(&allow("s3:GetObject")));
    let plan = plan_of(&kinds(), &policy_beside(), &world([(TYPE, vec![observed(there)])]));
    assert!(plan.is_converged(), "{:?}", plan.actions);
    let mut drifted = answer();
    drifted.inline.insert("read.only".into(), encoded(&allow("s3:*")));
    let plan = plan_of(&kinds(), &policy_beside(), &world([(TYPE, vec![observed(drifted)])]));
    assert_eq!(operations(&plan), ["PutRolePolicy"]);
    assert_eq!(action(&plan, "reads").changes[0].path, "PolicyDocument.Statement[0].Action[0]");
    assert_eq!(action(&plan, "worker").verb, Verb::None);
}

#[test]
fn a_policy_beside_a_new_role_is_put_in_the_same_round() {
    let plan = plan_of(&kinds(), &policy_beside(), &world([(TYPE, vec![])]));
    assert_eq!(operations(&plan), ["CreateRole", "PutRolePolicy"]);
    assert_eq!(action(&plan, "reads").after, [0]);
}

#[test]
fn a_policy_that_left_the_spec_is_taken_off_its_role() {
    let mut there = answer();
    there.inline.insert("read.only".into(), encoded(&allow("s3:GetObject")));
    let plan = plan_of(&kinds(), &[role()], &world([(TYPE, vec![observed(there)])]));
    assert_eq!(writes(&plan), [("DeleteRolePolicy", json!({"RoleName": "worker", "PolicyName": "read.only"}))]);
}

#[test]
fn policies_for_people_and_for_foreign_roles_are_refused_with_the_reason() {
    let people = json!({"PolicyName": "p", "Users": ["ann"], "PolicyDocument": allow("s3:GetObject")});
    let plan = plan_of(&kinds(), &[("p", "AWS::IAM::Policy", people)], &world([(TYPE, vec![])]));
    assert!(action(&plan, "p").reason.as_deref().unwrap_or_default().contains("`Users`"));
    let mut foreign = answer();
    foreign.tags = Tags::new();
    let on_it = json!({"PolicyName": "p", "RoleName": "worker", "PolicyDocument": allow("s3:GetObject")});
    let plan = plan_of(&kinds(), &[("p", "AWS::IAM::RolePolicy", on_it)], &world([(TYPE, vec![observed(foreign)])]));
    assert_eq!(action(&plan, "p").verb, Verb::Blocked);
    assert!(writes(&plan).is_empty());
}

#[test]
fn every_property_that_aws_documents_is_managed_or_refused() {
    crate::planning::says_something(
        &Role,
        &json!({"AssumeRolePolicyDocument": trust()}),
        &json!({"RoleName": "other", "AssumeRolePolicyDocument": allow("*"), "Description": "x", "Path": "/x/",
            "MaxSessionDuration": 7200, "PermissionsBoundary": "arn", "ManagedPolicyArns": [BASIC],
            "Policies": [{"PolicyName": "p", "PolicyDocument": allow("*")}]}),
    );
    crate::planning::says_something(
        &POLICY,
        &json!({"PolicyName": "p", "Roles": ["worker"], "PolicyDocument": allow("s3:GetObject")}),
        &json!({"PolicyName": "q", "Roles": ["other"], "PolicyDocument": allow("*"), "Users": ["ann"],
            "Groups": ["staff"]}),
    );
    crate::planning::says_something(
        &ROLE_POLICY,
        &json!({"PolicyName": "p", "RoleName": "worker", "PolicyDocument": allow("s3:GetObject")}),
        &json!({"PolicyName": "q", "RoleName": "other", "PolicyDocument": allow("*")}),
    );
}
