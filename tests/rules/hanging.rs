//! What hangs on a function: statements, settings of asynchronous calls, URLs (sections 3 and 4).

use evenkeel_tests::aws::{Rules, Trouble};
use evenkeel_tests::{Trial, left};

use super::refused::{Patience, fault, for_a_while, for_good};

/// A function that a bucket may call.
fn called_by(bucket: &str) -> String {
    format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  F: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: t-f, CodeUri: ./src, Handler: app.handler, Runtime: python3.13}}}}
  Allow: {{Type: AWS::Lambda::Permission, Properties: {{FunctionName: !Ref F, Action: "lambda:InvokeFunction", Principal: s3.amazonaws.com, SourceArn: "arn:aws:s3:::{bucket}", SourceAccount: "111122223333"}}}}
"#
    )
}

#[tokio::test(start_paused = true)]
async fn other_content_is_allowed_under_another_name_before_the_old_statement_goes() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(&called_by("old")).await;
    trial.aws.forget();
    trial.converge(&called_by("new")).await;
    assert!(trial.time("AddPermission", "") < trial.time("RemovePermission", ""), "{}", trial.story());
    trial.aws.with(|cloud| {
        let statements = &cloud.lambda.functions["t-f"].statements[""];
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0]["Condition"]["ArnLike"]["AWS:SourceArn"], "arn:aws:s3:::new");
        assert_eq!(statements[0]["Condition"]["StringEquals"]["AWS:SourceAccount"], "111122223333");
    });
    trial.quiet(&called_by("new")).await;
}

#[tokio::test(start_paused = true)]
async fn a_statement_is_added_again_where_the_function_or_alias_is_not_known_everywhere_yet() {
    let spec = called_by("b");
    let missing = "Function not found: arn:aws:lambda:eu-west-1:111122223333:function:t-f";
    let busy = "The operation cannot be performed at this time. An update is in progress for resource.";
    for (code, status, said) in [("ResourceNotFoundException", 404, missing), ("ResourceConflictException", 409, busy)]
    {
        let trial = Trial::start(Rules::default()).await;
        for _ in 0..3 {
            trial.aws.trouble("AddPermission", Trouble::Refused(fault(code, status, said)));
        }
        trial.converge(&spec).await;
        trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].statements[""].len(), 1));
        trial.quiet(&spec).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_statements_name_is_one_that_lambda_takes_however_long_the_resources_is() {
    let trial = Trial::start(Rules::kind()).await;
    let long = "Allow".repeat(40);
    let spec = called_by("b").replace("Allow:", &format!("{long}:"));
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let sid = cloud.lambda.functions["t-f"].statements[""][0]["Sid"].as_str().unwrap().to_owned();
        assert!(sid.len() <= 100 && sid.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{sid}");
    });
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_a_function_that_is_full_says_what_to_do() {
    let said =
        fault("PolicyLengthExceededException", 400, "The final policy size (20534) is bigger than the limit (20480).");
    for_good(&called_by("b"), "AddPermission", said, "by a wildcard in its SourceArn").await;
}

#[tokio::test(start_paused = true)]
async fn a_public_url_has_both_of_its_statements() {
    let trial = Trial::start(Rules::default()).await;
    let spec = called_by("b").replace("CodeUri", "FunctionUrlConfig: {AuthType: NONE}, CodeUri");
    trial.converge(&spec).await;
    trial.aws.with(|cloud| {
        let statements = cloud.lambda.functions["t-f"].statements.values().flatten();
        let actions: std::collections::BTreeSet<&str> =
            statements.map(|statement| statement["Action"].as_str().unwrap()).collect();
        assert!(
            actions.contains("lambda:InvokeFunctionUrl") && actions.contains("lambda:InvokeFunction"),
            "{actions:?}"
        );
    });
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
async fn a_destination_that_the_role_may_not_reach_yet_is_waited_for() {
    let spec =
        retried("MaximumRetryAttempts: 0, DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}");
    let patience = Patience { seconds: 150.0, calls: 60 };
    for said in [
        "The destination ARN arn:aws:sqs:eu-west-1:111122223333:t-Dead is invalid.",
        "The provided execution role does not have permissions to call SendMessage on arn:aws:sqs:eu-west-1:111122223333:t-Dead",
    ] {
        let fault = fault("InvalidParameterValueException", 400, said);
        for_a_while(&spec, "PutFunctionEventInvokeConfig", fault, patience, said).await;
    }
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
