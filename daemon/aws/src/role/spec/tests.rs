use std::sync::Arc;

use evenkeel_core::plan::{Plan, Verb};

use super::*;
use crate::planning::{action, ours, plan_of, world, writes};
use crate::role::people::{self, People};
use crate::role::policy::{POLICY, POLICY_TYPE, ROLE_POLICY};

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
    let plan = plan_of(&kinds(), &[], &world([(TYPE, vec![observed(there)])]));
    assert_eq!(operations(&plan), ["DetachRolePolicy", "DeleteRolePolicy", "DeleteRole"]);
}

#[test]
fn a_role_that_an_instance_profile_holds_is_neither_deleted_nor_replaced() {
    let mut there = answer();
    there.profiles.push("servers".into());
    let gone = plan_of(&kinds(), &[], &world([(TYPE, vec![observed(there.clone())])]));
    assert!(writes(&gone).is_empty());
    let (id, type_name, mut properties) = role();
    properties["Path"] = json!("/elsewhere/");
    let moved = plan_of(&kinds(), &[(id, type_name, properties)], &world([(TYPE, vec![observed(there)])]));
    assert!(writes(&moved).is_empty());
    assert!(
        moved.actions[0].reason.as_ref().unwrap().contains("instance profile `servers`"),
        "{:?}",
        moved.actions[0].reason
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
fn policies_for_foreign_roles_are_refused() {
    let mut foreign = answer();
    foreign.tags = Tags::new();
    let on_it = json!({"PolicyName": "p", "RoleName": "worker", "PolicyDocument": allow("s3:GetObject")});
    let plan = plan_of(&kinds(), &[("p", "AWS::IAM::RolePolicy", on_it)], &world([(TYPE, vec![observed(foreign)])]));
    assert_eq!(action(&plan, "p").verb, Verb::Blocked);
    assert!(writes(&plan).is_empty());
}

/// The policies of users and groups that are there.
fn with_people(there: Vec<Observed>) -> Observation {
    world([(TYPE, vec![]), (POLICY_TYPE, there)])
}

fn on_people(action: &str) -> [(&'static str, &'static str, Json); 1] {
    let properties = json!({"PolicyName": "p", "Users": ["ann"], "Groups": ["staff"], "PolicyDocument": allow(action)});
    [("audit", POLICY_TYPE, properties)]
}

#[test]
fn a_policy_is_put_on_people_repaired_and_taken_off_them() {
    let made = plan_of(&kinds(), &on_people("s3:GetObject"), &with_people(vec![]));
    let steps = writes(&made);
    assert_eq!(operations(&made), ["PutUserPolicy", "PutGroupPolicy"]);
    assert_eq!((&steps[0].1["UserName"], &steps[1].1["GroupName"]), (&json!("ann"), &json!("staff")));
    let there = |people, holder| people::observed(people, holder, "p", steps[0].1["PolicyDocument"].as_str().unwrap());
    let both = || vec![there(People::User, "ann"), there(People::Group, "staff")];
    assert!(plan_of(&kinds(), &on_people("s3:GetObject"), &with_people(both())).is_converged());
    assert_eq!(
        operations(&plan_of(&kinds(), &on_people("s3:*"), &with_people(both()))),
        ["PutUserPolicy", "PutGroupPolicy"]
    );
    let mut fewer = on_people("s3:GetObject");
    fewer[0].2["Users"] = json!([]);
    assert_eq!(operations(&plan_of(&kinds(), &fewer, &with_people(both()))), ["DeleteUserPolicy"]);
    let gone = plan_of(&kinds(), &[], &with_people(vec![there(People::Group, "staff")]));
    assert_eq!(writes(&gone), [("DeleteGroupPolicy", json!({"GroupName": "staff", "PolicyName": "p"}))]);
}

#[test]
fn a_policy_of_the_same_name_that_somebody_else_put_on_people_is_left_alone() {
    let theirs = people::observed(People::User, "ann", "p", &allow("s3:GetObject").to_string());
    let plan = plan_of(&kinds(), &on_people("s3:GetObject"), &with_people(vec![theirs.clone()]));
    assert!(action(&plan, "audit").reason.as_deref().unwrap_or_default().contains("not evenkeel's"));
    assert!(writes(&plan_of(&kinds(), &[], &with_people(vec![theirs]))).is_empty());
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

#[test]
fn a_role_stays_while_it_is_not_known_what_runs_with_it() {
    let role = observed(answer());
    let mut world = world([(TYPE, vec![role.clone()])]);
    assert_eq!(Role.still_used(&role, &world), None);
    let failed = vec![("charge".to_owned(), "did not answer in time".to_owned())];
    world.refreshed(FUNCTION, evenkeel_core::plan::Seen { failed, ..Default::default() });
    assert!(Role.still_used(&role, &world).is_some_and(|reason| reason.contains("not known")));
}
