//! Which kind comes before which: section 17.

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;
use serde_json::json;

use super::everything::{ALL, KEEP};

/// Every accepted call of the first comes before every one of the second.
#[track_caller]
fn before(trial: &Trial, first: &str, second: &str) {
    let last = trial.times(first, "").into_iter().fold(f64::NAN, f64::max);
    let earliest = trial.times(second, "").into_iter().fold(f64::NAN, f64::min);
    assert!(last < earliest, "{first} at {last}, {second} at {earliest}:\n{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn everything_is_made_after_what_it_needs() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(ALL).await;
    for (first, second) in [
        ("CreateLogGroup", "CreateFunction"),
        ("CreatePolicy", "CreateRole"),
        ("CreateRole", "CreateFunction"),
        ("PutRolePolicy", "CreateFunction"),
        ("AttachRolePolicy", "CreateFunction"),
        ("PublishLayerVersion", "CreateFunction"),
        ("CreateFunction", "PublishVersion"),
        ("PublishVersion", "CreateAlias"),
        ("CreateAlias", "AddPermission"),
        ("CreateAlias", "CreateEventSourceMapping"),
        ("CreateAlias", "CreateFunctionUrlConfig"),
        ("CreateAlias", "PutFunctionEventInvokeConfig"),
        ("CreateAlias", "PutProvisionedConcurrencyConfig"),
        ("CreateQueue", "CreateEventSourceMapping"),
        ("CreateQueue", "Subscribe"),
        ("CreateTopic", "Subscribe"),
    ] {
        before(&trial, first, second);
    }
    // Nothing came before its time: what was refused, was refused for what takes time.
    for refusal in trial.aws.refusals() {
        let known =
            ["CreateFunction InvalidParameterValueException", "PutFunctionConcurrency ResourceConflictException"];
        assert!(known.contains(&refusal.as_str()), "{refusal}:\n{}", trial.story());
    }
}

#[tokio::test(start_paused = true)]
async fn everything_goes_before_what_it_needed() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(ALL).await;
    trial.aws.forget();
    trial.converge(KEEP).await;
    for (first, second) in [
        ("DeleteEventSourceMapping", "DeleteFunction"),
        ("DeleteEventSourceMapping", "DeleteQueue"),
        ("Unsubscribe", "DeleteFunction"),
        ("DeleteFunction", "DetachRolePolicy"),
        ("DeleteFunction", "DeleteRole"),
        ("DeleteFunction", "DeleteLayerVersion"),
        ("DeleteRole", "DeletePolicy"),
        ("DeleteFunction", "DeleteLogGroup"),
    ] {
        before(&trial, first, second);
    }
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
}

/// A function of a role of its own, whose role may do this and has these managed policies.
fn granted(handler: &str, inline: &str, managed: &str) -> String {
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]}}
      ManagedPolicyArns: [{managed}]
      Policies: [{inline}]
  F:
    Type: AWS::Lambda::Function
    Properties: {{FunctionName: f, Role: !GetAtt R.Arn, Runtime: python3.13, Handler: {handler}, Code: {{ZipFile: "def handler(e, c): pass"}}}}
"#
    )
}

fn policy(name: &str) -> String {
    format!(
        "{{PolicyName: {name}, PolicyDocument: {{Statement: [{{Effect: Allow, Action: \"s3:{name}\", Resource: \"*\"}}]}}}}"
    )
}

#[tokio::test(start_paused = true)]
async fn what_code_needs_is_granted_before_it_and_taken_away_after_it() {
    let trial = Trial::start(Rules::default()).await;
    let managed = |name: &str| format!("\"arn:aws:iam::aws:policy/{name}\"");
    trial.converge(&granted("index.old", &policy("Old"), &managed("Old"))).await;
    trial.aws.forget();
    let new = granted("index.new", &policy("New"), &managed("New"));
    trial.converge(&new).await;
    for (first, second) in [
        ("PutRolePolicy", "UpdateFunctionConfiguration"),
        ("AttachRolePolicy", "UpdateFunctionConfiguration"),
        ("UpdateFunctionConfiguration", "DeleteRolePolicy"),
        ("UpdateFunctionConfiguration", "DetachRolePolicy"),
    ] {
        before(&trial, first, second);
    }
    trial.quiet(&new).await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_is_taken_away_also_where_the_function_cannot_be_changed() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(&granted("index.old", &policy("Old"), "")).await;
    trial.aws.forget();
    let refused = evenkeel_tests::aws::Fault {
        code: "InvalidParameterValueException".into(),
        status: 400,
        message: "The handler is not one that anybody knows".into(),
    };
    trial.aws.trouble("UpdateFunctionConfiguration", evenkeel_tests::aws::Trouble::Always(refused));
    let ended = trial.run(&granted("index.new", &policy("New"), "")).await;
    assert!(evenkeel_tests::left(&ended.plan).starts_with("F Blocked"), "{}", evenkeel_tests::left(&ended.plan));
    trial.aws.with(|cloud| {
        let inline: Vec<_> = cloud.iam.roles.values().flat_map(|role| role.inline.keys()).collect();
        assert_eq!(json!(inline), json!(["New"]));
    });
}
