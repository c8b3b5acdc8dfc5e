//! Parameters and log groups: sections 9 and 11.

use std::time::Duration;

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;
use serde_json::json;

use super::{FUNCTION, function};

#[tokio::test(start_paused = true)]
async fn a_parameter_is_overwritten_without_tags_and_tagged_apart() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge("Parameter p: {value: a, description: text, tags: {team: x}}").await;
    trial.converge("Parameter p: {value: b, tags: {team: y}}").await;
    assert_eq!(trial.aws.refusals(), [""; 0], "{}", trial.story());
    trial.aws.with(|cloud| {
        let parameter = cloud.ssm.parameters.values().next().unwrap();
        assert_eq!((parameter.value.as_str(), parameter.version), ("b", 2));
        assert_eq!(parameter.tags["team"], "y");
        assert!(!parameter.metadata.contains_key("Description"), "what is left out goes");
    });
}

#[tokio::test(start_paused = true)]
async fn the_same_value_is_never_written_again() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Parameter p: {value: a, tier: Intelligent-Tiering}";
    trial.converge(spec).await;
    trial.quiet(spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.ssm.parameters.values().next().unwrap().version, 1));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_version_says_that_the_value_need_not_be_read() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Parameter p: {value: a}";
    trial.converge(spec).await;
    trial.quiet(spec).await;
    trial.aws.forget();
    trial.quiet(spec).await;
    assert_eq!(trial.count("GetParameters"), 0);
    let name = trial.aws.with(|cloud| cloud.ssm.parameters.keys().next().unwrap().clone());
    trial.aws.ask("ssm", "PutParameter", json!({"Name": name, "Value": "x", "Overwrite": true})).unwrap();
    trial.converge(spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.ssm.parameters[&name].value, "a"));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_of_another_type_is_made_anew_after_its_name_has_rested() {
    let trial = Trial::start(Rules::default()).await;
    let others = "Parameter a: {value: x}\nParameter b: {value: x}\nParameter c: {value: x}\n";
    trial.converge(&format!("{others}Parameter p: {{value: a}}")).await;
    let spec = format!("{others}Parameter p: {{value: a, type: SecureString}}");
    trial.converge(&spec).await;
    let deleted = trial.time("DeleteParameter", "");
    let made = *trial.times("PutParameter", "p").last().unwrap();
    assert!((30.0..60.0).contains(&(made - deleted)), "{}", trial.story());
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_group_stands_before_its_function_and_retention_is_a_call_of_its_own() {
    let trial = Trial::start(Rules::default()).await;
    let spec = function("logs: {retentionInDays: 14}");
    trial.converge(&spec).await;
    let group = trial.time("CreateLogGroup", "");
    assert!(group < trial.time("PutRetentionPolicy", "") && group < trial.time("CreateFunction", ""));
    trial.aws.with(|cloud| assert_eq!(cloud.logs.groups["/aws/lambda/t-f"].entry["retentionInDays"], 14));
    // Its tags are asked for by the ARN without `:*`: the account refuses the other one.
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_group_that_lambda_made_by_itself_is_taken_over() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| cloud.logs.groups.clear());
    trial.aws.ask("logs", "CreateLogGroup", json!({"logGroupName": "/aws/lambda/t-f"})).unwrap();
    trial.aws.forget();
    trial.converge(FUNCTION).await;
    trial.aws.with(|cloud| {
        let group = &cloud.logs.groups["/aws/lambda/t-f"];
        assert!(group.tags.contains_key("evenkeel:id") && group.entry.contains_key("retentionInDays"));
    });
    assert_eq!(trial.count("CreateLogGroup"), 0);
}

#[tokio::test(start_paused = true)]
async fn retention_that_the_spec_no_longer_names_is_deleted() {
    let with = "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /g, RetentionInDays: 7}}\n";
    let trial = Trial::start(Rules::default()).await;
    trial.converge(with).await;
    let without = with.replace(", RetentionInDays: 7", "");
    trial.converge(&without).await;
    trial.aws.with(|cloud| assert!(!cloud.logs.groups["/g"].entry.contains_key("retentionInDays")));
    assert_eq!(trial.count("DeleteRetentionPolicy"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_buffered_logs_made_again_after_its_function_went_is_not_ours_to_fight() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&format!("{FUNCTION}\nQueue q: {{}}")).await;
    trial.converge("Queue q: {}").await;
    // A log group of a native function is retained; here it is gone, and comes back without marks.
    trial.aws.with(|cloud| cloud.logs.groups.clear());
    trial.aws.ask("logs", "CreateLogGroup", json!({"logGroupName": "/aws/lambda/t-f"})).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    trial.quiet("Queue q: {}").await;
}
