//! Settings for asynchronous calls, and URLs: section 4.

use std::time::Duration;

use evenkeel_tests::aws::{Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::refused::{fault, for_good};
use super::statements::template;

/// A function with these properties besides.
fn with(more: &str) -> String {
    template("").replace("AutoPublishAlias: live", more)
}

const DESTINATION: &str = "EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}";

#[tokio::test(start_paused = true)]
async fn a_destination_that_comes_with_its_function_stands_and_may_be_sent_to_before_it_is_named() {
    for role in [10, 30] {
        let trial = Trial::start(Rules { role: Duration::from_secs(role), ..Rules::default() }).await;
        trial.converge(&with(DESTINATION)).await;
        assert_eq!(trial.times("PutFunctionEventInvokeConfig", "").len(), 1, "{}", trial.story());
        trial.quiet(&with(DESTINATION)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_lambda_will_not_take_yet_is_waited_for_two_minutes_and_then_said_with_what_to_do() {
    let refusals = [
        "The destination ARN arn:aws:sqs:eu-west-1:111122223333:q is invalid.",
        "The function's execution role does not have permissions to call SendMessage on arn:aws:sqs:eu-west-1:111122223333:q",
    ];
    for said in refusals {
        let trial = Trial::start(Rules::kind()).await;
        let refusal = fault("InvalidParameterValueException", 400, said);
        trial.aws.trouble("PutFunctionEventInvokeConfig", Trouble::Always(refusal));
        let text = left(&trial.run(&with(DESTINATION)).await.plan);
        assert!(text.contains("Blocked") && text.contains(said) && text.contains("waited 120 s"), "{text}");
        assert!(text.contains("the function's role"), "what to do: {text}");
        let tries = trial.count("PutFunctionEventInvokeConfig");
        assert!((10..40).contains(&tries), "{tries}");
        trial.aws.heal("PutFunctionEventInvokeConfig");
        trial.converge(&with(DESTINATION)).await;
    }
}

const URLS: [&str; 2] = [
    "  U: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref F, AuthType: AWS_IAM}}\n",
    "  V: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref F, Qualifier: live, AuthType: AWS_IAM, Cors: {AllowOrigins: [\"*\"], MaxAge: 60}}, DependsOn: FAliaslive}\n",
];

#[tokio::test(start_paused = true)]
async fn the_url_of_a_function_and_that_of_its_alias_are_two_and_one_goes_without_the_other() {
    let trial = Trial::start(Rules::default()).await;
    let both = template(&URLS.concat());
    trial.converge(&both).await;
    trial.quiet(&both).await;
    let urls = || trial.aws.with(|cloud| cloud.lambda.functions["t-f"].urls.clone());
    assert_eq!(urls().keys().collect::<Vec<_>>(), ["", "live"]);
    let other = urls()["live"]["FunctionUrl"].clone();
    // One is changed by hand: that one is put right.
    let open = json!({"FunctionName": "t-f", "AuthType": "NONE"});
    trial.aws.ask("lambda", "UpdateFunctionUrlConfig", open).unwrap();
    trial.converge(&both).await;
    assert_eq!((urls()[""]["AuthType"].as_str(), &urls()["live"]["FunctionUrl"]), (Some("AWS_IAM"), &other));
    let bare = template(URLS[1]);
    trial.converge(&bare).await;
    assert_eq!(urls().keys().collect::<Vec<_>>(), ["live"], "{}", trial.story());
    trial.quiet(&bare).await;
    // What leaves a URL is cleared; the address stays.
    let plain = bare.replace(", Cors: {AllowOrigins: [\"*\"], MaxAge: 60}", "");
    trial.converge(&plain).await;
    assert_eq!((&urls()["live"]["Cors"], &urls()["live"]["FunctionUrl"]), (&json!({}), &other));
    trial.quiet(&plain).await;
}

#[tokio::test(start_paused = true)]
async fn a_public_url_has_both_its_statements_and_loses_them_with_it() {
    let trial = Trial::start(Rules::default()).await;
    let spec = with("FunctionUrlConfig: {AuthType: NONE}");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
    trial.aws.with(|cloud| {
        let statements = &cloud.lambda.functions["t-f"].statements[""];
        let by = |action: &str| statements.iter().find(|it| it["Action"] == action).unwrap();
        assert_eq!(by("lambda:InvokeFunctionUrl")["Condition"]["StringEquals"]["lambda:FunctionUrlAuthType"], "NONE");
        assert_eq!(by("lambda:InvokeFunction")["Condition"]["Bool"]["lambda:InvokedViaFunctionUrl"], "true");
        assert!(statements.iter().all(|it| it["Principal"] == "*"));
    });
    let closed = with("FunctionUrlConfig: {AuthType: AWS_IAM}");
    trial.converge(&closed).await;
    trial.aws.with(|cloud| {
        let function = &cloud.lambda.functions["t-f"];
        assert!(function.statements[""].is_empty() && function.urls[""]["AuthType"] == "AWS_IAM");
    });
    trial.quiet(&closed).await;
}

#[tokio::test(start_paused = true)]
async fn a_url_that_was_made_meanwhile_is_gone_on_with() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&with("Timeout: 5")).await;
    let other = json!({"FunctionName": "t-f", "AuthType": "NONE"});
    trial.aws.ask("lambda", "CreateFunctionUrlConfig", other).unwrap();
    let spec = with("Timeout: 5, FunctionUrlConfig: {AuthType: AWS_IAM}");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].urls[""]["AuthType"], "AWS_IAM"));
    let said = fault(
        "ResourceConflictException",
        409,
        "Failed to create function url config for [functionArn = t-f]. Error message:  FunctionUrlConfig exists for this Lambda function",
    );
    let trial = Trial::start(Rules::default()).await;
    trial.aws.trouble("CreateFunctionUrlConfig", Trouble::Refused(said));
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
}

