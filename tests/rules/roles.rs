//! Roles and policies: sections 1.7 and 10.

use std::time::Duration;

use evenkeel_tests::aws::Rules;
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::FUNCTION;

#[tokio::test(start_paused = true)]
async fn a_role_that_is_too_new_is_waited_for() {
    let trial = Trial::start(Rules { role: Duration::from_secs(30), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    let waited = trial.time("CreateFunction", "") - trial.time("CreateRole", "");
    assert!((30.0..40.0).contains(&waited), "{}", trial.story());
    assert!(trial.count("CreateFunction") <= 8, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_never_assumable_becomes_an_error_that_says_why() {
    let trial = Trial::start(Rules { role: Duration::from_secs(100_000), ..Rules::default() }).await;
    let plan = trial.run(FUNCTION).await.plan;
    let text = left(&plan);
    assert!(text.contains("cannot be assumed by Lambda") && text.contains("Blocked"), "{text}");
    assert!(trial.count("CreateFunction") < 60);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_iam_does_not_find_yet_is_not_made_again() {
    let trial = Trial::start(Rules { iam_reads: Duration::from_secs(12), ..Rules::default() }).await;
    trial.converge("Role r: {}").await;
    assert_eq!(trial.count("CreateRole"), 1, "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_role_loses_its_policies_before_it_goes() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&format!("{FUNCTION}\nQueue q: {{}}")).await;
    trial
        .aws
        .ask(
            "iam",
            "AttachRolePolicy",
            json!({"RoleName": "t-eu-west-1-f-role", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        )
        .unwrap();
    trial.converge("Queue q: {}").await;
    assert_eq!(trial.aws.refusals().iter().filter(|it| it.contains("DeleteConflict")).count(), 0, "{}", trial.story());
    trial.aws.with(|cloud| assert!(cloud.iam.roles.is_empty()));
}

const TRUST: &str = r#"{Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}"#;

#[tokio::test(start_paused = true)]
async fn new_policies_are_attached_before_old_ones_go() {
    let spec = |policy: &str, inline: &str| {
        format!(
            "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {TRUST}\n      ManagedPolicyArns: [\"arn:aws:iam::aws:policy/{policy}\"]\n      Policies: [{{PolicyName: {inline}, PolicyDocument: {{Version: \"2012-10-17\", Statement: [{{Effect: Allow, Action: \"sqs:SendMessage\", Resource: \"*\"}}]}}}}]\n"
        )
    };
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec("One", "one")).await;
    trial.aws.forget();
    trial.converge(&spec("Two", "two")).await;
    assert!(trial.time("AttachRolePolicy", "") < trial.time("DetachRolePolicy", ""), "{}", trial.story());
    assert!(trial.time("PutRolePolicy", "") < trial.time("DeleteRolePolicy", ""), "{}", trial.story());
    trial.quiet(&spec("Two", "two")).await;
}

#[tokio::test(start_paused = true)]
async fn a_trust_that_names_a_new_role_is_waited_for() {
    let spec = format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  A:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {TRUST}\n  B:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {{Version: \"2012-10-17\", Statement: [{{Effect: Allow, Principal: {{AWS: !GetAtt A.Arn}}, Action: \"sts:AssumeRole\"}}]}}\n"
    );
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&spec).await;
    assert!(trial.aws.refusals().iter().any(|it| it.contains("MalformedPolicyDocument")), "the rule was met");
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_managed_policy_keeps_no_more_than_five_versions() {
    let spec = |n: u32| {
        format!(
            "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {{Version: \"2012-10-17\", Statement: [{{Effect: Allow, Action: \"sqs:SendMessage\", Resource: \"arn:aws:sqs:*:*:q{n}\"}}]}}\n"
        )
    };
    let trial = Trial::start(Rules { quotas: false, ..Rules::default() }).await;
    for n in 0..8 {
        trial.converge(&spec(n)).await;
    }
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
    trial.aws.with(|cloud| {
        let policy = cloud.iam.policies.values().next().unwrap();
        assert!(policy.versions.len() <= 5 && policy.versions[&policy.default].contains(":q7"));
    });
    trial.quiet(&spec(7)).await;
}

#[tokio::test(start_paused = true)]
async fn documents_are_compared_by_meaning() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| {
        for role in cloud.iam.roles.values_mut() {
            let mut trust: serde_json::Value = serde_json::from_str(&role.trust).unwrap();
            // One in a list is the same as one alone, and blanks say nothing.
            let action = trust["Statement"][0]["Action"].clone();
            trust["Statement"][0]["Action"] = if action.is_array() { action[0].clone() } else { json!([action]) };
            role.trust = serde_json::to_string_pretty(&trust).unwrap();
        }
    });
    trial.quiet(FUNCTION).await;
}
