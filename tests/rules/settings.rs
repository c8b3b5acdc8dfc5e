//! What settings need beside them, and what looks like drift and is none: sections 1.3, 1.5, 1.8, 3, 8 and 9.

use std::time::Duration;

use evenkeel_tests::aws::{Phase, Rules};
use evenkeel_tests::{Trial, left};
use serde_json::{Value as Json, json};

use super::{FUNCTION, function};

/// What the last call of an operation sent; nothing where there was none.
fn last(trial: &Trial, operation: &str) -> Json {
    let mut calls = trial.aws.calls().into_iter().filter(|call| call.operation == operation);
    calls.next_back().map(|call| call.input).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_key_is_sent_with_the_environment_that_it_encrypts() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(&function("environment: {AA: b}")).await;
    let spec = function("environment: {AA: b}, kmsKeyArn: \"arn:aws:kms:eu-west-1:111122223333:key/1\"");
    trial.converge(&spec).await;
    let sent = last(&trial, "UpdateFunctionConfiguration");
    assert_eq!(sent["KMSKeyArn"], "arn:aws:kms:eu-west-1:111122223333:key/1", "{sent}");
    assert_eq!(sent["Environment"]["Variables"]["AA"], "b", "{sent}");
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn an_architecture_goes_with_the_code_again() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    let spec = function("architectures: [arm64]");
    trial.converge(&spec).await;
    let sent = last(&trial, "UpdateFunctionCode");
    assert_eq!(sent["Architectures"], json!(["arm64"]), "{sent}");
    assert!(sent.get("ZipFile").is_some(), "the package is not sent again: {sent}");
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_function_is_no_error_and_is_left_asleep() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| cloud.lambda.functions.get_mut("t-f").unwrap().phase = Phase::Idle);
    trial.quiet(FUNCTION).await;
    trial.converge(&function("timeout: 10")).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].configuration["Timeout"], 10));
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_is_told_with_its_reason_and_an_edit_goes_on_from_there() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| cloud.lambda.functions.get_mut("t-f").unwrap().phase = Phase::Failed);
    let plan = trial.run(FUNCTION).await.plan;
    let text = left(&plan);
    assert!(text.contains("SubnetOutOfIPAddresses"), "{text}");
    trial.converge(&function("timeout: 10")).await;
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_failed_is_told_with_its_reason_and_an_edit_goes_on_from_there() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| cloud.lambda.functions.get_mut("t-f").unwrap().phase = Phase::Broken);
    trial.aws.forget();
    let plan = trial.run(FUNCTION).await.plan;
    let text = left(&plan);
    assert!(text.contains("ImageAccessDenied") && trial.aws.writes().is_empty(), "{text}\n{}", trial.story());
    trial.converge(&function("timeout: 10")).await;
}

#[tokio::test(start_paused = true)]
async fn of_what_differs_a_structure_is_sent_whole_and_the_rest_not_at_all() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(&function("environment: {AA: one, BB: two}, timeout: 10, memorySize: 256")).await;
    trial.converge(&function("environment: {AA: one, BB: three}, timeout: 10, memorySize: 256")).await;
    let sent = last(&trial, "UpdateFunctionConfiguration");
    assert_eq!(sent["Environment"]["Variables"], json!({"AA": "one", "BB": "three"}), "{sent}");
    for untouched in ["Timeout", "MemorySize", "Role", "Handler", "Layers", "VpcConfig"] {
        assert!(sent.get(untouched).is_none(), "{untouched}: {sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_without_a_change_in_the_listing_is_found_and_put_right() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = function("reservedConcurrentExecutions: 5, tags: [{key: team, value: pay}]");
    trial.converge(&spec).await;
    let revision = || trial.aws.with(|cloud| cloud.lambda.functions["t-f"].revision.clone());
    let before = revision();
    let other = json!({"FunctionName": "t-f", "ReservedConcurrentExecutions": 7});
    trial.aws.ask("lambda", "PutFunctionConcurrency", other).unwrap();
    let other = json!({"Resource": "arn:aws:lambda:eu-west-1:111122223333:function:t-f", "Tags": {"team": "another"}});
    trial.aws.ask("lambda", "TagResource", other).unwrap();
    assert_eq!(revision(), before, "neither is the function's own");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let function = &cloud.lambda.functions["t-f"];
        assert_eq!((function.reserved, &function.tags["team"]), (Some(5), &json!("pay")));
    });
}

#[tokio::test(start_paused = true)]
async fn variables_that_cannot_be_decrypted_are_told_and_never_written_over() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = function("environment: {AA: b}");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let function = cloud.lambda.functions.get_mut("t-f").unwrap();
        let error = json!({"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt your environment variables."});
        function.configuration.insert("Environment".to_owned(), json!({"Error": error}));
        function.revision = "another".to_owned();
    });
    trial.aws.forget();
    let plan = trial.run(&spec).await.plan;
    assert_eq!(trial.count("UpdateFunctionConfiguration"), 0, "{}", trial.story());
    let text = left(&plan);
    assert!(text.contains("decrypt"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_aws_patched_is_no_drift() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| {
        let function = cloud.lambda.functions.get_mut("t-f").unwrap();
        let patched = json!({"RuntimeVersionArn": "arn:aws:lambda:eu-west-1::runtime:1"});
        function.configuration.insert("RuntimeVersionConfig".to_owned(), patched);
        function.revision = "another".to_owned();
    });
    trial.quiet(FUNCTION).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_as_principal_reads_back_as_its_root() {
    let trial = Trial::start(Rules::default()).await;
    let spec = r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
  F:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt R.Arn, Runtime: python3.13, Handler: index.handler, Code: {ZipFile: "def handler(e, c): pass"}}
  P:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref F, Action: "lambda:InvokeFunction", Principal: "444455556666"}
"#;
    trial.converge(spec).await;
    trial.quiet(spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_left_the_spec_is_cleared() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue q: {}\nTopic n: {subscriptions: [{queue: q, filterPolicy: {kind: [a]}}]}";
    trial.converge(spec).await;
    trial.aws.with(|cloud| {
        assert!(cloud.sns.subscriptions.values().all(|it| it.contains_key("FilterPolicy")));
    });
    let bare = "Queue q: {}\nTopic n: {subscriptions: [{queue: q}]}";
    trial.converge(bare).await;
    trial.aws.with(|cloud| {
        let left = |it: &Json| it.as_str().is_some_and(|text| text.contains("kind"));
        assert!(!cloud.sns.subscriptions.values().any(|it| it.get("FilterPolicy").is_some_and(left)));
    });
    trial.quiet(bare).await;
}

#[tokio::test(start_paused = true)]
async fn intelligent_tiering_reads_back_as_the_tier_that_it_chose() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = "Parameter p: {value: x, tier: Intelligent-Tiering}";
    trial.converge(spec).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    trial.quiet(spec).await;
}