/// A function with an alias and these settings of asynchronous calls.
fn retried(settings: &str) -> String {
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Dead: {{Type: AWS::SQS::Queue}}
  F: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: t-f, CodeUri: ./src, Handler: app.handler, Runtime: python3.13, AutoPublishAlias: live, EventInvokeConfig: {{{settings}}}}}}}
"#
    )
}

#[tokio::test(start_paused = true)]
async fn settings_of_asynchronous_calls_are_sent_whole_and_what_left_the_spec_goes() {
    let trial = Trial::start(Rules::default()).await;
    let dead = "DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}";
    trial.converge(&retried(&format!("MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 300, {dead}"))).await;
    let less = retried(&format!("MaximumEventAgeInSeconds: 300, {dead}"));
    trial.converge(&less).await;
    trial.aws.with(|cloud| {
        let invoke = &cloud.lambda.functions["t-f"].invoke;
        // A published version does not have what `$LATEST` has: the alias that is called has it.
        assert_eq!(invoke.keys().collect::<Vec<_>>(), ["live"]);
        // Nothing, or what Lambda makes of nothing.
        assert!(invoke["live"].get("MaximumRetryAttempts").is_none_or(|tries| tries == 2), "{invoke:?}");
        assert_eq!(invoke["live"]["MaximumEventAgeInSeconds"], 300);
        assert!(invoke["live"]["DestinationConfig"]["OnFailure"]["Destination"].as_str().unwrap().ends_with("Dead"));
    });
    trial.quiet(&less).await;
}

#[tokio::test(start_paused = true)]
async fn settings_that_lambda_does_not_take_are_refused_at_once() {
    for said in [
        "You must specify at least one of error handling or destination setting.",
        "You can't specify the function as a destination for itself.",
    ] {
        let fault = fault("InvalidParameterValueException", 400, said);
        for_good(&retried("MaximumRetryAttempts: 0"), "PutFunctionEventInvokeConfig", fault, said).await;
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_say_nothing_are_no_call() {
    let trial = Trial::start(Rules::default()).await;
    let spec = retried("");
    let plan = trial.run(&spec).await.plan;
    assert!(plan.is_converged(), "{}", left(&plan));
    assert_eq!(trial.count("PutFunctionEventInvokeConfig"), 0, "{}", trial.story());
}
